"""A whole desk for a test: the bot as it is, on a local Slack, over real HTTP and a real WebSocket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from bot.app import Bot
from bot.config import Settings, load_settings
from bot.sandbox.people import ADA, ALERTS, DANA, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from bot.timing import Timing
from storage.engine import Database, open_database

T = TypeVar("T")
PATIENCE = 20.0
TIMING = Timing(retry_after=0.2, settle_after=0.2, login_pause=0.3, mail_login_pause=0.3, catch_up=0.1, alarm=0.2)


def settings_for(slack: LocalSlack, database_url: str, **changed: Any) -> Settings:
    """Settings as a test wants them: the sandbox's people, and intervals in which a test can wait."""
    given: dict[str, Any] = {
        "slack_api_url": slack.api_url,
        "slack_bot_token": slack.bot_token,
        "slack_app_token": slack.app_token,
        "support_slack_channel": SUPPORT,
        "alerting_slack_channel": ALERTS,
        "logging_slack_channel": LOG,
        "admin_slack_users": (ADA,),
        "admin_slack_usergroup": "helpdesk",
        "database_url": database_url,
        "port": 0,
        "slack_posts_per_second": 200,
        "escalation_check_interval": 0.2,
    }
    return load_settings(_env_file=None, **(given | changed))


class Desk:
    """What a test looks at and moves. Names are those of the sandbox: Dana and Omar write, Ada and Grace answer."""

    def __init__(self, slack: LocalSlack, settings: Settings) -> None:
        self.slack = slack
        self.settings = settings
        self.bot: Bot | None = None
        self._running: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._database: Database | None = None

    async def start(self) -> None:
        self._stop = asyncio.Event()
        self.bot = Bot(self.settings, self._stop, TIMING)
        self._running = asyncio.create_task(self.bot.run())
        await self.until(lambda: self._running.done() or self.slack.connected)
        if self._running.done():
            self._running.result()

    async def stop(self) -> None:
        """As SIGTERM would."""
        if self._running is not None:
            self._stop.set()
            await asyncio.wait_for(self._running, 10)
            self._running = None

    async def close(self) -> None:
        await self.stop()
        if self._database is not None:
            await self._database.close()

    async def until(self, predicate: Callable[[], T], timeout: float = PATIENCE) -> T:
        """What the predicate says, once it says something; it is asked again at every change in the workspace."""
        return await self.slack.wait_for(predicate, timeout=timeout)

    # What the channels show

    def cards(self) -> list[dict[str, Any]]:
        """The roots in the support channel that are cards, oldest first."""
        return [
            post
            for post in self.slack.messages(SUPPORT)
            if post.get("bot_id") and post.get("thread_ts", post["ts"]) == post["ts"]
        ]

    def thread(self, card: dict[str, Any] | str) -> list[dict[str, Any]]:
        """The replies under a card."""
        root = card if isinstance(card, str) else card["ts"]
        return [post for post in self.slack.messages(SUPPORT, root) if post["ts"] != root]

    def mirrors(self, card: dict[str, Any] | str) -> list[dict[str, Any]]:
        """The replies that show what the customer wrote."""
        return [post for post in self.thread(card) if str(post.get("username", "")).endswith("(customer)")]

    def alerts(self) -> list[dict[str, Any]]:
        return self.slack.messages(ALERTS)

    def log_lines(self) -> list[str]:
        return [post["text"] for post in self.slack.messages(LOG)]

    def inbox_of(self, user: str) -> list[dict[str, Any]]:
        """What the bot wrote into somebody's DM."""
        channel = self.slack.dm_channel(user)
        return [post for post in self.slack.messages(channel) if post.get("bot_id")]

    def marks(self, ts: str, channel: str = SUPPORT) -> set[str]:
        return self.slack.reactions(channel, ts)

    # What people do, waited for

    async def opened(self, user: str = DANA, text: str = "Hello, my order is late") -> dict[str, Any]:
        """A customer writes, and the case stands in its thread: the card is returned."""
        before = len(self.cards())
        await self.slack.dm(user, text)
        await self.until(lambda: len(self.cards()) > before and self.mirrors(self.cards()[-1]))
        return self.cards()[-1]

    async def answer(self, card: dict[str, Any], text: str, user: str = ADA) -> str:
        """An admin answers in the thread, and it has been sent."""
        ts = await self.slack.post(user, SUPPORT, text, thread_ts=card["ts"])
        await self.until(lambda: "white_check_mark" in self.marks(ts))
        return ts

    async def write(self, text: str, user: str = DANA) -> str:
        """A customer writes again, and it is mirrored in some thread."""
        ts = await self.slack.dm(user, text)
        before = sum(len(self.mirrors(card)) for card in self.cards())
        await self.until(lambda: sum(len(self.mirrors(card)) for card in self.cards()) > before)
        return ts

    # What the database holds

    async def move(self, database_url: str) -> None:
        """Another database is the desk's from now on."""
        if self._database is not None:
            await self._database.close()
            self._database = None
        self.settings = self.settings.model_copy(update={"database_url": database_url})

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of a query, as the database has them now."""
        if self._database is None:
            self._database = open_database(self.settings.database_url)

        def work(connection: sa.Connection) -> list[dict[str, Any]]:
            return [dict(row._mapping) for row in connection.execute(sa.text(statement), values)]

        return await self._database.read(work)


@contextlib.asynccontextmanager
async def running_desk(database_url: str, **changed: Any) -> AsyncIterator[Desk]:
    """A local Slack and the bot on it, stopped and closed at the end."""
    async with LocalSlack(port=0) as slack:
        slack.retry_schedule = (0.05, 0.2, 0.5)
        desk = Desk(slack, settings_for(slack, database_url, **changed))
        try:
            await desk.start()
            yield desk
        finally:
            await desk.close()
