"""Settings of the gateway process."""

from shared.settings import Environment, ServiceSettings, service_settings

#: Most visitors one admission call lets in or ends for one reason: bounds the time Redis is held.
ADMIT_LIMIT = 1000
TICK_S = 0.2

#: Entries the journal may hold before new places are refused: about 500 MB of Redis memory, and
#: minutes of a PostgreSQL that is gone in the middle of a rush.
JOURNAL_MAX = 4_000_000


def read_settings(env: Environment) -> ServiceSettings:
    """Raises SettingError that names the variable."""
    return service_settings(env, "ONSALE_GATEWAY_PORT", 8080)
