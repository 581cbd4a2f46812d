"""Settings of the booking API: read once, a bad one is named."""

import pytest

from booking_api.settings import read_settings
from shared.settings import Environment, SettingError

GOOD = {
    "REDIS_URL": "redis://127.0.0.1:6379",
    "DATABASE_URL": "postgresql://127.0.0.1/onsale",
    "ONSALE_QUEUE_SECRET": "q" * 32,
    "ONSALE_IDENTITY_SECRET": "i" * 32,
    "ONSALE_ADMIN_KEY": "a" * 32,
}


KEY = "A" * 43


def test_tickets_and_webhooks_are_there_when_they_are_set_up() -> None:
    bare = read_settings(Environment(GOOD))
    assert (bare.ticket_keys, bare.webhook_url, bare.webhook_secrets) == ((), None, ())

    settings = read_settings(
        Environment(
            {
                **GOOD,
                "ONSALE_TICKET_KEYS": f"{KEY}, {KEY[:-1]}E",
                "ONSALE_WEBHOOK_URL": "https://example.com/hooks?for=onsale",
                "ONSALE_WEBHOOK_SECRET": f"{'n' * 32},{'o' * 32}",
            }
        )
    )

    assert settings.ticket_keys == (KEY, f"{KEY[:-1]}E")
    assert settings.webhook_url == "https://example.com/hooks?for=onsale"
    assert settings.webhook_secrets == ("n" * 32, "o" * 32)


def test_a_receiver_needs_a_secret() -> None:
    environment = {**GOOD, "ONSALE_WEBHOOK_URL": "https://example.com/"}
    for secret in ("", "short"):
        with pytest.raises(SettingError, match="ONSALE_WEBHOOK_SECRET"):
            read_settings(Environment({**environment, "ONSALE_WEBHOOK_SECRET": secret}))


def test_no_setting_is_told_in_its_error() -> None:
    with pytest.raises(SettingError) as refused:
        read_settings(Environment({**GOOD, "ONSALE_TICKET_KEYS": "s3cret"}))
    assert "s3cret" not in str(refused.value)


def test_defaults_are_a_sale_in_dollars_without_the_demo() -> None:
    settings = read_settings(Environment(GOOD))

    assert (settings.port, settings.demo) == (8081, False)
    assert (settings.currency.code, settings.currency.digits) == ("USD", 2)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_settings(Environment({**GOOD, name: ""}))


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("ONSALE_CURRENCY", "usd"),
        ("ONSALE_CURRENCY", "XXX"),
        ("ONSALE_BOOKING_PORT", "http"),
        ("ONSALE_TICKET_KEYS", "not-a-key"),
        ("ONSALE_TICKET_KEYS", f"{KEY},{KEY[:-4]}"),
        ("ONSALE_WEBHOOK_URL", "example.com"),
        ("ONSALE_WEBHOOK_URL", "ftp://example.com/"),
        ("ONSALE_WEBHOOK_URL", "http://"),
        ("ONSALE_WEBHOOK_URL", "https://ann:s3cret@example.com/"),
        ("ONSALE_WEBHOOK_URL", "https://example.com:port/"),
    ],
)
def test_what_is_wrong_is_named(name: str, bad: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_settings(Environment({**GOOD, name: bad}))


PROVIDER = {
    "ONSALE_PROVIDER_URL": "https://pay.example/v1",
    "ONSALE_PROVIDER_KEY": "k" * 32,
    "ONSALE_PROVIDER_SECRET": f"{'s' * 32},{'t' * 32}",
}


def test_a_provider_has_an_address_a_key_and_secrets_that_nobody_reads_by_accident() -> None:
    settings = read_settings(Environment({**GOOD, **PROVIDER}))

    assert settings.provider is not None
    assert (settings.provider.name, settings.provider.url) == ("provider", "https://pay.example/v1")
    assert settings.provider.secrets == ("s" * 32, "t" * 32)
    assert "kkk" not in repr(settings)
    assert "sss" not in repr(settings)
    assert read_settings(Environment(GOOD)).provider is None


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("ONSALE_PROVIDER_URL", "pay.example"),
        ("ONSALE_PROVIDER_URL", "https://user:word@pay.example"),
        ("ONSALE_PROVIDER_KEY", ""),
        ("ONSALE_PROVIDER_SECRET", "short"),
    ],
)
def test_a_provider_that_is_half_there_is_named(name: str, bad: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_settings(Environment({**GOOD, **PROVIDER, name: bad}))
