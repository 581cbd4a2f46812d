"""Money is a decimal string, exact to the minor unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_api.money import MOST_AT_ONCE, Currency
from shared.errors import ValidationFailed

USD = Currency("USD", 2)
KRW = Currency("KRW", 0)
BHD = Currency("BHD", 3)


@pytest.mark.parametrize(
    ("currency", "text"),
    [(USD, "0.01"), (USD, "1"), (USD, "1.5"), (USD, "1000000.00"), (KRW, "1000"), (BHD, "0.001")],
)
def test_amounts_that_are_money(currency: Currency, text: str) -> None:
    assert currency.amount(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.00",
        "-1.00",
        "+1.00",
        "1.001",
        "1.",
        ".5",
        "01.00",
        "1e5",
        "1E+2",
        "1,000.00",
        " 1.00",
        "1.00 ",
        "1.00\n",
        "1_0",
        "\u0663.\u0660\u0660",
        "NaN",
        "Infinity",
        "0x10",
        "1000000.01",
        "9" * 30,
        "1\x00",
    ],
)
def test_what_is_no_amount_of_dollars(text: str) -> None:
    with pytest.raises(ValidationFailed):
        USD.amount(text)


def test_digits_are_the_currencys() -> None:
    with pytest.raises(ValidationFailed):
        KRW.amount("1000.00")
    with pytest.raises(ValidationFailed):
        BHD.amount("0.0001")


@given(st.integers(1, MOST_AT_ONCE), st.sampled_from([USD, KRW, BHD]))
def test_what_is_shown_reads_back_as_the_same(units: int, currency: Currency) -> None:
    amount = currency.minor(units)

    assert currency.amount(currency.text(amount)) == amount


def test_currencies_are_those_of_iso_4217() -> None:
    assert Currency.of("USD") == USD
    assert Currency.of("KRW") == KRW
    assert Currency.of("usd") is None
    assert Currency.of("BTC") is None
