"""Reading settings from the environment, once, in each `__main__`."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.operators import OperatorKey, operator_keys

#: RFC 7518 section 3.2 asks HS256 keys of at least 32 bytes; ours are 43 characters of base64.
MIN_SECRET_LENGTH = 16


class SettingError(ValueError):
    """A setting is missing or wrong; the message names the variable and what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Typed access to environment variables; every error names the variable."""

    values: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, "").strip() or default
        if value is None:
            raise SettingError(f"{name} is not set.")
        return value

    def integer(self, name: str, default: int | None, low: int, high: int) -> int:
        raw = self.text(name, None if default is None else str(default))
        try:
            value = int(raw)
        except ValueError:
            raise SettingError(f"{name} must be a whole number.") from None
        if not low <= value <= high:
            raise SettingError(f"{name} must be between {low} and {high}.")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        raw = self.text(name, "1" if default else "0").lower()
        if raw in {"1", "true", "yes", "on"}:
            return True
        if raw in {"0", "false", "no", "off"}:
            return False
        raise SettingError(f"{name} must be 1 or 0.")

    def secrets(self, name: str) -> tuple[str, ...]:
        """A comma-separated list of secrets: the first signs, all of them verify (rotation)."""
        found = tuple(part.strip() for part in self.text(name).split(",") if part.strip())
        if not found or any(len(secret) < MIN_SECRET_LENGTH for secret in found):
            raise SettingError(
                f"{name} must hold secrets of at least {MIN_SECRET_LENGTH} characters."
            )
        return found

    def operators(self, name: str) -> tuple[OperatorKey, ...]:
        """A comma-separated list of operators' keys, see `shared.operators`."""
        try:
            return operator_keys(self.text(name))
        except ValueError as error:
            if isinstance(error, SettingError):
                raise
            raise SettingError(f"{name} {error}") from None

    def names(self, name: str) -> tuple[str, ...]:
        """A comma-separated list, empty when unset."""
        return tuple(part.strip() for part in self.values.get(name, "").split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What both services are told; each adds its own."""

    redis_url: str
    database_url: str
    host: str
    port: int
    listen_fd: int | None
    queue_secrets: tuple[str, ...]
    identity_secrets: tuple[str, ...]
    identity_jwks: str | None
    lane_claim: str
    admin_keys: tuple[OperatorKey, ...]
    demo: bool
    web_origins: tuple[str, ...]
    log_level: str
    #: Whether other processes may listen on the same port; the system deals connections out.
    reuse_port: bool = field(default=False, kw_only=True)


def service_settings(env: Environment, port_variable: str, default_port: int) -> ServiceSettings:
    """Read what both services share. Raises SettingError."""
    level = env.text("ONSALE_LOG_LEVEL", "info").lower()
    if level not in {"debug", "info", "warning", "error"}:
        raise SettingError("ONSALE_LOG_LEVEL must be debug, info, warning or error.")
    jwks = env.values.get("ONSALE_IDENTITY_JWKS", "").strip() or None
    demo = env.flag("ONSALE_DEMO")
    # The demo's sign-up signs identities itself.
    may_lack = jwks is not None and not demo and not env.values.get("ONSALE_IDENTITY_SECRET")
    has_fd = bool(env.values.get("ONSALE_LISTEN_FD"))
    return ServiceSettings(
        redis_url=env.text("REDIS_URL"),
        database_url=env.text("DATABASE_URL"),
        host=env.text("ONSALE_HOST", "127.0.0.1"),
        port=env.integer(port_variable, default_port, 0, 65535),
        listen_fd=env.integer("ONSALE_LISTEN_FD", None, 0, 1 << 20) if has_fd else None,
        queue_secrets=env.secrets("ONSALE_QUEUE_SECRET"),
        identity_secrets=() if may_lack else env.secrets("ONSALE_IDENTITY_SECRET"),
        identity_jwks=jwks,
        lane_claim=env.text("ONSALE_LANE_CLAIM", "lane"),
        admin_keys=env.operators("ONSALE_ADMIN_KEY"),
        demo=demo,
        web_origins=env.names("ONSALE_WEB_ORIGINS"),
        log_level=level,
        reuse_port=_reuse_port(env),
    )


def _reuse_port(env: Environment) -> bool:
    asked = env.flag("ONSALE_REUSE_PORT")
    if asked and not hasattr(socket, "SO_REUSEPORT"):
        raise SettingError(
            "ONSALE_REUSE_PORT must be 0: this system lets no two processes listen on one port."
        )
    return asked
