"""Guards of streams: what they cost at most, that they miss nothing, and that nothing ends them."""

from tests.guards import Guard
from tests.guards.rows import rows

_TOLD = "tests/integration/test_streams.py::"
_FAULTS = "tests/integration/test_streams_faults.py::"

_BOUNDS = (
    *rows(
        "queue_gateway/streams.py",
        (
            "a process has so many streams and no more",
            "S3",
            "self._open + self._opening >= self._most",
            "False",
            _FAULTS + "test_a_full_process_sheds_streams",
        ),
        (
            "streams that are about to open count",
            "S3",
            "self._opening += 1",
            "pass",
            _FAULTS + "test_streams_that_open_in_one_moment_share_what_is_left",
        ),
        (
            "a call asks for so many streams and no more",
            "S3",
            "chosen = self._due[-AT_ONCE:]\n            del self._due[-AT_ONCE:]",
            "chosen, self._due = self._due, []",
            _FAULTS + "test_a_call_is_of_bounded_size",
        ),
        (
            "an admission asks for those whom it can concern",
            "S3",
            "self._ask_soon(s for s in self.streams if s.waits and self._was_passed(s, last))",
            "self.ask_for_all()",
            _FAULTS + "test_news_of_some_asks_for_nobody_else",
        ),
        (
            "a stopping process begins no stream",
            "S3",
            "if self._stopping or",
            "if",
            _FAULTS + "test_a_stopping_process_begins_no_stream",
        ),
    ),
    *rows(
        "shared/sse.py",
        (
            "a client that does not read is cut",
            "S3",
            "async with asyncio.timeout(WRITE_DEADLINE_S):",
            "async with asyncio.timeout(None):",
            _FAULTS + "test_a_reader_that_does_not_read_is_cut",
        ),
        (
            "HEAD opens no stream",
            "S3",
            "self.request.method != hdrs.METH_HEAD and ",
            "",
            _TOLD + "test_head_is_answered_like_get_without_a_body",
        ),
    ),
    *rows(
        "shared/sse.py",
        (
            "cut clients do not come back in one moment",
            "S3",
            "low + secrets.randbelow(high - low + 1)",
            "low",
            _FAULTS + "test_a_stopping_process_spreads_its_clients",
        ),
    ),
)

_NOTHING_MISSED = (
    *rows(
        "queue_gateway/streams.py",
        (
            "an admission is told at once",
            "A5",
            "self._ask_soon(s for s in self.streams if s.waits and self._was_passed(s, last))",
            "pass",
            (
                _TOLD + "test_who_is_admitted_is_told_without_waiting_for_a_round",
                _TOLD + "test_who_is_admitted_from_a_lane_is_told_without_waiting_for_a_round",
            ),
        ),
        (
            "an end is told at once",
            "A6",
            "self._ask_soon(s for s in self.streams if s.place.number in ended)",
            "pass",
            _TOLD + "test_a_stream_ends_with_its_token",
        ),
        (
            "what happened while a stream opened is asked for",
            "A7",
            "self._ask_soon([stream])",
            "pass",
            _TOLD + "test_what_happens_while_a_stream_opens_is_not_missed",
        ),
        (
            "what happened before a subscription is asked for",
            "S2",
            "room.ask_for_all()",
            "pass",
            _FAULTS + "test_a_lost_subscription_is_made_again_and_what_was_missed_is_asked_for",
        ),
        (
            "a room that is not heard is read anew in each round",
            "S2",
            "self._stale = self._stale or not self._news.hears(self._room_id)",
            "pass",
            _FAULTS + "test_without_a_subscription_a_round_finds_what_changed",
        ),
        (
            "a stream without a client is no sign of life",
            "A7",
            "if stream.gone:",
            "if False:",
            _FAULTS + "test_a_client_that_hung_up_is_forgotten_before_anything_is_written_to_it",
        ),
        (
            "no failure of the store ends the streams of a room",
            "S2",
            "except Exception as error:  # noqa: BLE001 -- whatever the store does, the loop lives",
            "except NotImplementedError as error:",
            (
                _FAULTS + "test_streams_outlive_a_redis_that_is_killed",
                _FAULTS + "test_a_redis_that_refuses_for_a_while_ends_no_stream",
            ),
        ),
    ),
    *rows(
        "queue_gateway/news.py",
        (
            "no failure of the store ends the subscription",
            "S2",
            "except Exception as error:  # noqa: BLE001 -- whatever the store does, the loop lives",
            "except NotImplementedError as error:",
            _FAULTS + "test_a_lost_subscription_is_made_again_and_what_was_missed_is_asked_for",
        ),
    ),
    *rows(
        "queue_gateway/events.py",
        (
            "only who knows of the end is told to stop",
            "A7",
            "known == event_id(place, EXPIRED)",
            "known",
            (
                _TOLD + "test_who_comes_back_after_a_cut_gets_the_present_state",
                _TOLD + "test_who_knows_that_the_token_has_ended_is_told_to_stop",
            ),
        ),
        (
            "a pass is renewed",
            "X1",
            "self._renewed(stream) or HEARTBEAT",
            "HEARTBEAT",
            _TOLD + "test_a_pass_is_renewed_before_it_runs_out",
        ),
    ),
)

GUARDS: tuple[Guard, ...] = (*_BOUNDS, *_NOTHING_MISSED)
