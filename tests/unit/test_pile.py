"""What connections read and write in one turn of the loop is handled in a row, each for itself."""

import asyncio
from typing import Any, cast

from shared.hot import AT_ONCE, HotHandler, Pile


class Connection:
    """Keeps what it is handed; raises at what it does not understand."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.closed = False

    def understand(self, data: bytes) -> None:
        if data == b"?":
            raise ValueError
        self.came.append(data)

    def force_close(self) -> None:
        self.closed = True


class Transport:
    def __init__(self) -> None:
        self.closing = False
        self.written: list[bytes] = []

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.written.append(data)


def came(pile: Pile, connection: Connection, data: bytes) -> None:
    pile.came(cast("HotHandler", connection), data)


async def turn() -> None:
    await asyncio.sleep(0)


async def test_what_came_is_understood_in_its_order_and_a_bounded_number_of_it_in_a_turn() -> None:
    pile, connection = Pile(), Connection()
    sent = [b"%d" % n for n in range(2 * AT_ONCE + 1)]
    for data in sent:
        came(pile, connection, data)
    assert connection.came == []
    await turn()
    assert connection.came == sent[:AT_ONCE]
    came(pile, connection, b"later")
    for _ in range(3):
        await turn()
    assert connection.came == [*sent, b"later"]


async def test_what_one_does_not_understand_ends_it_alone() -> None:
    pile, one, other = Pile(), Connection(), Connection()
    came(pile, one, b"?")
    came(pile, other, b"good")
    await turn()
    assert one.closed
    assert (other.closed, other.came) == (False, [b"good"])


async def test_answers_leave_in_their_order_and_not_to_who_is_gone() -> None:
    pile, here, gone = Pile(), Transport(), Transport()
    for transport, data in ((here, b"1"), (gone, b"2"), (here, b"3")):
        pile.leaves(cast("Any", transport), data)
    assert here.written == []
    gone.closing = True
    await turn()
    assert here.written == [b"1", b"3"]
