"""A closed case: what is posted in its thread is held, and it can be taken up again."""

import asyncio
from typing import Any

import pytest

from bot.blocks.thread import ACTION_REOPEN_AND_SEND
from bot.sandbox.interactions import CommandReply
from bot.sandbox.people import ADA, BEN, DANA, GRACE, SUPPORT
from tests.support.desk import Desk
from tests.support.late import kept_back
from tests.support.posts import button, links, mentioned, words

PHRASE = "I'm closing this case."


async def closed(desk: Desk) -> dict[str, Any]:
    """A case that Ada has closed."""
    card = await desk.opened()
    await desk.answer(card, PHRASE)
    await desk.until(desk.log_lines)
    return card


def held(desk: Desk, card: dict[str, Any]) -> list[dict[str, Any]]:
    return [post for post in desk.thread(card) if button(post, ACTION_REOPEN_AND_SEND)]


async def held_post(desk: Desk, card: dict[str, Any], text: str = "One more thing", user: str = ADA) -> str:
    """A post in the closed case's thread, shown as not sent; its ts."""
    before = len(held(desk, card))
    ts = await desk.slack.post(user, SUPPORT, text, thread_ts=card["ts"])
    await desk.until(lambda: desk.marks(ts) == {"lock"} and len(held(desk, card)) > before)
    return ts


async def click(desk: Desk, card: dict[str, Any], user: str = ADA) -> CommandReply:
    return await desk.slack.click(user, SUPPORT, held(desk, card)[-1]["ts"], ACTION_REOPEN_AND_SEND)


async def status(desk: Desk, case_id: str = "CASE_001") -> str:
    return (await desk.rows("SELECT status FROM cases WHERE case_id = :id", id=case_id))[0]["status"]


class TestAPostInAClosedThread:
    async def test_it_is_not_sent_and_its_author_is_shown_that(self, desk: Desk) -> None:
        card = await closed(desk)
        before = len(desk.inbox_of(DANA))
        await held_post(desk, card, "One more thing")
        (notice,) = held(desk, card)
        assert "this was not sent: case CASE_001 is closed" in words(notice)
        assert mentioned(notice) == {ADA}
        assert len(desk.inbox_of(DANA)) == before
        assert await status(desk) == "closed"

    async def test_a_note_or_a_bystanders_post_there_offers_nothing(self, desk: Desk) -> None:
        card = await closed(desk)
        note = await desk.slack.post(ADA, SUPPORT, "// filed", thread_ts=card["ts"])
        other = await desk.slack.post(BEN, SUPPORT, "Well done", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(note) == desk.marks(other) == {"lock"})
        await held_post(desk, card)
        assert len(held(desk, card)) == 1


class TestReopenAndSend:
    @pytest.mark.parametrize("clicker", [ADA, GRACE], ids=["its-author", "another-admin"])
    async def test_an_admins_click_sends_it_under_its_authors_name(self, desk: Desk, clicker: str) -> None:
        card = await closed(desk)
        ts = await held_post(desk, card, "One more thing")
        await click(desk, card, clicker)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        answer = desk.inbox_of(DANA)[-1]
        assert answer["username"] == "Ada Admin"
        assert "One more thing" in words(answer)
        assert await status(desk) == "open"
        who = "Ada Admin" if clicker == ADA else "Grace Hopper"
        await desk.until(lambda: any(f"was reopened by {who}" in words(post) for post in desk.thread(card)))

    async def test_a_bystanders_click_is_refused(self, desk: Desk) -> None:
        card = await closed(desk)
        await held_post(desk, card)
        before = len(desk.inbox_of(DANA))
        reply = await click(desk, card, BEN)
        await desk.until(lambda: reply.messages)
        assert reply.messages == ["Sorry, only admins of this desk can do that."]
        assert await status(desk) == "closed"
        assert len(desk.inbox_of(DANA)) == before

    async def test_two_clicks_at_once_send_it_once(self, desk: Desk) -> None:
        card = await closed(desk)
        ts = await held_post(desk, card, "One more thing")
        await asyncio.gather(click(desk, card, ADA), click(desk, card, GRACE))
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        await desk.answer(card, "And that was all")
        assert sum("One more thing" in words(post) for post in desk.inbox_of(DANA)) == 1
        assert await status(desk) == "open"

    async def test_a_click_on_what_was_sent_before_sends_nothing(self, desk: Desk) -> None:
        card = await closed(desk)
        ts = await held_post(desk, card, "One more thing")
        await click(desk, card)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        reply = await click(desk, card)
        await desk.until(lambda: reply.messages)
        assert reply.messages == ["Case CASE_001 is open already."]
        await desk.answer(card, "And that was all")
        assert sum("One more thing" in words(post) for post in desk.inbox_of(DANA)) == 1

    async def test_it_is_refused_with_a_link_while_a_newer_case_is_open(self, desk: Desk) -> None:
        card = await closed(desk)
        await held_post(desk, card, "One more thing")
        newer = await desk.opened(DANA, "Something else")
        reply = await click(desk, card)
        (answer,) = await desk.until(lambda: reply.shown)
        assert "stays closed: this customer has a newer open case, CASE_002" in words(answer)
        assert any(newer["ts"].replace(".", "") in link for link in links(answer))
        assert await status(desk) == "closed"
        await desk.answer(newer, "I see")
        assert not any("One more thing" in words(post) for post in desk.inbox_of(DANA))

    async def test_what_was_edited_meanwhile_is_sent_as_it_reads_now(self, desk: Desk) -> None:
        card = await closed(desk)
        ts = await held_post(desk, card, "One more thnig")
        await desk.slack.edit(ADA, SUPPORT, ts, "One more thing")
        other = await desk.slack.post(ADA, SUPPORT, "// edited above", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(other) == {"lock"})
        await click(desk, card)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        assert "One more thing" in words(desk.inbox_of(DANA)[-1])

    async def test_a_case_is_not_closed_again_by_the_phrase_in_it(self, desk: Desk) -> None:
        card = await closed(desk)
        ts = await held_post(desk, card, f"Once more: {PHRASE}")
        await click(desk, card)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        await desk.answer(card, "Hello again")
        assert len(desk.log_lines()) == 1


class TestReopening:
    async def test_by_command_the_thread_is_live_again(self, desk: Desk) -> None:
        card = await closed(desk)
        reply = await desk.slack.command(ADA, SUPPORT, "/case", "reopen CASE_001")
        assert reply.messages == ["Case CASE_001 is open again."]
        await desk.answer(card, "Here I am again")
        assert "Here I am again" in words(desk.inbox_of(DANA)[-1])
        await desk.write("And here am I")
        assert len(desk.cards()) == 1
        assert any("was reopened by Ada Admin" in words(post) for post in desk.thread(card))

    async def test_it_is_refused_with_a_link_while_a_newer_case_is_open(self, desk: Desk) -> None:
        await closed(desk)
        newer = await desk.opened(DANA, "Something else")
        reply = await desk.slack.command(ADA, SUPPORT, "/case", "reopen CASE_001")
        assert "newer open case, CASE_002" in reply.messages[0]
        assert any(newer["ts"].replace(".", "") in link for link in links(reply.shown[0]))
        assert await status(desk) == "closed"

    async def test_an_older_case_may_be_taken_up_when_the_newer_one_is_closed(self, desk: Desk) -> None:
        old = await closed(desk)
        newer = await desk.opened(DANA, "Something else")
        await desk.answer(newer, PHRASE)
        await desk.slack.command(ADA, SUPPORT, "/case", "reopen CASE_001")
        await desk.write("About the first one")
        assert "About the first one" in words(desk.mirrors(old)[-1])
        assert len(desk.cards()) == 2


class TestAMessageWrittenBeforeTheClosing:
    async def test_it_reopens_the_case_when_it_arrives_after_it(self, desk: Desk) -> None:
        card = await desk.opened()
        with kept_back(desk.slack) as deliver:
            await desk.slack.dm(DANA, "Wait, it broke again")
        await desk.answer(card, PHRASE)
        await desk.until(desk.log_lines)
        deliver()
        await desk.until(lambda: len(desk.mirrors(card)) == 2)
        assert await status(desk) == "open"
        assert len(desk.cards()) == 1
        notice, mirror = desk.thread(card)[-2:]
        assert "is open again" in words(notice)
        assert "Wait, it broke again" in words(mirror)
        assert "earlier than what stands above" in words(mirror)
        await desk.until(lambda: "Status: open" in words(desk.cards()[0]))

    async def test_it_joins_the_newer_case_that_is_open_by_then(self, desk: Desk) -> None:
        card = await desk.opened()
        with kept_back(desk.slack) as deliver:
            await desk.slack.dm(DANA, "Wait, it broke again")
        await desk.answer(card, PHRASE)
        newer = await desk.opened(DANA, "Are you there?")
        deliver()
        await desk.until(lambda: len(desk.mirrors(newer)) == 2)
        assert "earlier than what stands above" in words(desk.mirrors(newer)[-1])
        assert await status(desk) == "closed"
        assert len(desk.mirrors(card)) == 1
