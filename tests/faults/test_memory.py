"""A process that runs for years is as large as it was after the first day."""

import json
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from bot.sandbox.server import LocalSlack
from tests.support.desk import Desk, settings_for
from tests.support.process import eventually
from tests.support.running import Command, environment
from tests.support.stream import Stream

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("database_kind", [pytest.param("sqlite", id="sqlite")]),
]

FEW = 20  # entries that the caches of this process hold
AT_ONCE = 100
MESSAGES, STRANGERS = 300, 50  # in a round
ROUNDS = 4
A_MESSAGE, A_PERSON = 3, 15  # blocks: an event or a profile has dozens
GROWN = 8_000  # kilobytes: the system's and SQLite's own caches fill, too
SETTLED = (
    "SELECT (SELECT count(*) FROM messages) AS kept, (SELECT count(*) FROM desired WHERE next_at IS NOT NULL)"
    " + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending', 'uncertain')) AS left"
)


class Measured:
    """A bot that says what it holds, and the people who write to it."""

    def __init__(self, desk: Desk, bot: Command, stream: Stream, measures: Path) -> None:
        self._desk = desk
        self._bot = bot
        self._stream = stream
        self._measures = measures
        self._written = 0

    async def after(self, messages: int, people: list[str]) -> dict[str, int]:
        """What it holds when these have written so many messages more, and all is decided and shown."""
        for number in range(messages):
            await self._stream.write(people[number % len(people)])
            self._written += 1
            if self._written % AT_ONCE == 0:
                await eventually(self._is_settled, 120)
        await eventually(self._is_settled, 120)
        before = len(self._said())
        self._bot.send(signal.SIGUSR1)

        async def measured() -> bool:
            return len(self._said()) > before

        await eventually(measured)
        return json.loads(self._said()[-1])

    async def _is_settled(self) -> bool:
        (row,) = await self._desk.rows(SETTLED)
        return row["kept"] == self._written and not row["left"] and not self._desk.slack.sockets.undelivered

    def _said(self) -> list[str]:
        return self._measures.read_text().splitlines() if self._measures.exists() else []


async def test_neither_messages_nor_people_stay_in_memory(database_url: str, tmp_path: Path) -> None:
    """Counted in blocks of Python's allocator: what is kept of each message would show, however small it is."""
    measures = tmp_path / "measures"
    async with LocalSlack() as slack:
        stream = Stream(slack)
        stream.invite(40 + ROUNDS * STRANGERS)
        env = environment(
            slack,
            database_url,
            SLACK_POSTS_PER_SECOND="1000",
            MEASURES=str(measures),
            CASEWIRE_FEW=str(FEW),
        )
        async with Command(tmp_path, env, module="tests.support.measured_main") as bot:
            await bot.said("Casewire runs")
            desk = Desk(slack, settings_for(slack, database_url))
            measured = Measured(desk, bot, stream, measures)
            regulars, others = stream.customers[:40], stream.customers[40:]
            strangers = [others[first : first + STRANGERS] for first in range(0, len(others), STRANGERS)]
            of_messages = [await measured.after(MESSAGES, regulars) for _ in strangers]
            of_people = [await measured.after(STRANGERS, some) for some in strangers]
            await desk.close()
    # A statement that was never asked of so many rows at once is kept, compiled: not in each of the rounds, though.
    assert min(growths(of_messages)) < A_MESSAGE * MESSAGES
    assert min(growths(of_people)) < A_PERSON * STRANGERS
    assert of_people[-1]["resident"] - of_messages[1]["resident"] < GROWN


def growths(measures: list[dict[str, int]]) -> list[int]:
    """By how many blocks it grew in each round but the first."""
    blocks = [one["blocks"] for one in measures]
    return [after - before for before, after in pairwise(blocks)]
