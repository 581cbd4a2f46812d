"""Load on a running stack: a line of pollers, and buyers who go the whole way.

Finds the services in `<ONSALE_HOME>/stack.json`, or in ONSALE_GATEWAY_URL, ONSALE_BOOKING_URL and
ONSALE_ADMIN_KEY. Makes a room, a concert and its dates of its own once per load process; every
user signs up as somebody else and holds a token of its own.

    locust -f locustfile.py --headless --users 100 --spawn-rate 20 --run-time 60s --only-summary
"""

import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import gevent
import requests
from locust import FastHttpUser, between, events, task
from locust.env import Environment
from locust.exception import StopUser

DEADLINE_S = 10
DATES = 20  # a map of 500 seats is a page's worth; more seats come as more dates
ROWS, ROW_SEATS = 20, 25
ROOM = {"state": "open", "max_active": 200, "admit_per_minute": 3000}
ROOM_TTL = {"active_ttl_s": 60, "claim_ttl_s": 10, "idle_ttl_s": 30}
RACES_LOST_AT_MOST = 10

TOKEN = "/v1/rooms/{room_id}/token"  # noqa: S105 -- a route
SCHEDULES = "/v1/concerts/{concert_id}/schedules"
SEATS = "/v1/schedules/{concert_schedule_id}/seats"
BOOKINGS = "/v1/schedules/{concert_schedule_id}/bookings"


@dataclass(frozen=True)
class Stack:
    """Where the services are, and the operator's key."""

    gateway_url: str
    booking_url: str
    admin_key: str

    @classmethod
    def find(cls) -> "Stack":
        """From the environment, else from the home of a running `onsale up`."""
        if "ONSALE_GATEWAY_URL" in os.environ:
            names = ("ONSALE_GATEWAY_URL", "ONSALE_BOOKING_URL", "ONSALE_ADMIN_KEY")
            return cls(*(os.environ[name].rstrip("/") for name in names))
        path = Path(os.environ.get("ONSALE_HOME", ".onsale")) / "stack.json"
        if not path.exists():
            raise SystemExit(f"no stack runs here ({path} is missing); start one with `make up`")
        stack = json.loads(path.read_text())
        key = Path(stack["admin_key_file"]).read_text().strip()
        return cls(stack["gateway_url"].rstrip("/"), stack["booking_url"].rstrip("/"), key)


@dataclass(frozen=True)
class Sale:
    """The room and the concert the load is put on."""

    stack: Stack
    room_id: str
    concert_id: int

    @classmethod
    def open(cls, stack: Stack) -> "Sale":
        """Make them through the operator's API. Raises requests' errors."""
        name = f"load-{uuid4().hex[:8]}"

        headers = {"Authorization": f"Bearer {stack.admin_key}", "If-Match": "*"}

        def ask(method: str, url: str, body: Any) -> Any:
            answer = requests.request(method, url, json=body, headers=headers, timeout=DEADLINE_S)
            answer.raise_for_status()
            return answer.json()

        room = {"title": "Load", **ROOM, **ROOM_TTL}
        ask("PUT", f"{stack.gateway_url}/v1/admin/rooms/{name}", room)
        admin = f"{stack.booking_url}/v1/admin"
        concert = ask("POST", f"{admin}/concerts", {"concert_name": name, "room_id": name})
        concert_id = concert["concert_id"]
        for day in range(DATES):
            date = datetime.now(UTC) + timedelta(days=30 + day)
            schedule = ask(
                "POST",
                f"{admin}/concerts/{concert_id}/schedules",
                {"schedule_date": date.strftime("%Y-%m-%dT20:00:00Z"), "hold_ttl_s": 30},
            )
            schedule_id = schedule["concert_schedule_id"]
            ask("POST", f"{admin}/schedules/{schedule_id}/seats", {"seats": hall()})
        return cls(stack, name, concert_id)


def hall() -> list[dict[str, str]]:
    """One date's seats."""
    return [
        {"seat_number": f"{chr(ord('A') + row)}-{seat}", "price": "60.00" if row < 5 else "40.00"}
        for row in range(ROWS)
        for seat in range(1, ROW_SEATS + 1)
    ]


@events.test_start.add_listener
def open_sale(environment: Environment, **_: object) -> None:
    """One sale for all the users of this process; without one there is nothing to load."""
    try:
        environment.sale = Sale.open(Stack.find())
    except requests.RequestException as error:
        raise SystemExit(f"the sale for this load could not be opened: {error}") from None


class Visitor(FastHttpUser):
    """What both kinds of users do: sign up, join, poll as told."""

    abstract = True
    host = "http://stack.invalid"  # every request names its service in full
    connection_timeout = network_timeout = DEADLINE_S

    def on_start(self) -> None:
        """Know the sale."""
        self.sale: Sale = self.environment.sale
        self.gateway = self.sale.stack.gateway_url
        self.booking = self.sale.stack.booking_url
        self.identity = ""
        self.queue_token = ""

    def become_somebody(self) -> None:
        """Sign up as a new user without a place in the line."""
        self.identity = self.queue_token = ""
        user = self.ask("POST", f"{self.booking}/v1/users", body={"user_name": uuid4().hex[:12]})
        self.identity = user["identity_token"]

    def join(self) -> dict[str, Any]:
        """Take a place, or be told the one already held."""
        place: dict[str, Any] = self.ask("POST", self.token_url, name=TOKEN)
        self.queue_token = place["token"]
        return place

    def poll(self) -> dict[str, Any]:
        """Ask for the place."""
        place: dict[str, Any] = self.ask("GET", self.token_url, name=TOKEN)
        return place

    def leave(self) -> None:
        """Give the place back."""
        self.ask("DELETE", self.token_url, name=TOKEN)

    @property
    def token_url(self) -> str:
        """The URL of the place in the sale's room."""
        return f"{self.gateway}/v1/rooms/{self.sale.room_id}/token"

    def ask(
        self,
        method: str,
        url: str,
        *,
        name: str | None = None,
        body: object = None,
        key: str | None = None,
        accept: tuple[str, ...] = (),
    ) -> Any:
        """Send a request under its route's name; the answer's JSON, a problem's code in "code".

        Problems with a code in `accept` count as successes. Any other failure is locust's
        failure, and ends this user's round with Lost.
        """
        headers = {}
        if self.identity:
            headers["Authorization"] = f"Bearer {self.identity}"
        if self.queue_token:
            headers["Queue-Token"] = self.queue_token
        if key:
            headers["Idempotency-Key"] = key
        route = name or "/v1/" + url.split("/v1/", 1)[1]
        request = self.client.request(
            method, url, name=route, json=body, headers=headers, catch_response=True
        )
        with request as response:
            answer = _parsed(response)
            code = answer.get("code", "") if response.status_code >= 400 else ""
            if 200 <= response.status_code < 400 or code in accept:
                response.success()
                return answer
            response.failure(f"{response.status_code} {code}".strip())
        raise Lost


class Lost(Exception):
    """This round cannot go on; locust has the reason."""


@contextmanager
def round_of(user: Visitor) -> Iterator[None]:
    """A round ends early when an answer failed, and not at once begins anew."""
    try:
        yield
    except Lost:
        if user.environment.runner is None:
            raise StopUser from None
        gevent.sleep(1)


def _parsed(response: Any) -> dict[str, Any]:
    try:
        body = json.loads(response.content) if response.content else {}
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


class QueuePoller(Visitor):
    """Waits in the line, polls as told, and goes when admitted; then comes as somebody else."""

    weight = 3
    wait_time = between(0, 1)

    @task
    def stand_in_line(self) -> None:
        """One place, from joining to leaving."""
        with round_of(self):
            self.become_somebody()
            place = self.join()
            while place["status"] == "WAIT":
                gevent.sleep(place["poll_after_ms"] / 1000)
                place = self.poll()
            self.leave()


class Buyer(Visitor):
    """Goes the whole way: sign-up, charge, line, dates, seat map, hold, pay."""

    weight = 2
    wait_time = between(0, 1)

    @task
    def buy(self) -> None:
        """One visit, ending with tickets or without."""
        with round_of(self):
            self.become_somebody()
            self.ask(
                "POST",
                f"{self.booking}/v1/users/me/charges",
                body={"amount": "240.00"},
                key=uuid4().hex,
            )
            place = self.join()
            while place["status"] == "WAIT":
                gevent.sleep(place["poll_after_ms"] / 1000)
                place = self.poll()
            if place["status"] == "ACTIVE":
                self.shop()

    def shop(self) -> None:
        """Look, hold, pay; leave when everything is taken."""
        url = f"{self.booking}/v1/concerts/{self.sale.concert_id}/schedules"
        dates = self.ask("GET", url, name=SCHEDULES)["items"]
        open_dates = [date for date in dates if date["seats_available"] > 0]
        bookings = self.hold(random.choice(open_dates)["concert_schedule_id"]) if open_dates else []
        if not bookings:
            self.leave()
            return
        gevent.sleep(random.uniform(0.2, 1))
        ids = [booking["concert_booking_id"] for booking in bookings]
        self.ask(
            "POST",
            f"{self.booking}/v1/payments",
            body={"concert_booking_ids": ids},
            key=uuid4().hex,
            accept=("booking_expired",),
        )

    def hold(self, schedule_id: int) -> list[dict[str, Any]]:
        """Hold some seats of this date, near the front; [] after too many lost races."""
        for _ in range(RACES_LOST_AT_MOST):
            seats_url = f"{self.booking}/v1/schedules/{schedule_id}/seats"
            seats = self.ask("GET", seats_url, name=SEATS)["seats"]
            free = [seat["seat_number"] for seat in seats if seat["status"] == "AVAILABLE"]
            if not free:
                return []
            first = min(int(random.expovariate(0.05)), len(free) - 1)
            held = self.ask(
                "POST",
                f"{self.booking}/v1/schedules/{schedule_id}/bookings",
                name=BOOKINGS,
                body={"seat_numbers": free[first : first + random.randint(1, 4)]},
                key=uuid4().hex,
                accept=("seat_taken",),
            )
            if "bookings" in held:
                bookings: list[dict[str, Any]] = held["bookings"]
                return bookings
        return []
