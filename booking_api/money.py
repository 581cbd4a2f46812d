"""Money: decimal strings, exact to the currency's minor unit."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from aiohttp import web

from shared.errors import ValidationFailed

#: ISO 4217: currencies by their digits after the point.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS
VED VES WST XCD YER ZAR ZMW ZWG
"""
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_DIGITS = {
    code: digits
    for digits, codes in ((0, _NONE), (2, _TWO), (3, _THREE), (4, _FOUR))
    for code in codes.split()
}

#: The most of one charge or price, in minor units: 1,000,000.00 of a currency with two digits.
MOST_AT_ONCE = 10**8

#: The most a balance may hold, in minor units; numeric(19,4) takes more in every currency.
MOST_IN_BALANCE = 10**13

AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency and its digits after the point."""

    code: str
    digits: int

    @classmethod
    def of(cls, code: str) -> Self | None:
        """The currency of a code in capitals; None if ISO 4217 does not know it."""
        digits = _DIGITS.get(code)
        return None if digits is None else cls(code, digits)

    def amount(self, text: str, *, least: int = 1) -> Decimal:
        """`text` as money, at least `least` minor units. Raises ValidationFailed.

        Plain digits only: no sign, exponent, spaces, thousands, nor more digits than the currency.
        """
        found = AMOUNT.fullmatch(text)
        if found is None or len(found[1] or "") > self.digits:
            raise ValidationFailed(
                f"An amount is a decimal string with at most {self.digits} digits after the point."
            )
        amount = Decimal(text)
        if not self.minor(least) <= amount <= self.minor(MOST_AT_ONCE):
            raise ValidationFailed(
                f"An amount is {self.text(self.minor(least))} to "
                f"{self.text(self.minor(MOST_AT_ONCE))} {self.code}."
            )
        return amount

    def minor(self, units: int) -> Decimal:
        """That many minor units as an amount."""
        return Decimal(units).scaleb(-self.digits)

    def text(self, amount: Decimal) -> str:
        """An amount with exactly the currency's digits: '120.00'."""
        return f"{amount:.{self.digits}f}"


CURRENCY = web.AppKey("currency", Currency)
