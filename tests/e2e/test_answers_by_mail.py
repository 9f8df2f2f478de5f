"""What an admin types in the thread of a case that came by mail goes out by mail; the thread shows how it fared."""

from typing import Any

from sqlalchemy import Connection

from bot.clock import Clock
from bot.desk.model import Source
from bot.sandbox.people import ADA, SUPPORT
from storage import cases, correspondence, messages, outbox
from storage.cases import Customer
from storage.correspondence import CaseMail
from storage.engine import open_database
from storage.outbox import NewRow
from tests.storage.kit import a_case
from tests.support.desk import Desk, running_desk
from tests.support.posts import words
from tests.support.smtp import ScriptedSmtp, by_mail

DANA = "dana@example.com"
CASE = "CASE_001"
PHOTO = {"name": "photo.png", "content": b"\x89PNG" + bytes(range(256)) * 8}


def answering(smtp: ScriptedSmtp, **changed: Any) -> dict[str, Any]:
    return by_mail(smtp, **{"answer_delay": 0.3} | changed)


async def wrote_by_mail(desk: Desk) -> dict[str, Any]:
    """A customer has written a mail: the card of the case, once it stands."""
    now = Clock().now()

    def work(connection: Connection) -> None:
        case = a_case(customer=DANA, source=Source.EMAIL, reply_to=None, created_at=now, last_message_at=now)
        cases.add_customers(connection, [Customer(DANA, "Dana Doe", DANA)], now)
        cases.draw_numbers(connection, 1)
        cases.insert_cases(connection, [(1, case)])
        cases.set_current_cases(connection, {DANA: CASE})
        cases.change_counters(connection, cases.tally(case))
        row = {"case_id": CASE, "sender": DANA, "sender_name": "Dana Doe", "is_admin": False}
        row |= {"body": "Where is it?", "timestamp": now, "source": "email", "files": []}
        (message_id,) = messages.insert_messages(connection, [row])
        mail = CaseMail("<1@example.com>", CASE, "customer", DANA, "Order 17", now, message_id, "Dana Doe")
        correspondence.add_mail(connection, mail)
        outbox.enqueue(connection, [NewRow(f"card:{CASE}", f"thread:{CASE}", SUPPORT, "card", CASE)], now)

    database = open_database(desk.settings.database_url)
    try:
        await database.write(work)
    finally:
        await database.close()
    return (await desk.until(desk.cards))[0]


def said(desk: Desk, card: dict[str, Any], text: str) -> list[dict[str, Any]]:
    return [post for post in desk.thread(card) if text in words(post)]


async def test_an_answer_with_a_file_goes_in_one_mail(database_url: str, smtp: ScriptedSmtp) -> None:
    async with running_desk(database_url, **answering(smtp)) as desk:
        card = await wrote_by_mail(desk)
        ts = await desk.answer(card, "It is *on* its way.")
        await desk.slack.post(ADA, SUPPORT, "A picture", thread_ts=card["ts"], files=[PHOTO])
        first, second = await smtp.until(2)
        assert desk.marks(ts) == {"white_check_mark"}
        assert first.mail["Subject"] == "Re: Order 17 [CASE_001]"
        (part,) = second.mail.iter_attachments()
        assert (part.get_filename(), part.get_content()) == ("photo.png", PHOTO["content"])
        assert second.text.startswith("A picture\n")


async def test_one_refused_is_marked_and_its_author_told_why(database_url: str, smtp: ScriptedSmtp) -> None:
    smtp.answers["RCPT"] = ["550 5.1.1 <b>no such user</b>"]
    async with running_desk(database_url, **answering(smtp)) as desk:
        card = await wrote_by_mail(desk)
        ts = await desk.slack.post(ADA, SUPPORT, "Hello", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        (notice,) = await desk.until(lambda: said(desk, card, "an answer did not reach the customer"))
        assert "there is no such mailbox" in words(notice)
        assert "550 5.1.1 <b>no such user</b>" in words(notice)


async def test_one_of_which_nobody_knows_is_shown_as_that(database_url: str, smtp: ScriptedSmtp) -> None:
    smtp.cut = 2
    async with running_desk(database_url, **answering(smtp)) as desk:
        card = await wrote_by_mail(desk)
        ts = await desk.slack.post(ADA, SUPPORT, "Hello", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"grey_question"})
        await desk.until(lambda: said(desk, card, "nobody knows whether an answer reached the customer"))
        assert len(smtp.taken) == 2


async def test_edits_and_deletions_count_until_it_goes_and_are_too_late_then(
    database_url: str, smtp: ScriptedSmtp
) -> None:
    async with running_desk(database_url, **answering(smtp, answer_delay=2)) as desk:
        card = await wrote_by_mail(desk)
        recalled = await desk.slack.post(ADA, SUPPORT, "Wrong thread", thread_ts=card["ts"])
        await desk.slack.delete(ADA, SUPPORT, recalled)
        ts = await desk.slack.post(ADA, SUPPORT, "Frist draft", thread_ts=card["ts"])
        await desk.slack.edit(ADA, SUPPORT, ts, "Second draft")
        await desk.until(lambda: said(desk, card, "the customer of case CASE_001 did not get it"))
        (taken,) = await smtp.until(1)
        assert taken.text.startswith("Second draft\n")
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        await desk.slack.edit(ADA, SUPPORT, ts, "Third draft")
        await desk.until(lambda: said(desk, card, "your edit came too late"))
        assert len(smtp.taken) == 1


async def test_without_a_mail_server_an_answer_fails_with_the_mend(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        card = await wrote_by_mail(desk)
        ts = await desk.slack.post(ADA, SUPPORT, "Hello", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await desk.until(lambda: said(desk, card, "set SMTP_SERVER"))


async def test_a_refused_login_is_told_to_those_who_run_the_desk(database_url: str, smtp: ScriptedSmtp) -> None:
    smtp.needs_login = True
    login = {"smtp_user": "support@desk.example", "smtp_password": "wrong"}
    async with running_desk(database_url, **answering(smtp, **login)) as desk:
        card = await wrote_by_mail(desk)
        ts = await desk.slack.post(ADA, SUPPORT, "Hello", thread_ts=card["ts"])
        await desk.until(lambda: any("refuses the login for sending" in words(post) for post in desk.alerts()))
        await desk.until(lambda: desk.marks(ts) == {"hourglass_flowing_sand"})
        assert not smtp.taken
