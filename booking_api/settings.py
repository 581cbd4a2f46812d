"""Settings of the booking API process."""

from dataclasses import dataclass, fields

from booking_api.money import Currency
from shared.settings import Environment, ServiceSettings, SettingError, service_settings


@dataclass(frozen=True, slots=True)
class BookingSettings(ServiceSettings):
    """What both services are told, and the one currency of the deployment."""

    currency: Currency


def read_settings(env: Environment) -> BookingSettings:
    """Raises SettingError that names the variable."""
    common = service_settings(env, "ONSALE_BOOKING_PORT", 8081)
    shared = {field.name: getattr(common, field.name) for field in fields(common)}
    return BookingSettings(**shared, currency=read_currency(env))


def read_currency(env: Environment) -> Currency:
    """The deployment's currency. Raises SettingError."""
    currency = Currency.of(env.text("ONSALE_CURRENCY", "USD"))
    if currency is None:
        raise SettingError("ONSALE_CURRENCY must be an ISO 4217 code such as USD, EUR or KRW.")
    return currency
