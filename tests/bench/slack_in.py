"""1. Slack in: events acknowledged per second, after the durable commit.

Three contenders in turn: a Bolt listener that does nothing; the way in (Bolt, our listeners, the inbox), which is what
an acknowledgement needs; and the whole bot, which decides and posts at the same time on the same processor.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
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
SECONDS = 1.0
SHARE, TAIL = 0.7, 2.0
WAY_IN = ("tests.bench.way_in",)


@dataclass
class Taken:
    """What one contender did: by the number outstanding, for each round."""

    rates: dict[int, list[float]] = field(default_factory=dict)
    tails: dict[int, list[float]] = field(default_factory=dict)


async def measure(stage: Stage) -> list[Figure]:
    taken: dict[str, Taken] = {}
    async with contextlib.AsyncExitStack() as stack:
        slacks = {"nothing": await stack.enter_async_context(_on_slack(NOTHING, stage, ""))}
        for kind in KINDS:
            slacks[f"way in, {kind}"] = await stack.enter_async_context(_on_slack(WAY_IN, stage, kind))
            slacks[f"whole bot, {kind}"] = await stack.enter_async_context(_on_slack(BOT, stage, kind))
        for slack in slacks.values():
            await drive(slack, AIMED, SECONDS / 2)  # caches, connections, and a case for each customer
        for _ in range(ROUNDS):
            for name, slack in slacks.items():
                one = taken.setdefault(name, Taken())
                for outstanding in OUTSTANDING:
                    waits, passed = await drive(slack, outstanding, SECONDS)
                    one.rates.setdefault(outstanding, []).append(len(waits) / passed)
                    one.tails.setdefault(outstanding, []).append(1000 * percentile(waits, 0.99))
    floor = taken.pop("nothing")
    return [figure for kind in KINDS for figure in _figures(kind, taken, floor)]


def _figures(kind: str, taken: dict[str, Taken], floor: Taken) -> list[Figure]:
    figures = []
    for what in ("way in", "whole bot"):
        one = taken[f"{what}, {kind}"]
        for outstanding in OUTSTANDING:
            is_aimed = outstanding == AIMED and what == "way in"
            name = f"1 slack, {what}, {outstanding:3} outstanding, {TITLES[kind]}"
            rates, tails = one.rates[outstanding], one.tails[outstanding]
            at_least = SHARE if is_aimed else None
            figures.append(compared(name, rates, floor.rates[outstanding], "events/s", at_least=at_least))
            if outstanding == AIMED:
                at_most = TAIL if is_aimed else None
                figures.append(compared(f"{name}, p99", tails, floor.tails[outstanding], "ms", at_most=at_most))
    return figures


@contextlib.asynccontextmanager
async def _on_slack(module: tuple[str, ...], stage: Stage, kind: str) -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.traffic.keep = 5_000
        for number in range(CUSTOMERS):
            slack.add_user(f"U0BENCH{number:03}", f"bench{number}", f"Customer {number}")
        database = await stage.fresh(kind) if kind else ""
        async with Program(slack, module, stage.place(), database, LOG_LEVEL="WARNING"):
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
