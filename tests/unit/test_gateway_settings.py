"""What the gateway is told by its environment."""

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
