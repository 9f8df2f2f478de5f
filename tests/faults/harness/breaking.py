"""The faults of a seed, done to its machines, its connections, its Slack and its database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from bot.sandbox.server import LocalSlack
from tests.faults.harness.databases import Store
from tests.faults.harness.machines import Machine
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.schedule import Step

METHODS = ("*", "chat.postMessage", "chat.postMessage", "chat.update", "users.info", "conversations.replies")
JUMPS = (300.0, 3600.0, 50 * 3600.0)
LONGER = 5
"""So many times longer than other faults some machines are frozen: longer than their leases last."""
DELAY = 0.2
"""Seconds that each chunk takes longer, at real times and at any other."""


class Breaking:
    """`do` does one fault and returns once it has ended; `mend` ends all of them."""

    def __init__(
        self,
        slack: LocalSlack,
        to_slack: Proxy,
        machines: Sequence[Machine],
        store: Store,
        to_database: Sequence[Proxy],
        to_mail: Sequence[Proxy],
    ) -> None:
        self._slack = slack
        self._to_slack = to_slack
        self._machines = machines
        self._store = store
        self._to_database = to_database
        self._to_mail = to_mail
        self._store_in_use = asyncio.Lock()

    async def do(self, step: Step) -> None:
        family = step.what.partition("_")[0]
        if family in ("kill", "restart", "freeze"):
            await self._machine(step)
        elif family == "database":
            await self._database(step)
        elif family in ("slack", "mail"):
            proxy = self._to_slack if family == "slack" else step.dice.choice(self._to_mail)
            async with self._line(step, proxy):
                await asyncio.sleep(step.lasting)  # how long it lasts
        elif family == "calls":
            self._calls(step)
        else:
            await self._slack_itself(step)

    def mend(self) -> None:
        """What is still broken of the connections and of Slack. Machines and databases mend themselves."""
        for proxy in (self._to_slack, *self._to_database, *self._to_mail):
            proxy.mend()
        self._slack.outage(False)
        self._slack.faults.clear()
        self._slack.lose_acks(0)
        self._slack.release_events()

    async def _machine(self, step: Step) -> None:
        machine = step.dice.choice(self._machines)
        match step.what:
            case "kill":
                await machine.kill()
            case "restart":
                await machine.restart()
            case _:
                dice = step.dice
                await machine.freeze(step.lasting * dice.choice((1, 1, LONGER)))

    @contextlib.asynccontextmanager
    async def _line(self, step: Step, proxy: Proxy) -> AsyncIterator[None]:
        dice = step.dice
        match step.what.partition("_")[2]:
            case "cut":
                proxy.cut(dice if dice.random() < 0.5 else None)
                yield
            case "stall":
                proxy.stall(dice if dice.random() < 0.5 else None)
                yield
                proxy.mend()
            case "delay":
                proxy.delay = dice.uniform(0.01, DELAY)
                yield
                proxy.delay = 0.0
            case "refused":
                proxy.refusing = True
                proxy.cut()
                yield
                proxy.refusing = False
            case "lost_requests":
                proxy.lose_requests(dice.randint(1, 4))
                yield
            case "lost_answers":
                proxy.lose_answers(dice.randint(1, 4))
                yield
            case _:
                raise ValueError(f"no connection can be {step.what}")

    async def _database(self, step: Step) -> None:
        if step.what in ("database_locked", "database_restart"):
            async with self._store_in_use, self._store.away():
                await asyncio.sleep(step.lasting)  # how long it is away
            return
        async with self._line(step, step.dice.choice(self._to_database)):
            await asyncio.sleep(step.lasting)  # how long it lasts

    def _calls(self, step: Step) -> None:
        dice, faults = step.dice, self._slack.faults
        method, times = dice.choice(METHODS), dice.randint(1, 4)
        match step.what:
            case "calls_limited":
                faults.add(method, "429", times=times)
            case "calls_failing":
                faults.add(method, dice.choice(("500", "502", "503")), times=times)
            case "calls_answers_lost":
                faults.add(method, "lost_answer", times=times)
            case _:
                faults.add(method, "drop", times=times)

    async def _slack_itself(self, step: Step) -> None:
        dice, slack = step.dice, self._slack
        match step.what:
            case "outage":
                slack.outage()
                await asyncio.sleep(step.lasting)  # how long it lasts
                slack.outage(False)
            case "disconnect":
                reason = dice.choice(("warning", "refresh_requested", "refresh_requested"))
                await slack.disconnect(reason, grace=min(1.0, step.lasting))
            case "acks_lost":
                slack.lose_acks(dice.randint(1, 6))
            case "delivered_again":
                sent = slack.traffic.of("envelope:events_api")[-200:]
                for record in dice.sample(sent, min(len(sent), 5)):
                    slack.deliver_again(record.detail["payload"]["event_id"])
            case "events_held":
                slack.hold_events()
                await asyncio.sleep(step.lasting / 4)  # how long they are held
                slack.release_events(backwards=dice.random() < 0.7)
            case "clock_jump":
                slack.clock.advance(dice.choice(JUMPS))
            case _:
                raise ValueError(f"nobody knows how to {step.what}")
