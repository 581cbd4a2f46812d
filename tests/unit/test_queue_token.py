"""The hand-written queue token agrees with a general JWT library, on good and on bad tokens."""

import base64
import warnings

import jwt
import pytest

from shared.tokens import MAX_NUMBER, Place, QueueTokens, TokenRejected, key_id

SECRET = "a-secret-of-the-tests-that-is-long-enough"
OTHER = "another-secret-that-is-just-as-long-enough"
PLACE = Place("spring-tour", "vis|tor ü", generation=7, number=42)
CLAIMS = {
    "iss": "onsale",
    "aud": "spring-tour",
    "sub": "vis|tor ü",
    "num": 42,
    "gen": 7,
    "iat": 1_800_000_000,
    "jti": "spring-tour.7.42",
}


def pyjwt_accepts(token: str) -> bool:
    try:
        # `iat` may lie in the future here: clocks of gateways differ, and it decides nothing.
        jwt.decode(
            token,
            SECRET,
            algorithms=["HS256"],
            audience="spring-tour",
            issuer="onsale",
            options={"verify_iat": False},
        )
    except jwt.InvalidTokenError:
        return False
    return True


def we_accept(token: str) -> bool:
    try:
        return QueueTokens((SECRET,)).verify(token) == PLACE
    except TokenRejected:
        return False


def signed(claims: dict[str, object], secret: str = SECRET, **header: str) -> str:
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": key_id(SECRET), **header})


def test_what_we_sign_is_a_jwt_with_the_claims_of_the_design() -> None:
    token = QueueTokens((SECRET,)).sign(PLACE, issued_at_s=1_800_000_000)
    claims = jwt.decode(
        token, SECRET, algorithms=["HS256"], audience="spring-tour", options={"verify_iat": False}
    )
    assert claims == CLAIMS
    assert jwt.get_unverified_header(token) == {
        "alg": "HS256",
        "kid": key_id(SECRET),
        "typ": "JWT",
    }


def test_both_accept_a_good_token() -> None:
    token = signed(CLAIMS)
    assert pyjwt_accepts(token)
    assert we_accept(token)


def test_both_refuse_every_truncation() -> None:
    token = signed(CLAIMS)
    for length in range(len(token)):
        assert not pyjwt_accepts(token[:length])
        assert not we_accept(token[:length])


def test_both_refuse_every_changed_character() -> None:
    token = signed(CLAIMS)
    for index, character in enumerate(token):
        changed = token[:index] + ("A" if character != "A" else "B") + token[index + 1 :]
        # The last character of a signature carries two unused bits: PyJWT's decoder ignores them.
        assert not we_accept(changed)
        assert index == len(token) - 1 or not pyjwt_accepts(changed)


@pytest.mark.parametrize(
    "token",
    [
        signed(CLAIMS, OTHER),
        jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": key_id(SECRET)}),
        jwt.encode(CLAIMS, SECRET * 2, algorithm="HS512", headers={"kid": key_id(SECRET)}),
        signed({**CLAIMS, "iss": "somebody"}),
        signed({name: value for name, value in CLAIMS.items() if name != "aud"}),
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        signed(CLAIMS) + ".",
        "\x00" + signed(CLAIMS),
        "ü" * 40,
    ],
)
def test_both_refuse_what_is_not_ours(token: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not pyjwt_accepts(token)
    assert not we_accept(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"num": 0},
        {"num": -1},
        {"num": MAX_NUMBER + 1, "jti": f"spring-tour.7.{MAX_NUMBER + 1}"},
        {"num": 1.5},
        {"num": True},
        {"num": "42"},
        {"gen": None},
        {"jti": "spring-tour.7.43"},
        {"sub": 5},
        {"aud": ["spring-tour"]},
    ],
)
def test_claims_of_another_shape_are_refused_even_when_signed(changes: dict[str, object]) -> None:
    with pytest.raises(TokenRejected):
        QueueTokens((SECRET,)).verify(_raw({**CLAIMS, **changes}))


@pytest.mark.parametrize("number", [0, -1, MAX_NUMBER + 1])
def test_numbers_that_lua_does_not_count_exactly_are_refused(number: int) -> None:
    for changes in (
        {"num": number, "jti": f"spring-tour.7.{number}"},
        {"gen": number, "jti": f"spring-tour.{number}.42"},
    ):
        with pytest.raises(TokenRejected):
            QueueTokens((SECRET,)).verify(_raw({**CLAIMS, **changes}))


def test_the_largest_numbers_are_good() -> None:
    place = Place("spring-tour", "ann", MAX_NUMBER, MAX_NUMBER)
    assert QueueTokens((SECRET,)).verify(QueueTokens((SECRET,)).sign(place)) == place


@pytest.mark.parametrize("alg", ["none", "None", "", "HS512", "hs256", "RS256"])
def test_another_alg_is_refused_even_when_our_signature_fits(alg: str) -> None:
    with pytest.raises(TokenRejected):
        QueueTokens((SECRET,)).verify(_raw(CLAIMS, alg=alg))


@pytest.mark.parametrize("kid", ["", "00000000", key_id(OTHER)])
def test_a_key_we_do_not_have_is_refused_even_when_our_signature_fits(kid: str) -> None:
    with pytest.raises(TokenRejected):
        QueueTokens((SECRET,)).verify(_raw(CLAIMS, kid=kid))


def test_a_token_has_one_spelling() -> None:
    token = _raw(CLAIMS)
    head, claims, signature = token.split(".")
    padded = f"{head}.{claims}.{signature}="
    # Decoders skip what is not of their alphabet.
    filled = f"{head}.{claims}.{signature[:9]}!!!!{signature[9:]}"
    for other in (padded, filled, f"{token}\n"):
        with pytest.raises(TokenRejected):
            QueueTokens((SECRET,)).verify(other)


def test_a_header_of_another_spelling_is_as_good() -> None:
    head = {"typ": "JWT", "kid": key_id(SECRET), "alg": "HS256", "more": 1}
    assert we_accept(jwt.encode(CLAIMS, SECRET, algorithm="HS256", headers=head))


def test_a_header_that_goes_too_deep_is_refused() -> None:
    head = base64.urlsafe_b64encode(b'{"a":' + b"[" * 1400).rstrip(b"=").decode()
    with pytest.raises(TokenRejected):
        QueueTokens((SECRET,)).verify(f"{head}.e30.e30")


def test_an_unsigned_token_with_our_kid_is_refused() -> None:
    head, claims, _ = _raw(CLAIMS).split(".")
    with pytest.raises(TokenRejected):
        QueueTokens((SECRET,)).verify(f"{head}.{claims}.")


def test_a_token_longer_than_any_of_ours_is_refused_unread() -> None:
    long = QueueTokens((SECRET,)).sign(Place("spring-tour", "v" * 3000, 7, 42))
    with pytest.raises(TokenRejected):
        QueueTokens((SECRET,)).verify(long)


def test_rotation_keeps_old_tokens_good_until_their_secret_goes() -> None:
    old = QueueTokens((OTHER,)).sign(PLACE)
    rotated = QueueTokens((SECRET, OTHER))
    assert rotated.verify(old) == PLACE
    assert rotated.verify(rotated.sign(PLACE)) == PLACE
    with pytest.raises(TokenRejected):
        QueueTokens((SECRET,)).verify(old)


def _raw(claims: dict[str, object], *, alg: str = "HS256", kid: str = key_id(SECRET)) -> str:
    """Signed by hand: PyJWT refuses to write some of these."""
    import hashlib
    import hmac

    import orjson

    def encode(raw: bytes) -> bytes:
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    head = encode(orjson.dumps({"alg": alg, "kid": kid}))
    signed_part = head + b"." + encode(orjson.dumps(claims))
    signature = hmac.new(SECRET.encode(), signed_part, hashlib.sha256).digest()
    return (signed_part + b"." + encode(signature)).decode()
