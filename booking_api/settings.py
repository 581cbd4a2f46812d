"""Settings of the booking API process."""

from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from booking_api.money import Currency
from booking_api.provider import ProviderSettings
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
    provider: ProviderSettings | None = None


def read_settings(env: Environment) -> BookingSettings:
    """Raises SettingError that names the variable."""
    common = service_settings(env, "ONSALE_BOOKING_PORT", 8081)
    shared = {field.name: getattr(common, field.name) for field in fields(common)}
    webhook_url = _url(env, "ONSALE_WEBHOOK_URL")
    return BookingSettings(
        **shared,
        currency=read_currency(env),
        ticket_keys=_ticket_keys(env),
        webhook_url=webhook_url,
        webhook_secrets=env.secrets("ONSALE_WEBHOOK_SECRET") if webhook_url else (),
        max_streams=env.integer("ONSALE_MAX_STREAMS", MAX_STREAMS, 0, 1_000_000),
        provider=_provider(env),
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


def _provider(env: Environment) -> ProviderSettings | None:
    """The payment provider, if there is one."""
    url = _url(env, "ONSALE_PROVIDER_URL")
    if url is None:
        return None
    name, (key, *_) = (
        env.text("ONSALE_PROVIDER_NAME", "provider"),
        env.secrets("ONSALE_PROVIDER_KEY"),
    )
    return ProviderSettings(name, url, key, env.secrets("ONSALE_PROVIDER_SECRET"))


def _url(env: Environment, name: str) -> str | None:
    """Where requests of ours go, if anywhere. What is secret has no place in a URL."""
    url = env.values.get(name, "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username or parts.password or parts.fragment:
        raise SettingError(f"{name} must be an http(s) URL without a password.")
    return url
