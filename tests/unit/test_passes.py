"""Passes: what they say, for how long, and that PyJWT believes them with the published keys."""

import base64
import json
from typing import Any

import jwt
import pytest

from queue_gateway.settings import read_settings
from shared import passes
from shared.passes import Passes
from shared.settings import Environment, SettingError
from shared.signing import KeyRefused
from shared.tokens import Place
from tests.integration.services import ADMIN_KEY, IDENTITY_SECRET, PASS_KEY, QUEUE_SECRET

PLACE = Place("spring-tour", "ann", 7, 3)
OTHER_KEY = base64.urlsafe_b64encode(b"another key of the tests, yours!").rstrip(b"=").decode()
NOW_S = 2_000_000_000
LONG_MS = (NOW_S + 10_000) * 1000


class Clock:
    """Seconds since 1970, as the test says."""

    now = float(NOW_S)

    def __call__(self) -> float:
        return self.now


def signed(found: Passes, place: Place = PLACE, expires_at_ms: int | None = LONG_MS) -> str:
    made = found.sign(place, expires_at_ms)
    assert made is not None
    return made


def said(token: str) -> dict[str, Any]:
    """The claims, unverified: the tests' clock is not the machine's."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def believed(token: str, published: dict[str, Any]) -> dict[str, Any]:
    """The claims as another site reads them, with PyJWT."""
    keys = jwt.PyJWKSet.from_dict(published)
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="spring-tour", issuer="onsale"
    )
    return claims


def test_pyjwt_believes_a_pass_with_the_published_keys() -> None:
    found = Passes((PASS_KEY,))
    claims = believed(signed(found), json.loads(json.dumps(found.jwks())))

    assert (claims["sub"], claims["jti"]) == ("ann", "spring-tour.7.3")


def test_what_is_published_has_no_private_part() -> None:
    (key,) = Passes((PASS_KEY,)).jwks()["keys"]

    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert PASS_KEY not in json.dumps(key)


def test_a_keys_name_is_its_thumbprint() -> None:
    """The example of RFC 8037, appendix A.3."""
    (key,) = Passes(("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",)).jwks()["keys"]

    assert key["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_pass_lives_two_minutes() -> None:
    claims = said(signed(Passes((PASS_KEY,), Clock())))

    assert (claims["iat"], claims["exp"]) == (NOW_S, NOW_S + 120)


def test_a_pass_never_outlives_its_place() -> None:
    clock = Clock()
    found = Passes((PASS_KEY,), clock)

    assert said(signed(found, expires_at_ms=(NOW_S + 9) * 1000 + 999))["exp"] == NOW_S + 9
    # What was signed for a place that then ends earlier is not handed out again.
    signed(found)
    assert said(signed(found, expires_at_ms=(NOW_S + 5) * 1000))["exp"] == NOW_S + 5


def test_nobody_gets_a_pass_who_is_not_inside() -> None:
    found = Passes((PASS_KEY,), Clock())

    assert found.sign(PLACE, None) is None
    assert found.sign(PLACE, NOW_S * 1000 + 999) is None
    assert Passes(()).sign(PLACE, LONG_MS) is None
    assert Passes(()).jwks() == {"keys": []}


def test_a_pass_is_signed_anew_when_less_than_half_of_its_life_is_left() -> None:
    clock = Clock()
    found = Passes((PASS_KEY,), clock)
    first = signed(found)

    clock.now += 60
    assert signed(found) == first
    clock.now += 1
    assert said(signed(found))["exp"] == NOW_S + 61 + 120


def test_a_pass_that_cannot_live_longer_is_not_signed_anew() -> None:
    clock = Clock()
    found = Passes((PASS_KEY,), clock)
    ends_ms = (NOW_S + 30) * 1000
    first = signed(found, expires_at_ms=ends_ms)

    clock.now += 29
    assert signed(found, expires_at_ms=ends_ms) == first


def test_each_place_has_a_pass_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "CACHE_SIZE", 2)
    found = Passes((PASS_KEY,), Clock())
    for number in range(1, 6):
        place = Place("spring-tour", f"visitor {number}", 7, number)
        claims = said(signed(found, place))
        assert (claims["sub"], claims["jti"]) == (place.visitor, place.jti)
    assert len(found._signed) == 2


def test_rotation_makes_no_pass_bad() -> None:
    old = Passes((PASS_KEY,))
    announced = Passes((PASS_KEY, OTHER_KEY))
    turned = Passes((OTHER_KEY, PASS_KEY))
    done = Passes((OTHER_KEY,))

    for signing, published in [
        (old, announced),
        (announced, old),
        (announced, turned),
        (turned, announced),
        (turned, done),
        (done, turned),
    ]:
        assert believed(signed(signing), published.jwks())["sub"] == "ann"
    with pytest.raises(KeyError):
        believed(signed(old), done.jwks())


@pytest.mark.parametrize("key", ["", "short", PASS_KEY + "AA", PASS_KEY[:-2] + "!!", "é" * 43])
def test_what_is_no_key_is_refused_unquoted(key: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        Passes((key,))
    assert not key or key not in str(refused.value)


def environment(**changes: str) -> Environment:
    return Environment(
        {
            "REDIS_URL": "redis://nowhere",
            "DATABASE_URL": "postgresql://nowhere",
            "ONSALE_QUEUE_SECRET": QUEUE_SECRET,
            "ONSALE_IDENTITY_SECRET": IDENTITY_SECRET,
            "ONSALE_ADMIN_KEY": ADMIN_KEY,
            **changes,
        }
    )


def test_keys_are_a_setting() -> None:
    keys = f" {OTHER_KEY} , {PASS_KEY}="

    assert read_settings(environment()).pass_keys == ()
    assert read_settings(environment(ONSALE_PASS_KEYS="")).pass_keys == ()
    assert read_settings(environment(ONSALE_PASS_KEYS=keys)).pass_keys == (
        OTHER_KEY,
        PASS_KEY + "=",
    )


@pytest.mark.parametrize("bad", ["s3cret", f"{PASS_KEY},s3cret", QUEUE_SECRET])
def test_a_bad_key_is_refused_by_the_variables_name_alone(bad: str) -> None:
    with pytest.raises(SettingError, match="ONSALE_PASS_KEYS must hold") as refused:
        read_settings(environment(ONSALE_PASS_KEYS=bad))
    assert bad not in str(refused.value)
