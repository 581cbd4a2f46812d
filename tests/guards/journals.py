"""Guards of the journal: each change is written, moved once, and never taken back."""

from tests.guards import Guard

_SCRIPTS = "tests/integration/test_room_scripts.py::"
_EDGES = "tests/integration/test_room_edges.py::"
_JOURNAL = "tests/integration/test_journal.py::"
_CONSUMER = "queue_gateway/journal.py"
_WRITE = "queue_gateway/queries/write_tokens.sql"
_CLOSE = "queue_gateway/queries/close_generation.sql"
_CHANGES = _SCRIPTS + "test_every_change_of_a_token_is_in_the_journal"
_AGAIN = _JOURNAL + "test_a_batch_that_comes_again_changes_nothing"
_CLOSING = _JOURNAL + "test_a_closing_ends_what_was_live_and_nothing_else"
_MOVED = _JOURNAL + "test_deadlines_that_moved_are_told_to_the_table"
_TRIM = (
    "        # Removed only now: a crash in between repeats the batch, which changes nothing.\n"
    '        last_ms, last_seq = entries[-1][0].split("-")\n'
    '        await self._client.xtrim(key, minid=f"{last_ms}-{int(last_seq) + 1}", '
    "approximate=False)\n"
)
_MOVE = (
    "        async with connection.transaction():\n"
    "            await self._write(connection, room_id, entries, now_ms)\n"
)

GUARDS = (
    Guard(
        name="an admission is written",
        where="lua/fragments/admission.lua",
        text="write_journal(visitor, room.generation, numbers[index], 'ACTIVE', now, 'd', "
        "string.format('%d', ttl_ms),\n"
        "      'a', string.format('%d', before + index), "
        "'c', string.format('%d', room.max_active))",
        without="",
        invariant="B11",
        test=_CHANGES,
    ),
    Guard(
        name="a join is written",
        where="lua/enter.lua",
        text="write_journal(visitor, room.generation, places[visitor].number, 'WAIT', now)",
        without="",
        invariant="O4",
        test=_CHANGES,
    ),
    Guard(
        name="an end is written",
        where="lua/fragments/places.lua",
        text="write_journal(visitor, room.generation, number, 'EXPIRED', now, 'r', reason)",
        without="",
        invariant="A6",
        test=_CHANGES,
    ),
    Guard(
        name="a closing is written",
        where="lua/fragments/places.lua",
        text="write_journal('', room.generation, 0, 'CLOSED', now, 'r', reason)",
        without="",
        invariant="A6",
        test=_EDGES + "test_the_journal_tells_how_full_the_room_was_at_each_admission",
    ),
    Guard(
        name="deadlines that an outage moved are written",
        where="lua/admit.lua",
        text="if deadlines_moved then write_journal('', room.generation, 0, 'MOVED', now) end",
        without="",
        invariant="A7",
        test=_MOVED,
    ),
    Guard(
        name="deadlines that an extension moved are written",
        where="lua/extend.lua",
        text="write_journal('', room.generation, 0, 'MOVED', now)",
        without="",
        invariant="A7",
        test=_MOVED,
    ),
    Guard(
        name="the table is told the deadlines of now",
        where="queue_gateway/restoring.py",
        text="deadline + shift_ms - now_ms",
        without="deadline - now_ms",
        invariant="A7",
        test=_MOVED,
    ),
    Guard(
        name="deadlines move for ACTIVE tokens only",
        where="queue_gateway/queries/moved_deadlines.sql",
        text=" AND q.status = 'ACTIVE'",
        without="",
        invariant="A6",
        test=_JOURNAL + "test_deadlines_that_moved_are_no_longer_those_of_who_left",
    ),
    Guard(
        name="entries go after their rows are committed",
        where=_CONSUMER,
        text=_MOVE + _TRIM,
        without=_TRIM + _MOVE,
        invariant="B11",
        test=_JOURNAL + "test_what_the_table_does_not_take_stays_in_the_journal",
    ),
    Guard(
        name="only entries that were moved go",
        where=_CONSUMER,
        text='minid=f"{last_ms}-{int(last_seq) + 1}"',
        without="maxlen=0",
        invariant="B11",
        test=_JOURNAL + "test_what_comes_while_a_batch_is_written_is_not_lost",
    ),
    Guard(
        name="what came before a closing is written before it",
        where=_CONSUMER,
        text='            if status == "CLOSED":\n'
        "                await self._upsert(connection, room_id, rows, now_ms)\n"
        "                rows = {}\n",
        without='            if status == "CLOSED":\n',
        invariant="A6",
        test=_CLOSING,
    ),
    Guard(
        name="ages, not times, cross",
        where=_WRITE,
        text="now() - ($2::bigint - created_ms) * interval '1 ms' AS created_at",
        without="now() AS created_at",
        invariant="S1",
        test=_JOURNAL + "test_ages_not_times_cross_from_one_store_to_the_other",
    ),
    Guard(
        name="an ended token stays ended",
        where=_WRITE,
        text="q.status = 'EXPIRED' OR ",
        without="",
        invariant="A6",
        test=_AGAIN,
    ),
    Guard(
        name="an admitted token does not wait again",
        where=_WRITE,
        text="(q.status = 'ACTIVE' AND excluded.status = 'WAIT')",
        without="false",
        invariant="A6",
        test=_JOURNAL + "test_an_active_token_does_not_wait_again",
    ),
    Guard(
        name="the reason stays",
        where=_WRITE,
        text="coalesce(q.reason, excluded.reason)",
        without="excluded.reason",
        invariant="A6",
        test=_AGAIN,
    ),
    Guard(
        name="the admission stays",
        where=_WRITE,
        text="coalesce(q.admitted_at, excluded.admitted_at)",
        without="excluded.admitted_at",
        invariant="B11",
        test=_AGAIN,
    ),
    Guard(
        name="the end stays",
        where=_WRITE,
        text="ended_at = coalesce(q.ended_at, excluded.ended_at),",
        without="ended_at = excluded.ended_at,",
        invariant="A6",
        test=_AGAIN,
    ),
    Guard(
        name="the end that was beats the end that was planned",
        where=_WRITE,
        text="coalesce(q.ended_at, excluded.ended_at, q.expired_at, excluded.expired_at)",
        without="coalesce(excluded.expired_at, q.expired_at)",
        invariant="A6",
        test=_AGAIN,
    ),
    Guard(
        name="the evidence of the cap stays",
        where=_WRITE,
        text="coalesce(q.active_after, excluded.active_after)",
        without="excluded.active_after",
        invariant="A1",
        test=_AGAIN,
    ),
    Guard(
        name="a closing leaves ends as they are",
        where=_CLOSE,
        text=" AND status <> 'EXPIRED'",
        without="",
        invariant="A6",
        test=_CLOSING,
    ),
    Guard(
        name="a closing ends its own generation",
        where=_CLOSE,
        text=" AND generation = $2",
        without=" AND $2::bigint > 0",
        invariant="A6",
        test=_CLOSING,
    ),
    Guard(
        name="a closing ends its own room",
        where=_CLOSE,
        text="room_id = $1 AND",
        without="$1::text <> '' AND",
        invariant="A6",
        test=_CLOSING,
    ),
)
