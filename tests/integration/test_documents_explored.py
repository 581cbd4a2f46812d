"""Both services keep to their documents, whoever asks and whatever is sent.

No answer of status 500 and above, none whose status, content type, headers or body is not
described, no credential that is asked for and not needed.
"""

from collections.abc import Iterator

import pytest

from onsale.engines import Postgres
from tests import engines
from tests.documents import PROVIDER, booking_app, gateway_app
from tests.exploration import TIMES
from tests.integration import documented
from tests.integration.documented import Service
from tests.integration.exploring import ending, explore

KNOWN = pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
#: What an operator's request before them may have made impossible: of a date that is closed, or of
#: a concert that refunds nothing. That they succeed is seen in `test_documented_answers.py`.
AT_OPERATORS_MERCY = {
    "POST /v1/bookings/{concert_booking_id}/extension",
    "POST /v1/schedules/{concert_schedule_id}/waitlist",
    "POST /v1/schedules/{concert_schedule_id}/bookings",
    "DELETE /v1/bookings/{concert_booking_id}",
    "POST /v1/bookings/{concert_booking_id}/refunds",
    "POST /v1/admin/bookings/{concert_booking_id}/refunds",
    "POST /v1/payments",
    "GET /v1/bookings/{concert_booking_id}/ticket",
    "GET /v1/bookings/{concert_booking_id}/ticket.svg",
    "GET /v1/bookings/{concert_booking_id}/ticket.png",
    "GET /v1/bookings/{concert_booking_id}/ticket.pdf",
    "POST /v1/admin/checkins",  # it takes a signed ticket
    "POST /v1/payments/intents",
    "GET /v1/payments/intents/{payment_intent_id}",
    "POST /v1/provider/events",  # it takes the provider's signature
}
QUICKLY = ("examples", "fuzzing")
THOROUGHLY = ("examples", "coverage", "fuzzing", "stateful")


@pytest.fixture
def url(postgresql: Postgres, migrated_template: str) -> Iterator[str]:
    """A database; `database_url` is for tests that have a loop."""
    found = engines.run(engines.clone(postgresql.url, migrated_template))
    yield found
    engines.run(engines.drop(postgresql.url, found))


@pytest.fixture
def gateway(redis_url: str, url: str) -> Iterator[Service]:
    with documented.gateway(redis_url, url) as service:
        yield service


@pytest.fixture
def booking(redis_url: str, url: str) -> Iterator[Service]:
    with documented.booking(redis_url, url) as service:
        yield service


@KNOWN
def test_the_gateway_keeps_to_its_document(gateway: Service, known: bool) -> None:
    app = gateway_app()

    explored = explore(app, gateway, known=known, phases=QUICKLY, examples=5)

    assert not explored.failures, "\n".join(explored.failures)
    assert not known or explored.succeeded() == ending(app)


@KNOWN
def test_the_booking_api_keeps_to_its_document(booking: Service, known: bool) -> None:
    app = booking_app(provider=PROVIDER)

    explored = explore(app, booking, known=known, phases=QUICKLY, examples=5)

    assert not explored.failures, "\n".join(explored.failures)
    assert not known or explored.succeeded() | AT_OPERATORS_MERCY == ending(app)


@pytest.mark.slow
@pytest.mark.timeout(900 * TIMES)
@KNOWN
def test_the_gateway_keeps_to_its_document_in_all_its_corners(
    gateway: Service, known: bool
) -> None:
    explored = explore(gateway_app(), gateway, known=known, phases=THOROUGHLY, examples=60 * TIMES)

    assert not explored.failures, "\n".join(explored.failures)


@pytest.mark.slow
@pytest.mark.timeout(900 * TIMES)
@KNOWN
def test_the_booking_api_keeps_to_its_document_in_all_its_corners(
    booking: Service, known: bool
) -> None:
    explored = explore(
        booking_app(provider=PROVIDER), booking, known=known, phases=THOROUGHLY, examples=30 * TIMES
    )

    assert not explored.failures, "\n".join(explored.failures)
