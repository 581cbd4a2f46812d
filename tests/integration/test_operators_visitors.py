"""Operators let visitors in, look at one, revoke one, and give everybody more time."""

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from redis.asyncio import Redis
from yarl import URL

from queue_gateway.room import Rooms
from tests.integration.gateways import ADMIN, TOKEN, configure, join, queued
from tests.integration.services import Answer, Client
from tests.waiting import wait_until

#: As good as no rate: beside the first one, nobody comes in but by hand.
SHUT = {"max_active": 5, "admit_per_minute": 0}


async def let_in(gateway: Client, count: Any) -> Answer:
    return await gateway.as_operator("POST", f"{ADMIN}/admissions", json={"count": count})


def token_path(visitor: str) -> str:
    return f"{ADMIN}/tokens/{quote(visitor, safe='')}"


async def ask_of(gateway: Client, method: str, visitor: str, query: str = "") -> Answer:
    url = URL(f"{gateway.url}{token_path(visitor)}{query}", encoded=True)
    headers = {"Authorization": "Bearer operator-key-of-the-tests"}
    async with gateway.session.request(method, url, headers=headers) as response:
        body = await response.read()
        return Answer(response.status, response.headers, body, await response.json() if body else 0)


async def statuses(gateway: Client, *joined: Answer) -> list[str]:
    return [(await gateway.ask("GET", TOKEN, headers=queued(one))).json["status"] for one in joined]


async def test_by_hand_the_first_ones_come_in_whatever_the_rate(gateway: Client) -> None:
    await configure(gateway, **SHUT)
    joined = [await join(gateway, f"v{number}") for number in range(4)]
    assert {one.json["status"] for one in joined[1:]} == {"WAIT"}
    waiting = sum(one.json["status"] == "WAIT" for one in joined)

    done = await let_in(gateway, waiting - 1)

    assert (done.status, done.json["admitted"], done.json["waiting"]) == (200, waiting - 1, 1)
    assert await statuses(gateway, *joined) == ["ACTIVE"] * 3 + ["WAIT"]


async def test_by_hand_nobody_comes_in_above_the_cap(gateway: Client) -> None:
    await configure(gateway, max_active=0, admit_per_minute=0)
    joined = [await join(gateway, f"v{number}") for number in range(4)]
    assert (await let_in(gateway, 3)).json == {"admitted": 0, "waiting": 4, "active": 0}
    await configure(gateway, max_active=2)

    done = (await let_in(gateway, 3)).json
    assert (done["waiting"], done["active"]) == (2, 2)
    assert (await let_in(gateway, 1)).json["admitted"] == 0
    assert await statuses(gateway, *joined) == ["ACTIVE"] * 2 + ["WAIT"] * 2


async def test_by_hand_more_come_in_than_one_round_takes(gateway: Client, redis: Redis) -> None:
    await configure(gateway, max_active=0, admit_per_minute=0)
    rooms = Rooms(redis)
    for batch in range(25):
        await asyncio.gather(*(rooms.enter("spring-tour", f"{batch}.{n}") for n in range(100)))
    await configure(gateway, max_active=10_000)

    done = await let_in(gateway, 2400)

    assert (done.json["admitted"], done.json["waiting"] // 10) in [(2400, 9), (2400, 10)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": "paused"}, "paused"),
        ({"state": "closed"}, "closed"),
        ({"opens_at": "2999-01-01T00:00:00Z"}, "not opened"),
        ({"state": "draining", "opens_at": "2999-01-01T00:00:00Z"}, "not opened"),
    ],
)
async def test_a_room_that_admits_nobody_admits_nobody_by_hand(
    gateway: Client, changes: dict[str, Any], why: str
) -> None:
    await configure(gateway, max_active=0)
    joined = await join(gateway, "ann")
    await configure(gateway, max_active=5, admit_per_minute=0, **changes)

    refused = await let_in(gateway, 1)

    assert (refused.status, refused.code) == (409, "room_closed")
    assert why in refused.json["detail"]
    assert await statuses(gateway, joined) in (["WAIT"], ["EXPIRED"])


async def test_by_hand_a_draining_room_still_admits(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    joined = await join(gateway, "ann")
    await configure(gateway, max_active=5, admit_per_minute=0, state="draining")

    await let_in(gateway, 1)

    assert await statuses(gateway, joined) == ["ACTIVE"]


@pytest.mark.parametrize(
    "body", [{}, {"count": 0}, {"count": 1_000_001}, {"count": 1.5}, {"count": 1, "more": 1}, []]
)
async def test_a_count_out_of_range_lets_nobody_in(gateway: Client, body: Any) -> None:
    await configure(gateway)
    answer = await gateway.as_operator("POST", f"{ADMIN}/admissions", json=body)
    assert (answer.status, answer.code) == (422, "validation_failed")


async def test_a_look_at_a_visitor_claims_nothing(gateway: Client) -> None:
    await configure(gateway, max_active=0, claim_ttl_s=60)
    ann, bob = await join(gateway, "ann"), await join(gateway, "bob")

    waits = (await ask_of(gateway, "GET", "bob")).json
    assert (waits["status"], waits["number"], waits["position"]) == ("WAIT", 2, 2)
    await configure(gateway, max_active=1)

    async def admitted() -> Any:
        found = (await ask_of(gateway, "GET", "ann")).json
        return found if found["status"] == "ACTIVE" else None

    seen = await wait_until(admitted)
    assert (seen["claimed"], seen["position"], seen["reason"]) == (False, 0, None)
    asked = await gateway.ask("GET", TOKEN, headers=queued(ann))
    again = (await ask_of(gateway, "GET", "ann")).json
    assert (again["claimed"], again["expires_at"]) == (True, asked.json["expires_at"])
    assert again["jti"].endswith(f".{ann.json['number']}")
    assert bob.json["status"] == "WAIT"


async def test_a_visitors_last_token_is_told_with_its_reason(gateway: Client) -> None:
    await configure(gateway)
    first = await join(gateway, "ann")
    assert (await ask_of(gateway, "GET", "bob")).code == "not_found"
    for _ in range(2):
        await gateway.ask("DELETE", TOKEN, headers=queued(first))
        last, first = first, await join(gateway, "ann")
    await gateway.ask("DELETE", TOKEN, headers=queued(first))

    async def written() -> Any:
        answer = await ask_of(gateway, "GET", "ann")
        return answer.json if answer.status == 200 and answer.json["reason"] else None

    found = await wait_until(written)
    assert (found["status"], found["reason"], found["number"]) == ("EXPIRED", "left", 3)
    assert (found["position"], found["expires_at"], found["claimed"]) == (None, None, False)
    assert last.json["number"] == 2


@pytest.mark.parametrize(
    "visitor", ["login|42", "a/b", "Jürgen Müller", "..", "a%2Fb", "{x}", "?a=b#c", "x" * 255, "/"]
)
async def test_a_visitor_is_called_by_any_name(gateway: Client, visitor: str) -> None:
    await configure(gateway)
    joined = await join(gateway, visitor)
    assert joined.status == 201

    found = await ask_of(gateway, "GET", visitor)
    gone = await ask_of(gateway, "DELETE", visitor)

    assert (found.json["visitor"], found.json["status"]) == (visitor, "ACTIVE")
    assert gone.status == 204
    state = (await gateway.ask("GET", TOKEN, headers=queued(joined))).json
    assert (state["status"], state["reason"]) == ("EXPIRED", "revoked")


@pytest.mark.parametrize("visitor", ["x" * 256, "a\x00b", "\x00"])
async def test_nobody_is_called_like_that(gateway: Client, visitor: str) -> None:
    await configure(gateway)
    for method in ("GET", "DELETE"):
        answer = await ask_of(gateway, method, visitor)
        assert (answer.status, answer.code) == (404, "not_found")


async def test_revoking_is_repeatable_and_ends_the_live_place_alone(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    before = await join(gateway, "ann")
    assert (await ask_of(gateway, "DELETE", "ann")).status == 204
    assert (await ask_of(gateway, "DELETE", "ann")).status == 204
    assert (await ask_of(gateway, "DELETE", "somebody-else")).status == 204
    again = await join(gateway, "ann")

    assert (again.status, again.json["number"]) == (201, 2)
    assert await statuses(gateway, before, again) == ["EXPIRED", "WAIT"]
    assert (await gateway.as_operator("DELETE", f"{ADMIN}x/tokens/ann")).code == "not_found"


async def test_a_visitor_who_joins_anew_while_being_revoked_is_revoked(
    gateway: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look finds a place that is another one by the time it is to be ended."""
    await configure(gateway, max_active=0)
    joined = [await join(gateway, "ann")]
    look, left = Rooms.look, [2]

    async def and_then_it_changes(self: Rooms, room_id: str, visitor: str) -> Any:
        found = await look(self, room_id, visitor)
        if left[0]:
            left[0] -= 1
            await gateway.ask("DELETE", TOKEN, headers=queued(joined[-1]))
            joined.append(await join(gateway, visitor))
        return found

    monkeypatch.setattr(Rooms, "look", and_then_it_changes)
    assert (await ask_of(gateway, "DELETE", "ann")).status == 204

    reasons = [
        (await gateway.ask("GET", TOKEN, headers=queued(one))).json["reason"] for one in joined
    ]
    assert reasons == ["left", "left", "revoked"]


async def test_an_extension_gives_everybody_inside_more_time(gateway: Client) -> None:
    await configure(gateway, max_active=2, active_ttl_s=300, admit_per_minute=6000)
    joined = [await join(gateway, visitor) for visitor in ("ann", "bob", "cat")]

    async def expiries() -> list[Any]:
        answers = [await gateway.ask("GET", TOKEN, headers=queued(one)) for one in joined]
        ends = [one.json["expires_at"] for one in answers]
        return ends if ends[0] and ends[1] else []

    before = await wait_until(expiries)
    answer = await gateway.as_operator("POST", f"{ADMIN}/extension", json={"seconds": 600})
    after = await expiries()

    assert (answer.status, answer.json) == (200, {"active": 2})
    for old, new in zip(before[:2], after[:2], strict=True):
        longer = datetime.fromisoformat(new) - datetime.fromisoformat(old)
        assert longer.total_seconds() == pytest.approx(600, abs=0.01)
    assert (before[2], after[2]) == (None, None)


@pytest.mark.parametrize(
    "body", [{}, {"seconds": 0}, {"seconds": 86_401}, {"seconds": "60"}, {"seconds": 1, "count": 1}]
)
async def test_an_extension_out_of_range_moves_nothing(gateway: Client, body: Any) -> None:
    await configure(gateway)
    answer = await gateway.as_operator("POST", f"{ADMIN}/extension", json=body)
    assert (answer.status, answer.code) == (422, "validation_failed")
