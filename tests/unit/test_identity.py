"""Identity tokens: whom they name, and which are not believed."""

import time
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from shared import identity
from shared.errors import IdentityInvalid
from shared.identity import CACHE_S, MAX_TOKEN_LENGTH, Identities

SECRET = "a-secret-of-the-tests-that-is-long-enough-for-every-hmac-there-is-in-the-rfc-7518"
OTHER = "another-secret-that-is-just-as-long-enough-for-every-hmac-there-is-in-the-rfc-7518"


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def refused(token: str, *secrets: str) -> bool:
    try:
        Identities(secrets or (SECRET,)).visitor(token)
    except IdentityInvalid:
        return True
    return False


def test_a_token_names_its_sub() -> None:
    identities = Identities((SECRET,))
    assert identities.visitor(identities.sign("ann")) == "ann"
    assert identities.visitor(signed({"sub": "bob", "aud": "somebody else"})) == "bob"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none"])
def test_only_hs256_is_believed_also_with_our_secret(algorithm: str) -> None:
    secret = "" if algorithm == "none" else SECRET
    assert refused(signed({"sub": "ann"}, secret, algorithm))


def test_a_foreign_signature_is_refused() -> None:
    assert refused(signed({"sub": "ann"}, OTHER))
    assert refused(signed({"sub": "ann"})[:-4])
    assert refused("not a token")


def test_an_old_secret_is_good_until_it_goes() -> None:
    old = signed({"sub": "ann"}, OTHER)
    assert Identities((SECRET, OTHER)).visitor(old) == "ann"
    assert refused(old, SECRET)


def test_times_of_the_token_are_kept() -> None:
    assert refused(signed({"sub": "ann", "exp": int(time.time()) - 5}))
    assert refused(signed({"sub": "ann", "nbf": int(time.time()) + 60}))


@pytest.mark.parametrize(
    "claims",
    [{}, {"sub": 7}, {"sub": None}, {"sub": ""}, {"sub": "a\x00b"}, {"sub": "a" * 256}],
)
def test_a_sub_that_no_store_takes_is_refused(claims: dict[str, Any]) -> None:
    assert refused(jwt.api_jws.encode(orjson.dumps(claims), SECRET, algorithm="HS256"))


def test_a_sub_of_half_a_character_is_refused() -> None:
    assert refused(jwt.api_jws.encode(b'{"sub": "\\ud800"}', SECRET, algorithm="HS256"))


def test_a_token_longer_than_headers_may_be_is_refused_unread() -> None:
    token = signed({"sub": "ann", "more": "x" * MAX_TOKEN_LENGTH})
    assert refused(token)


def test_a_verdict_is_kept_no_longer_than_the_token_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.time()
    short, long = signed({"sub": "ann", "exp": int(began) + 30}), signed({"sub": "bob"})
    identities = Identities((SECRET,))
    identities.visitor(short)
    identities.visitor(long)

    def asked_again(token: str) -> dict[str, Any]:
        raise IdentityInvalid

    monkeypatch.setattr(identities, "_claims", asked_again)
    monkeypatch.setattr(time, "time", lambda: began + 25)
    assert identities.visitor(short) == "ann"
    monkeypatch.setattr(time, "time", lambda: began + 31)
    assert identities.visitor(long) == "bob"
    with pytest.raises(IdentityInvalid):
        identities.visitor(short)
    monkeypatch.setattr(time, "time", lambda: began + CACHE_S + 5)
    with pytest.raises(IdentityInvalid):
        identities.visitor(long)


def test_verdicts_are_kept_of_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "CACHE_SIZE", 3)
    identities = Identities((SECRET,))
    for number in range(10):
        identities.visitor(identities.sign(f"v{number}"))
    assert len(identities._verified) == 3


def test_a_public_key_is_for_its_own_algorithm_and_name() -> None:
    edwards, elliptic = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    identities = Identities(())
    identities.public_keys = (
        jwt.PyJWK({**OKPAlgorithm.to_jwk(edwards.public_key(), as_dict=True), "kid": "a"}),
        jwt.PyJWK({**ECAlgorithm.to_jwk(elliptic.public_key(), as_dict=True), "kid": "b"}),
    )
    ann = {"sub": "ann"}
    assert identities.visitor(jwt.encode(ann, elliptic, algorithm="ES256")) == "ann"
    assert identities.visitor(jwt.encode(ann, edwards, algorithm="EdDSA")) == "ann"
    with pytest.raises(IdentityInvalid):
        identities.visitor(jwt.encode(ann, edwards, algorithm="EdDSA", headers={"kid": "b"}))
    secret = edwards.public_key().public_bytes_raw()
    with pytest.raises(IdentityInvalid):
        identities.visitor(jwt.encode(ann, secret, algorithm="HS256", headers={"kid": "a"}))
