"""Machines that answer machines: each time, it settles, and nobody is lost on the way."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.sandbox.people import ADA, ALERTS, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.support.mail_desk import DANA, desk_at, read, running_mail_desk
from tests.support.posts import words

pytestmark = pytest.mark.slow

CLOSING = "I'm closing this case."
OTHER = "help@other.example"


async def _next_second() -> None:
    """IMAP's dates have no fractions: a mail of the second in which its case was closed counts as older."""
    begun = int(time.time())
    while int(time.time()) == begun:
        await asyncio.sleep(0.05)


@pytest.mark.timeout(180)
async def test_two_desks_that_write_to_each_other_settle(database_url: str, tmp_path: Path) -> None:
    """One desk's mailbox writes to the other's, as when somebody subscribed it there."""
    other_url = f"sqlite:///{tmp_path / 'other.db'}"
    async with (
        running_mail_desk(database_url) as ours,
        LocalSlack(port=0) as slack,
        desk_at(slack, ours.mail, OTHER, other_url) as theirs,
    ):
        # As if a person had written from the other desk's address: nothing marks it as a machine's.
        ours.mail.write(OTHER, "Question", "Do you sell keys?")
        await ours.mirrored("Do you sell keys?")
        for _ in range(3):
            await ours.settled()
            await theirs.settled()
        received = ours.inbox(OTHER)
        assert len(received) == 1
        assert "received" in str(received[0].raw)
        assert len(ours.inbox(ours.address)) == 1
        assert await theirs.rows("SELECT * FROM cases") == []
        (listed,) = await theirs.rows("SELECT state FROM held_mails")
        assert listed["state"] == "listed"

        # A person's answer of one desk is shown at the other, and starts nothing there.
        card = ours.cards()[0]
        await ours.answer(card, "Yes, we do.")
        await ours.mails_to(OTHER, 2)
        for _ in range(3):
            await ours.settled()
            await theirs.settled()
        assert len(ours.inbox(OTHER)) == 2
        assert len(ours.inbox(ours.address)) == 1
        assert await theirs.rows("SELECT * FROM cases") == []


@pytest.mark.timeout(180)
async def test_an_absent_customer_whose_program_answers_every_mail_settles(database_url: str) -> None:
    async with running_mail_desk(database_url) as desk:
        desk.mail.faults.out_of_office[DANA] = "I am away until Monday. If it is urgent, call Bob."
        desk.mail.write(f"Dana Lee <{DANA}>", "My order", "Where is it?")
        await desk.mirrored("I am away until Monday")
        card = desk.cards()[0]
        await desk.answer(card, "On its way.")
        await desk.until(lambda: sum("I am away" in post["text"] for post in desk.thread(card)) == 2)
        await desk.slack.post(ADA, SUPPORT, CLOSING, thread_ts=card["ts"])
        await desk.until(lambda: sum("I am away" in post["text"] for post in desk.thread(card)) == 3)
        await desk.settled()
        assert len(desk.inbox(DANA)) == 3  # received, the answer, the closing: none of them twice
        (case,) = await desk.rows("SELECT status, message_count, escalated FROM cases")
        assert (case["status"], case["message_count"], bool(case["escalated"])) == ("closed", 3, False)


@pytest.mark.timeout(180)
async def test_a_customer_whose_mailbox_bounces_settles_and_the_author_is_told(database_url: str) -> None:
    async with running_mail_desk(database_url) as desk:
        desk.mail.write(f"Dana Lee <{DANA}>", "My order", "Where is it?")
        await desk.mirrored("Where is it?")
        await desk.mails_to(DANA, 1)
        desk.mail.faults.bouncing[DANA] = "550 5.1.1 no such user"
        card = desk.cards()[0]
        ts = await desk.slack.post(ADA, SUPPORT, "On its way.", thread_ts=card["ts"])
        told = await desk.mirrored("did not reach the customer")
        assert f"<@{ADA}>" in told["text"]
        assert "no such user" in words(told)
        await desk.until(lambda: "x" in desk.marks(ts))
        await desk.settled()
        (case,) = await desk.rows("SELECT status, unanswered, message_count FROM cases")
        assert (case["status"], case["unanswered"], case["message_count"]) == ("open", 1, 2)
        assert len(desk.inbox(desk.address)) == 2  # Dana's, and one bounce: nothing answered that


@pytest.mark.timeout(180)
async def test_after_the_closing_a_bounce_goes_to_the_alerting_channel(database_url: str) -> None:
    async with running_mail_desk(database_url) as desk:
        desk.mail.write(f"Dana Lee <{DANA}>", "My order", "Where is it?")
        await desk.mirrored("Where is it?")
        await desk.mails_to(DANA, 1)
        desk.mail.faults.bouncing[DANA] = "550 5.1.1 no such user"
        await desk.slack.post(ADA, SUPPORT, f"Done. {CLOSING}", thread_ts=desk.cards()[0]["ts"])
        alert = await desk.shown("its case is closed", ALERTS)
        assert "CASE_001" in alert["text"]
        await desk.settled()
        (case,) = await desk.rows("SELECT status FROM cases")
        assert case["status"] == "closed"


@pytest.mark.timeout(180)
async def test_a_correspondent_who_opens_case_after_case_gets_so_many_notices(database_url: str) -> None:
    """A program that writes as a person would, and never says what it is: only the limit stops it."""
    async with running_mail_desk(database_url, email_auto_limit=2) as desk:
        for number in range(1, 5):
            desk.mail.write(DANA, f"Round {number}", f"Words of round {number}")
            card = (await desk.mirrored(f"Words of round {number}"))["thread_ts"]
            await desk.slack.post(ADA, SUPPORT, f"// {CLOSING}", thread_ts=card)
            await desk.shown(f"Case #CASE_{number:03} closed", LOG)
            await _next_second()
        await desk.settled()
        assert len(desk.inbox(DANA)) == 2
        assert {read(mail)["Auto-Submitted"] for mail in desk.inbox(DANA)} == {"auto-replied"}
        assert any("no automatic mail" in post["text"] for post in desk.replies())
