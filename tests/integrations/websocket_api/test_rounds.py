"""When what gathers is written: at once for a few, together for many, and always soon."""

from __future__ import annotations

import asyncio

import pytest

from integrations.websocket_api.outbox import MANY_CLIENTS, MANY_IN_A_ROW, Outbox, Rounds


class Line:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_full(self) -> bool:
        return False

    async def emptied(self) -> None:
        raise AssertionError


def outboxes(rounds: Rounds, count: int) -> tuple[list[Line], list[Outbox]]:
    lines = [Line() for _ in range(count)]
    return lines, [Outbox(line, rounds, pytest.fail, pytest.fail) for line in lines]


def tell(rounds: Rounds, told: list[Outbox], *, soon: bool = False) -> None:
    rounds.gather()
    for outbox in told:
        outbox.put(b"{}", soon=soon)
    rounds.write()


async def until_written(lines: list[Line]) -> None:
    async with asyncio.timeout(5):
        while not all(line.written for line in lines):
            await asyncio.sleep(0)


async def test_answers_and_a_few_clients_wait_for_nothing() -> None:
    rounds = Rounds()
    lines, told = outboxes(rounds, MANY_CLIENTS)
    tell(rounds, told)
    assert [line.written for line in lines] == [[b"\x81\x02{}"]] * MANY_CLIENTS
    (line,), (one,) = outboxes(rounds, 1)
    for _ in range(3):
        tell(rounds, [one], soon=True)
    assert len(line.written) == 3


async def test_many_clients_are_told_of_the_events_of_a_millisecond_in_one_piece() -> None:
    rounds = Rounds()
    lines, told = outboxes(rounds, MANY_CLIENTS + 1)
    tell(rounds, told)
    tell(rounds, told)
    assert not any(line.written for line in lines)
    await until_written(lines)
    assert all(line.written == [b"\x81\x02{}" * 2] for line in lines)


async def test_under_load_events_gather_and_answers_do_not() -> None:
    rounds = Rounds()
    (events, answers), (told, asking) = outboxes(rounds, 2)
    rounds._in_a_row = MANY_IN_A_ROW + 1
    rounds._ended = asyncio.get_running_loop().time() + 60.0  # it is still the same moment
    rounds._began = 0.0
    rounds.gather()
    told.put(b"{}")
    asking.put(b"[]", soon=True)
    rounds.write()
    assert (events.written, answers.written) == ([], [b"\x81\x02[]"])
    await until_written([events])


async def test_clients_that_follow_the_same_are_written_the_same_bytes() -> None:
    rounds = Rounds()
    lines, told = outboxes(rounds, 4)
    event, other = b'{"tea":1}', b'{"tea":2}'
    told[2].coalesces = True
    for outbox in told:
        outbox.put(event)
        outbox.put(event if outbox is not told[3] else other)
    await until_written(lines)
    (first,), (second,), (together,), (different,) = (line.written for line in lines)
    assert first is second
    assert first == b"\x81\x09" + event + b"\x81\x09" + event
    assert together == b"\x81\x15[" + event + b"," + event + b"]"
    assert different == b"\x81\x09" + event + b"\x81\x09" + other
