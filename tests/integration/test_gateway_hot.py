"""The hot path: it says what the handlers say, byte by byte, and leaves to them what it should."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisGone

from queue_gateway.app import create_app
from queue_gateway.room import ROOMS
from shared.passes import PASSES
from shared.places import PLACES
from shared.tokens import Place
from shared.web import runner
from tests.integration.gateways import configure
from tests.integration.hot_paths import PLACE, ROOM_ID, SITE, TOKEN, Hot, poll, request, signed
from tests.integration.services import ORIGIN, Client, identity, served, settings
from tests.waiting import wait_until

WAITS = ["WAIT", 7, 28_000, 0, "", ""]
IN_A_LANE = ["WAIT", 7, 28_000, 0, "", "gold"]
INSIDE = ["ACTIVE", 0, 9000, int(time.time() * 1000) + 3_600_000, "", ""]
LEFT = ["EXPIRED", 0, 9000, 0, "left", ""]
FORGOTTEN = ["EXPIRED", 0, 9000, 0, "", ""]

LANES = [{"lane": "gold", "weight": 3}, {"lane": "public", "weight": 1}]
PAUSED: dict[str, Any] = {"state": "paused"}
BEFORE: dict[str, Any] = {"opens_at": "2099-01-01T00:00:00Z"}
LANED: dict[str, Any] = {"lanes": LANES}


@pytest.fixture
async def hot(redis: Redis, app: web.Application) -> AsyncIterator[Hot]:
    async with served(app) as client:
        await configure(client, max_active=1)
        found = Hot(app, client)
        await look(found)
        yield found


async def look(hot: Hot) -> None:
    """Let the room as it is be known."""
    hot.app[ROOMS]._views.forget(ROOM_ID)
    await hot.app[ROOMS].recent_view(ROOM_ID)


def status_of(answer: bytes) -> int:
    return int(answer.split()[1])


async def test_a_poll_is_answered_with_the_same_bytes(hot: Hot) -> None:
    for row in (WAITS, IN_A_LANE, INSIDE, LEFT, FORGOTTEN):
        hot.statuses(row)
        answer, ordinary = await hot.both(poll())
        assert answer == ordinary
        assert status_of(answer) == 200
        assert str(row[0]).encode() in answer


async def test_so_it_is_in_rooms_of_all_kinds(hot: Hot) -> None:
    hot.statuses(IN_A_LANE)
    for changes in (PAUSED, BEFORE, LANED):
        await configure(hot.client, **changes)
        await look(hot)
        answer, ordinary = await hot.both(poll())
        assert answer == ordinary


async def test_so_it_is_however_the_token_comes(hot: Hot) -> None:
    hot.statuses(WAITS)
    for sent in (
        request(Cookie=f"a=b; onsale_{ROOM_ID}={signed()}; onsale_other=x"),
        poll(Cookie=f"onsale_{ROOM_ID}=not-this-one"),
        poll(Origin=ORIGIN),
        poll(Origin="http://elsewhere.example"),
        poll(Accept="text/html", Connection="keep-alive", X_Forwarded_Proto="https"),
    ):
        answer, ordinary = await hot.both(sent)
        assert answer == ordinary
        assert status_of(answer) == 200


GIVEN = [42, 7]
JOINED = ["new", *GIVEN, *WAITS]


def join(**headers: str) -> bytes:
    return request("POST", Authorization=f"Bearer {identity('ann')}", **headers)


async def test_a_join_is_answered_with_the_same_bytes(hot: Hot) -> None:
    outcomes: list[tuple[list[Any], int]] = [
        (JOINED, 201),
        (["new", *GIVEN, *INSIDE], 201),
        (["held", *GIVEN, *IN_A_LANE], 200),
        (["closed", ""], 409),
        (["closed", "sold_out"], 409),
        (["busy", ""], 503),
        ([None], 404),
    ]
    for row, status in outcomes:
        hot.joins(row)
        answer, ordinary = await hot.both(join())
        assert answer == ordinary
        assert status_of(answer) == status
        assert (b"Set-Cookie: onsale_spring-tour=" in answer) == (status < 300)


async def test_so_it_is_however_the_identity_comes(hot: Hot) -> None:
    hot.joins(JOINED)
    for sent in (
        join(Content_Length="0"),
        join(Origin=ORIGIN),
        join(Origin="http://elsewhere.example"),
        join(X_Forwarded_Proto="https"),
        request("POST", Cookie=f"onsale_identity={identity('ann')}", Origin=f"http://{SITE}"),
    ):
        answer, ordinary = await hot.both(sent)
        assert answer == ordinary
        assert status_of(answer) == 201


async def test_so_it_is_in_a_room_that_names_its_visitors(hot: Hot) -> None:
    await configure(hot.client, identity="anonymous")
    await look(hot)
    hot.joins(JOINED)
    answer, ordinary = await hot.both(request("POST", Queue_Token=signed()))
    assert answer == ordinary
    assert status_of(answer) == 201


async def test_without_a_token_such_a_room_gives_a_new_name(hot: Hot) -> None:
    await configure(hot.client, identity="anonymous")
    await look(hot)
    async with hot.line() as line:
        answers = {await line.ask(request("POST")) for _ in range(2)}
    assert hot.taken == [True, True]
    assert [status_of(answer) for answer in answers] == [201, 201]
    assert all(b"new" not in answer for answer in answers)


async def test_what_fails_is_the_same_problem(hot: Hot) -> None:
    asked = (poll(), poll(Origin=ORIGIN), join())
    for error, status, sents in (
        (RedisGone("gone"), 503, asked),
        (ValueError("a mistake"), 500, asked[:1]),
    ):
        hot.statuses(WAITS).fail(error)
        hot.joins(JOINED).fail(error)
        for sent in sents:
            answer, ordinary = await hot.both(sent)
            assert answer == ordinary
            assert status_of(answer) == status
            assert b"application/problem+json" in answer


async def test_a_mistake_of_ours_while_answering_is_a_problem_too(
    hot: Hot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    hot.statuses(INSIDE)
    monkeypatch.setattr(hot.app[PASSES], "sign", fail)
    answer, ordinary = await hot.both(poll())
    assert answer == ordinary
    assert status_of(answer) == 500


async def test_a_room_that_was_not_looked_at_lately_is_looked_at(hot: Hot) -> None:
    hot.statuses(WAITS)
    async with hot.line() as line:
        hot.app[ROOMS]._views.forget(ROOM_ID)
        answer = await line.ask(poll())
        assert hot.taken == [True]
        hot.app[ROOMS]._views.forget(ROOM_ID)

        async def gone(*_: object) -> None:
            raise RedisGone

        hot.app[ROOMS]._view = gone  # type: ignore[assignment]
        refused = await line.ask(poll())
    assert status_of(answer) == 200
    assert status_of(refused) == 503
    assert hot.taken == [True, True]


OTHERS = signed(Place("autumn-tour", "ann", 7, 42))
FORGED = signed()[:-4] + "AAAA"


ORDINARY: list[tuple[bytes, int]] = [
    (request(), 401),
    (request(Queue_Token=FORGED), 401),
    (request(Queue_Token=OTHERS), 401),
    (request(Queue_Token=FORGED, Cookie=f"onsale_{ROOM_ID}={signed()}"), 401),
    (request("POST"), 401),
    (request("POST", Authorization="Bearer nonsense"), 401),
    (request("POST", Authorization=f"Basic {identity('ann')}"), 401),
    (request("POST", Cookie=f"onsale_identity={identity('ann')}"), 403),
    (
        request("POST", Cookie=f"onsale_identity={identity('ann')}", Origin="http://elsewhere"),
        403,
    ),
    (request("DELETE", path=TOKEN, Queue_Token=FORGED), 401),
    (request("HEAD", Queue_Token=signed()), 200),
    (request("PUT", Queue_Token=signed()), 405),
    (request(path=f"{TOKEN}?again=1", Queue_Token=signed()), 200),
    (request(path="/v1/rooms/spring%2Dtour/token", Queue_Token=signed()), 200),
    (request(path="/v1/rooms/UPPER/token", Queue_Token=signed()), 401),
    (request(path=f"/v1/rooms/{ROOM_ID}"), 200),
    (join(Content_Length="2") + b"{}", 201),
    (poll(Connection="close"), 200),
    (request(version="1.0", Queue_Token=signed()), 200),
    (poll(Expect="nonsense"), 400),
    (b"nonsense\r\n\r\n", 400),
]


async def test_what_is_not_plain_and_good_goes_the_ordinary_way(hot: Hot) -> None:
    hot.statuses(WAITS)
    hot.joins(JOINED)
    for sent, status in ORDINARY:
        async with hot.line() as line:
            answer = await line.ask(sent)
        assert not any(hot.taken), sent
        assert status_of(answer) == status, sent


async def test_a_connection_that_is_to_be_closed_is_closed(hot: Hot) -> None:
    hot.statuses(WAITS)
    async with hot.line() as line:
        assert status_of(await line.ask(poll())) == 200
        assert status_of(await line.ask(poll(Connection="close"))) == 200
        async with asyncio.timeout(60):
            assert await line.reader.read() == b""
    assert hot.taken == [True]


async def test_requests_that_come_at_once_are_answered_in_their_order(hot: Hot) -> None:
    hot.statuses(WAITS)
    async with hot.line() as line:
        line.writer.write(poll() + request(path="/healthz") + request() + poll())
        answers = [await line.answer() for _ in range(4)]
        last = await line.ask(poll())
    assert [status_of(answer) for answer in answers] == [200, 200, 401, 200]
    assert (b'"WAIT"' in answers[0], b'"WAIT"' in answers[1]) == (True, False)
    assert last == answers[0]
    assert hot.taken[-1]


async def test_what_comes_while_an_answer_is_under_way_waits_for_it(hot: Hot) -> None:
    store = hot.statuses(WAITS)
    store.go.clear()
    async with hot.line() as line:
        line.writer.write(poll())
        await begun(store)
        line.writer.write(request(path=f"/v1/rooms/{ROOM_ID}") + request())
        async with hot.line() as other:  # by then, the first two have been read
            assert status_of(await other.ask(request(path="/readyz"))) == 200
        store.go.set()
        answers = [await line.answer() for _ in range(3)]
    assert [status_of(answer) for answer in answers] == [200, 200, 401]
    assert b'"WAIT"' in answers[0]


async def test_who_goes_away_is_not_waited_for(hot: Hot) -> None:
    store = hot.statuses(WAITS)
    store.go.clear()
    async with hot.line() as gone, hot.line() as stays:
        gone.writer.write(poll())
        await begun(store)
        stays.writer.write(poll())
        gone.writer.transport.abort()

        async def asked() -> bool:
            return len(hot.taken) == 2

        await wait_until(asked)
        store.go.set()
        assert status_of(await stays.answer()) == 200
        assert status_of(await stays.ask(poll())) == 200
    assert hot.taken == [True] * 3


async def test_a_failed_call_is_a_problem_for_those_in_it_alone(hot: Hot) -> None:
    store = hot.statuses(WAITS)
    store.fail(RedisGone("gone"))
    store.go.clear()
    async with hot.line() as first, hot.line() as second:
        first.writer.write(poll())
        await begun(store)
        store.error = None
        second.writer.write(poll())

        async def asked() -> bool:
            return len(hot.taken) == 2

        await wait_until(asked)
        store.go.set()
        answers = [await line.answer() for line in (first, second)]
    assert [status_of(answer) for answer in answers] == [503, 200]


async def test_those_who_wait_for_the_store_are_a_bounded_number(hot: Hot) -> None:
    store = hot.statuses(WAITS)
    hot.app[PLACES].together._waiting = 1
    store.go.clear()
    async with hot.line() as first, hot.line() as second, hot.line() as third:
        first.writer.write(poll())
        await begun(store)
        second.writer.write(poll())

        async def asked() -> bool:
            return len(hot.taken) == 2

        await wait_until(asked)
        refused = await third.ask(poll())
        assert hot.taken == [True, True, False]
        store.go.set()
        answers = [await line.answer() for line in (first, second)]
    assert status_of(refused) == 503
    assert [status_of(answer) for answer in answers] == [200, 200]


async def test_a_shutdown_waits_for_an_answer_under_way(
    redis: Redis, redis_url: str, database_url: str
) -> None:
    app = create_app(settings(redis_url, database_url))
    serving = runner(app, shutdown_timeout_s=60)
    await serving.setup()
    await web.TCPSite(serving, "127.0.0.1", 0).start()
    host, port = serving.addresses[0][:2]
    hot = Hot(app, Client(None, f"http://{host}:{port}"))  # type: ignore[arg-type]
    await app[ROOMS].configure(ROOM_ID, {"max_active": 1})
    store = hot.statuses(WAITS)
    store.go.clear()
    async with hot.line() as line:
        line.writer.write(poll())
        await begun(store)
        ending = asyncio.create_task(serving.cleanup())

        async def refuses() -> bool:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                return True
            writer.close()
            return False

        await wait_until(refuses)
        store.go.set()
        assert status_of(await line.answer()) == 200
        async with asyncio.timeout(60):
            assert await line.reader.read() == b""
            await ending


async def test_answers_of_the_hot_path_are_counted(hot: Hot) -> None:
    async def counted() -> float:
        text = (await hot.client.ask("GET", "/metrics")).body.decode()
        name = 'onsale_requests_total{route="GET /v1/rooms/{room_id}/token",status="200"}'
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    hot.statuses(WAITS)
    before = await counted()
    async with hot.line() as line:
        for _ in range(3):
            await line.ask(poll())
    assert hot.taken == [True] * 3
    assert await counted() == before + 3


async def begun(store: Any) -> None:
    """Wait until the store was asked."""

    async def asked() -> bool:
        return bool(store.calls)

    await wait_until(asked)


def test_the_place_is_the_one_that_the_row_is_of() -> None:
    assert (PLACE.number, PLACE.generation) == tuple(GIVEN)
