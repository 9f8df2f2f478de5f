"""What becomes of an answer to an email customer: on both databases, against a real SMTP server."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection

from bot.blocks import words
from bot.casework.filing import Filing
from bot.casework.filing_rows import Slot
from bot.casework.intake import Verb
from bot.desk.effects import RecordMessage
from bot.desk.events import AdminAnswered
from bot.desk.model import Person, PostRef, Source, Written
from storage import cases, correspondence, outbox
from storage.engine import Database, open_database
from storage.outbox import NewRow
from tests.casework.kit import CHANNELS, after, asks, deletion, edit, reply, rows
from tests.courier.mail_kit import (
    CASE,
    DANA,
    DELAY,
    FIRST_ID,
    ROOT,
    MailDesk,
    insert_mail,
    insert_mail_case,
    slack_file,
)
from tests.support.smtp import ScriptedSmtp

ANSWER = reply(10, ROOT, "It is on its way.")
CLOSING = "I'm closing this case."


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    await database.write(insert_mail_case)
    yield database
    await database.close()


@pytest.fixture
def desk(database: Database, smtp: ScriptedSmtp) -> MailDesk:
    return MailDesk(database, smtp)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


async def answered(desk: MailDesk, *events: Any) -> None:
    """Admins have answered, and the time that answers wait has passed."""
    desk.move(10)
    await desk.happen(*(events or (ANSWER,)))
    desk.move(DELAY)
    await desk.bring()


class TestSent:
    async def test_an_answer_is_a_reply_to_the_customer_alone(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        await answered(desk)
        (taken,) = smtp.taken
        mail = taken.mail
        assert taken.to == [DANA]
        assert mail["To"] == "Dana Doe <dana@example.com>"
        assert mail["From"] == "Help Desk <support@desk.example>"
        assert mail["Subject"] == "Re: Order 17 [CASE_001]"
        assert (mail["In-Reply-To"], mail["References"]) == (FIRST_ID, FIRST_ID)
        assert {"Cc", "Bcc", "Reply-To", "Auto-Submitted"}.isdisjoint(mail.keys())
        assert taken.text.startswith("It is on its way.\n")
        assert "> Where is my order?\n> It is late.\n" in taken.text
        assert "Ada Admin\n" in taken.text
        assert "<p>It is on its way.</p>" in taken.html
        assert await desk.states() == ["sent"]
        assert await desk.deliveries() == [("sent", None)]
        assert await desk.marks() == ["sent"]

    async def test_its_message_id_is_on_disk_so_that_replies_and_bounces_find_the_case(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        await answered(desk)
        mails = await database.read(lambda c: correspondence.mails_of(c, CASE))
        ours = mails[-1]
        assert smtp.taken[0].mail["Message-ID"] == ours.message_id
        assert (ours.kind, ours.is_ours, ours.address) == ("answer", True, DANA)
        assert ours.message is not None
        assert ours.message_id.endswith("@desk.example>")

    async def test_the_next_answer_refers_to_the_whole_conversation(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        await answered(desk)
        first = smtp.taken[0].mail["Message-ID"]

        def writes_back(connection: Connection) -> int:
            return insert_mail(
                connection, "Thanks", "Re: Order 17 [CASE_001]", "<2@x.y>", (first, FIRST_ID), after(40)
            )

        await database.write(writes_back)
        desk.move(40)
        await desk.happen(reply(70, ROOT, "You are welcome."))
        desk.move(DELAY)
        await desk.bring()
        mail = smtp.taken[1].mail
        assert mail["References"].split() == [FIRST_ID, first, "<2@x.y>"]
        assert mail["Subject"] == "Re: Order 17 [CASE_001]"
        assert "> Thanks" in smtp.taken[1].text

    async def test_slacks_formatting_is_kept_in_the_twin_and_cannot_become_markup(
        self, desk: MailDesk, smtp: ScriptedSmtp
    ) -> None:
        section = {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "Now ", "style": {"bold": True}},
                {"type": "text", "text": "<script>alert(1)</script>"},
            ],
        }
        blocks = [{"type": "rich_text", "elements": [section]}]
        await answered(desk, reply(10, ROOT, "*Now* &lt;script&gt;", blocks=blocks))
        assert "<p><b>Now </b>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in smtp.taken[0].html

    async def test_a_long_answer_is_one_mail(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        text = "\n".join(f"line {number} " + "x" * 60 for number in range(300))
        await answered(desk, reply(10, ROOT, text))
        (taken,) = smtp.taken
        assert text in taken.text

    async def test_closing_by_phrase_says_so_in_the_same_mail(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        await answered(desk, reply(10, ROOT, f"Done. {CLOSING}"))
        (taken,) = smtp.taken
        assert "Case CASE_001 is closed. Write again and a new case opens." in taken.text
        assert "Auto-Submitted" not in taken.mail

    async def test_closing_by_command_sends_a_notice_that_is_marked_automatic(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        desk.move(10)
        await desk.happen(asks(10, Verb.CLOSE, CASE))
        await desk.bring()
        (taken,) = smtp.taken
        assert taken.mail["Auto-Submitted"] == "auto-generated"
        assert taken.mail["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
        assert taken.mail["X-Casewire-Loop"]
        assert "is closed" in taken.text
        assert "Where is my order?" not in taken.text
        kinds = await rows(database, "SELECT kind FROM mail_ids WHERE is_ours")
        assert kinds == [("notice",)]

    async def test_the_notice_waits_behind_an_answer_written_before_it(
        self, desk: MailDesk, smtp: ScriptedSmtp
    ) -> None:
        desk.move(10)
        await desk.happen(ANSWER)
        desk.move(2)
        await desk.happen(asks(12, Verb.CLOSE, CASE))
        await desk.bring()
        assert not smtp.taken
        desk.move(DELAY)
        await desk.bring()
        assert [("Auto-Submitted" in taken.mail) for taken in smtp.taken] == [False, True]

    async def test_the_notice_of_receipt_goes_at_once_and_answers_the_mail(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        row = NewRow(f"received:{CASE}", f"mail:{DANA}", outbox.MAIL, "received", CASE)
        await database.write(lambda c: outbox.enqueue(c, [row], desk.clock.now()))
        await desk.bring()
        (taken,) = smtp.taken
        assert taken.mail["Auto-Submitted"] == "auto-replied"
        assert taken.mail["In-Reply-To"] == FIRST_ID
        assert taken.text.startswith("Received: CASE_001.\n")

    async def test_what_a_customer_has_already_is_not_sent_again(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        effect = RecordMessage(
            after(10),
            Person("UADA", "Ada"),
            Written("By mail", "By mail"),
            None,
            Source.EMAIL,
            is_answer=True,
            has_it=True,
        )

        def work(connection: Connection) -> None:
            case = cases.load_cases(connection, [CASE])[CASE]
            filing = Filing(connection, CHANNELS, after(10))
            filing.add(
                Slot(case, case),
                AdminAnswered(after(10), effect.author, effect.written, PostRef("C", "1")),
                (effect,),
            )
            filing.store()

        await database.write(work)
        assert await desk.states() == []
        assert await desk.deliveries() == [("sent", None)]


class TestDelay:
    async def test_nothing_goes_before_its_time(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        desk.move(10)
        await desk.happen(ANSWER)
        await desk.bring()
        desk.move(DELAY - 0.1)
        await desk.bring()
        assert not smtp.taken
        assert await desk.marks() == ["waiting"]
        desk.move(0.1)
        await desk.bring()
        assert len(smtp.taken) == 1

    async def test_a_second_answer_waits_its_own_time(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        desk.move(10)
        await desk.happen(ANSWER)
        desk.move(15)
        await desk.happen(reply(25, ROOT, "One more thing."))
        desk.move(5)
        await desk.bring()
        assert len(smtp.taken) == 1
        desk.move(15)
        await desk.bring()
        assert len(smtp.taken) == 2

    async def test_an_edit_in_time_changes_what_goes(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        desk.move(10)
        await desk.happen(ANSWER)
        await desk.bring()
        desk.move(5)
        await desk.happen(edit(ANSWER, "It arrives on Friday.", at=15))
        desk.move(DELAY)
        await desk.bring()
        (taken,) = smtp.taken
        assert taken.text.startswith("It arrives on Friday.")
        assert "on its way" not in taken.text
        assert "on its way" not in taken.html

    async def test_a_deletion_in_time_takes_it_back(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        desk.move(10)
        await desk.happen(ANSWER)
        desk.move(5)
        await desk.happen(deletion(ANSWER, at=15))
        desk.move(DELAY)
        await desk.bring()
        await desk.happen()
        assert not smtp.taken
        assert await desk.states() == ["dropped"]
        assert await desk.notices() == ["answer_recalled"]
        assert await rows(database, "SELECT unanswered FROM cases") == [(1,)], "the customer still waits"

    async def test_one_taken_back_beside_one_that_went_leaves_nobody_waiting(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        desk.move(12)
        other = reply(12, ROOT, "Wrong thread, sorry.")
        await desk.happen(ANSWER, other, deletion(other, at=13))
        desk.move(DELAY)
        await desk.bring()
        await desk.happen()
        assert len(smtp.taken) == 1
        assert await rows(database, "SELECT unanswered, waiting_since FROM cases") == [(0, None)]

    async def test_later_changes_tell_their_author_that_it_is_too_late(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        await answered(desk)
        await desk.happen(edit(ANSWER, "Other words.", at=40))
        await desk.happen(edit(ANSWER, "And others.", at=41))
        await desk.happen(deletion(ANSWER, at=42))
        await desk.bring()
        assert await desk.notices() == ["edit_too_late", "edit_too_late", "deletion_too_late"]
        assert len(smtp.taken) == 1
        kept = await rows(database, "SELECT body, edited_at, deleted_at FROM messages WHERE is_admin")
        assert kept == [("It is on its way.", None, None)], "the case keeps what the customer has"

    async def test_an_edit_while_it_is_retried_still_changes_it(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        smtp.answers["RCPT"] = ["450 4.2.0 later"]
        await answered(desk)
        await desk.happen(edit(ANSWER, "Other words.", at=40))
        desk.move(60)
        await desk.bring()
        assert smtp.taken[0].text.startswith("Other words.")

    async def test_a_change_in_the_last_moment_is_not_overtaken(
        self, desk: MailDesk, smtp: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.move(10)
        await desk.happen(ANSWER)
        desk.move(DELAY)
        bring_files = desk.rows._bring

        async def edited_meanwhile(draft: Any) -> Any:
            monkeypatch.undo()
            await desk.happen(edit(ANSWER, "Other words.", at=29))
            return await bring_files(draft)

        monkeypatch.setattr(desk.rows, "_bring", edited_meanwhile)
        await desk.bring()
        (taken,) = smtp.taken
        assert taken.text.startswith("Other words.")


class TestRefused:
    async def test_what_is_refused_for_now_is_tried_again_under_the_same_message_id(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        smtp.answers["RCPT"] = ["450 4.2.0 greylisted"] * 2
        await answered(desk)
        desk.move(59)
        assert await desk.bring() == 0
        for seconds in (1, 120):
            desk.move(seconds)
            await desk.bring()
        assert len(smtp.taken) == 1
        assert await rows(database, "SELECT count(*) FROM mail_ids WHERE is_ours") == [(1,)]

    async def test_what_is_never_taken_is_told_after_two_days(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        smtp.answers["RCPT"] = ["452 4.2.2 mailbox full"] * 100
        await answered(desk)
        desk.move(2 * 24 * 3600 + 1)
        await desk.bring()
        await desk.happen()
        assert await desk.states() == ["parked"]
        assert await desk.notices() == ["delivery_failed"]

    @pytest.mark.parametrize("verb", ["RCPT", "DATA"])
    async def test_what_is_refused_for_good_fails_where_the_author_sees_it(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database, verb: str
    ) -> None:
        smtp.answers[verb] = ["550 5.1.1 no such user"]
        await answered(desk)
        await desk.happen()
        assert await desk.states() == ["parked"]
        ((delivery, error),) = await desk.deliveries()
        assert delivery == "failed"
        assert "there is no such mailbox" in (error or "")
        assert await desk.marks() == ["failed"]
        assert await desk.notices() == ["delivery_failed"]
        assert await rows(database, "SELECT unanswered FROM cases") == [(1,)]

    async def test_the_next_answer_is_not_held_up(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        smtp.answers["DATA"] = ["554 5.6.0 no"]
        await answered(desk, ANSWER, reply(11, ROOT, "More."))
        desk.move(1)
        await desk.bring()
        assert await desk.states() == ["parked", "sent"]

    async def test_an_address_no_mail_can_go_to_fails_in_plain_words(
        self, desk: MailDesk, database: Database
    ) -> None:
        bad = "a b@exa mple"

        def rename(connection: Connection) -> None:
            connection.exec_driver_sql(
                "INSERT INTO customers (customer_identifier, display_name, handle, created_at)"
                f" SELECT '{bad}', display_name, handle, created_at FROM customers"
            )
            connection.exec_driver_sql(f"UPDATE cases SET customer_identifier = '{bad}'")

        await database.write(rename)
        await answered(desk)
        assert await desk.states() == ["parked"]
        await desk.happen()
        assert (await desk.deliveries())[0][1] == words.MAIL_NO_ADDRESS

    async def test_without_a_mail_server_an_answer_fails_at_once_with_the_mend(self, database: Database) -> None:
        desk = MailDesk(database, None)
        desk.move(10)
        await desk.happen(ANSWER)
        await desk.bring()
        await desk.happen()
        ((delivery, error),) = await desk.deliveries()
        assert delivery == "failed"
        assert "SMTP_SERVER" in (error or "")
        assert await desk.notices() == ["delivery_failed"]

    async def test_without_a_mail_server_notices_alarm_nobody(self, database: Database) -> None:
        desk = MailDesk(database, None)
        await desk.happen(asks(10, Verb.CLOSE, CASE))
        await desk.bring()
        assert await desk.states("closed") == ["dropped"]
        assert await rows(database, "SELECT id FROM outbox WHERE kind = 'parked'") == []

    async def test_a_notice_that_is_refused_is_told_to_those_who_run_the_desk(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        smtp.answers["RCPT"] = ["550 5.1.1 no"]
        await desk.happen(asks(10, Verb.CLOSE, CASE))
        await desk.bring()
        assert await rows(database, "SELECT destination FROM outbox WHERE kind = 'parked'") == [("CALERT",)]


class TestLost:
    async def test_a_lost_answer_is_tried_once_more_under_the_same_message_id(
        self, desk: MailDesk, smtp: ScriptedSmtp
    ) -> None:
        smtp.cut = 1
        await answered(desk)
        assert await desk.states() == ["uncertain"]
        desk.move(3)
        await desk.bring()
        first, second = smtp.taken
        assert first.mail["Message-ID"] == second.mail["Message-ID"]
        assert await desk.states() == ["sent"]
        assert await desk.marks() == ["sent"]

    async def test_lost_twice_it_is_shown_as_unknown(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        smtp.cut = 2
        await answered(desk)
        desk.move(3)
        await desk.bring()
        await desk.happen()
        desk.move(10_000)
        await desk.bring()
        assert len(smtp.taken) == 2
        ((delivery, _),) = await desk.deliveries()
        assert delivery == "unknown"
        assert await desk.marks() == ["unknown"]
        assert await desk.notices() == ["delivery_unknown"]

    async def test_lost_and_then_refused_nobody_knows_either(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        smtp.cut = 1
        await answered(desk)
        smtp.answers["DATA"] = ["554 5.6.0 seen that"]
        desk.move(3)
        await desk.bring()
        assert (await desk.deliveries())[0][0] == "unknown"

    async def test_lost_and_then_not_now_it_is_still_the_second_try(
        self, desk: MailDesk, smtp: ScriptedSmtp
    ) -> None:
        smtp.cut = 2
        await answered(desk)
        smtp.answers["RCPT"] = ["450 4.2.0 later"]
        desk.move(3)
        await desk.bring()
        assert await desk.states() == ["uncertain"]
        desk.move(60)
        await desk.bring()
        assert len(smtp.taken) == 2
        assert (await desk.deliveries())[0][0] == "unknown"

    async def test_what_a_killed_process_was_sending_counts_as_lost_once(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        desk.move(10)
        await desk.happen(ANSWER)
        await database.write(
            lambda c: c.exec_driver_sql("UPDATE outbox SET state = 'sending' WHERE destination = 'mail'")
        )
        await desk.bring()
        assert await desk.states() == ["sent"], "it may have gone: no change waits for it any more"
        assert len(smtp.taken) == 1

    async def test_a_change_of_what_may_have_gone_is_too_late(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        smtp.cut = 1
        await answered(desk)
        await desk.happen(edit(ANSWER, "Other words.", at=40))
        desk.move(3)
        await desk.bring()
        assert await desk.notices() == ["edit_too_late"]
        assert smtp.taken[1].text.startswith("It is on its way.")


class TestTrouble:
    async def test_a_refused_login_pauses_all_and_parks_nothing(
        self, desk: MailDesk, smtp: ScriptedSmtp, database: Database
    ) -> None:
        smtp.needs_login, desk.password = True, "wrong"
        desk.restart()
        await answered(desk)
        await desk.happen(reply(31, ROOT, "More."))
        desk.move(DELAY + 10)
        await desk.bring()
        assert len({login[1] for login in smtp.logins}) == 1
        assert await desk.states() == ["pending", "pending"]
        assert desk.rows.trouble is not None
        assert len(desk.troubles) == 1
        tries = len(smtp.logins)
        desk.move(200)
        await desk.bring()
        assert len(smtp.logins) == tries, "no login before its time: accounts get locked"
        desk.password = "right"
        desk.move(100)
        await desk.bring()
        assert await desk.states() == ["sent", "sent"]
        assert desk.rows.trouble is None
        assert [one.text.partition("\n")[0] for one in smtp.taken] == ["It is on its way.", "More."]

    async def test_a_server_that_is_away_is_waited_for_and_told_of(
        self, desk: MailDesk, smtp: ScriptedSmtp
    ) -> None:
        await smtp.stop()
        await answered(desk)
        assert await desk.states() == ["pending"]
        assert desk.troubles == []
        desk.move(301)
        await desk.bring()
        assert [trouble.startswith("mail cannot be sent since") for trouble in desk.troubles] == [True]
        await smtp.start()
        desk.move(900)
        await desk.bring()
        assert await desk.states() == ["sent"]


class TestFiles:
    async def answer_with(self, desk: MailDesk, text: str, *sizes: int) -> int:
        files = [slack_file(f"{number}.pdf", size) for number, size in enumerate(sizes)]
        desk.move(10)
        await desk.happen(reply(10, ROOT, text, files=files, subtype="file_share"))
        ((message_id,),) = await rows(desk.database, "SELECT id FROM messages WHERE is_admin")
        desk.move(DELAY)
        return message_id

    async def test_files_go_in_the_mail(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        message_id = await self.answer_with(desk, "See both.", 300_000, 3)
        await desk.keep_file(message_id, b"a" * 300_000)
        await desk.keep_file(message_id, b"abc")
        await desk.bring()
        (taken,) = smtp.taken
        parts = list(taken.mail.iter_attachments())
        assert [part.get_filename() for part in parts] == ["0.pdf", "1.pdf"]
        assert [part.get_content() for part in parts] == [b"a" * 300_000, b"abc"]
        assert await desk.marks() == ["sent"]
        assert await rows(desk.database, "SELECT id FROM outbox WHERE kind = 'file'") == []

    @pytest.mark.parametrize("by", ["setting", "server"])
    async def test_one_that_does_not_fit_is_left_out_and_both_sides_are_told(
        self, desk: MailDesk, smtp: ScriptedSmtp, by: str
    ) -> None:
        if by == "setting":
            desk.max_bytes = 100_000
        else:
            smtp.size_limit = 100_000
        desk.restart()
        message_id = await self.answer_with(desk, "See both.", 80_000, 3)
        await desk.keep_file(message_id, b"a" * 80_000)
        await desk.keep_file(message_id, b"abc")
        await desk.bring()
        await desk.happen()
        (taken,) = smtp.taken
        assert [part.get_filename() for part in taken.mail.iter_attachments()] == ["1.pdf"]
        assert "0.pdf (too large for a mail, with what else is in it)" in taken.text
        assert len(taken.data) < 100_000
        assert await desk.marks() == ["failed"]
        assert await desk.notices() == ["files_not_sent"]
        assert await desk.deliveries() == [("sent", "some of its files were not sent")]
        assert await rows(desk.database, "SELECT unanswered FROM cases") == [(0,)]

    async def test_files_alone_of_which_none_fits_are_no_mail(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        desk.max_bytes = 10_000
        desk.restart()
        message_id = await self.answer_with(desk, "", 80_000)
        await desk.keep_file(message_id, b"a" * 80_000)
        await desk.bring()
        await desk.happen()
        assert not smtp.taken
        assert (await desk.deliveries())[0][0] == "failed"
        assert await rows(desk.database, "SELECT unanswered FROM cases") == [(1,)]

    async def test_one_of_two_files_without_words_is_an_answer(self, desk: MailDesk, smtp: ScriptedSmtp) -> None:
        desk.max_bytes = 100_000
        desk.restart()
        message_id = await self.answer_with(desk, "", 80_000, 3)
        await desk.keep_file(message_id, b"a" * 80_000)
        await desk.keep_file(message_id, b"abc")
        await desk.bring()
        await desk.happen()
        assert smtp.taken[0].text.startswith("Ada Admin sent no words, only files.")
        assert await rows(desk.database, "SELECT unanswered FROM cases") == [(0,)]

    async def test_one_too_large_from_the_start_is_said_in_the_mail(
        self, desk: MailDesk, smtp: ScriptedSmtp
    ) -> None:
        await self.answer_with(desk, "Too large.", 40_000_000)
        await desk.bring()
        assert "0.pdf (larger than 24 MB)" in smtp.taken[0].text


async def test_an_unsent_row_keeps_its_lane_awake(desk: MailDesk, database: Database) -> None:
    desk.move(10)
    await desk.happen(ANSWER)
    await desk.bring()
    assert await database.read(outbox.next_due) == after(10 + DELAY)
