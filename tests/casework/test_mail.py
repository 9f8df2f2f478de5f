"""Mail from the inbox on: what becomes of cases, and what is shown, held and sent because of it."""

from datetime import timedelta

import sqlalchemy as sa

from bot.casework.batch_state import Desk
from bot.desk.policy import Policy
from bot.mail.parsed import Address, Bounce, Machine, MailFile, Verdict
from storage import messages
from storage.engine import Database
from storage.tables import outbox
from tests.casework.kit import NOON, after, column, faults, rows
from tests.casework.mail_kit import (
    DANA,
    DESK,
    GRACE,
    OMAR,
    US,
    arrive,
    bounce_of,
    by_admin,
    desk_with,
    held,
    mail,
    sent_answer,
    with_card,
)

CLOSING = "I'm closing this case."


async def sound(database: Database) -> bool:
    assert await database.read(faults) == []
    return True


async def cases_of(database: Database) -> list[tuple]:
    return await rows(
        database, "SELECT case_id, customer_identifier, status, message_count FROM cases ORDER BY number"
    )


async def notices(database: Database) -> list[str]:
    return [payload["notice"] for payload in await payloads(database, "thread_notice")]


async def payloads(database: Database, kind: str) -> list[dict]:
    statement = sa.select(outbox.c.payload).where(outbox.c.kind == kind).order_by(outbox.c.id)
    return await database.read(lambda c: list(c.execute(statement).scalars()))


async def by_mail(database: Database) -> list[str]:
    """The kinds of the mails that go out."""
    return await column(database, "SELECT kind FROM outbox WHERE destination = 'mail' ORDER BY id")


class TestOpening:
    async def test_a_mail_opens_a_case_for_its_address_and_is_acknowledged_by_mail(
        self, database: Database
    ) -> None:
        await arrive(database, mail("Where is my order?"))
        assert await cases_of(database) == [("CASE_001", DANA, "open", 1)]
        assert await rows(database, "SELECT display_name FROM customers") == [("Dana Lee",)]
        assert await rows(database, "SELECT source, reply_channel FROM cases") == [("email", None)]
        assert await rows(database, "SELECT lane, kind FROM outbox WHERE destination = 'mail'") == [
            (f"mail:{DANA}", "received")
        ]
        assert await sound(database)

    async def test_further_mails_join_it_and_are_not_acknowledged(self, database: Database) -> None:
        await arrive(database, mail(), mail("And when?", subject="Something else"), mail("Hello?"))
        assert await cases_of(database) == [("CASE_001", DANA, "open", 3)]
        assert await by_mail(database) == ["received"]

    async def test_the_subject_is_shown_with_the_first_mail_and_when_it_changes(self, database: Database) -> None:
        again = mail("Third", subject="AW: Invoice")
        await arrive(database, mail(), mail("Two", subject="Re: My order"), mail("x", subject="Invoice"), again)
        shown = [payload["subject"] for payload in await payloads(database, "mirror")]
        assert shown == ["My order", "", "Invoice", ""]

    async def test_who_else_got_it_and_what_was_not_read_is_shown(self, database: Database) -> None:
        await arrive(database, mail(cc=(Address(OMAR),), notes=("A part could not be read.",)))
        (payload,) = await payloads(database, "mirror")
        assert payload["cc"] == [OMAR]
        assert payload["notes"] == ["A part could not be read."]

    async def test_an_urgent_word_in_the_first_subject_escalates(self, database: Database) -> None:
        await arrive(database, mail("Hello", subject="URGENT: no heating"))
        assert await column(database, "SELECT escalated FROM cases") == [True]

    async def test_an_urgent_word_in_the_history_or_in_an_answered_subject_does_not(
        self, database: Database
    ) -> None:
        await arrive(database, mail("Hello", subject="Heating"))
        await arrive(
            database,
            mail("Thanks", subject="Re: Heating", text="Thanks\n> this is urgent"),
            seconds=10,
        )
        assert await column(database, "SELECT escalated FROM cases") == [False]

    async def test_files_and_the_whole_text_travel_into_the_thread(self, database: Database) -> None:
        files = (MailFile(2, "a.pdf", "application/pdf", 2048), MailFile(3, "b.iso", "", 10**9))
        await arrive(database, mail("See here", text="See here\n" + "> what was before\n" * 200, files=files))
        sources = await rows(database, "SELECT name, source_id, url, trouble FROM attachments ORDER BY id")
        mail_id = (await column(database, "SELECT id FROM mails"))[0]
        assert sources == [
            ("a.pdf", f"mail:{mail_id}:2", f"mail:{mail_id}:2", None),
            ("b.iso", f"mail:{mail_id}:3", f"mail:{mail_id}:3", "too_large"),
            ("whole-mail.txt", f"mail:{mail_id}:text", f"mail:{mail_id}:text", None),
        ]
        assert await column(database, "SELECT destination FROM outbox WHERE kind = 'file'") == ["files:CSUP"] * 2
        assert "customers_files_not_sent" in await notices(database)
        assert await by_mail(database) == ["received", "files_not_sent"]

    async def test_a_short_signature_is_shown_and_counts_for_nothing(self, database: Database) -> None:
        await arrive(database, mail("Hello", text="Hello\n-- \nDana, Urgent Care"))
        assert await column(database, "SELECT body FROM messages") == ["Hello\n-- \nDana, Urgent Care"]
        assert await column(database, "SELECT name FROM attachments") == []
        assert await column(database, "SELECT escalated FROM cases") == [False]

    async def test_what_an_answer_quotes_of_its_own_case_is_no_file(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        await arrive(
            database,
            mail("Thank you", text="Thank you\n> what was before", references=(first.message_id,)),
            seconds=10,
        )
        assert await column(database, "SELECT name FROM attachments") == []

    async def test_a_mail_after_the_closing_opens_a_linked_case(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        await arrive(database, by_admin(CLOSING, references=(first.message_id,)), seconds=10)
        await arrive(database, mail("It broke again", references=(first.message_id,)), seconds=20)
        assert await rows(database, "SELECT case_id, status, previous_case_id FROM cases ORDER BY number") == [
            ("CASE_001", "closed", None),
            ("CASE_002", "open", "CASE_001"),
        ]

    async def test_a_mail_without_a_name_leaves_the_name_that_is_known(self, database: Database) -> None:
        await arrive(database, mail())
        await arrive(database, mail(name=""), seconds=10)
        assert await column(database, "SELECT display_name FROM customers") == ["Dana Lee"]

    async def test_what_lay_there_before_is_told_to_nobody(self, database: Database) -> None:
        old = mail("This is urgent", subject="Old")
        await arrive(database, old, is_backfilled=True, now=NOON + timedelta(days=9))
        assert await cases_of(database) == [("CASE_001", DANA, "open", 1)]
        assert await by_mail(database) == []
        assert await column(database, "SELECT escalated FROM cases") == [False]
        assert await column(database, "SELECT kind FROM outbox WHERE destination = 'CALERT'") == []
        (due,) = await rows(database, "SELECT silence_due_at > last_message_at FROM cases")
        assert due[0]

    async def test_the_received_notice_can_be_off(self, database: Database) -> None:
        await arrive(database, mail(), desk=Desk(Policy(say_received=False), DESK.channels))
        assert await by_mail(database) == []


class TestThreads:
    async def test_a_strangers_mail_in_a_thread_is_held(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        await arrive(database, mail("I am the landlord", OMAR, references=(first.message_id,)), seconds=10)
        assert await cases_of(database) == [("CASE_001", DANA, "open", 1)]
        (one,) = await held(database)
        assert (one.state, one.why, one.case_id, one.sender) == ("held", "stranger", "CASE_001", OMAR)
        assert await column(database, "SELECT destination FROM outbox WHERE kind = 'mail_post'") == ["CSUP"]

    async def test_a_strangers_mail_in_a_thread_is_held_even_if_it_comes_in_the_same_round(
        self, database: Database
    ) -> None:
        first = mail()
        await arrive(database, first, mail("I am the landlord", OMAR, references=(first.message_id,)))
        assert await cases_of(database) == [("CASE_001", DANA, "open", 1)]
        assert [one.why for one in await held(database)] == ["stranger"]

    async def test_two_mails_that_refer_to_each_other_do_not_wait_for_ever(self, database: Database) -> None:
        one, two = mail(message_id="<a@x>", references=("<b@x>",)), mail("Hi", OMAR, message_id="<b@x>")
        await arrive(database, one, two)
        assert len(await cases_of(database)) == 2

    async def test_a_case_named_in_the_subject_is_open_to_its_people_only(self, database: Database) -> None:
        await arrive(database, mail())
        await arrive(database, mail("Let me in", OMAR, tags=("CASE_001",)), seconds=10)
        assert [case[1:] for case in await cases_of(database)] == [(DANA, "open", 1), (OMAR, "open", 1)]

    async def test_a_mail_that_fails_the_check_is_held_with_its_place(self, database: Database) -> None:
        await arrive(database, mail())
        await arrive(database, mail("Send it to my new address", verdict=Verdict.FAILED), seconds=10)
        (one,) = await held(database)
        assert (one.why, one.case_id) == ("failed_check", "CASE_001")
        assert await column(database, "SELECT message_count FROM cases") == [1]

    async def test_a_mail_without_a_usable_sender_is_held(self, database: Database) -> None:
        await arrive(database, mail(sender=None, trouble_with_sender="It has 2 From headers."))
        (one,) = await held(database)
        assert (one.why, one.sender, one.verdict_detail) == ("no_sender", "", "It has 2 From headers.")
        assert await cases_of(database) == []

    async def test_an_urgent_held_mail_is_told_in_the_alerting_channel(self, database: Database) -> None:
        await arrive(database, mail("This is urgent", is_spam=True))
        assert (await held(database))[0].keyword == "urgent"
        (payload,) = await payloads(database, "held_alert")
        assert payload["urgent"] is True


class TestMachines:
    async def test_an_automatic_reply_is_a_line_in_the_thread_and_nothing_more(self, database: Database) -> None:
        await arrive(database, mail())
        answer = await sent_answer(database)
        await arrive(
            database,
            mail("I am away, urgent: call Bob", machine=Machine.AUTO_REPLY, references=(answer,)),
            seconds=10,
        )
        assert await rows(database, "SELECT message_count, escalated, unanswered FROM cases") == [(1, False, 1)]
        assert await notices(database) == ["machine_mail"]
        assert await by_mail(database) == ["received"]

    async def test_machines_mail_that_fits_no_case_is_one_post_an_hour(self, database: Database) -> None:
        machines = [mail(f"News {n}", f"news{n}@x.example", machine=Machine.LIST) for n in range(5)]
        await arrive(database, *machines)
        assert await cases_of(database) == []
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'mail_post'") == [1]
        assert {(one.state, one.why) for one in await held(database)} == {("listed", "list")}
        assert await by_mail(database) == []

    async def test_it_never_reopens(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        await arrive(database, by_admin(CLOSING, references=(first.message_id,)), seconds=10)
        answer = await sent_answer(database)
        away = mail("Away", machine=Machine.AUTO_REPLY, references=(answer,))
        await arrive(database, away, mail("News", machine=Machine.BULK), seconds=20)
        assert [case[2] for case in await cases_of(database)] == ["closed"]

    async def test_our_own_mail_come_round_is_ignored(self, database: Database) -> None:
        await arrive(database, mail("Thank you", US, machine=Machine.OWN))
        assert await held(database) == []
        assert await column(database, "SELECT state FROM inbox") == ["ignored"]


class TestBounces:
    async def answered(self, database: Database, text: str = "On its way") -> tuple[int, str]:
        first = mail()
        await arrive(database, first)
        await with_card(database)
        await arrive(database, by_admin(text, references=(first.message_id,)), seconds=10)
        (message,) = await column(database, "SELECT id FROM messages WHERE is_admin")
        return message, await sent_answer(database, message=message)

    async def test_an_answer_that_came_back_failed_and_leaves_its_customer_waiting(
        self, database: Database
    ) -> None:
        _, answer = await self.answered(database)
        assert await column(database, "SELECT unanswered FROM cases") == [0]
        await arrive(database, bounce_of(answer), seconds=20)
        assert await rows(database, "SELECT delivery, delivery_error FROM messages WHERE is_admin") == [
            ("failed", "5.1.1 550 no such user")
        ]
        assert await rows(database, "SELECT unanswered, message_count FROM cases") == [(1, 2)]
        told = (await payloads(database, "thread_notice"))[-1]
        assert (told["notice"], told["to"]) == ("delivery_failed", GRACE)
        assert await sound(database)

    async def test_a_second_bounce_of_it_is_only_shown(self, database: Database) -> None:
        _, answer = await self.answered(database)
        await arrive(database, bounce_of(answer), bounce_of(answer), seconds=20)
        assert (await notices(database)).count("delivery_failed") == 1
        assert (await notices(database)).count("notice_bounced") == 1

    async def test_of_a_closed_case_the_alerting_channel_is_told(self, database: Database) -> None:
        _, answer = await self.answered(database, f"Done. {CLOSING}")
        await arrive(database, bounce_of(answer), seconds=20)
        assert [case[2] for case in await cases_of(database)] == ["closed"]
        assert await rows(database, "SELECT destination, case_id FROM outbox WHERE kind = 'bounced'") == [
            ("CALERT", "CASE_001")
        ]

    async def test_a_notice_that_came_back_is_shown_quietly(self, database: Database) -> None:
        await arrive(database, mail())
        notice = await sent_answer(database)
        await arrive(database, bounce_of(notice), seconds=10)
        assert await notices(database) == ["notice_bounced"]
        assert await column(database, "SELECT message_count FROM cases") == [1]

    async def test_a_delay_is_only_shown(self, database: Database) -> None:
        message, answer = await self.answered(database)
        await arrive(database, bounce_of(answer, is_delay=True), seconds=20)
        assert (await notices(database))[-1] == "mail_delayed"
        stored = await database.read(lambda c: messages.load_message(c, message))
        assert stored is not None
        assert stored.delivery == "queued"

    async def test_a_bounce_of_nothing_of_ours_is_listed(self, database: Database) -> None:
        await arrive(database, mail())
        forged = mail("x", "mailer-daemon@x.example", machine=Machine.BOUNCE, bounce=Bounce(("<x@y>",)))
        await arrive(database, forged, seconds=10)
        assert [one.state for one in await held(database)] == ["listed"]


class TestAdmins:
    async def test_a_proven_mail_answers_is_posted_in_the_thread_and_sent_on(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        await arrive(database, by_admin("On its way", references=(first.message_id,)), seconds=10)
        assert await rows(
            database, "SELECT sender, sender_name, source, delivery FROM messages WHERE is_admin"
        ) == [(GRACE, "Grace Admin", "email", "queued")]
        assert await by_mail(database) == ["received", "answer"]
        assert len(await payloads(database, "form_post")) == 1
        assert await column(database, "SELECT last_answer_by FROM cases") == ["Grace Admin"]
        assert await sound(database)

    async def test_it_is_not_sent_to_a_customer_who_has_it(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        to_both = (Address(DANA), Address(US))
        await arrive(
            database, by_admin("On its way", references=(first.message_id,), recipients=to_both), seconds=10
        )
        assert await by_mail(database) == ["received"]
        assert await column(database, "SELECT delivery FROM messages WHERE is_admin") == ["sent"]
        assert len(await payloads(database, "form_post")) == 1
        assert await sound(database)

    async def test_its_files_are_shown_in_the_thread_and_go_with_the_mail(self, database: Database) -> None:
        await arrive(database, mail())
        files = (MailFile(2, "invoice.pdf", "application/pdf", 2048),)
        await arrive(database, by_admin("See here", tags=("CASE_001",), files=files), seconds=10)
        assert await column(database, "SELECT destination FROM outbox WHERE kind = 'file'") == ["files:CSUP"]
        assert await by_mail(database) == ["received", "answer"]

    async def test_what_it_quotes_does_not_reach_the_customer(self, database: Database) -> None:
        await arrive(database, mail())
        reply = by_admin("On its way", text="On its way\n> Between us: a strange one", tags=("CASE_001",))
        await arrive(database, reply, seconds=10)
        assert await column(database, "SELECT body FROM messages WHERE is_admin") == ["On its way"]
        assert await column(database, "SELECT name FROM attachments") == []

    async def test_a_long_one_is_sent_whole(self, database: Database) -> None:
        await arrive(database, mail())
        await arrive(database, by_admin("word " * 5000, tags=("CASE_001",)), seconds=10)
        (size,) = await column(database, "SELECT size FROM attachments WHERE kind = 'whole_text'")
        assert size == 25000

    async def test_it_may_close_and_the_log_bears_the_address(self, database: Database) -> None:
        await arrive(database, mail())
        await arrive(database, by_admin(f"Done. {CLOSING}", tags=("CASE_001",)), seconds=10)
        assert await column(database, "SELECT status FROM cases") == ["closed"]
        (line,) = await payloads(database, "log_line")
        assert line["by"] == GRACE

    async def test_the_phrase_in_the_history_closes_nothing(self, database: Database) -> None:
        await arrive(database, mail())
        reply = by_admin("Not yet", text=f"Not yet\n> {CLOSING}", tags=("CASE_001",))
        await arrive(database, reply, seconds=10)
        assert await column(database, "SELECT status FROM cases") == ["open"]

    async def test_it_belongs_to_the_one_customer_among_its_recipients(self, database: Database) -> None:
        await arrive(database, mail(), mail("Hi", OMAR))
        both = by_admin("To whom?", recipients=(Address(DANA), Address(OMAR)))
        one = by_admin("To you", recipients=(Address(OMAR), Address(US)))
        await arrive(database, both, one, seconds=10)
        assert await rows(database, "SELECT body, case_id FROM messages WHERE is_admin") == [
            ("To you", "CASE_002")
        ]
        (shown,) = await held(database)
        assert (shown.state, shown.why) == ("shown", "admin_no_case")

    async def test_an_unproven_one_is_held_and_changes_nothing(self, database: Database) -> None:
        first = mail()
        await arrive(database, first)
        for verdict in (Verdict.NONE, Verdict.UNTRUSTED, Verdict.FAILED):
            forged = by_admin(CLOSING, references=(first.message_id,), verdict=verdict)
            await arrive(database, forged, seconds=10)
        assert await cases_of(database) == [("CASE_001", DANA, "open", 1)]
        assert {(one.why, one.case_id) for one in await held(database)} == {("unproven_admin", "CASE_001")}

    async def test_a_message_id_works_once(self, database: Database) -> None:
        await arrive(database, mail())
        answer = by_admin("On its way", tags=("CASE_001",))
        await arrive(database, answer, answer, seconds=10)
        await arrive(database, answer, seconds=20)
        assert await column(database, "SELECT count(*) FROM messages WHERE is_admin") == [1]
        assert [one.why for one in await held(database)] == ["used_admin_mail"] * 2

    async def test_an_old_one_is_held(self, database: Database) -> None:
        await arrive(database, mail())
        answer = by_admin("On its way", tags=("CASE_001",))
        await arrive(database, answer, seconds=10, now=after(10) + timedelta(days=8))
        assert [one.why for one in await held(database)] == ["old_admin_mail"]

    async def test_an_answer_to_a_closed_case_is_shown_there_and_not_sent(self, database: Database) -> None:
        await arrive(database, mail())
        await arrive(database, by_admin(CLOSING, tags=("CASE_001",)), seconds=10)
        await arrive(database, by_admin("One more thing", tags=("CASE_001",)), seconds=20)
        assert "admin_mail_closed" in await notices(database)
        assert await column(database, "SELECT count(*) FROM messages WHERE is_admin") == [1]

    async def test_a_note_stays_inside(self, database: Database) -> None:
        await arrive(database, mail())
        await arrive(database, by_admin("// a strange customer", tags=("CASE_001",)), seconds=10)
        assert "admin_mail_note" in await notices(database)
        assert await by_mail(database) == ["received"]

    async def test_the_customers_reply_to_an_admins_own_mail_finds_the_case(self, database: Database) -> None:
        await arrive(database, mail())
        answer = by_admin("On its way", tags=("CASE_001",), recipients=(Address(DANA),))
        await arrive(database, answer, seconds=10)
        await arrive(database, mail("Thanks", OMAR, references=(answer.message_id,)), seconds=20)
        assert [one.why for one in await held(database)] == ["stranger"]


class TestLimits:
    async def test_an_address_gets_so_many_automatic_mails_in_a_day(self, database: Database) -> None:
        desk = desk_with(auto_limit=2)
        for number in range(4):
            await arrive(database, mail(), seconds=number * 100, desk=desk)
            closing = by_admin(CLOSING, tags=(f"CASE_{number + 1:03}",), recipients=(Address(DANA), Address(US)))
            await arrive(database, closing, seconds=number * 100 + 50, desk=desk)
        assert len(await by_mail(database)) == 2
        assert "notice_not_sent" in await notices(database)
        tomorrow = 25 * 3600.0
        await arrive(database, mail(), seconds=tomorrow, desk=desk)
        assert len(await by_mail(database)) == 3

    async def test_all_get_so_many_in_an_hour_and_somebody_is_told(self, database: Database) -> None:
        desk = desk_with(auto_limit_total=3)
        await arrive(database, *(mail("Hi", f"u{n}@x.example") for n in range(5)), desk=desk)
        assert len(await by_mail(database)) == 3
        assert await column(database, "SELECT destination FROM outbox WHERE kind = 'many_automatic'") == ["CALERT"]

    async def test_over_a_rate_new_cases_become_one_list(self, database: Database) -> None:
        desk = desk_with(new_cases_per_hour=3)
        flood = [mail("Buy", f"u{n}@x.example") for n in range(10)]
        await arrive(database, *flood, desk=desk)
        assert len(await cases_of(database)) == 3
        assert {(one.state, one.why) for one in await held(database)} == {("held", "too_many")}
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'mail_post'") == [1]
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'many_cases'") == [1]
        await arrive(database, mail("More", "u0@x.example"), seconds=60, desk=desk)
        assert await column(database, "SELECT message_count FROM cases WHERE case_id = 'CASE_001'") == [2]
