"""3. Reaction on an idle desk, on a case that exists: from the push to the post in its thread.

A direct message: how much later it is posted than a listener that does nothing acknowledges one. A mail: how much
later it is posted than the mail server told the desk of it. What nobody answers is not escalated here: an alert
would be posted beside each message.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from bot.sandbox.people import DANA
from bot.sandbox.server import LocalSlack
from tests.bench.figures import Figure, percentile
from tests.bench.mailing import mailbox_of, mails
from tests.bench.program import BOT, NOTHING, Program
from tests.bench.slack_in import drive
from tests.bench.stage import KINDS, TITLES, Stage
from tests.bench.watching import Calls, listening
from tests.support.dovecot import Dovecot

DIRECT, MAILS = 15, 8
PAUSE = 0.25
ADDED = 50.0


async def measure(stage: Stage) -> list[Figure]:
    figures = []
    for kind in KINDS:
        async with LocalSlack() as slack, LocalSlack() as empty, Dovecot() as dovecot, listening(dovecot) as way:
            desk = Program(
                slack,
                BOT,
                stage.place(),
                await stage.fresh(kind),
                SLACK_POSTS_PER_SECOND="100",  # an idle desk: no post waits for the one before it
                ESCALATION_FOLLOW_UPS="1000",
                **mailbox_of(dovecot) | {"IMAP_PORT": str(way.port)},
            )
            empty.add_user("U0BENCH000", "bench", "Customer")
            async with desk, Program(empty, NOTHING, stage.place()):
                direct, pushes = await _direct(slack, empty)
                added = [one - push for one, push in zip(direct, pushes, strict=True)]
                figures += _figures(f"3 reaction, direct message, {TITLES[kind]}", added, pushes)
                calls = Calls(slack, "chat.postMessage")
                added, pushes = [], []
                for number, mail in enumerate(mails(MAILS + 1, 1, f"reaction-{kind}")):
                    word = f"reaction{number}mark"
                    began = time.perf_counter()
                    dovecot.deliver(mail.replace(b"\r\n\r\n", f"\r\n\r\n{word}\r\n".encode(), 1))
                    pushed, posted = await asyncio.gather(way.told(number + 1), calls.holds(word))
                    added.append(1000 * (posted - pushed))
                    pushes.append(1000 * (pushed - began))
                    await asyncio.sleep(PAUSE)
                figures += _figures(f"3 reaction, mail, {TITLES[kind]}", added[1:], pushes[1:])
    return figures


async def _direct(slack: LocalSlack, empty: LocalSlack) -> tuple[list[float], list[float]]:
    """Milliseconds to the post, and of a push alone; in turn."""
    calls = Calls(slack, "chat.postMessage")
    await slack.dm(DANA, "The first one, which opens the case")
    await calls.holds("which opens the case")
    took, pushes = [], []
    for number in range(DIRECT):
        await asyncio.sleep(PAUSE)
        waits, _ = await drive(empty, 1, 0.0001)
        pushes.append(1000 * statistics.median(waits))
        await asyncio.sleep(PAUSE)
        began = time.perf_counter()
        await slack.dm(DANA, f"reaction{number}mark")
        took.append(1000 * (await calls.holds(f"reaction{number}mark") - began))
    return took, pushes


def _figures(name: str, added: list[float], pushes: list[float]) -> list[Figure]:
    middle, push = statistics.median(added), statistics.median(pushes)
    return [
        Figure(f"{name}, p50 after the push", middle, "ms", push, None, f"<= {ADDED:g} ms", middle <= ADDED),
        Figure(f"{name}, p90 after the push", percentile(added, 0.9), "ms", percentile(pushes, 0.9)),
    ]
