"""A customer who writes by mail, from the first mail to the closing, over real IMAP and SMTP."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.people import ADA, ALERTS, BEN, LOG, SUPPORT
from tests.support.mail_desk import DANA, GRACE, OMAR, MailDesk, body, read, running_mail_desk
from tests.support.posts import live_markup, refused_calls, words

CLOSING = "I'm closing this case."


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[MailDesk]:
    async with running_mail_desk(database_url) as desk:
        yield desk
        assert not refused_calls(desk.slack)
        assert not live_markup(desk.slack)


async def wrote(desk: MailDesk, text: str = "Where is my order?", subject: str = "My order") -> dict:
    """Dana has written, and her case stands: the card."""
    desk.mail.write(f"Dana Lee <{DANA}>", subject, text)
    await desk.mirrored(text)
    return desk.cards()[0]


class TestConversation:
    async def test_from_the_first_mail_to_the_closing(self, desk: MailDesk) -> None:
        card = await wrote(desk)
        assert "Case #CASE_001: Dana Lee" in words(card)
        (mirror,) = desk.mirrors(card)
        assert "My order" in words(mirror)
        (received,) = await desk.mails_to(DANA, 1)
        assert "CASE_001" in body(received)
        assert read(received)["Auto-Submitted"] == "auto-replied"

        await desk.answer(card, "It is on its way.")
        _, answer = await desk.mails_to(DANA, 2)
        assert "It is on its way." in body(answer)
        assert "[CASE_001]" in read(answer)["Subject"]

        desk.mail.write(f"Dana Lee <{DANA}>", text="Thank you!", reply_to_mail=answer)
        again = await desk.mirrored("Thank you!")
        assert again["thread_ts"] == card["ts"]
        assert "It is on its way" not in words(again)
        await desk.slack.post(ADA, SUPPORT, CLOSING, thread_ts=card["ts"])
        *_, last = await desk.mails_to(DANA, 3)
        assert "closed" in body(last)
        line = await desk.shown("Case #CASE_001 closed at", LOG)
        assert "by Ada" in line["text"]

    async def test_files_and_history_travel_into_the_thread(self, desk: MailDesk) -> None:
        desk.mail.write(
            DANA,
            "Broken",
            "See the picture\n\nOn Monday, Shop wrote:\n" + "> Please send us a picture\n" * 100,
            files=[{"name": "broken.png", "content": b"\x89PNG" + bytes(range(256)) * 9}],
        )
        card = (await desk.mirrored("See the picture"))["thread_ts"]

        def names() -> set[str]:
            return {file["name"] for post in desk.slack.messages(SUPPORT, card) for file in post.get("files", ())}

        await desk.until(lambda: names() >= {"broken.png", "whole-mail.txt"})
        (copied,) = [
            file
            for post in desk.slack.messages(SUPPORT, card)
            for file in post.get("files", ())
            if file["name"] == "broken.png"
        ]
        assert copied["size"] == 4 + 256 * 9

    async def test_an_urgent_subject_alerts(self, desk: MailDesk) -> None:
        desk.mail.write(DANA, "URGENT: no heating", "It is cold")
        assert "CASE_001" in (await desk.shown("CASE_001", ALERTS))["text"]


class TestAdmins:
    async def test_an_admin_answers_and_closes_by_mail(self, desk: MailDesk) -> None:
        card = await wrote(desk)
        desk.mail.write(f"Grace Admin <{GRACE}>", "Re: My order [CASE_001]", f"It comes today. {CLOSING}")
        await desk.shown("Case #CASE_001 closed at", LOG)
        assert GRACE in desk.log_lines()[-1]
        assert (await desk.mirrored("It comes today."))["thread_ts"] == card["ts"]
        mails = await desk.mails_to(DANA, 2)
        assert "It comes today." in body(mails[1])

    async def test_an_admins_file_reaches_the_customer_and_the_thread(self, desk: MailDesk) -> None:
        card = await wrote(desk)
        pdf = {"name": "invoice.pdf", "content": b"%PDF-1.4 " + bytes(range(256)) * 5}
        desk.mail.write(f"Grace Admin <{GRACE}>", "[CASE_001]", "Your invoice", files=[pdf])
        _, answer = await desk.mails_to(DANA, 2)
        (sent,) = read(answer).iter_attachments()
        assert (sent.get_filename(), sent.get_content()) == (pdf["name"], pdf["content"])
        await desk.until(
            lambda: any(
                file["name"] == "invoice.pdf" for post in desk.thread(card) for file in post.get("files", ())
            )
        )
        await desk.settled()
        (row,) = await desk.rows("SELECT delivery, delivery_error FROM messages WHERE is_admin")
        assert (row["delivery"], row["delivery_error"]) == ("sent", None)

    async def test_what_is_not_proven_is_held_and_changes_nothing(self, desk: MailDesk) -> None:
        card = await wrote(desk)
        desk.mail.write(GRACE, "[CASE_001]", CLOSING, authentication="none")
        post = await desk.shown("an admin's address, not proven")
        assert CLOSING in words(post)
        await desk.settled()
        assert (await desk.rows("SELECT status FROM cases"))[0]["status"] == "open"
        assert len(desk.inbox(DANA)) == 1
        assert len(desk.mirrors(card)) == 1

    async def test_one_that_fits_no_case_is_shown(self, desk: MailDesk) -> None:
        desk.mail.write(GRACE, "Lunch", "Who comes along?")
        assert "Who comes along?" in words(await desk.shown("fits no case"))


class TestHeld:
    async def stranger(self, desk: MailDesk) -> tuple[dict, dict]:
        card = await wrote(desk)
        (received,) = await desk.mails_to(DANA, 1)
        desk.mail.write(f"Omar <{OMAR}>", text="I am *the* <!channel> landlord", reply_to_mail=received)
        return card, await desk.shown("a stranger in a case")

    async def click(self, desk: MailDesk, post: dict, caption: str, user: str = ADA) -> None:
        button = next(
            element
            for block in post["blocks"]
            for element in (*block.get("elements", ()), *filter(None, [block.get("accessory")]))
            if element.get("type") == "button" and element["text"]["text"] == caption
        )
        await desk.slack.click(user, SUPPORT, post["ts"], button["action_id"])

    async def test_a_stranger_is_accepted_into_the_case(self, desk: MailDesk) -> None:
        card, post = await self.stranger(desk)
        await self.click(desk, post, "Accept")
        mirrored = await desk.mirrored("I am *the*")
        assert mirrored["thread_ts"] == card["ts"]
        assert "Accepted into CASE_001" in words(await desk.shown("Accepted into"))
        received = desk.inbox(DANA)[0]
        desk.mail.write(f"Omar <{OMAR}>", text="One more thing", reply_to_mail=received)
        assert (await desk.mirrored("One more thing"))["thread_ts"] == card["ts"]
        await desk.settled()
        assert desk.inbox(OMAR) == []

    async def test_who_is_no_admin_decides_nothing(self, desk: MailDesk) -> None:
        _, post = await self.stranger(desk)
        await self.click(desk, post, "Accept", BEN)
        await desk.settled()
        assert (await desk.rows("SELECT state FROM held_mails"))[0]["state"] == "held"

    async def test_a_case_is_opened_for_a_machines_mail(self, desk: MailDesk) -> None:
        desk.mail.write("news@shop.example", "News", "Buy!", headers={"List-Id": "<news.shop.example>"})
        post = await desk.shown("Mails that no case takes")
        assert "mailing list" in words(post)
        assert desk.cards() == [post]
        await self.click(desk, post, "Open a case")
        await desk.mirrored("Buy!")
        await desk.settled()
        assert desk.inbox("news@shop.example") == []

    async def test_held_mail_is_counted_in_the_list(self, desk: MailDesk) -> None:
        await self.stranger(desk)
        answer = await desk.slack.command(ADA, SUPPORT, "/case", "list")
        assert "Held mail, waiting for an admin's decision: 1" in answer.messages[0]

    async def test_a_customer_is_blocked_by_command(self, desk: MailDesk) -> None:
        await wrote(desk)
        answer = await desk.slack.command(ADA, SUPPORT, "/case", "block CASE_001")
        assert f"{DANA}, the customer of case CASE_001, is blocked" in answer.messages[0]
        desk.mail.write(DANA, "Again", "And again")
        assert "blocked sender" in words(await desk.shown("Mails that no case takes"))


class TestOperating:
    async def test_mail_held_for_long_is_told_in_the_alerting_channel(self, database_url: str) -> None:
        a_second = 1 / 3600
        async with running_mail_desk(database_url, held_alert=a_second) as desk:
            desk.mail.write(OMAR, "Win", "Click here", headers={"X-Spam-Flag": "YES"})
            await desk.shown("marked as spam")
            alert = await desk.shown("waits for a decision for too long (1)", ALERTS)
            assert "Win" in alert["text"]

    async def test_that_anybody_may_act_as_an_admin_is_said_at_each_start(self, database_url: str) -> None:
        async with running_mail_desk(database_url, admin_email_check="none") as desk:
            for starts in (1, 2):
                await desk.until(
                    lambda: sum("ADMIN_EMAIL_CHECK=none" in line for line in desk.log_lines()) == starts  # noqa: B023
                )
                await desk.stop()
                await desk.start()

    async def test_where_no_server_is_trusted_admins_mail_is_held(self, database_url: str) -> None:
        async with running_mail_desk(database_url, email_authserv_id="") as desk:
            await desk.until(lambda: any("EMAIL_AUTHSERV_ID" in line for line in desk.log_lines()))
            await wrote(desk)
            desk.mail.write(GRACE, "[CASE_001]", CLOSING)
            await desk.shown("an admin's address, not proven")
            await desk.settled()
            assert (await desk.rows("SELECT status FROM cases"))[0]["status"] == "open"
