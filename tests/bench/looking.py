"""5. /case status, /case list, a case and Home at 100,000 cases (FULL=1: 1,000,000), five messages on each.

Asked over the socket of a running bot: from the gesture to the acknowledgement that shows the answer, or to
`views.publish`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from bot.sandbox.people import ADA, HELPDESK, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.bench.figures import Figure, percentile
from tests.bench.filling import fill
from tests.bench.program import BOT, NOTHING, Program
from tests.bench.stage import KINDS, TITLES, Stage
from tests.bench.watching import Calls

CASES, MANY = 100_000, 1_000_000
EACH, OPEN_EVERY = 5, 10
ROUNDS, ASKED, EACH_ASKED = 5, 10, 3  # what is asked three times 50: its p99 is the second slowest
WITHIN = 50.0
SETTLED = 6.0
QUESTIONS = ("/case status", "/case list", "/case status CASE_n", "Home")


async def measure(stage: Stage) -> list[Figure]:
    figures = []
    size = MANY if stage.full else CASES
    urls = {kind: await stage.fresh(kind) for kind in KINDS}
    await asyncio.gather(*(fill(url, size, open_every=OPEN_EVERY, each=EACH) for url in urls.values()))
    for kind, url in urls.items():
        async with contextlib.AsyncExitStack() as stack:
            slacks = {}
            for name, module, database in (("ours", BOT, url), ("floor", NOTHING, "")):
                slack = slacks[name] = await stack.enter_async_context(LocalSlack())
                admins = _staff(slack)
                program = Program(slack, module, stage.place(), database, ADMIN_SLACK_USERGROUP="helpdesk")
                await stack.enter_async_context(program)
            await asyncio.sleep(SETTLED)
            took = await _ask_all(slacks, admins, size)
        for question in QUESTIONS:
            ours, floor = percentile(took["ours", question], 0.99), percentile(took["floor", question], 0.99)
            figures.append(
                Figure(
                    f"5 {question} at {size:,} cases, p99, {TITLES[kind]}",
                    ours,
                    "ms",
                    floor,
                    ours / floor,
                    f"<= {WITHIN:g} ms",
                    ours <= WITHIN,
                )
            )
    return figures


def _staff(slack: LocalSlack) -> list[str]:
    """Admins, of whom each has Home open in the end: it is looked at anew for each every ten seconds."""
    admins = [f"U0STAFF{number:03}" for number in range(ASKED)]
    for number, admin in enumerate(admins):
        slack.add_user(admin, f"staff{number}", f"Staff {number}")
        slack.workspace.channels[SUPPORT].members.append(admin)
    slack.workspace.set_usergroup(HELPDESK, "helpdesk", "Help desk", admins)
    return admins


async def _ask_all(
    slacks: dict[str, LocalSlack], admins: list[str], size: int
) -> dict[tuple[str, str], list[float]]:
    """Milliseconds by who answered and what was asked."""
    took: dict[tuple[str, str], list[float]] = {}
    for slack in slacks.values():
        for admin in [ADA, *admins]:
            await slack.command(admin, SUPPORT, "/case", "help")  # who they are is known from now on
    for turn in range(ROUNDS):
        for name, slack in slacks.items():
            for number in range(ASKED):
                admin = admins[number]
                case = f"CASE_{1 + (turn * ASKED + number) * 7919 % size:03}"
                asks: dict[str, Callable[[], Awaitable[None]]] = {
                    "/case status": lambda slack=slack: _command(slack, "status"),
                    "/case list": lambda slack=slack: _command(slack, "list"),
                    "/case status CASE_n": lambda slack=slack, case=case: _command(slack, f"status {case}"),
                    "Home": lambda slack=slack, admin=admin: _home(slack, admin),
                }
                for question, ask in asks.items():
                    for _ in range(EACH_ASKED):
                        began = time.perf_counter()
                        await ask()
                        took.setdefault((name, question), []).append(1000 * (time.perf_counter() - began))
    return took


async def _command(slack: LocalSlack, text: str) -> None:
    reply = await slack.command(ADA, SUPPORT, "/case", text)
    assert reply.ok, reply.error
    assert reply.ack


async def _home(slack: LocalSlack, admin: str) -> None:
    calls = Calls(slack, "views.publish")
    await slack.open_home(admin)
    async with asyncio.timeout(20):
        while not any(call.get("user_id") == admin for call in calls.new()):
            await slack.bell.next()
