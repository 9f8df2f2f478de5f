"""A post whose answer was lost: looked for by its metadata, taken over if it stands, sent again only if it does not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bot.blocks.post import Post
from bot.channels import DeskChannels
from bot.clock import Clock
from bot.courier.courier import Courier
from bot.courier.pacing import Pacing
from bot.courier.render import Words
from bot.courier.slack import ChannelTrouble, LoginTrouble, Uncertain
from bot.courier.slack_rows import SlackRows
from bot.leases import Leases
from bot.timing import Timing
from bot.views import Views
from storage import outbox
from storage.engine import Database, open_database
from storage.outbox import NewRow, OutboxRow

LOG = "C0LOG"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class ScriptedSlack:
    """Answers posts and looks with what the script says, the last answer for ever; notes what it was asked."""

    posts: list[Any] = field(default_factory=lambda: ["1.0"])
    looks: list[Any] = field(default_factory=lambda: [None])
    asked: list[str] = field(default_factory=list)

    async def post(self, channel: str, _post: Post, _outbox_id: int, *_: Any, **__: Any) -> str:
        return self._next("post", self.posts) if channel == LOG else "5.0"

    async def find(self, _channel: str, _thread_ts: str | None, _outbox_id: int, _since: datetime) -> str | None:
        return self._next("look", self.looks)

    def _next(self, what: str, answers: list[Any]) -> Any:
        self.asked.append(what)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


async def delivered(database: Database, slack: ScriptedSlack, *, found_as: str = "pending") -> OutboxRow:
    """Have the courier bring one log line; how its row ended. `found_as`: the state a crash left it in."""
    row = NewRow("log:1", "log", LOG, "log_line", "CASE_001", payload={"at": str(NOW), "by": "Ada"})

    def prepare(connection: Any) -> None:
        outbox.enqueue(connection, [row], Clock().now())
        connection.exec_driver_sql(f"UPDATE outbox SET state = '{found_as}'")

    await database.write(prepare)
    clock = Clock()
    channels = DeskChannels("C0SUPPORT", "C0ALERTS", LOG, {}, {}, database, clock)
    words = Words(channels.support, "", "", "", Views(""), reserved_names=tuple, file_max_bytes=1)
    pacing = Pacing(1000, Clock.monotonic)
    files, timing = SimpleNamespace(), Timing(retry_after=0.01, settle_after=0.0, login_pause=0.01)
    rows = SlackRows(database, slack, pacing, words, channels, clock, files, timing)
    leases = Leases(database, "this process", Clock.monotonic)
    courier = Courier(database, rows, files, None, pacing, clock, leases, timing)
    running = asyncio.create_task(courier.run())

    def ended(connection: Any) -> Any:
        return connection.exec_driver_sql(
            "SELECT state, result_ts FROM outbox WHERE kind = 'log_line' AND state IN ('sent', 'parked')"
        ).first()

    try:
        async with asyncio.timeout(10):
            while (result := await database.read(ended)) is None:
                await asyncio.sleep(0.01)
    finally:
        courier.stop()
        await running
    assert rows.login_trouble is None
    return result


class TestSettling:
    async def test_a_post_that_stands_in_slack_is_taken_over(self, database: Database) -> None:
        slack = ScriptedSlack(posts=[Uncertain("lost")], looks=["7.0"])
        row = await delivered(database, slack)
        assert slack.asked == ["post", "look"]
        assert (row.state, row.result_ts) == ("sent", "7.0")

    async def test_a_post_that_shows_only_at_the_second_look_is_taken_over_too(self, database: Database) -> None:
        slack = ScriptedSlack(posts=[Uncertain("lost")], looks=[None, "7.0"])
        row = await delivered(database, slack)
        assert slack.asked == ["post", "look", "look"]
        assert row.result_ts == "7.0"

    async def test_a_post_that_is_not_there_after_two_looks_is_sent_again(self, database: Database) -> None:
        slack = ScriptedSlack(posts=[Uncertain("lost"), "8.0"], looks=[None])
        row = await delivered(database, slack)
        assert slack.asked == ["post", "look", "look", "post"]
        assert row.result_ts == "8.0"

    async def test_a_post_lost_for_the_second_time_is_looked_for_anew(self, database: Database) -> None:
        slack = ScriptedSlack(posts=[Uncertain("lost"), Uncertain("lost")], looks=[None, None, "9.0"])
        row = await delivered(database, slack)
        assert slack.asked == ["post", "look", "look", "post", "look"]
        assert row.result_ts == "9.0"

    async def test_a_look_that_was_lost_itself_does_not_count(self, database: Database) -> None:
        slack = ScriptedSlack(posts=[Uncertain("lost"), "8.0"], looks=[Uncertain("lost"), None, "7.0"])
        row = await delivered(database, slack)
        assert slack.asked == ["post", "look", "look", "look"]
        assert row.result_ts == "7.0"

    async def test_what_a_crash_left_in_the_sending_is_looked_for_before_it_is_sent(
        self, database: Database
    ) -> None:
        slack = ScriptedSlack(looks=["7.0"])
        row = await delivered(database, slack, found_as="sending")
        assert slack.asked == ["look"]
        assert row.result_ts == "7.0"

    async def test_a_channel_that_cannot_be_looked_into_does_not_make_it_sendable(
        self, database: Database
    ) -> None:
        slack = ScriptedSlack(looks=[ChannelTrouble("not_in_channel"), "7.0"])
        row = await delivered(database, slack, found_as="sending")
        assert slack.asked == ["look", "look"]
        assert row.result_ts == "7.0"

    async def test_a_refused_token_neither_parks_it_nor_outlives_the_look_that_worked(
        self, database: Database
    ) -> None:
        slack = ScriptedSlack(posts=[Uncertain("lost")], looks=[LoginTrouble("invalid_auth"), "7.0"])
        row = await delivered(database, slack)
        assert (row.state, row.result_ts) == ("sent", "7.0")
