"""The shortcut on a message: an admin takes up what somebody wrote in some channel."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.interactions import CommandReply
from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, GRACE, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import links, words
from tests.support.stream import settled

SHORTCUT = "case_from_message"
CHATTER = "C0CHATTER1"
TEXT = "The printer on floor 2 is *broken* &amp; smells, <!channel>"


@pytest.fixture(autouse=True)
def chatter(desk: Desk) -> None:
    """A channel that the bot is not in."""
    desk.slack.add_channel(CHATTER, "chatter", members=[DANA, BEN, ADA, GRACE])


async def shortcut(desk: Desk, user: str, ts: str, channel: str = CHATTER) -> CommandReply:
    reply = await desk.slack.shortcut(user, SHORTCUT, channel, ts)
    assert reply.ok, reply.error
    return reply


async def told(desk: Desk, user: str, ts: str, channel: str = CHATTER) -> str:
    (shown,) = (await shortcut(desk, user, ts, channel)).shown
    assert shown["is_ephemeral"]
    return words(shown)


async def taken_up(desk: Desk, ts: str) -> dict[str, Any]:
    """The card of the case that the message opened."""
    await told(desk, ADA, ts)
    return await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[-1]) and desk.cards()[-1])


class TestTakingUp:
    async def test_it_opens_a_case_for_the_author(self, desk: Desk) -> None:
        ts = await desk.slack.post(DANA, CHATTER, TEXT)
        reply = await shortcut(desk, ADA, ts)
        assert "Case CASE_001 is open, and that message is in it" in words(reply.shown[0])
        card = (await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]) and desk.cards()))[0]
        (mirror,) = desk.mirrors(card)
        assert mirror["username"] == "Dana Lee (customer)"
        assert "The printer on floor 2 is" in words(mirror)
        assert "Case #CASE_001: Dana Lee" in words(card)
        (said,) = [post for post in desk.thread(card) if "took up a message" in words(post)]
        assert "Ada Admin took up a message into this case" in words(said)
        assert any(CHATTER in link and ts.replace(".", "") in link for link in links(said))
        (row,) = await desk.rows("SELECT sender, is_admin, source, channel, ts FROM messages")
        assert (row["sender"], row["source"], row["channel"], row["ts"]) == (DANA, "slack", CHATTER, ts)
        assert not row["is_admin"]
        (event,) = await desk.rows("SELECT actor, data FROM case_events WHERE kind = 'CustomerWrote'")
        assert event["actor"] == DANA
        assert ADA in str(event["data"])  # who took it up

    async def test_the_author_learns_of_it_and_is_answered_in_the_dm(self, desk: Desk) -> None:
        ts = await desk.slack.post(DANA, CHATTER, "The printer is broken")
        card = await taken_up(desk, ts)
        (notice,) = await desk.until(lambda: desk.inbox_of(DANA))
        assert "Ada Admin of our support team opened case CASE_001" in words(notice)
        assert "The printer is broken" in words(notice)
        await desk.answer(card, "We are coming")
        assert "We are coming" in words(desk.inbox_of(DANA)[-1])
        await desk.write("Thank you")
        assert len(desk.mirrors(card)) == 2

    async def test_twice_is_once(self, desk: Desk) -> None:
        ts = await desk.slack.post(DANA, CHATTER, "The printer is broken")
        said = await asyncio.gather(told(desk, ADA, ts), told(desk, GRACE, ts))
        assert sorted("is in case CASE_001 already" in one for one in said) == [False, True]
        assert "is in case CASE_001 already" in await told(desk, ADA, ts)
        await settled(desk)
        assert len(desk.cards()) == 1
        assert len(desk.mirrors(desk.cards()[0])) == 1
        assert len(desk.inbox_of(DANA)) == 1

    async def test_it_joins_a_case_that_is_open(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(DANA, CHATTER, "And the printer is broken")
        reply = await shortcut(desk, ADA, ts)
        assert "has an open case, CASE_001: that message was added to it" in words(reply.shown[0])
        assert any(card["ts"].replace(".", "") in link for link in links(reply.shown[0]))
        await desk.until(lambda: len(desk.mirrors(card)) == 2)
        await desk.answer(card, "One by one")
        assert len(desk.cards()) == 1

    async def test_urgent_words_alert(self, desk: Desk) -> None:
        ts = await desk.slack.post(DANA, CHATTER, "urgent: the printer burns")
        await told(desk, ADA, ts)
        assert await desk.until(desk.alerts)

    async def test_a_message_written_long_ago_is_not_late_by_that(self, desk: Desk) -> None:
        ts = await desk.slack.post(DANA, CHATTER, "The printer is broken")
        desk.slack.clock.advance(60 * 3600)
        await taken_up(desk, ts)
        await settled(desk)
        assert desk.alerts() == []


class TestWhatIsRefused:
    async def test_nobody_but_an_admin_may(self, desk: Desk) -> None:
        ts = await desk.slack.post(DANA, CHATTER, "The printer is broken")
        for user in (BEN, DANA):
            assert await told(desk, user, ts) == "Sorry, only admins of this desk can do that."
        await settled(desk)
        assert desk.cards() == []

    async def test_what_a_bot_wrote(self, desk: Desk) -> None:
        card = await desk.opened()
        assert "written by an app" in await told(desk, ADA, card["ts"], SUPPORT)
        assert await desk.rows("SELECT 1 FROM customers WHERE customer_identifier = :id", id=BOT_USER) == []

    async def test_a_message_without_a_word(self, desk: Desk) -> None:
        ts = await desk.slack.post(DANA, CHATTER, "\u200b")
        assert "no words in that message" in await told(desk, ADA, ts)
        await settled(desk)
        assert desk.cards() == []

    async def test_what_an_admin_wrote(self, desk: Desk) -> None:
        ts = await desk.slack.post(GRACE, CHATTER, "Lunch?")
        assert "Grace Hopper is an admin of this desk" in await told(desk, ADA, ts)
        await settled(desk)
        assert desk.cards() == []

    async def test_what_somebody_wrote_who_is_gone(self, desk: Desk) -> None:
        desk.slack.add_user("U0GONE0001", "gone", "Gil Gone")
        desk.slack.invite("U0GONE0001", CHATTER)
        ts = await desk.slack.post("U0GONE0001", CHATTER, "Bye all")
        desk.slack.change_user("U0GONE0001", deleted=True)
        assert "Gil Gone is deactivated" in await told(desk, ADA, ts)
