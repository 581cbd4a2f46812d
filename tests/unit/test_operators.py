"""Operators' keys: names, keys that only read, and what is no key."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from shared.credentials import ADMIN_KEYS, require_operator
from shared.errors import Forbidden, OperatorInvalid
from shared.operators import Operator, full_key, operator_keys
from shared.settings import Environment, SettingError

ANN, BOB, BARE = "a-key-of-anns-own", "a-key-of-bobs-own", "c29tZSBiYXNlNjQga2V5IQ=="
KEYS = f"ann={ANN}, bob/read={BOB} ,{BARE}"


def request(method: str, key: str, keys: str = KEYS) -> web.Request:
    app = web.Application()
    app[ADMIN_KEYS] = operator_keys(keys)
    headers = {"Authorization": f"Bearer {key}"}
    made: Any = make_mocked_request(method, "/", headers=headers, app=app)
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(("key", "name"), [(ANN, "ann"), (BOB, "bob"), (BARE, "operator")])
def test_an_operator_is_known_by_the_name_of_the_key(key: str, name: str) -> None:
    assert require_operator(request("GET", key)).name == name


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_key_for_reading_changes_nothing(method: str) -> None:
    for reads in ("GET", "HEAD"):
        assert require_operator(request(reads, BOB)) == Operator("bob", may_write=False)
    with pytest.raises(Forbidden) as refused:
        require_operator(request(method, BOB))

    assert BOB not in str(refused.value)
    assert require_operator(request(method, ANN)).may_write
    assert require_operator(request(method, BARE)).may_write


@pytest.mark.parametrize("wrong", [f"ann={ANN}", f"bob/read={BOB}", "ann", BARE.rstrip("="), KEYS])
def test_a_name_is_no_part_of_a_key(wrong: str) -> None:
    with pytest.raises(OperatorInvalid):
        require_operator(request("GET", wrong))


def test_a_key_that_ends_like_base64_has_no_name() -> None:
    for key in ("MDEyMzQ1Njc4OWFiY2Q=", "ab+/ab+/ab+/ab+/ab+/aQ=="):
        assert [(k.key, k.operator.name) for k in operator_keys(key)] == [(key, "operator")]
    (named,) = operator_keys(f"eve={BARE}")
    assert (named.key, named.operator.name) == (BARE, "eve")


@pytest.mark.parametrize(
    "bad",
    [
        ",",
        "short",
        "ann=short",
        "ann/read=",
        "ann-who-only-reads/read=",
        "=a-key-without-its-name",
        "/read=a-key-without-its-name",
        "ann smith=a-key-of-anns-own",
        "ann/write=a-key-of-anns-own",
        f"ann={ANN},bob={ANN}",
        f"ann={ANN},ann/read={ANN}",
        f"{ANN},ann/read={ANN}",
        f"ann={ANN},short",
    ],
)
def test_bad_keys_are_refused_by_the_name_of_their_variable(bad: str) -> None:
    with pytest.raises(SettingError, match=r"^ONSALE_ADMIN_KEY ") as refused:
        Environment({"ONSALE_ADMIN_KEY": bad}).operators("ONSALE_ADMIN_KEY")

    assert "short" not in str(refused.value)
    assert "key-of-anns" not in str(refused.value)


def test_no_text_of_a_key_shows_it() -> None:
    assert ANN not in repr(operator_keys(KEYS))


def test_our_own_commands_use_the_first_key_that_may_write() -> None:
    assert full_key(operator_keys(f"bob/read={BOB},ann={ANN},{BARE}")) == ANN
    with pytest.raises(ValueError, match="only"):
        full_key(operator_keys(f"bob/read={BOB}"))
