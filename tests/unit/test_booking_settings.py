"""Settings of the booking API: read once, a bad one is named."""

import pytest

from booking_api.settings import read_settings
from shared.settings import Environment, SettingError

GOOD = {
    "REDIS_URL": "redis://127.0.0.1:6379",
    "DATABASE_URL": "postgresql://127.0.0.1/onsale",
    "ONSALE_QUEUE_SECRET": "q" * 32,
    "ONSALE_IDENTITY_SECRET": "i" * 32,
    "ONSALE_ADMIN_KEY": "a" * 32,
}


def test_defaults_are_a_sale_in_dollars_without_the_demo() -> None:
    settings = read_settings(Environment(GOOD))

    assert (settings.port, settings.demo) == (8081, False)
    assert (settings.currency.code, settings.currency.digits) == ("USD", 2)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_settings(Environment({**GOOD, name: ""}))


@pytest.mark.parametrize(
    ("name", "bad"),
    [("ONSALE_CURRENCY", "usd"), ("ONSALE_CURRENCY", "XXX"), ("ONSALE_BOOKING_PORT", "http")],
)
def test_what_is_wrong_is_named(name: str, bad: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_settings(Environment({**GOOD, name: bad}))
