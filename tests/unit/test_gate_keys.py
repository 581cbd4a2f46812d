"""How a gate comes by the gateway's keys, and that it does without the gateway once it has them."""

import asyncio
import json
from typing import Any

import pytest

from onsale.gate.carrying import carried
from onsale.gate.keys import KeysUnreadable, PublicKeys, parsed
from onsale.gate.passes import PassRefused, Verifier
from shared.passes import Passes
from shared.tokens import Place
from tests.integration.services import PASS_KEY
from tests.unit.test_passes import OTHER_KEY, signed

PLACE = Place("spring-tour", "ann", 7, 3)
FOREVER_MS = 1 << 62


class Gateway:
    """Publishes keys, or is away."""

    def __init__(self, *keys: str):
        self.passes = Passes(keys)
        self.away = False
        self.asked: list[str] = []
        self.now = 0.0
        self.slow: asyncio.Event | None = None

    async def read(self, url: str) -> PublicKeys:
        self.asked.append(url)
        if self.slow is not None:
            await self.slow.wait()
        if self.away:
            raise OSError
        return parsed(self.document())

    def document(self) -> bytes:
        return json.dumps(self.passes.jwks()).encode()

    def verifier(self) -> Verifier:
        return Verifier("http://gw/", "spring-tour", read=self.read, clock=lambda: self.now)

    def sign(self) -> str:
        return signed(self.passes, PLACE, FOREVER_MS)


async def refused(verifier: Verifier, found: str) -> tuple[int, str]:
    with pytest.raises(PassRefused) as why:
        await verifier.visitor(found)
    return why.value.status, why.value.code


async def settled() -> None:
    """Let what goes on in the background go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_keys_are_read_once_for_many_passes() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()
    found = gateway.sign()

    for _ in range(3):
        assert await verifier.visitor(found) == "ann"
    assert gateway.asked == ["http://gw/.well-known/jwks.json"]


async def test_a_crowd_at_the_start_reads_the_keys_once() -> None:
    gateway = Gateway(PASS_KEY)
    gateway.slow = asyncio.Event()
    verifier = gateway.verifier()
    crowd = [asyncio.create_task(verifier.visitor(gateway.sign())) for _ in range(20)]
    await settled()
    gateway.slow.set()

    assert await asyncio.gather(*crowd) == ["ann"] * 20
    assert len(gateway.asked) == 1


async def test_old_keys_are_renewed_while_nobody_waits() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()
    found = gateway.sign()
    await verifier.visitor(found)
    gateway.now += 300
    gateway.slow = asyncio.Event()  # an answer that never comes

    assert await asyncio.wait_for(verifier.visitor(found), 5) == "ann"
    await settled()
    assert len(gateway.asked) == 2
    gateway.slow.set()
    await settled()


async def test_a_gate_does_without_the_gateway_once_it_has_keys() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()
    found = gateway.sign()
    await verifier.visitor(found)
    gateway.away = True

    for _ in range(3):
        gateway.now += 300
        assert await verifier.visitor(found) == "ann"
        await settled()
    assert len(gateway.asked) == 4


async def test_without_keys_one_is_asked_to_try_again_and_soon_gets_in() -> None:
    gateway = Gateway(PASS_KEY)
    gateway.away = True
    verifier = gateway.verifier()
    found = gateway.sign()

    assert await refused(verifier, found) == (503, "unavailable")
    gateway.away = False
    assert await refused(verifier, found) == (503, "unavailable")
    gateway.now += 1
    assert await verifier.visitor(found) == "ann"
    assert len(gateway.asked) == 2


async def test_keys_are_turned_over_without_a_refusal() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()
    old = gateway.sign()
    await verifier.visitor(old)

    gateway.passes = Passes((PASS_KEY, OTHER_KEY))
    gateway.now += 300
    await verifier.visitor(old)
    await settled()
    gateway.passes = Passes((OTHER_KEY, PASS_KEY))
    assert await verifier.visitor(gateway.sign()) == "ann"
    assert await verifier.visitor(old) == "ann"
    assert len(gateway.asked) == 2


async def test_an_unknown_key_makes_us_ask_but_not_all_the_time() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()
    await verifier.visitor(gateway.sign())
    forged = signed(Passes((OTHER_KEY,)), PLACE, FOREVER_MS)

    for now, asked in ((9.9, 1), (10.0, 2), (10.1, 2), (19.9, 2), (20.0, 3)):
        gateway.now = now
        assert await refused(verifier, forged) == (403, "pass_invalid")
        assert len(gateway.asked) == asked


async def test_a_new_key_is_found_when_it_signs() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()
    await verifier.visitor(gateway.sign())
    gateway.passes = Passes((OTHER_KEY,))
    gateway.now += 10

    assert await verifier.visitor(gateway.sign()) == "ann"


async def test_what_cannot_be_a_pass_asks_nobody() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()

    endless = gateway.sign() + "A" * 9_000
    for nonsense in ("x", "x.y.z", "x" * 10_000, endless):
        assert await refused(verifier, nonsense) == (403, "pass_invalid")
    assert gateway.asked == []


async def test_a_gateway_without_keys_takes_its_passes_back() -> None:
    gateway = Gateway(PASS_KEY)
    verifier = gateway.verifier()
    found = gateway.sign()
    await verifier.visitor(found)
    gateway.passes = Passes(())
    gateway.now += 300
    await verifier.visitor(found)
    await settled()

    assert await refused(verifier, found) == (503, "unavailable")


def test_visitors_are_sent_where_they_can_join() -> None:
    assert Verifier("http://gw/", "shop").join_url == "http://gw/v1/rooms/shop/token"
    assert Verifier("http://gw", "shop", join_url="/wait").join_url == "/wait"


@pytest.mark.parametrize("host", ["", None])
def test_no_origin_and_no_host_are_not_the_same_site(host: str | None) -> None:
    sent = {"cookie": "onsale_pass_spring-tour=x", "host": host}
    with pytest.raises(PassRefused):
        carried("POST", sent.get, "spring-tour")


def key(**changes: Any) -> dict[str, Any]:
    (found,) = Passes((PASS_KEY,)).jwks()["keys"]
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"keys": 7}',
        b'{"keys": [7]}',
        b"x" * 1000,
    ],
)
def test_what_is_no_key_set_of_ours_is_refused(document: bytes) -> None:
    with pytest.raises(KeysUnreadable):
        parsed(document)


def test_only_named_keys_for_eddsa_are_kept() -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"}
    short = {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "short"}
    signs = {**secret, "kid": "signs", "crv": "Ed25519"}
    document = {"keys": [secret, key(kid=None), key(crv="X25519"), short, signs, key()]}
    assert list(parsed(json.dumps(document).encode())) == [key()["kid"]]
