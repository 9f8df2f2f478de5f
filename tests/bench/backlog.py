"""2. Mail backlog: 1,000 (FULL=1: 10,000) mails from Dovecot until they are decided, against a bare pipeline.

The mails of 2 to 10 KB, of a customer for every ten of them, lie in the mailbox at once while the bot waits in IDLE;
time counts from the first delivery.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import sqlalchemy as sa

from bot.sandbox.server import LocalSlack
from storage.engine import open_database
from tests.bench.figures import Figure, bounded, compared
from tests.bench.mailing import mailbox_of, mails
from tests.bench.program import BOT, Program
from tests.bench.stage import KINDS, TITLES, Stage
from tests.support.dovecot import Dovecot
from tests.support.process import ROOT

FEW, MANY = 1_000, 10_000
ROUNDS = 2
SHARE, CPU, MEMORY, GROWTH = 0.5, 3.0, 160.0, 1.1
LOOK = 0.05
PATIENCE_EACH = 0.1


async def measure(stage: Stage) -> list[Figure]:
    figures = []
    for kind in KINDS:
        rates, floors, costs, sizes = [], [], [], []
        for turn in range(ROUNDS):
            rate, floor, cost, size = await _backlog(stage, kind, FEW, f"few{turn}")
            rates.append(rate)
            floors.append(floor)
            costs.append(cost)
            sizes.append(size)
        figures += _figures(kind, FEW, rates, floors, costs, sizes)
        if stage.full:
            rate, floor, cost, size = await _backlog(stage, kind, MANY, "many")
            figures += _figures(kind, MANY, [rate], [floor], [cost], [size])
            name = f"2 mail, memory at {MANY:,} against {FEW:,}, {TITLES[kind]}"
            figures.append(compared(name, [size], [min(sizes)], "MiB", at_most=GROWTH))
    return figures


def _figures(
    kind: str, count: int, rates: list[float], floors: list[float], costs: list[float], sizes: list[float]
) -> list[Figure]:
    name = f"2 mail, backlog of {count:6,}, {{}}, {TITLES[kind]}"
    return [
        compared(name.format("rate"), rates, floors, "mails/s", at_least=SHARE),
        bounded(name.format("processor a mail"), costs, "ms", CPU),
        bounded(name.format("memory"), sizes, "MiB", MEMORY),
    ]


async def _backlog(stage: Stage, kind: str, count: int, run: str) -> tuple[float, float, float, float]:
    """Mails a second, those of the bare pipeline, milliseconds of processor time a mail, and MiB at most."""
    url = await stage.fresh(kind)
    async with LocalSlack() as slack, Dovecot() as dovecot:
        async with Program(slack, BOT, stage.place(), url, **mailbox_of(dovecot)) as bot:
            await _logged(bot, "mail_connected")
            before, began = bot.cpu(family=True), time.perf_counter()
            for mail in mails(count, count // 10, run):
                dovecot.deliver(mail, seen=True)
            await _decided(url, count)
            passed = time.perf_counter() - began
            cost, size = bot.cpu(family=True) - before, bot.peak()
        floor = await _bare(stage, kind, dovecot, count)
    return count / passed, count / floor, 1000 * cost / count, size


async def _logged(bot: Program, action: str) -> None:
    async with asyncio.timeout(30):
        while f'"{action}"' not in bot.log.read_text():
            await asyncio.sleep(LOOK)


async def _decided(url: str, count: int) -> None:
    database = open_database(url)
    statement = sa.text("SELECT count(*) FROM inbox WHERE kind = 'mail' AND state = 'done'")
    async with asyncio.timeout(count * PATIENCE_EACH):
        while await database.read(lambda connection: connection.execute(statement).scalar_one()) < count:
            await asyncio.sleep(LOOK)
    await database.close()


async def _bare(stage: Stage, kind: str, dovecot: Dovecot, count: int) -> float:
    url = await stage.fresh(kind)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.bare", str(dovecot.port), url, str(count)),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return float(said)
