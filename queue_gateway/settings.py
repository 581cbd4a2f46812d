"""Settings of the gateway process."""

from dataclasses import dataclass, fields

from shared.passes import Passes
from shared.settings import Environment, ServiceSettings, SettingError, service_settings
from shared.signing import KeyRefused

#: Most visitors one admission call lets in or ends for one reason: bounds the time Redis is held.
ADMIT_LIMIT = 1000
TICK_S = 0.2

#: Entries the journal may hold before new places are refused: about 500 MB of Redis memory, and
#: minutes of a PostgreSQL that is gone in the middle of a rush.
JOURNAL_MAX = 4_000_000

#: Open streams of events per process; each takes about 16 KiB (bench/streams.py).
MAX_STREAMS = 20_000


@dataclass(frozen=True, slots=True)
class GatewaySettings(ServiceSettings):
    """What the gateway is told."""

    pass_keys: tuple[str, ...]
    max_streams: int = MAX_STREAMS


def read_settings(env: Environment) -> GatewaySettings:
    """Raises SettingError that names the variable."""
    shared = service_settings(env, "ONSALE_GATEWAY_PORT", 8080)
    known = {field.name: getattr(shared, field.name) for field in fields(shared)}
    return GatewaySettings(
        **known,
        pass_keys=_pass_keys(env),
        max_streams=env.integer("ONSALE_MAX_STREAMS", MAX_STREAMS, 0, 1_000_000),
    )


def _pass_keys(env: Environment) -> tuple[str, ...]:
    """Ed25519 private keys: the first signs, all are published."""
    keys = env.names("ONSALE_PASS_KEYS")
    try:
        Passes(keys)
    except KeyRefused:
        raise SettingError(
            "ONSALE_PASS_KEYS must hold Ed25519 private keys, 32 bytes each in base64url."
        ) from None
    return keys
