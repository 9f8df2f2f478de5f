"""Held mails, who may write, and what is limited, as they are kept."""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from storage import held_mails, mail_people, mail_tallies, mailboxes
from storage.engine import Database
from storage.held_mails import HeldMail
from storage.tables import mails
from tests.storage.kit import NOON, a_case, after, keep

BOX = "support@example.com/INBOX"


def add_mail(connection: Connection, number: int) -> int:
    mailboxes.install(connection, BOX, 1, 0, NOON)
    row = {"mailbox": BOX, "fingerprint": f"{number}", "message_id": f"<{number}@x>", "internaldate": NOON}
    row |= {"size": 1, "received_at": NOON, "raw": b""}
    return connection.execute(sa.insert(mails).values(row).returning(mails.c.id)).scalar_one()


def a_held(mail_id: int, **changed) -> HeldMail:
    return replace(HeldMail(mail_id, "held", "stranger", f"mail:{mail_id}", NOON, alert_at=after(60)), **changed)


async def hold(database: Database, *states: str) -> list[int]:
    def work(connection: Connection) -> list[int]:
        numbers = []
        for each, state in enumerate(states):
            mail_id = add_mail(connection, each)
            number = held_mails.hold(connection, a_held(mail_id, state=state))
            assert number is not None
            assert held_mails.hold(connection, a_held(mail_id, state=state)) is None  # once only
            numbers.append(number)
        return numbers

    return await database.write(work)


class TestHeld:
    async def test_it_is_found_as_it_was_kept(self, database: Database) -> None:
        (number,) = await hold(database, "held")
        found = await database.read(lambda c: held_mails.find(c, number))
        assert found == a_held(found.mail_id, id=number)
        assert await database.read(lambda c: held_mails.find(c, number + 1)) is None

    async def test_only_what_is_held_is_counted(self, database: Database) -> None:
        await hold(database, "held", "listed", "shown", "held")
        assert await database.read(held_mails.count_held) == 2

    async def test_it_is_overdue_from_its_time_until_told_or_decided(self, database: Database) -> None:
        one, two = await hold(database, "held", "held")
        overdue = held_mails.overdue

        def numbers(seconds: float) -> list[int]:
            return database.write(lambda c: [held.id for held in overdue(c, after(seconds), 10)])

        assert await numbers(59) == []
        assert await numbers(60) == [one, two]
        await database.write(lambda c: held_mails.alerted(c, [one]))
        await database.write(lambda c: held_mails.decide(c, two, "blocked", "Ada", after(70)))
        assert await numbers(100) == []
        decided = await database.read(lambda c: held_mails.find(c, two))
        assert (decided.state, decided.decided_by, decided.decided_at) == ("blocked", "Ada", after(70))

    async def test_a_post_is_where_it_was_posted_last(self, database: Database) -> None:
        assert await database.read(lambda c: held_mails.find_post(c, "mail:1")) is None
        for ts in ("1.1", "2.2"):
            await database.write(lambda c, ts=ts: held_mails.set_post(c, "mail:1", "C1", ts))
        assert await database.read(lambda c: held_mails.find_post(c, "mail:1")) == ("C1", "2.2")


class TestPeople:
    async def test_participants_are_those_of_the_case(self, database: Database) -> None:
        def work(connection: Connection) -> None:
            keep(connection, a_case(1), a_case(2, "U2"))
            for _ in range(2):
                mail_people.add_participant(connection, "CASE_001", "omar@e.example", "Ada", NOON)

        await database.write(work)
        found = await database.read(lambda c: mail_people.participants_of(c, ["CASE_001", "CASE_002"]))
        assert found == {"CASE_001": frozenset({"omar@e.example"})}

    async def test_an_address_is_blocked_until_it_is_not(self, database: Database) -> None:
        write = database.write
        assert await write(lambda c: mail_people.block(c, "a@x.example", "Ada", NOON))
        assert not await write(lambda c: mail_people.block(c, "a@x.example", "Grace", NOON))
        asked = ["a@x.example", "b@x.example"]
        assert await database.read(lambda c: mail_people.blocked_among(c, asked)) == {"a@x.example"}
        assert [one.blocked_by for one in await database.read(mail_people.blocked)] == ["Ada"]
        assert await write(lambda c: mail_people.unblock(c, "a@x.example"))
        assert not await write(lambda c: mail_people.unblock(c, "a@x.example"))

    async def test_a_message_id_is_used_once(self, database: Database) -> None:
        assert not await database.read(lambda c: mail_people.used_before(c, "<1@x>"))
        assert await database.write(lambda c: mail_people.use_once(c, "<1@x>", NOON))
        assert not await database.write(lambda c: mail_people.use_once(c, "<1@x>", NOON))
        assert await database.read(lambda c: mail_people.used_before(c, "<1@x>"))


class TestTallies:
    async def test_it_counts_by_address_and_for_all_since_a_moment(self, database: Database) -> None:
        def work(connection: Connection) -> list[int]:
            for seconds, address in ((0, "a@x"), (10, "a@x"), (20, "b@x")):
                mail_tallies.add(connection, "automatic", address, after(seconds))
            mail_tallies.add(connection, "case", "a@x", after(30))
            count = mail_tallies.count
            return [
                count(connection, "automatic", NOON - timedelta(hours=1)),
                count(connection, "automatic", after(5)),
                count(connection, "automatic", after(5), "a@x"),
                count(connection, "case", after(5), "b@x"),
            ]

        assert await database.write(work) == [3, 2, 1, 0]

    async def test_what_is_counted_no_more_goes(self, database: Database) -> None:
        def work(connection: Connection) -> int:
            mail_tallies.add(connection, "automatic", "a@x", NOON)
            mail_tallies.add(connection, "automatic", "a@x", NOON + timedelta(days=3))
            return mail_tallies.count(connection, "automatic", NOON - timedelta(days=9))

        assert await database.write(work) == 1
