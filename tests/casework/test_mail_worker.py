"""Mails at work: one that cannot be read is set aside as it came, and the next ones go on."""

import pytest
from sqlalchemy import Connection

from bot.casework import preparing, worker
from bot.casework.mail_prepare import Mail
from bot.casework.worker import Casework
from bot.clock import Clock
from bot.mail.reader import Unreadable
from bot.people import LookupUnavailable
from storage.engine import Database
from tests.casework.kit import KnownPeople, after, column, rows
from tests.casework.mail_kit import DANA, DESK, MAILS, OMAR, KnownMails, mail, put_mail
from tests.casework.test_worker import decided, running, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"BACKOFF_FIRST": 0.02, "BACKOFF_MOST": 0.1, "POLL": 0.05}.items():
        monkeypatch.setattr(worker, name, seconds)
    monkeypatch.setattr(preparing, "WAIT", 0.05)


class SomeUnreadable(KnownMails):
    """One mail breaks whatever reads it; `away`: nothing can be read just now."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = 0
        self.away = False

    async def read(self, mail_id: int) -> Mail:
        if self.away:
            raise LookupUnavailable("The process that reads mails does not start.")
        if mail_id == self.broken:
            raise Unreadable("It took longer than 20 seconds to read.")
        return await MAILS.read(mail_id)


async def put(database: Database, mails: SomeUnreadable) -> None:
    def work(connection: Connection) -> None:
        mails.broken = put_mail(connection, mail("Boom"), after(1))
        put_mail(connection, mail("I am still here"), after(2))
        put_mail(connection, mail("So am I", OMAR), after(3))

    await database.write(work)


async def test_an_unreadable_mail_is_quarantined_raw_and_the_next_proceed(database: Database) -> None:
    mails = SomeUnreadable()
    await put(database, mails)
    async with running(Casework(database, KnownPeople(), DESK, Clock(), mails=mails)):  # type: ignore[arg-type]
        await decided(database)
    assert await column(database, "SELECT state FROM inbox ORDER BY at") == ["quarantined", "done", "done"]
    assert await rows(database, "SELECT sender, body FROM messages ORDER BY sender") == [
        (DANA, "I am still here"),
        (OMAR, "So am I"),
    ]
    assert await column(database, "SELECT destination FROM outbox WHERE kind = 'quarantined'") == ["CALERT"]
    kept = await column(database, "SELECT raw FROM mails ORDER BY id")
    assert [bytes(raw) for raw in kept] == [b"raw"] * 3


async def test_while_nothing_can_be_read_mails_wait_and_none_is_quarantined(database: Database) -> None:
    mails = SomeUnreadable()
    await put(database, mails)
    mails.away, mails.broken = True, 0
    async with running(Casework(database, KnownPeople(), DESK, Clock(), mails=mails)):  # type: ignore[arg-type]

        async def delayed() -> bool:
            return await column(database, "SELECT count(*) FROM inbox_lanes WHERE next_at IS NOT NULL") == [2]

        await until(delayed)
        assert set(await column(database, "SELECT state FROM inbox")) == {"waiting"}
        mails.away = False
        await decided(database)
    assert set(await column(database, "SELECT state FROM inbox")) == {"done"}


async def test_without_a_mailbox_mail_that_came_before_waits(database: Database) -> None:
    mails = SomeUnreadable()
    await put(database, mails)
    async with running(Casework(database, KnownPeople(), DESK, Clock())):  # type: ignore[arg-type]

        async def looked_at() -> bool:
            return await column(database, "SELECT count(*) FROM inbox_lanes WHERE next_at IS NOT NULL") == [2]

        await until(looked_at)
    assert set(await column(database, "SELECT state FROM inbox")) == {"waiting"}
