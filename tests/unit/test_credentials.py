"""Where a request carries who it is, and what a cookie alone is not good for."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from shared.credentials import (
    ADMIN_KEYS,
    IDENTITIES,
    identity,
    queue_token,
    require_operator,
    require_same_origin,
)
from shared.errors import (
    Forbidden,
    IdentityInvalid,
    IdentityRequired,
    OperatorInvalid,
    OperatorRequired,
)
from shared.identity import Identities
from shared.operators import operator_keys

IDENTITY = Identities(("a-secret-of-the-tests-that-is-long-enough",))
ANN, BOB = IDENTITY.sign("ann"), IDENTITY.sign("bob")
KEYS = ("the-operators-key-of-today", "the-operators-key-of-tomorrow")
SITE = "https://shop.example"


def request(method: str = "GET", **headers: str) -> web.Request:
    """A request to shop.example with these headers; `_` stands for '-'."""
    app = web.Application()
    app[IDENTITIES] = IDENTITY
    app[ADMIN_KEYS] = operator_keys(",".join(KEYS))
    sent = {"Host": "shop.example", **{k.replace("_", "-"): v for k, v in headers.items()}}
    made: Any = make_mocked_request(method, "/", headers=sent, app=app)
    return made  # type: ignore[no-any-return]


def test_an_identity_comes_in_its_header_or_its_cookie() -> None:
    assert identity(request(Authorization=f"Bearer {ANN}")) == "ann"
    assert identity(request(Authorization=f"bearer  {ANN} ")) == "ann"
    assert identity(request(Cookie=f"onsale_identity={ANN}")) == "ann"
    assert identity(request("POST", Cookie=f"onsale_identity={ANN}", Origin=SITE)) == "ann"


def test_the_header_wins_and_a_wrong_header_is_not_made_good_by_a_cookie() -> None:
    cookie = f"onsale_identity={BOB}; onsale_room-a=b"
    assert identity(request(Authorization=f"Bearer {ANN}", Cookie=cookie)) == "ann"
    assert queue_token(request(Queue_Token="a", Cookie=cookie), "room-a") == "a"
    assert queue_token(request(Queue_Token="", Cookie=cookie), "room-a") == ""
    with pytest.raises(IdentityInvalid):
        identity(request(Authorization="Bearer x", Cookie=cookie))


def test_nobody_is_nobody() -> None:
    with pytest.raises(IdentityRequired):
        identity(request())
    with pytest.raises(IdentityRequired):
        identity(request(Cookie="onsale_room-a=a"))
    with pytest.raises(OperatorRequired):
        require_operator(request())
    assert queue_token(request()) is None
    assert queue_token(request(), "room-a") is None


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "Bearer,"])
def test_another_scheme_than_bearer_is_refused(scheme: str) -> None:
    with pytest.raises(IdentityInvalid):
        identity(request(Authorization=f"{scheme} {ANN}"))
    with pytest.raises(OperatorInvalid):
        require_operator(request(Authorization=f"{scheme} {KEYS[0]}"))


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer   "])
def test_a_bearer_of_nothing_is_refused(header: str) -> None:
    with pytest.raises(OperatorInvalid):
        require_operator(request(Authorization=header))
    with pytest.raises(IdentityInvalid):
        identity(request(Authorization=header))


def test_every_operators_key_is_good_and_nothing_else() -> None:
    for key in KEYS:
        require_operator(request(Authorization=f"Bearer {key}"))
    for wrong in (KEYS[0][:-1], KEYS[0] + "x", KEYS[0].upper(), ",".join(KEYS), ANN, "ü"):
        with pytest.raises(OperatorInvalid):
            require_operator(request(Authorization=f"Bearer {wrong}"))


def test_an_operators_key_in_a_cookie_is_none() -> None:
    with pytest.raises(OperatorRequired):
        require_operator(request(Cookie=f"onsale_identity={KEYS[0]}; onsale_admin={KEYS[0]}"))


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://evil-shop.example",
        "https://shop.example:8443",
        "shop.example",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_cookie_from_another_sites_page_is_forbidden(method: str, origin: str | None) -> None:
    sent = {} if origin is None else {"Origin": origin}
    with pytest.raises(Forbidden):
        identity(request(method, Cookie=f"onsale_identity={ANN}", **sent))
    for room_id in (None, "room-a"):
        with pytest.raises(Forbidden):
            queue_token(request(method, Cookie="onsale_room-a=a", **sent), room_id)


def test_no_origin_and_no_host_are_not_the_same_site() -> None:
    for sent in ({}, {"Origin": "null"}, {"Origin": "https://"}):
        with pytest.raises(Forbidden):
            require_same_origin(request("POST", Host="", **sent))


def test_reading_with_a_cookie_needs_no_origin() -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        require_same_origin(request(method, Origin="https://evil.example"))


def test_headers_are_proof_of_intent_from_anywhere() -> None:
    sent = {"Origin": "https://other.example"}
    assert identity(request("POST", Authorization=f"Bearer {ANN}", **sent)) == "ann"
    assert queue_token(request("POST", Queue_Token="a", **sent), "room-a") == "a"


def test_a_queue_cookie_is_that_of_the_room_or_the_only_one() -> None:
    both = "onsale_room-a=a; onsale_room-b=b"
    assert queue_token(request(Cookie=both), "room-b") == "b"
    assert queue_token(request(Cookie=both), "room-c") is None
    assert queue_token(request(Cookie=both)) is None
    assert queue_token(request(Cookie="onsale_room-a=a; other=1")) == "a"
    assert queue_token(request(Cookie=f"onsale_identity={ANN}; onsale_room-a=a")) == "a"
    assert queue_token(request(Cookie=f"onsale_identity={ANN}")) is None
