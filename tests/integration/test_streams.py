"""Server-sent events: what the holder of a place is told, and when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY

import pytest
from aiohttp import web
from redis.asyncio import Redis

from queue_gateway import events, streams
from queue_gateway.room import ROOMS, Rooms
from shared.passes import PASSES
from shared.places import PLACES, Status
from shared.tokens import Place
from tests.integration.gateways import TOKEN, configure, join, queued
from tests.integration.listening import EVENTS, listening, settled
from tests.integration.services import ORIGIN, Client, served
from tests.waiting import wait_until

OTHER = "/v1/rooms/other"
NEVER_S = 600.0


@pytest.fixture
async def gateway(app: web.Application) -> AsyncIterator[Client]:
    """A gateway with a room of one slot, which is free."""
    async with served(app) as client:
        await configure(client, max_active=1, admit_per_minute=60_000)
        yield client


@pytest.fixture
def rooms(gateway: Client, app: web.Application) -> Rooms:
    return app[ROOMS]


@pytest.fixture
def no_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives arrives because of news."""
    monkeypatch.setattr(streams, "ROUND_S", NEVER_S)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "ROUND_S", 0.05)


async def waiting(gateway: Client, *visitors: str) -> list[dict[str, str]]:
    """The tokens of visitors who wait behind ann."""
    await join(gateway, "ann")
    return [queued(await join(gateway, visitor)) for visitor in visitors]


async def leave(gateway: Client, visitor: str) -> None:
    held = queued(await join(gateway, visitor))
    assert (await gateway.ask("DELETE", TOKEN, headers=held)).status == 204


async def test_the_token_object_comes_at_once(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    async with listening(gateway, held, Origin=ORIGIN) as listener:
        told = await listener.event()
        asked = (await gateway.ask("GET", TOKEN, headers=held)).json
        assert told.keys() == asked.keys()
        assert (told["status"], told["position"], told["state"]) == ("WAIT", 1, "open")
        headers = listener.response.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        assert headers["X-Request-Id"]
        (retry_ms,) = listener.retries_ms
        assert 1000 <= retry_ms <= 6000


async def test_an_open_stream_has_been_timed_when_it_began(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    async with listening(gateway, held) as listener:
        await listener.event()
        counted = (await gateway.ask("GET", "/metrics")).body.decode()
    assert "onsale_streams_open 1.0" in counted
    route = 'route="GET /v1/rooms/{room_id}/token/events"'
    assert f'onsale_requests_total{{{route},status="200"}}' in counted
    assert f"onsale_request_seconds_count{{{route}}}" in counted


async def test_a_stream_needs_the_rooms_token(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    assert (await gateway.ask("GET", EVENTS)).code == "queue_token_required"
    assert (await gateway.ask("GET", EVENTS, headers={"Queue-Token": "x"})).code == (
        "queue_token_invalid"
    )
    elsewhere = await gateway.ask("GET", f"{OTHER}/token/events", headers=held)
    assert (elsewhere.status, elsewhere.code) == (401, "queue_token_invalid")


async def test_the_rooms_cookie_opens_a_stream(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    cookie = {"Cookie": f"onsale_spring-tour={held['Queue-Token']}"}
    async with listening(gateway, cookie) as listener:
        assert (await listener.event())["status"] == "WAIT"


async def test_head_is_answered_like_get_without_a_body(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    answer = await gateway.ask("HEAD", EVENTS, headers=held)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream"


@pytest.mark.usefixtures("no_rounds")
async def test_who_is_admitted_is_told_without_waiting_for_a_round(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    async with listening(gateway, held) as listener:
        assert (await listener.event())["status"] == "WAIT"
        await leave(gateway, "ann")
        told = await listener.until(status="ACTIVE")
        assert told["position"] == 0
        assert told["expires_at"]


@pytest.mark.usefixtures("no_rounds")
async def test_who_is_admitted_from_a_lane_is_told_without_waiting_for_a_round(
    gateway: Client, rooms: Rooms
) -> None:
    await configure(gateway, lanes=[{"lane": "members"}, {"lane": "public"}])
    for visitor, lane in (("ann", "public"), ("bob", "public"), ("cat", "members")):
        await rooms.enter("spring-tour", visitor, lane)
    held = queued(await join(gateway, "cat"))
    async with listening(gateway, held) as listener:
        assert (await listener.event())["lane"] == "members"
        for visitor in ("bob", "ann"):
            await leave(gateway, visitor)
        assert (await listener.until(status="ACTIVE"))["number"] == 3


@pytest.mark.usefixtures("no_rounds")
async def test_what_happens_while_a_stream_opens_is_not_missed(
    gateway: Client, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    bobs, cats = await waiting(gateway, "bob", "cat")
    async with listening(gateway, bobs) as first:
        assert (await first.event())["status"] == "WAIT"
        await settled(app)

        async def before(place: Place) -> Status:
            status = await app[streams.SOURCES].places.status(place)
            await leave(gateway, "cat")
            return status

        monkeypatch.setattr(app[PLACES], "status", before)
        async with listening(gateway, cats) as second:
            assert (await second.event())["status"] == "WAIT"
            assert (await second.event())["reason"] == "left"


@pytest.mark.usefixtures("no_rounds")
async def test_who_waits_is_told_what_becomes_of_the_room(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    opens_at = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    async with listening(gateway, held) as listener:
        assert (await listener.event())["state"] == "open"
        await configure(gateway, state="paused")
        assert (await listener.event())["state"] == "paused"
        await configure(gateway, state="open")
        assert (await listener.event())["state"] == "open"
        await configure(gateway, opens_at=opens_at)
        assert (await listener.event())["opens_at"] == opens_at


async def test_who_waits_is_told_of_every_step_near_the_front(gateway: Client) -> None:
    (held,) = (await waiting(gateway, "bob", "cat", "dan"))[2:]
    async with listening(gateway, held) as listener:
        assert (await listener.event())["position"] == 3
        await leave(gateway, "cat")
        assert (await listener.event())["position"] == 2
        await leave(gateway, "bob")
        assert (await listener.event())["position"] == 1


@pytest.mark.usefixtures("often")
async def test_who_is_about_to_expire_is_told_before_it_ends(gateway: Client) -> None:
    await configure(gateway, active_ttl_s=3)
    held = queued(await join(gateway, "ann"))
    async with listening(gateway, held) as listener:
        first = await listener.event()
        assert first["status"] == "ACTIVE"
        assert await listener.event() == {**first, "poll_after_ms": ANY, "pass": ANY}
        assert (await listener.event())["reason"] == "timed_out"
        assert await listener.event() is None


async def test_who_gets_more_time_is_told(gateway: Client, rooms: Rooms) -> None:
    held = queued(await join(gateway, "ann"))
    async with listening(gateway, held) as listener:
        first = await listener.event()
        await rooms.extend("spring-tour", 600)
        assert (await listener.event())["expires_at"] > first["expires_at"]


@pytest.mark.usefixtures("no_rounds")
async def test_a_stream_ends_with_its_token(gateway: Client, app: web.Application) -> None:
    (held,) = await waiting(gateway, "bob")
    async with listening(gateway, held) as listener:
        await listener.event()
        await settled(app)
        await leave(gateway, "bob")
        told = await listener.event()
        assert (told["status"], told["reason"]) == ("EXPIRED", "left")
        assert await listener.event() is None


@pytest.mark.usefixtures("no_rounds")
async def test_closing_a_room_ends_its_streams(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    async with listening(gateway, held) as listener:
        await listener.event()
        await configure(gateway, state="closed")
        # Who was asked about just before may be shown the closed room first.
        assert (await listener.until(status="EXPIRED"))["reason"] == "closed"
        assert await listener.event() is None


async def test_who_comes_back_after_a_cut_gets_the_present_state(gateway: Client) -> None:
    (held,) = await waiting(gateway, "bob")
    async with listening(gateway, held) as listener:
        await listener.event()
        known = listener.last_event_id
    async with listening(gateway, held, Last_Event_ID=known) as listener:
        assert (await listener.event())["status"] == "WAIT"
    await leave(gateway, "bob")
    async with listening(gateway, held, Last_Event_ID=known) as listener:
        assert (await listener.event())["status"] == "EXPIRED"
        assert await listener.event() is None


async def test_who_knows_that_the_token_has_ended_is_told_to_stop(gateway: Client) -> None:
    first, second = await waiting(gateway, "bob", "cat")
    for visitor in ("bob", "cat"):
        await leave(gateway, visitor)
    async with listening(gateway, first) as listener:
        assert (await listener.event())["status"] == "EXPIRED"
        assert await listener.event() is None
        known = {"Last-Event-ID": listener.last_event_id}
    again = await gateway.ask("GET", EVENTS, headers={**first, **known})
    assert (again.status, again.body) == (204, b"")
    assert (await gateway.ask("GET", EVENTS, headers={**second, **known})).status == 200


@pytest.mark.usefixtures("often")
async def test_who_listens_is_not_idle_and_who_does_not_is(
    gateway: Client, rooms: Rooms, redis: Redis
) -> None:
    await configure(gateway, idle_ttl_s=2)
    # A shorter time lets the sweep rest, for who was promised a longer one; here nobody was.
    await redis.hset("{room:spring-tour}:settings", "idle_rest_until_ms", "0")
    listens, _ = await waiting(gateway, "bob", "cat")
    async with listening(gateway, listens) as listener:
        await listener.event()

        async def idle() -> bool:
            return await rooms.look("spring-tour", "cat") is None

        await wait_until(idle)
        assert await rooms.look("spring-tour", "bob") is not None

    async def idle_too() -> bool:
        return await rooms.look("spring-tour", "bob") is None

    await wait_until(idle_too)


@pytest.mark.usefixtures("often")
async def test_who_listens_claims_and_who_does_not_is_unclaimed(
    gateway: Client, rooms: Rooms
) -> None:
    await configure(gateway, max_active=0, claim_ttl_s=1)
    for visitor in ("bob", "cat"):
        await rooms.enter("spring-tour", visitor)
    held = queued(await join(gateway, "bob"))
    async with listening(gateway, held) as listener:
        await listener.event()
        await configure(gateway, max_active=2)
        await listener.until(status="ACTIVE")

        async def unclaimed() -> bool:
            return await rooms.look("spring-tour", "cat") is None

        await wait_until(unclaimed)
        place = await rooms.look("spring-tour", "bob")
        assert place is not None
        assert place.claimed


async def test_a_quiet_stream_beats(gateway: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    (held,) = await waiting(gateway, "bob")
    async with listening(gateway, held) as listener:
        await listener.event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await listener.event()
        assert listener.comments > 1


async def test_a_pass_is_renewed_before_it_runs_out(
    gateway: Client, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    held = queued(await join(gateway, "ann"))
    async with listening(gateway, held) as listener:
        first = await listener.event()
        now = app[PASSES]._clock
        monkeypatch.setattr(app[PASSES], "_clock", lambda: now() + 90)
        again = await listener.event()
    assert again["pass"] != first["pass"]
    assert again["expires_at"] == first["expires_at"]
