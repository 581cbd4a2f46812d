"""Identity tokens: JWTs of the operator's login that say who a visitor is.

HS256 with `ONSALE_IDENTITY_SECRET`, or RS256, ES256 and EdDSA with the public keys of
`ONSALE_IDENTITY_JWKS` (shared/jwks.py). A plain token with HS256 is verified by hand, and believed
if all is well with it; of any other, and of one that is not to be believed, PyJWT is asked, which
takes ten times as long. A verdict is kept for a short while.
"""

import time
from collections import OrderedDict
from typing import Any

import jwt
import msgspec
from jwt.algorithms import HMACAlgorithm

from shared.errors import IdentityInvalid
from shared.hs256 import Secret, decoded

#: A `sub` is stored, logged as a length only, and is a member of Redis zsets: keep it small.
MAX_VISITOR_LENGTH = 255
MAX_TOKEN_LENGTH = 4096

#: Verified tokens remembered per process, for at most this long: both bound memory and the time
#: that a token rotated away stays good.
CACHE_SIZE = 20_000
CACHE_S = 60.0

DEMO_LIFETIME_S = 86_400

#: What public keys sign. Each algorithm goes with its own kind of key, so that a public key is
#: never taken for an HMAC's secret (RFC 8725, 2.1).
PUBLIC_ALGORITHMS = ("RS256", "ES256", "EdDSA")
_OPTIONS: Any = {"require": ["sub"], "verify_aud": False}

#: Headers of tokens verified by hand that are remembered: a login writes one for each of its keys.
PLAIN_HEADERS = 16
_PLAIN = {"alg", "typ", "kid"}
_NEVER = 1 << 62
_JSON = msgspec.json.Decoder(dict[str, Any])


class Identified(msgspec.Struct, frozen=True):
    """Who an identity token names: its `sub`, and the lane that its claim names, else ''."""

    visitor: str
    lane: str


class Identities:
    """Verifies identity tokens, and signs those of the demo sign-up."""

    def __init__(
        self, secrets: tuple[str, ...], lane_claim: str = "lane", remembered: int | None = None
    ):
        """`remembered`: verdicts kept at most, CACHE_SIZE if None."""
        self._secrets = secrets
        self._most = CACHE_SIZE if remembered is None else remembered
        self._by_hand = [Secret(secret.encode()) for secret in secrets if _is_a_secret(secret)]
        self._plain_headers: set[bytes] = set()
        self._lane_claim = lane_claim
        #: Public keys by which tokens are believed, too; `shared/jwks.py` keeps them up to date.
        self.public_keys: tuple[jwt.PyJWK, ...] = ()
        self._verified: OrderedDict[str, tuple[Identified, float]] = OrderedDict()

    def visitor(self, token: str) -> str:
        """The visitor (`sub`) this token names. Raises IdentityInvalid."""
        return self.identified(token).visitor

    def identified(self, token: str) -> Identified:
        """Whom this token names. Raises IdentityInvalid."""
        now = time.time()
        known = self._verified.get(token)
        if known is not None and known[1] > now:
            return known[0]
        if len(token) > MAX_TOKEN_LENGTH:
            raise IdentityInvalid
        claims = self._claims(token)
        visitor: str = claims["sub"]
        if not storable(visitor):
            raise IdentityInvalid("The identity token's 'sub' must be 1 to 255 characters, no NUL.")
        lane = claims.get(self._lane_claim)
        found = Identified(visitor, lane if isinstance(lane, str) and storable(lane) else "")
        self._remember(token, found, min(now + CACHE_S, float(claims.get("exp", now + CACHE_S))))
        return found

    def sign(self, visitor: str, lane: str = "") -> str:
        """An identity token for the demo sign-up, good for a day."""
        now = int(time.time())
        claims = {"sub": visitor, "iat": now, "exp": now + DEMO_LIFETIME_S}
        if lane:
            claims[self._lane_claim] = lane
        return jwt.encode(claims, self._secrets[0], algorithm="HS256")

    def _claims(self, token: str) -> dict[str, Any]:
        plain = self._plain(token)
        if plain is not None:
            return plain
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError):
            raise IdentityInvalid from None
        for key, algorithm in self._keys(header.get("alg"), header.get("kid")):
            try:
                claims: dict[str, Any] = jwt.decode(
                    token, key, algorithms=[algorithm], options=_OPTIONS
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, ValueError):
                raise IdentityInvalid from None
            return claims
        raise IdentityInvalid

    def _plain(self, token: str) -> dict[str, Any] | None:
        """The claims of a good token; None where that is not plain to see, and PyJWT has to say."""
        try:
            header, claims, signature = token.encode("ascii").split(b".")
            if header not in self._plain_headers and not _is_plain(_JSON.decode(decoded(header))):
                return None
            signed = header + b"." + claims
            for secret in self._by_hand:
                if secret.signed(signed, signature):
                    break
            else:
                return None
            found = _JSON.decode(decoded(claims))
        except (ValueError, RecursionError, msgspec.DecodeError):
            return None
        if len(self._plain_headers) < PLAIN_HEADERS:
            self._plain_headers.add(header)
        return found if _is_good(found, time.time()) else None

    def _keys(self, algorithm: object, kid: object) -> list[tuple[Any, str]]:
        """The keys that may have signed a token with this header, each with its algorithm."""
        if algorithm == "HS256":
            return [(secret, "HS256") for secret in self._secrets]
        return [
            (key.key, key.algorithm_name)
            for key in self.public_keys
            if key.algorithm_name == algorithm and kid in (None, key.key_id)
        ]

    def _remember(self, token: str, found: Identified, until: float) -> None:
        self._verified[token] = (found, until)
        self._verified.move_to_end(token)
        while len(self._verified) > self._most:
            self._verified.popitem(last=False)


def _is_a_secret(secret: str) -> bool:
    """Whether PyJWT signs with it: not with what looks like somebody's public key."""
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except jwt.InvalidKeyError:
        return False
    return True


def _is_plain(header: dict[str, Any]) -> bool:
    """Whether nothing in it asks for more than HS256."""
    named = isinstance(header.get("kid", ""), str)
    return header.get("alg") == "HS256" and named and header.keys() <= _PLAIN


def _is_good(claims: dict[str, Any], now_s: float) -> bool:
    """Whether claims are of the usual types, and their times are kept (RFC 7519, 4.1)."""
    issued, begun = claims.get("iat", 0), claims.get("nbf", 0)
    until = claims.get("exp", _NEVER)
    return (
        type(issued) is int
        and issued <= now_s
        and type(begun) is int
        and begun <= now_s
        and type(until) is int
        and until > now_s
        and isinstance(claims.get("sub"), str)
        and isinstance(claims.get("jti", ""), str)
    )


def storable(visitor: str) -> bool:
    try:
        visitor.encode()  # JSON lets lone surrogates through; no store takes them
    except UnicodeEncodeError:
        return False
    return 0 < len(visitor) <= MAX_VISITOR_LENGTH and "\x00" not in visitor
