"""What the gateway is told by its environment."""

import socket

import pytest

from queue_gateway.settings import MAX_STREAMS, read_settings
from shared.settings import Environment, SettingError

TOLD = {
    "REDIS_URL": "redis://127.0.0.1",
    "DATABASE_URL": "postgresql://127.0.0.1",
    **dict.fromkeys(
        ("ONSALE_QUEUE_SECRET", "ONSALE_IDENTITY_SECRET", "ONSALE_ADMIN_KEY"), "s" * 32
    ),
}


def test_streams_are_as_many_as_the_environment_says() -> None:
    assert read_settings(Environment(TOLD)).max_streams == MAX_STREAMS
    assert read_settings(Environment({**TOLD, "ONSALE_MAX_STREAMS": "7"})).max_streams == 7


def test_a_wrong_number_of_streams_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match="ONSALE_MAX_STREAMS"):
        read_settings(Environment({**TOLD, "ONSALE_MAX_STREAMS": "many"}))


def test_a_port_is_shared_where_the_environment_says_so() -> None:
    assert not read_settings(Environment(TOLD)).reuse_port
    assert read_settings(Environment({**TOLD, "ONSALE_REUSE_PORT": "1"})).reuse_port


def test_a_system_where_no_port_is_shared_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    assert not read_settings(Environment(TOLD)).reuse_port
    with pytest.raises(SettingError, match="ONSALE_REUSE_PORT"):
        read_settings(Environment({**TOLD, "ONSALE_REUSE_PORT": "1"}))
