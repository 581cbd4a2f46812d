"""Visitors' accounts: sign-up, balance, charges, and every movement of money."""

import secrets
from decimal import Decimal

import asyncpg
from aiohttp import web

from booking_api.answers import Movement, User
from booking_api.database import Answer, Sale
from booking_api.idempotency import Once
from booking_api.money import MOST_IN_BALANCE, Currency
from booking_api.rendering import utc_text
from shared.paging import Page


class Accounts:
    """Accounts of all visitors."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def sign_up(self, user_name: str) -> tuple[str, User]:
        """A new visitor of the demo: (visitor, user as the API shows it)."""
        visitor = f"demo-{secrets.token_hex(12)}"
        (row,) = await self._sale.rows("sign_up", visitor, user_name)
        return visitor, self._shown(row)

    async def user(self, visitor: str) -> User:
        """The visitor's user as the API shows it; its row is made at first use."""
        (row,) = await self._sale.rows("user", visitor)
        return self._shown(row)

    async def charge(self, visitor: str, amount: Decimal, asked: Once) -> Answer:
        """Add money to the balance. Raises ValidationFailed when it cannot hold that much."""
        return await self._sale.decide(
            "charge_balance",
            visitor,
            amount,
            self._currency.minor(MOST_IN_BALANCE),
            asked.path,
            asked.key,
            asked.fingerprint,
            self._currency.code,
            self._currency.digits,
        )

    async def ledger(self, visitor: str, asked: Page) -> "list[asyncpg.Record]":
        """A visitor's movements, newest first; one more than the page holds if there are more."""
        return await self._sale.rows("ledger", visitor, asked.after, asked.limit + 1)

    def movement(self, row: "asyncpg.Record") -> Movement:
        """A row of the ledger as the API shows it; `amount` is signed."""
        return Movement(
            ledger_id=row["ledger_id"],
            kind=row["kind"],
            amount=self._currency.text(row["amount"]),
            balance_after=self._currency.text(row["balance_after"]),
            currency=self._currency.code,
            payment_id=row["payment_id"],
            concert_booking_id=row["concert_booking_id"],
            refund_id=row["refund_id"],
            created_at=utc_text(row["created_at"]),
        )

    def _shown(self, row: "asyncpg.Record") -> User:
        return User(
            user_id=row["user_id"],
            user_name=row["user_name"],
            balance=self._currency.text(row["balance"]),
            currency=self._currency.code,
        )


ACCOUNTS = web.AppKey("accounts", Accounts)
