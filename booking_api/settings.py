"""Settings of the booking API process."""

from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from booking_api.money import Currency
from booking_api.ticket_codes import TicketCodes
from shared.settings import Environment, ServiceSettings, SettingError, service_settings
from shared.signing import KeyRefused

#: Open streams of seat maps per process.
MAX_STREAMS = 10_000


@dataclass(frozen=True, slots=True)
class BookingSettings(ServiceSettings):
    """What both services are told, and the one currency of the deployment.

    `ticket_keys`: without one there are no tickets. `webhook_url`: who is told what happens; nobody
    if None.
    """

    currency: Currency
    ticket_keys: tuple[str, ...] = ()
    webhook_url: str | None = None
    webhook_secrets: tuple[str, ...] = ()
    max_streams: int = MAX_STREAMS


def read_settings(env: Environment) -> BookingSettings:
    """Raises SettingError that names the variable."""
    common = service_settings(env, "ONSALE_BOOKING_PORT", 8081)
    shared = {field.name: getattr(common, field.name) for field in fields(common)}
    webhook_url = _webhook_url(env)
    return BookingSettings(
        **shared,
        currency=read_currency(env),
        ticket_keys=_ticket_keys(env),
        webhook_url=webhook_url,
        webhook_secrets=env.secrets("ONSALE_WEBHOOK_SECRET") if webhook_url else (),
        max_streams=env.integer("ONSALE_MAX_STREAMS", MAX_STREAMS, 0, 1_000_000),
    )


def read_currency(env: Environment) -> Currency:
    """The deployment's currency. Raises SettingError."""
    currency = Currency.of(env.text("ONSALE_CURRENCY", "USD"))
    if currency is None:
        raise SettingError("ONSALE_CURRENCY must be an ISO 4217 code such as USD, EUR or KRW.")
    return currency


def _ticket_keys(env: Environment) -> tuple[str, ...]:
    """Ed25519 private keys: the first signs, all verify and are published."""
    keys = env.names("ONSALE_TICKET_KEYS")
    try:
        TicketCodes(keys)
    except KeyRefused:
        raise SettingError(
            "ONSALE_TICKET_KEYS must hold Ed25519 private keys, 32 bytes each in base64url."
        ) from None
    return keys


def _webhook_url(env: Environment) -> str | None:
    """Where events go, if anywhere. What is secret belongs into the signature, not into the URL."""
    url = env.values.get("ONSALE_WEBHOOK_URL", "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username or parts.password or parts.fragment:
        raise SettingError("ONSALE_WEBHOOK_URL must be an http(s) URL without a password.")
    return url
