"""6. Burst: 600 messages on 50 cases at once, until all can be read in the support channel; against one post each.

At four times Slack's pace of a post per second and channel, with FULL=1 at its own. The floor is what a hundred posts
take, six times over.
"""

from __future__ import annotations

import asyncio
import re
import time

from slack_sdk.web.async_client import AsyncWebClient

from bot.courier.pacing import Pacing
from bot.sandbox.people import SUPPORT
from bot.sandbox.server import LocalSlack
from tests.bench.figures import Figure, compared
from tests.bench.program import BOT, Program
from tests.bench.stage import Stage
from tests.bench.watching import Calls

CASES, LINES = 50, 12
PACE, SLACKS_OWN = 4, 1
SAMPLE = 100
SHARE = 0.2
LINE = re.compile(r"line \d+ of customer \d+\.")
QUICK = "200"


async def measure(stage: Stage) -> list[Figure]:
    pace = SLACKS_OWN if stage.full else PACE
    ours, floor = await asyncio.gather(_burst(stage, pace), _one_post_each(pace))
    name = f"6 burst, {CASES * LINES} messages on {CASES} cases, {pace} posts/s"
    return [compared(name, [ours], [floor], "s", at_most=SHARE)]


async def _burst(stage: Stage, pace: int) -> float:
    people = [f"U0BURST{number:03}" for number in range(CASES)]
    place, database = stage.place(), await stage.fresh("sqlite")
    async with LocalSlack() as slack:
        for number, person in enumerate(people):
            slack.add_user(person, f"burst{number}", f"Customer {number}")
        async with Program(slack, BOT, place, database, SLACK_POSTS_PER_SECOND=QUICK) as bot:
            calls = Calls(slack, "chat.postMessage")
            for person in people:
                await slack.dm(person, "The first message")
            standing = 0
            while standing < 4 * CASES:  # a card, a notice, and two in its thread for each
                standing += len(calls.new())
                await slack.bell.next()
        async with Program(slack, BOT, place, database, SLACK_POSTS_PER_SECOND=str(pace)) as bot:
            calls = Calls(slack, "chat.postMessage")
            lines = {f"line {line} of customer {number}." for line in range(LINES) for number in range(CASES)}
            began = time.perf_counter()
            for line in range(LINES):
                for number, person in enumerate(people):
                    await slack.dm(person, f"line {line} of customer {number}.")
                await bot.slack_has(lambda: len(slack.sockets.undelivered) < CASES)

            def readable() -> bool:
                for call in calls.new():
                    if call["channel"] == SUPPORT:
                        lines.difference_update(LINE.findall(call["text"]))
                return not lines

            await bot.slack_has(readable, 900)
            return time.perf_counter() - began


async def _one_post_each(pace: int) -> float:
    """What the channel takes: 600 posts at that pace, none saved up."""
    async with LocalSlack() as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        client.proxy = None
        channel = Pacing(pace, time.monotonic).channel(SUPPORT)
        channel.empty()
        began = time.perf_counter()
        for number in range(SAMPLE):
            await channel.take()
            await client.chat_postMessage(channel=SUPPORT, text=f"line {number} of a customer.")
        return (time.perf_counter() - began) * CASES * LINES / SAMPLE
