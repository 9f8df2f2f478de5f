"""1. Slack in: events acknowledged per second, after the durable commit.

Contenders in turn: a Bolt listener that does nothing; the way in (Bolt, our listeners, the inbox), which is what an
acknowledgement needs; and the whole bot, which decides and posts at the same time on the same processor.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from bot.sandbox.server import LocalSlack
from tests.bench.figures import Figure, compared, percentile
from tests.bench.program import BOT, NOTHING, Program
from tests.bench.stage import KINDS, TITLES, Stage

OUTSTANDING = (1, 32, 256)
AIMED = 32
CUSTOMERS = 50
ROUNDS = 3
SECONDS = {1: 0.4, 32: 0.8, 256: 0.5}
SHARE, TAIL = 0.7, 2.0
WAY_IN = ("tests.bench.way_in",)


@dataclass
class Taken:
    """What one contender did: by the number outstanding, for each round."""

    rates: dict[int, list[float]] = field(default_factory=dict)
    tails: dict[int, list[float]] = field(default_factory=dict)


async def measure(stage: Stage) -> list[Figure]:
    figures = []
    async with contextlib.AsyncExitStack() as running:
        slacks = {"floor": await running.enter_async_context(_on_slack(NOTHING, stage, ""))}
        for kind in KINDS:
            slacks[kind] = await running.enter_async_context(_on_slack(WAY_IN, stage, kind))
        taken = await _in_turn(slacks, OUTSTANDING)
    for kind in KINDS:
        figures += _figures("1 slack, way in", kind, taken["floor"], taken[kind], is_aimed_at=True)
    for kind in KINDS:  # one at a time: it goes on deciding and posting when its turn is over
        async with _on_slack(NOTHING, stage, "") as floor, _on_slack(BOT, stage, kind) as bot:
            taken = await _in_turn({"floor": floor, "bot": bot}, (AIMED,))
        figures += _figures("1 slack, whole bot", kind, taken["floor"], taken["bot"], is_aimed_at=False)
    return figures


async def _in_turn(slacks: dict[str, LocalSlack], numbers: Sequence[int]) -> dict[str, Taken]:
    taken = {name: Taken() for name in slacks}
    for slack in slacks.values():
        await drive(slack, AIMED, 0.5)  # caches, connections, and a case for each customer
    for _ in range(ROUNDS):
        for name, slack in slacks.items():
            for outstanding in numbers:
                waits, passed = await drive(slack, outstanding, SECONDS[outstanding])
                taken[name].rates.setdefault(outstanding, []).append(len(waits) / passed)
                taken[name].tails.setdefault(outstanding, []).append(1000 * percentile(waits, 0.99))
    return taken


def _figures(what: str, kind: str, floor: Taken, ours: Taken, *, is_aimed_at: bool) -> list[Figure]:
    figures = []
    for outstanding in ours.rates:
        name = f"{what}, {outstanding:3} outstanding, {TITLES[kind]}"
        at_least = SHARE if is_aimed_at and outstanding == AIMED else None
        rates, tails = ours.rates[outstanding], ours.tails[outstanding]
        figures.append(compared(name, rates, floor.rates[outstanding], "events/s", at_least=at_least))
        if outstanding == AIMED:
            at_most = TAIL if is_aimed_at else None
            figures.append(compared(f"{name}, p99", tails, floor.tails[outstanding], "ms", at_most=at_most))
    return figures


@contextlib.asynccontextmanager
async def _on_slack(module: tuple[str, ...], stage: Stage, kind: str) -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.traffic.keep = 5_000
        for number in range(CUSTOMERS):
            slack.add_user(f"U0BENCH{number:03}", f"bench{number}", f"Customer {number}")
        database = await stage.fresh(kind) if kind else ""
        async with Program(slack, module, stage.place(), database):
            yield slack


async def drive(slack: LocalSlack, outstanding: int, seconds: float) -> tuple[list[float], float]:
    """Direct messages, so many unacknowledged at a time: how long each waited, and how long all took."""
    sent: dict[str, float] = {}
    waits: list[float] = []
    numbers = count()
    read = slack.traffic.total
    began = time.perf_counter()
    while True:
        is_over = time.perf_counter() - began >= seconds
        while not is_over and len(sent) < outstanding:
            number = next(numbers)
            await slack.dm(f"U0BENCH{number % CUSTOMERS:03}", f"message {number} about an order that is late")
            sent[_event_id(slack)] = time.perf_counter()
        if is_over and not sent:
            return waits, time.perf_counter() - began
        rung = slack.bell.rings
        records = slack.traffic.since(read)
        read = slack.traffic.total
        now = time.perf_counter()
        for record in records:
            if record.what == "ack" and (at := sent.pop(str(record.detail.get("event_id")), None)) is not None:
                waits.append(now - at)
        if not slack.bell.rung_since(rung) and not any(record.what == "ack" for record in records):
            await slack.bell.next()


def _event_id(slack: LocalSlack) -> str:
    """Of the event that was sent just now."""
    return str(slack.traffic[-1].detail["payload"]["event_id"])
