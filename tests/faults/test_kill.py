"""The bot is killed, or stopped, at any moment, and what customers write goes through exactly once all the same."""

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from bot.sandbox.server import LocalSlack
from tests.support.desk import Desk, settings_for
from tests.support.process import BotProcess
from tests.support.stream import Stream, check_everything_once, settled


def a_seed() -> int:
    """CASEWIRE_SEED repeats an earlier run."""
    return int(os.environ.get("CASEWIRE_SEED") or random.SystemRandom().randrange(10**6))


def hurried(slack: LocalSlack) -> LocalSlack:
    """A Slack that sends again soon, and for ever."""
    slack.ack_deadline = 1.0
    slack.retry_schedule = (0.05, 0.2, 0.5)
    slack.delayed_events, slack.delayed_interval = True, 0.5
    return slack


async def killed_while_customers_write(
    database_url: str, directory: Path, *, messages: int, customers: int, kills: int
) -> None:
    seed = a_seed()
    dice = random.Random(seed)
    began = time.monotonic()
    async with LocalSlack(port=0) as slack:
        stream = Stream(hurried(slack))
        stream.invite(customers)
        bot, desk = (
            BotProcess(slack, database_url, directory, timing={"lease": 3.0}),
            Desk(slack, settings_for(slack, database_url)),
        )
        pause = kills * 1.5 / messages
        writing = asyncio.create_task(stream.run(messages, random.Random(seed + 1), pause))
        try:
            for _ in range(kills):
                await bot.start()
                await stream.answer(desk)
                await asyncio.sleep(dice.uniform(0, 1.0))  # the random moment
                await bot.kill()
            await writing
            await bot.start()
            await settled(desk)
            figures = await check_everything_once(desk, stream)
            figures["settled"] = bot.logged("settled")
            figures["redelivered"] = len(slack.traffic.of("event_unacked"))
            assert figures["messages"] == messages
            print(f"seed {seed}: {kills} kills, {dict(figures)}, {time.monotonic() - began:.1f} s")
        except BaseException:
            print(f"seed {seed}\n{bot.tail()}")
            raise
        finally:
            writing.cancel()
            await bot.terminate()
            await desk.close()


class TestKill:
    async def test_a_bot_killed_twice_loses_and_doubles_nothing(self, database_url: str, tmp_path: Path) -> None:
        await killed_while_customers_write(database_url, tmp_path, messages=40, customers=4, kills=2)

    @pytest.mark.slow
    async def test_a_bot_killed_ten_times_loses_and_doubles_nothing(
        self, database_url: str, tmp_path: Path
    ) -> None:
        await killed_while_customers_write(database_url, tmp_path, messages=200, customers=10, kills=10)
