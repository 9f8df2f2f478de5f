"""A mailbox that is read into a test's database, and what has been read by now."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import aiohttp
import sqlalchemy as sa

from bot.clock import Clock
from bot.mail.mailbox import Mailbox
from bot.mail.oauth import TokenSource
from bot.mail.settings import After, Backfill, MailboxSettings, Password, Security
from bot.mail.timing import MailTiming
from storage.engine import Database
from tests.support.dovecot import PASSWORD, USER
from tests.support.process import eventually

T = TypeVar("T")
QUICK = MailTiming(
    idle=5.0,
    compare=2.0,
    healthy=5.0,
    again_first=0.05,
    again_most=0.3,
    login_pause=0.2,
    lease=2.0,
    lease_renewal=0.2,
    set_aside=1.0,
    database_pause=0.1,
)


def mailbox_settings(port: int, **changed: Any) -> MailboxSettings:
    given: dict[str, Any] = {
        "server": "127.0.0.1",
        "port": port,
        "security": Security.NONE,
        "address": "support@desk.example",
        "folder": "INBOX",
        "login": Password(USER, PASSWORD),
        "backfill": Backfill.FEW_UNSEEN,
        "max_bytes": 26214400,
        "after": After(),
        "poll_interval": 0.1,
        "down_alert": 300.0,
    }
    return MailboxSettings(**(given | changed))


@dataclass
class Reading:
    """A running mailbox, and what it told."""

    mailbox: Mailbox
    troubles: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    well: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    woken: int = 0

    def _wake(self) -> None:
        self.woken += 1

    def listen(self) -> None:
        self.mailbox.listen(
            on_mail=self._wake,
            on_trouble=self.troubles.append,
            on_warning=self.warnings.append,
            on_well=self.well.append,
            on_lag=self.lags.append,
        )

    async def until(self, condition: Callable[[], T], patience: float = 20.0) -> T:
        async def ask() -> T:
            return condition()

        return await eventually(ask, patience)

    async def flows(self) -> None:
        await self.until(lambda: self.mailbox.status.flows)


@contextlib.asynccontextmanager
async def reading(
    database: Database,
    settings: MailboxSettings,
    *,
    owner: str = "one",
    timing: MailTiming = QUICK,
    clock: Clock | None = None,
    **given: Any,
) -> AsyncIterator[Reading]:
    """A mailbox's task, cancelled and waited for at the end."""
    clock = clock or Clock()
    async with aiohttp.ClientSession() as session:
        mailbox = Mailbox(
            database,
            settings,
            clock,
            owner=owner,
            tokens=lambda login: TokenSource(login, session, clock),
            timing=timing,
            **given,
        )
        running = Reading(mailbox)
        running.listen()
        task = asyncio.create_task(mailbox.run())
        try:
            yield running
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def again(**changed: Any) -> MailTiming:
    return replace(QUICK, **changed)


async def rows(database: Database, statement: str, **values: Any) -> list[dict[str, Any]]:
    def work(connection: sa.Connection) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in connection.execute(sa.text(statement), values)]

    return await database.read(work)


async def message_ids(database: Database) -> list[str]:
    """Of the mails of which an item is in the inbox, in the order of the inbox; twice if it is there twice."""
    items = await rows(database, "SELECT raw FROM inbox WHERE kind = 'mail' ORDER BY at, id")
    mails = {row["id"]: row["message_id"] for row in await rows(database, "SELECT id, message_id FROM mails")}
    return [mails[json.loads(bytes(item["raw"]))["mail_id"]] for item in items]


async def read_by_now(database: Database, count: int, patience: float = 20.0) -> list[str]:
    """The Message-IDs, once there are so many."""

    async def enough() -> list[str] | None:
        ids = await message_ids(database)
        return ids if len(ids) >= count else None

    if not count:
        return await message_ids(database)
    return await eventually(enough, patience)


def name(number: int) -> str:
    return f"<mail-{number}@customer.example>"
