"""What is old is let go of in small batches, and what still waits for somebody is not."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.clock import Clock
from bot.leases import Leases
from bot.retention import Retention
from storage import held_mails, inbox, mailboxes, retention
from storage.engine import open_database
from storage.held_mails import HeldMail
from storage.inbox import Done
from storage.mailboxes import NewMail
from storage.tables import messages
from tests.storage.kit import NOON, a_case, closed, item, keep, message_row
from tests.support.keeping import where_found


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.retention.BETWEEN", 0)
    for name in ("ITEMS_AT_ONCE", "MAILS_AT_ONCE", "CASES_AT_ONCE"):
        monkeypatch.setattr(retention, name, 2)
    database = open_database(database_url)
    yield database
    await database.close()


async def let_go(database, days_later: float, raw: float = 0, days: float = 0) -> None:
    clock = Clock()
    clock.now = lambda: NOON + timedelta(days=days_later)  # type: ignore[method-assign]
    leases = Leases(database, "me", clock.monotonic)
    await leases.take(["retention"])
    duty = Retention(database, clock, leases, raw, days)
    assert duty._duty.is_ours()
    await duty.let_go()


def mail(number: int) -> NewMail:
    name = f"m{number}"
    return NewMail(number, name, f"<{name}>", NOON, 9, b"Words of " + name.encode(), "dana@c.example")


class TestRawForms:
    async def test_decided_items_and_mails_lose_theirs_and_others_keep_it(self, database) -> None:
        def fill(connection: Connection) -> None:
            for number in range(1, 6):
                inbox.put(connection, item(f"post:D1:{number}.0", raw=b"Words"), NOON)
            inbox.mark(connection, [Done(number) for number in (1, 2, 3)], NOON)
            inbox.mark(connection, [Done(4, "quarantined")], NOON)
            mailboxes.install(connection, "box", 1, 0, NOON)
            mailboxes.add_mails(connection, "box", 1, [mail(number) for number in range(1, 6)], NOON)
            inbox.mark(connection, [Done(number) for number in (6, 7, 8, 9)], NOON)  # the tenth waits
            held_mails.hold(connection, HeldMail(4, "held", "stranger", "post", NOON))

        await database.write(fill)
        await let_go(database, 29, raw=30)
        before = await database.read(lambda c: where_found(c, "Words"))
        assert (len(before["inbox"]), len(before["mails"])) == (5, 5)
        await let_go(database, 31, raw=30)
        after = await database.read(lambda c: where_found(c, "Words"))
        assert (len(after["inbox"]), len(after["mails"])) == (2, 2)
        again = [mail(number) for number in range(1, 6)]
        assert await database.write(lambda c: mailboxes.add_mails(c, "box", 1, again, NOON)) == []

    async def test_0_is_never(self, database) -> None:
        await database.write(lambda c: inbox.put(c, item("post:D1:1.0", raw=b"Words"), NOON))
        await database.write(lambda c: inbox.mark(c, [Done(1)], NOON))
        await let_go(database, 9999, raw=0)
        assert await database.read(lambda c: where_found(c, "Words")) != {}

    async def test_what_is_not_old_is_looked_at_a_page_at_most(self, database) -> None:
        """However much of it there is: nothing is read from end to end each hour."""

        def fill(connection: Connection) -> None:
            for number in range(1, 8):
                at = NOON if number < 4 else NOON + timedelta(days=20)
                inbox.put(connection, item(f"post:D1:{number}.0", raw=b"Words"), at)

        await database.write(fill)
        found = []
        reached = retention.Reached()
        while True:
            before = NOON + timedelta(days=1)
            look = await database.read(lambda c: retention.old_items(c, reached, before))  # noqa: B023
            found.append((look.ids, look.end))
            if look.end is None:
                break
            reached.item = look.end
        assert found == [([], 2), ([], 3), ([], None)]


class TestCases:
    async def test_closed_ones_lose_their_content_and_open_ones_do_not(self, database) -> None:
        def fill(connection: Connection) -> None:
            keep(connection, *(closed(number, "U1") for number in (1, 2, 3)), a_case(4, "U1"), closed(5, "U2"))
            rows = [
                message_row(f"CASE_00{number}", body=f"Words {number}", ts=f"{number}.0") for number in range(1, 6)
            ]
            connection.execute(sa.insert(messages), rows)

        await database.write(fill)
        await let_go(database, 400, days=365)
        left = await database.read(lambda c: where_found(c, "Words"))
        assert left == {"messages": ["body=Words 4"]}
        assert await database.read(lambda c: where_found(c, "U2")) == {}
        counted = await database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM messages").scalar_one())
        assert counted == 5
        assert not await database.write(lambda c: inbox.put(c, item("post:D1:1.0"), NOON))
        assert await database.write(lambda c: inbox.put(c, item("post:D1:6.0"), NOON))
