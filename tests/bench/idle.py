"""7. Idle: memory, processor time over a minute, and from the start to being connected.

The desk reads a mailbox (Dovecot, IDLE); both databases idle through the same minute. The floor is a Bolt app that
does nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from bot.sandbox.server import LocalSlack
from tests.bench.figures import Figure, bounded
from tests.bench.mailing import mailbox_of
from tests.bench.program import BOT, NOTHING, Program
from tests.bench.stage import KINDS, TITLES, Stage
from tests.support.dovecot import Dovecot

ROUNDS = 3
SETTLED = 8.0
MINUTE = 60.0
MEMORY, SHARE, START = 130.0, 0.5, 3.0


async def measure(stage: Stage) -> list[Figure]:
    starts = await _starts(stage)
    figures = [
        bounded(f"7 idle, start to connected, {TITLES[kind]}", starts[kind], "s", START, starts["nothing"])
        for kind in KINDS
    ]
    async with contextlib.AsyncExitStack() as stack:
        desks = {kind: await stack.enter_async_context(_desk(stage, kind)) for kind in KINDS}
        nothing = await stack.enter_async_context(_nothing(stage))
        await asyncio.sleep(SETTLED)
        every = desks | {"nothing": nothing}
        began, before = time.monotonic(), {name: program.cpu(family=True) for name, program in every.items()}
        await asyncio.sleep(MINUTE)
        passed = time.monotonic() - began
        shares = {name: 100 * (one.cpu(family=True) - before[name]) / passed for name, one in every.items()}
        for kind in KINDS:
            memory = [desks[kind].resident()]
            title = TITLES[kind]
            figures.append(bounded(f"7 idle, memory, {title}", memory, "MiB", MEMORY, [nothing.resident()]))
            cpu = bounded(f"7 idle, processor, {title}", [shares[kind]], "%", SHARE, [shares["nothing"]])
            figures.append(cpu)
    return figures


@contextlib.asynccontextmanager
async def _desk(stage: Stage, kind: str):
    async with LocalSlack() as slack, Dovecot() as dovecot:
        place = stage.place()
        async with Program(slack, BOT, place, await stage.fresh(kind), **mailbox_of(dovecot)) as program:
            yield program


@contextlib.asynccontextmanager
async def _nothing(stage: Stage):
    async with LocalSlack() as slack, Program(slack, NOTHING, stage.place()) as program:
        yield program


async def _starts(stage: Stage) -> dict[str, list[float]]:
    """Of a desk that has run before."""
    databases = {kind: await stage.fresh(kind) for kind in KINDS}
    starts: dict[str, list[float]] = {name: [] for name in ("nothing", *KINDS)}
    async with LocalSlack() as slack, Dovecot() as dovecot:
        for _ in range(ROUNDS):
            async with Program(slack, NOTHING, stage.place()) as program:
                starts["nothing"].append(program.took)
            for kind, database in databases.items():
                async with Program(slack, BOT, stage.place(), database, **mailbox_of(dovecot)) as program:
                    starts[kind].append(program.took)
    return starts
