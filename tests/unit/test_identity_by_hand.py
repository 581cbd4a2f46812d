"""Identity tokens verified by hand: nothing is believed that a general JWT library does not."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.hs256 import Secret
from shared.identity import PLAIN_HEADERS, Identities

SECRET = "a-secret-of-the-tests-that-is-long-enough-for-every-hmac-there-is-in-the-rfc-7518"
OTHER = "another-secret-that-is-just-as-long-enough-for-every-hmac-there-is-in-the-rfc-7518"
BELIEVERS = Identities((SECRET, OTHER))


def signed(claims: dict[str, Any], secret: str = SECRET) -> str:
    return jwt.encode(claims, secret, algorithm="HS256")


def by_hand(token: str) -> Any:
    """The claims of a token that needs no library, else None."""
    return BELIEVERS._plain(token)


def by_library(token: str) -> Any:
    """The claims as PyJWT reads them, with either secret; None where it refuses."""
    for secret in (SECRET, OTHER):
        try:
            return jwt.decode(token, secret, ["HS256"], {"require": ["sub"], "verify_aud": False})
        except jwt.InvalidTokenError:
            continue
    return None


def written(header: bytes, claims: bytes, secret: str = SECRET) -> str:
    """A token of any bytes, rightly signed."""
    signed_part = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    signature = hmac.digest(secret.encode(), signed_part, "sha256")
    return (signed_part + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_plain_token_needs_no_library() -> None:
    now = int(time.time())
    claims = {"sub": "ann", "iat": now, "nbf": now, "exp": now + 60, "jti": "1", "aud": "x"}
    for secret in (SECRET, OTHER):
        assert by_hand(signed(claims, secret)) == claims == by_library(signed(claims, secret))
    named = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": "of the login"})
    assert by_hand(named) == claims


times: st.SearchStrategy[Any] = st.one_of(
    st.integers(-100, 100).map(lambda around: int(time.time()) + around),
    st.sampled_from([0, 1.5, True, None, "1", str(1 << 40), 1 << 70, float("inf"), [], {}]),
)
names = st.one_of(st.text(max_size=5), st.sampled_from([None, 7, "\ud800", ["ann"]]))
claims_of_any_kind = st.fixed_dictionaries(
    {},
    optional={"sub": names, "iat": times, "nbf": times, "exp": times, "jti": names, "aud": names},
)
headers_of_any_kind = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256"] * 4 + ["none", "HS512", "hs256", None, 1])},
    optional={
        "typ": names,
        "kid": names,
        "crit": st.sampled_from([[], ["b64"], ["exp"]]),
        "b64": st.booleans(),
    },
)


@settings(deadline=None)
@given(headers_of_any_kind, claims_of_any_kind, st.sampled_from([SECRET, OTHER, "third" * 10]))
def test_what_is_believed_by_hand_is_what_the_library_believes(
    header: dict[str, Any], claims: dict[str, Any], secret: str
) -> None:
    token = written(json.dumps(header).encode(), json.dumps(claims).encode(), secret)
    found = by_hand(token)
    assert found is None or found == by_library(token)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from("A_-=.+/ é\n"), st.booleans())
def test_no_changed_token_is_believed_by_hand(at: int, character: str, instead: bool) -> None:
    good = signed({"sub": "ann"})
    at %= len(good)
    changed = good[:at] + character + good[at + instead :]
    assert by_hand(changed) is None or changed == good


LATER, EARLIER = int(time.time()) + 3600, int(time.time()) - 3600


@pytest.mark.parametrize(
    ("header", "claims", "secret"),
    [
        ({}, {}, "third" * 10),
        ({"kid": 7}, {}, SECRET),
        ({"crit": ["exp"]}, {}, SECRET),
        ({"alg": "HS512"}, {}, SECRET),
        ({"alg": "none"}, {}, SECRET),
        ({}, {"sub": None}, SECRET),
        ({}, {"sub": 7}, SECRET),
        ({}, {"jti": 7}, SECRET),
        ({}, {"iat": LATER}, SECRET),
        ({}, {"nbf": LATER}, SECRET),
        ({}, {"exp": EARLIER}, SECRET),
        ({}, {"exp": "never"}, SECRET),
    ],
)
def test_what_the_library_refuses_is_not_believed_by_hand(
    header: dict[str, Any], claims: dict[str, Any], secret: str
) -> None:
    good = json.dumps({"alg": "HS256"}).encode(), json.dumps({"sub": "ann"}).encode()
    assert by_hand(written(*good)) == by_library(written(*good)) == {"sub": "ann"}
    head = json.dumps({"alg": "HS256", **header}).encode()
    token = written(head, json.dumps({"sub": "ann", **claims}).encode(), secret)
    assert by_library(token) is None
    assert by_hand(token) is None


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b'{"alg":"HS256"}', b"[]"),
        (b'{"alg":"HS256"}', b"nonsense"),
        (b'{"alg":"HS256"}', b'{"sub":"ann","a":' + b"[" * 2000 + b"]" * 2000 + b"}"),
        (b'{"alg":"HS256"}', '{"sub":"ann"}'.encode("utf-16")),
        (b'{"alg":"HS256"}', b'{"sub":"ann","iat":NaN}'),
        (b"[]", b'{"sub":"ann"}'),
        (b"[" * 2000, b'{"sub":"ann"}'),
        (b"nonsense", b'{"sub":"ann"}'),
    ],
)
def test_what_is_not_plain_json_is_left_to_the_library(header: bytes, claims: bytes) -> None:
    assert by_hand(written(header, claims)) is None


@pytest.mark.parametrize(
    "spelling", ["eyJzdWIiOiJhbm4ifR", "eyJzdWIiOiJhbm4ifQ==", "e!yJzdWIiOiJhbm4ifQ"]
)
def test_claims_have_one_spelling(spelling: str) -> None:
    """Also those that were signed in another one, which decoders take for the same."""
    assert by_hand(written(b'{"alg":"HS256"}', b'{"sub":"ann"}')) == {"sub": "ann"}
    signed_part = b"eyJhbGciOiJIUzI1NiJ9." + spelling.encode()
    signature = Secret(SECRET.encode()).signature(signed_part)
    assert by_hand((signed_part + b"." + signature).decode()) is None


def test_a_secret_that_is_a_public_key_signs_nothing() -> None:
    public = Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    token = written(b'{"alg":"HS256"}', b'{"sub":"ann"}', pem)
    assert Identities((pem,))._plain(token) is None


def test_headers_are_remembered_in_a_bounded_number() -> None:
    identities = Identities((SECRET,))
    for number in range(100):
        token = jwt.encode({"sub": "ann"}, SECRET, algorithm="HS256", headers={"kid": str(number)})
        assert identities.visitor(token) == "ann"
    assert len(identities._plain_headers) == PLAIN_HEADERS


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 200])
def test_a_signature_is_an_hmac(length: int) -> None:
    secret = b"s" * length
    for signed_part in (b"", b"a.b", b"x" * 1000):
        raw = hmac.digest(secret, signed_part, "sha256")
        assert Secret(secret).signature(signed_part) == urlsafe_b64encode(raw).rstrip(b"=")
