"""One seed, from the first message until everything has settled and the oracle has spoken."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.sandbox.mail.server import MailServer
from bot.sandbox.server import LocalSlack
from storage.errors import DatabaseUnavailable
from tests.faults.harness.breaking import Breaking
from tests.faults.harness.databases import Store, Stores
from tests.faults.harness.load import Load
from tests.faults.harness.machines import Machine
from tests.faults.harness.oracle import Finding, Oracle, Wrong
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.schedule import Step, schedule
from tests.support.desk import Desk, settings_for
from tests.support.running import environment

PACE = 0.1
"""All timers run at this part of their real times."""
MACHINES = {"sqlite": 1, "postgresql": 3}
PATIENCE = 90.0
"""Seconds in which everything must have settled once nothing is broken any more, at any pace; more at real times."""
LOOK = 0.1
SETTLED_LOOKS = 4
# Ten times as fast as Slack's, so that within a seed events are lost for good, and only the replay can bring them.
RETRIES = (0.0, 6.0, 30.0)
ACK_DEADLINE = 3.0
LEAST_ACK_DEADLINE = 0.7
REPLAY_INTERVAL = 30.0
CHECK_INTERVAL = 5.0
ANSWER_DELAY = 5.0
POSTS_PER_SECOND = (1.0, 0.4, 4.0)
"""Seeds take turns: where a channel is behind, waiting messages are shown together."""


@dataclass(slots=True)
class Outcome:
    """What became of a seed."""

    seed: int
    database: str
    faults: int = 0
    messages: int = 0
    recovery: float = 0.0
    waited_for: str = ""
    """What was still to be done last, before everything was."""
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    befell: list[str] = field(default_factory=list)

    def count(self, wrong: Wrong) -> int:
        return sum(finding.wrong is wrong for finding in self.findings)


async def play(
    seed: int, stores: Stores, directory: Path, *, pace: float = PACE, machines: int | None = None
) -> Outcome:
    """Play one seed; its logs stay in the directory."""
    began = time.monotonic()
    outcome = Outcome(seed, stores.kind)
    store = await stores.fresh(directory)
    async with (
        LocalSlack(port=0, with_mail=True) as slack,
        Proxy(slack.port) as to_slack,
        contextlib.AsyncExitStack() as stack,
    ):
        slack.api.base_url = slack.api.interactions.base_url = f"http://127.0.0.1:{to_slack.port}"
        slack.retry_schedule = [seconds * pace for seconds in RETRIES]
        slack.ack_deadline = max(ACK_DEADLINE * pace, LEAST_ACK_DEADLINE)
        mail = slack.mail or MailServer()
        to_imap = await stack.enter_async_context(Proxy(mail.imap.port))
        to_smtp = await stack.enter_async_context(Proxy(mail.smtp.port))
        per_second = POSTS_PER_SECOND[seed % len(POSTS_PER_SECOND)]
        count = machines or MACHINES[stores.kind]
        to_database = []
        if store.port is not None:
            to_database = [await stack.enter_async_context(Proxy(store.port)) for _ in range(count)]
        bots = [
            Machine(
                f"bot{number}",
                directory,
                _environment(slack, store, to_slack, to_database[number : number + 1], pace, count, per_second)
                | mail.environment
                | {"IMAP_PORT": str(to_imap.port), "SMTP_PORT": str(to_smtp.port)},
                lambda: slack.clock.offset,
            )
            for number in range(count)
        ]
        desk = Desk(slack, settings_for(slack, store.url))
        load = Load(slack, desk)
        breaking = Breaking(slack, to_slack, bots, store, to_database, (to_imap, to_smtp))
        try:
            async with _running(bots):
                await slack.wait_for(lambda: slack.connected, timeout=60)
                await _go_through(schedule(seed, stores.kind, pace), load, breaking, outcome)
                breaking.mend()
                settled = await _settle(slack, desk, bots, outcome, max(PATIENCE, 600 * pace))
                outcome.messages = len(load.ledger.written)
                if settled:
                    outcome.findings += await Oracle(desk, load.ledger).judge()
            for bot in bots:
                outcome.findings += [Finding(Wrong.UNEXPLAINED, what) for what in bot.unexpected()]
        finally:
            await desk.close()
    outcome.seconds = time.monotonic() - began
    return outcome


def _environment(
    slack: LocalSlack,
    store: Store,
    to_slack: Proxy,
    to_database: list[Proxy],
    pace: float,
    machines: int,
    posts_per_second: float,
) -> dict[str, str]:
    database = store.through(to_database[0].port) if to_database else store.url
    return environment(
        slack,
        database,
        HARNESS_PACE=str(pace),
        SLACK_API_URL=f"http://127.0.0.1:{to_slack.port}/api/",
        ADMIN_SLACK_USERGROUP="helpdesk",
        SLACK_SOCKETS="2" if machines == 1 else "1",
        SLACK_POSTS_PER_SECOND=str(posts_per_second / pace),
        ESCALATION_CHECK_INTERVAL=str(CHECK_INTERVAL * pace),
        REPLAY_INTERVAL=str(REPLAY_INTERVAL * pace),
        EMAIL_POLL_INTERVAL=str(REPLAY_INTERVAL * pace),
        EMAILS_PER_MINUTE="600",
        ANSWER_DELAY=str(ANSWER_DELAY * pace),
        LOG_FORMAT="json",
    )


@contextlib.asynccontextmanager
async def _running(bots: list[Machine]) -> AsyncIterator[None]:
    """The machines, stopped in order at the end, or discarded when something went wrong."""
    try:
        for bot in bots:
            await bot.start()
        yield
        await asyncio.gather(*(bot.stop() for bot in bots))
    finally:
        for bot in bots:
            await bot.discard()


async def _go_through(steps: list[Step], load: Load, breaking: Breaking, outcome: Outcome) -> None:
    """Begin each step at its time, whatever the ones before are doing; return when all have ended."""
    began = time.monotonic()

    async def at_its_time(step: Step) -> None:
        await asyncio.sleep(began + step.at - time.monotonic())
        if step.is_fault:
            outcome.faults += 1
            outcome.befell.append(f"{step.at:.1f} s {step.what} ({step.lasting:.1f} s)")
            await breaking.do(step)
        else:
            await load.do(step)

    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(at_its_time(step))


async def _settle(slack: LocalSlack, desk: Desk, bots: list[Machine], outcome: Outcome, patience: float) -> bool:
    """Wait until nothing is left to do and Slack's history was compared once more; the recovery is what work took."""
    mended, began = datetime.fromtimestamp(slack.clock.now(), UTC), time.monotonic()
    quiet, left = 0, "nothing was looked at"
    while quiet < SETTLED_LOOKS:
        await asyncio.sleep(LOOK)  # from one look to the next: databases ring no bell
        try:
            working = await _left_to_do(slack, desk)
            left = working or await _left_to_compare(desk, mended)
        except DatabaseUnavailable as error:
            working = left = f"the database is away: {error}"
        quiet = 0 if left else quiet + 1
        if working:
            outcome.recovery, outcome.waited_for = time.monotonic() - began, working
        if time.monotonic() - began > patience:
            outcome.findings.append(Finding(Wrong.UNEXPLAINED, f"not settled after {patience:g} s: {left}"))
            return False
    return True


async def _left_to_do(slack: LocalSlack, desk: Desk) -> str:
    """In words; empty when nothing is."""
    if not slack.connected:
        return "no connection to Slack"
    now = datetime.fromtimestamp(slack.clock.now(), UTC)
    stamp = now.replace(tzinfo=None) if desk.settings.database_url.startswith("sqlite") else now
    if slack.sockets.undelivered:
        return f"{len(slack.sockets.undelivered)} events are not acknowledged"
    if slack.mail is not None:
        lying = len(slack.mail.mailbox(slack.mail.desk).inbox)
        (read,) = await desk.rows("SELECT count(*) AS n FROM mail_uids")
        if read["n"] < lying:
            return f"{lying - read['n']} of {lying} mails are not read"
    left = Counter[str]()
    for row in await desk.rows(
        "SELECT 'inbox ' || kind AS what FROM inbox WHERE state = 'waiting'"
        " UNION ALL SELECT 'outbox ' || kind || ' ' || state || ' ' || coalesce(error, '') FROM outbox"
        " WHERE state IN ('pending', 'sending', 'uncertain')"
        " UNION ALL SELECT 'wish ' || kind || ' ' || coalesce(error, '') FROM desired WHERE next_at IS NOT NULL"
        " UNION ALL SELECT 'due case ' || case_id FROM cases WHERE due_at IS NOT NULL AND due_at < :now",
        now=str(stamp) if desk.settings.database_url.startswith("sqlite") else stamp,
    ):
        left[row["what"]] += 1
    return ", ".join(f"{count} × {what}" for what, count in left.items())


async def _left_to_compare(desk: Desk, mended: datetime) -> str:
    for row in await desk.rows("SELECT complete_until, gap_at FROM replay_state"):
        until = row["complete_until"]
        until = datetime.fromisoformat(until) if isinstance(until, str) else until
        until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
        if row["gap_at"] is None and until >= mended:
            return ""
        return f"Slack's history is compared until {until}, everything was mended at {mended}"
    return "Slack's history was never compared"
