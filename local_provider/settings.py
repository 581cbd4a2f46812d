"""Settings of the local provider."""

import socket
from dataclasses import dataclass, field

from shared.settings import Environment

#: As long as an event may take to get through a receiver that is down, and no longer.
MOST_ATTEMPTS = 30
LATE_S = 600


@dataclass(frozen=True, slots=True)
class Settings:
    """`events_url`: who is told; `file`: where everything is kept, in memory if None."""

    host: str
    port: int
    listen_fd: int | None
    key: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    events_url: str | None = None
    file: str | None = None
    late_s: int = LATE_S
    log_level: str = "info"

    def listening(self) -> socket.socket:
        """The socket to serve on. Raises OSError."""
        if self.listen_fd is not None:
            return socket.socket(fileno=self.listen_fd)
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        return socket.create_server((self.host, self.port), family=family)


def read_settings(env: Environment) -> Settings:
    """Raises SettingError that names the variable."""
    has_fd = bool(env.values.get("ONSALE_LISTEN_FD"))
    return Settings(
        host=env.text("ONSALE_HOST", "127.0.0.1"),
        port=env.integer("ONSALE_LOCAL_PROVIDER_PORT", 8082, 0, 65535),
        listen_fd=env.integer("ONSALE_LISTEN_FD", None, 0, 1 << 20) if has_fd else None,
        key=env.secrets("ONSALE_PROVIDER_KEY")[0],
        secrets=env.secrets("ONSALE_PROVIDER_SECRET"),
        events_url=env.values.get("ONSALE_LOCAL_PROVIDER_EVENTS", "").strip() or None,
        file=env.values.get("ONSALE_LOCAL_PROVIDER_FILE", "").strip() or None,
        late_s=env.integer("ONSALE_LOCAL_PROVIDER_LATE_S", LATE_S, 0, 86_400),
        log_level=env.text("ONSALE_LOG_LEVEL", "info").lower(),
    )
