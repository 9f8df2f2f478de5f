"""What admins decide of mail that no case has taken."""

from datetime import timedelta

from bot.casework.intake import Verb
from bot.casework.mail_due import apply_held_due
from bot.mail.parsed import Machine, Verdict
from storage import held_mails, mail_people
from storage.engine import Database
from tests.casework.kit import after, column, dm, faults, happen, rows
from tests.casework.mail_kit import DANA, DESK, GRACE, OMAR, arrive, ask, by_admin, held, mail, with_card


async def stranger(database: Database) -> int:
    """Omar answers to a mail of Dana's case; the number of the held mail."""
    first = mail()
    await arrive(database, first)
    await with_card(database)
    await arrive(database, mail("I am the landlord", OMAR, references=(first.message_id,)), seconds=10)
    return (await held(database))[-1].id


class TestAccepting:
    async def test_the_mail_goes_into_the_case_and_its_sender_may_write_to_it(self, database: Database) -> None:
        number = await stranger(database)
        reply = await ask(database, Verb.ACCEPT_MAIL, number)
        assert (reply["kind"], reply["case_id"]) == ("mail_accepted", "CASE_001")
        assert await rows(database, "SELECT sender, case_id FROM messages ORDER BY id") == [
            (DANA, "CASE_001"),
            (OMAR, "CASE_001"),
        ]
        await arrive(database, mail("Again", OMAR, tags=("CASE_001",)), seconds=90)
        assert await column(database, "SELECT message_count FROM cases") == [3]
        assert await column(database, "SELECT case_id FROM cases") == ["CASE_001"]
        assert await database.read(faults) == []

    async def test_answers_still_go_to_the_customer_alone(self, database: Database) -> None:
        number = await stranger(database)
        await ask(database, Verb.ACCEPT_MAIL, number)
        await arrive(database, by_admin("Hello both", tags=("CASE_001",)), seconds=90)
        lanes = await column(database, "SELECT lane FROM outbox WHERE kind = 'answer'")
        assert lanes == [f"mail:{DANA}"]

    async def test_who_decides_second_is_told_who_was_first(self, database: Database) -> None:
        number = await stranger(database)
        await ask(database, Verb.ACCEPT_MAIL, number)
        reply = await ask(database, Verb.BLOCK_MAIL, number, user="UGRACE", seconds=61)
        assert (reply["kind"], reply["by"]) == ("mail_decided", "Ada Admin")
        assert await database.read(mail_people.blocked) == []

    async def test_a_closed_case_takes_none(self, database: Database) -> None:
        number = await stranger(database)
        await arrive(database, by_admin("I'm closing this case.", tags=("CASE_001",)), seconds=30)
        assert (await ask(database, Verb.ACCEPT_MAIL, number))["kind"] == "case_closed"
        assert (await held(database))[0].state == "held"

    async def test_only_admins_may(self, database: Database) -> None:
        number = await stranger(database)
        for verb in (Verb.ACCEPT_MAIL, Verb.OPEN_MAIL, Verb.BLOCK_MAIL, Verb.SET_MAIL_ASIDE):
            assert (await ask(database, verb, number, user="UBEN"))["kind"] == "not_allowed"
        assert (await held(database))[0].state == "held"

    async def test_an_admins_unproven_mail_becomes_no_answer_by_it(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        forged = by_admin("Done. I'm closing this case.", references=(first.message_id,), verdict=Verdict.NONE)
        await arrive(database, forged, seconds=10)
        await ask(database, Verb.ACCEPT_MAIL, (await held(database))[0].id)
        assert await rows(database, "SELECT sender, is_admin FROM messages ORDER BY id") == [
            (DANA, False),
            (GRACE, False),
        ]
        assert await column(database, "SELECT status FROM cases") == ["open"]
        await arrive(database, by_admin("And again", tags=("CASE_001",), verdict=Verdict.NONE), seconds=90)
        assert [one.state for one in await held(database)] == ["accepted", "held"]


class TestOpening:
    async def test_a_case_opens_for_the_sender(self, database: Database) -> None:
        number = await stranger(database)
        reply = await ask(database, Verb.OPEN_MAIL, number)
        assert (reply["kind"], reply["case_id"]) == ("mail_opened", "CASE_002")
        assert (await held(database))[0].decided_case_id == "CASE_002"
        assert await rows(database, "SELECT customer_identifier FROM cases ORDER BY number") == [(DANA,), (OMAR,)]
        assert await database.read(faults) == []

    async def test_a_machines_mail_can_be_opened_and_is_not_answered(self, database: Database) -> None:
        await arrive(database, mail("Your parcel", "noreply@parcels.example", machine=Machine.NO_REPLY))
        reply = await ask(database, Verb.OPEN_MAIL, (await held(database))[0].id)
        assert (reply["kind"], reply["case_id"]) == ("mail_opened", "CASE_001")
        assert await column(database, "SELECT kind FROM outbox WHERE destination = 'mail'") == []

    async def test_nobody_to_answer_means_no_case(self, database: Database) -> None:
        await arrive(database, mail(sender=None))
        number = (await held(database))[0].id
        for verb in (Verb.OPEN_MAIL, Verb.ACCEPT_MAIL, Verb.BLOCK_MAIL):
            assert (await ask(database, verb, number))["kind"] == "mail_no_sender"
        assert (await ask(database, Verb.SET_MAIL_ASIDE, number))["kind"] == "mail_set_aside"
        assert (await held(database))[0].state == "set_aside"

    async def test_a_number_that_names_nothing(self, database: Database) -> None:
        for target in ("77", "x", "CASE_001", "9" * 40):
            assert (await ask(database, Verb.OPEN_MAIL, target))["kind"] == "mail_gone"


class TestBlocking:
    async def test_a_blocked_sender_is_only_listed(self, database: Database) -> None:
        number = await stranger(database)
        assert (await ask(database, Verb.BLOCK_MAIL, number))["kind"] == "mail_blocked"
        await arrive(database, mail("Urgent!", OMAR), mail("Urgent!", OMAR), seconds=90)
        assert [one.state for one in await held(database)] == ["blocked", "listed", "listed"]
        assert await column(database, "SELECT count(*) FROM cases") == [1]
        assert await column(database, "SELECT kind FROM outbox WHERE destination = 'CALERT'") == []

    async def test_a_customer_can_be_blocked_by_their_case(self, database: Database) -> None:
        await arrive(database, mail())
        assert (await ask(database, Verb.BLOCK, "CASE_001"))["kind"] == "address_blocked"
        assert (await ask(database, Verb.BLOCK, "CASE_001", seconds=61))["kind"] == "address_blocked_already"
        await arrive(database, mail("More"), seconds=90)
        assert await column(database, "SELECT message_count FROM cases") == [1]
        assert await database.write(lambda c: mail_people.unblock(c, DANA))
        await arrive(database, mail("Again"), seconds=100)
        assert await column(database, "SELECT message_count FROM cases") == [2]

    async def test_who_writes_in_slack_cannot(self, database: Database) -> None:
        await happen(database, dm(1))
        assert (await ask(database, Verb.BLOCK, "CASE_001"))["kind"] == "not_by_mail"


class TestWaiting:
    async def test_what_waits_too_long_is_told_once(self, database: Database) -> None:
        await stranger(database)
        soon, late = after(0) + timedelta(hours=3), after(0) + timedelta(hours=5)

        def due(now):
            return database.write(lambda c: apply_held_due(c, DESK, now))

        assert await due(soon) == 0
        assert await due(late) == 1
        assert await due(late) == 0
        assert await column(database, "SELECT destination FROM outbox WHERE kind = 'held_alert'") == ["CALERT"]

    async def test_what_is_decided_is_not_told(self, database: Database) -> None:
        number = await stranger(database)
        await ask(database, Verb.SET_MAIL_ASIDE, number)
        late = after(0) + timedelta(hours=5)
        assert await database.write(lambda c: apply_held_due(c, DESK, late)) == 0

    async def test_held_mail_is_counted_and_listed_mail_is_not(self, database: Database) -> None:
        await stranger(database)
        await arrive(database, mail("News", "news@x.example", machine=Machine.LIST), seconds=20)
        assert await database.read(held_mails.count_held) == 1
