"""`/case new @customer text`: an admin writes first, typed at once or in a form."""

import asyncio
from typing import Any

import pytest

from bot.blocks.forms import INPUT_CUSTOMER, INPUT_WORDS
from bot.sandbox.interactions import CommandReply
from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, GRACE, OMAR, SUPPORT
from tests.support.desk import Desk, running_desk
from tests.support.posts import links, words
from tests.support.stream import settled

REFUSED = "Sorry, only admins of this desk can do that."


async def asked(desk: Desk, text: str, user: str = ADA) -> CommandReply:
    reply = await desk.slack.command(user, SUPPORT if user != DANA else "im", "/case", text)
    assert reply.ok, reply.error
    assert all(message.get("is_ephemeral") for message in reply.shown)
    return reply


async def told(desk: Desk, text: str, user: str = ADA) -> str:
    return "\n".join(words(message) for message in (await asked(desk, text, user)).shown)


def posts_of_admins(desk: Desk, card: dict[str, Any]) -> list[dict[str, Any]]:
    return [post for post in desk.thread(card) if post.get("username") in {"Ada Admin", "Grace Hopper"}]


async def begun(desk: Desk, number: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """The card, and the admin's message in its thread."""
    card = (await desk.until(lambda: len(desk.cards()) > number and desk.cards()))[number]
    (post,) = await desk.until(lambda: posts_of_admins(desk, card))
    return card, post


class TestTyped:
    async def test_it_opens_a_case_and_sends_the_message(self, desk: Desk) -> None:
        reply = await asked(desk, f"new <@{DANA}> Your order, R&D <b>, arrives today")
        assert "Case CASE_001 is open, and your message is on its way" in words(reply.shown[0])
        card, post = await begun(desk)
        assert "Your order, R&D <b>, arrives today" in words(post)
        await desk.until(lambda: desk.marks(post["ts"]) == {"white_check_mark"})
        (sent,) = desk.inbox_of(DANA)
        assert "Your order, R&D <b>, arrives today" in words(sent)
        assert "What you write is added to your case CASE_001" in words(sent)
        assert sent["username"] == "Ada Admin"
        assert any("Ada Admin began this case" in words(one) for one in desk.thread(card))

    async def test_the_card_shows_the_admins_words(self, desk: Desk) -> None:
        await told(desk, f"new <@{DANA}> Your order arrives today")
        card, _ = await begun(desk)
        for fact in ("Case #CASE_001: Dana Lee", "Status: open", "Messages: 1", "Last answer: Ada Admin"):
            assert fact in words(card)
        assert "Your order arrives today" in words(card)
        assert "waiting" not in words(card)

    async def test_the_customers_reply_joins_it_and_is_answered_in_the_dm(self, desk: Desk) -> None:
        await told(desk, f"new <@{DANA}> Your order arrives today")
        card, _ = await begun(desk)
        await desk.slack.dm(DANA, "Thank you!")
        await desk.until(lambda: desk.mirrors(card))
        assert "Thank you!" in words(desk.mirrors(card)[0])
        await desk.answer(card, "You are welcome")
        await settled(desk)
        assert [post.get("username") for post in desk.inbox_of(DANA)] == ["Ada Admin", "Ada Admin"]
        assert len(desk.cards()) == 1

    async def test_it_is_refused_with_a_link_while_a_case_is_open(self, desk: Desk) -> None:
        card = await desk.opened()
        reply = await asked(desk, f"new <@{DANA}> Hello")
        assert "Dana Lee has an open case, CASE_001" in words(reply.shown[0])
        assert "not sent" in words(reply.shown[0])
        assert any(card["ts"].replace(".", "") in link for link in links(reply.shown[0]))
        await settled(desk)
        assert posts_of_admins(desk, card) == []
        assert len(desk.cards()) == 1

    async def test_two_admins_at_once_open_one_case(self, desk: Desk) -> None:
        await desk.opened(OMAR)  # a desk that has just started may answer a command later
        said = await asyncio.gather(
            told(desk, f"new <@{DANA}> From Ada"), told(desk, f"new <@{DANA}> From Grace", GRACE)
        )
        assert sorted("has an open case, CASE_002" in one for one in said) == [False, True]
        await settled(desk)
        assert len(desk.cards()) == 2
        assert len(desk.inbox_of(DANA)) == 1

    async def test_it_meets_a_message_the_customer_writes_just_then(self, desk: Desk) -> None:
        await asyncio.gather(desk.slack.dm(DANA, "Where is my order?"), told(desk, f"new <@{DANA}> It is here"))
        await desk.until(desk.cards)
        await settled(desk)
        assert len(desk.cards()) == 1
        assert len(await desk.rows("SELECT case_id FROM cases")) == 1

    async def test_a_closed_case_is_linked(self, desk: Desk) -> None:
        await desk.answer(await desk.opened(), "I'm closing this case.")
        await desk.until(desk.log_lines)
        await told(desk, f"new <@{DANA}> One more thing")
        card, _ = await begun(desk, 1)
        await desk.until(lambda: "Previous case: CASE_001" in words(desk.cards()[1]))
        assert "CASE_002" in words(card)

    @pytest.mark.parametrize(
        ("whom", "why"),
        [
            (GRACE, "Grace Hopper is an admin of this desk"),
            (BOT_USER, "written by an app"),
            ("U0GONE0001", "is deactivated"),
            ("U0NOBODY01", "Slack knows no such person"),
        ],
    )
    async def test_who_can_have_no_case_is_named(self, desk: Desk, whom: str, why: str) -> None:
        desk.slack.add_user("U0GONE0001", "gone", "Gil Gone", deleted=True)
        assert why in await told(desk, f"new <@{whom}> Hello")
        await settled(desk)
        assert desk.cards() == []
        assert await desk.rows("SELECT * FROM customers") == []

    async def test_a_guest_can_have_one(self, desk: Desk) -> None:
        desk.slack.add_user("U0GUEST001", "gina", "Gina Guest", is_restricted=True)
        await told(desk, "new <@U0GUEST001> Hello")
        await desk.until(lambda: desk.inbox_of("U0GUEST001"))

    async def test_nobody_but_an_admin_may(self, desk: Desk) -> None:
        for user in (BEN, DANA):
            assert await told(desk, f"new <@{OMAR}> Hello", user) == REFUSED
            assert await told(desk, "new", user) == REFUSED
            assert desk.slack.open_views(user) == []
        await settled(desk)
        assert desk.cards() == []

    async def test_a_message_that_does_not_arrive_is_seen_to_have_failed(self, desk: Desk) -> None:
        desk.slack.faults.add("conversations.open", "error:cannot_dm_bot", times=None)
        await told(desk, f"new <@{DANA}> Hello")
        card, post = await begun(desk)
        await desk.until(lambda: desk.marks(post["ts"]) == {"x"})
        await desk.until(lambda: any("did not reach the customer" in words(one) for one in desk.thread(card)))

    @pytest.mark.parametrize("fault", ["lost_answer", "500", "drop"])
    async def test_everything_stands_once_whatever_happens_to_the_first_try(self, desk: Desk, fault: str) -> None:
        desk.slack.faults.add("chat.postMessage", fault, times=3)
        await told(desk, f"new <@{DANA}> Hello")
        await settled(desk)
        assert len(desk.cards()) == 1
        assert len(posts_of_admins(desk, desk.cards()[0])) == 1
        assert len(desk.inbox_of(DANA)) == 1

    async def test_the_silence_clock_runs(self, database_url: str) -> None:
        async with running_desk(database_url, escalation_silence_hours=0.0003) as desk:
            await told(desk, f"new <@{DANA}> Hello")
            (alert,) = await desk.until(desk.alerts)
            assert "CASE_001" in words(alert)


class TestInAForm:
    async def test_without_text_it_asks_for_it(self, desk: Desk) -> None:
        assert await told(desk, "new") == ""
        await desk.slack.submit_view(ADA, {INPUT_CUSTOMER: DANA, INPUT_WORDS: "Two\nlines"})
        assert "Case CASE_001 is open" in words(desk.slack.open_views(ADA)[-1])
        _, post = await begun(desk)
        assert "Two\nlines" in words(post)
        await desk.until(lambda: desk.marks(post["ts"]) == {"white_check_mark"})
        assert "Two\nlines" in words(desk.inbox_of(DANA)[0])

    async def test_what_was_typed_already_stands_in_it(self, desk: Desk) -> None:
        await told(desk, f"new <@{DANA}>")
        await desk.slack.submit_view(ADA, {INPUT_WORDS: "Hello"})
        await desk.until(lambda: desk.inbox_of(DANA))
        await told(desk, "new Dana Lee, hello")
        (found,) = [view for view in desk.slack.open_views(ADA) if view["callback_id"] == "begin_case"]
        assert found["blocks"][2]["element"]["initial_value"] == "Dana Lee, hello"

    async def test_blanks_are_no_message(self, desk: Desk) -> None:
        await told(desk, f"new <@{DANA}>")
        reply = await desk.slack.submit_view(ADA, {INPUT_WORDS: "\u200b \n"})
        assert reply.ack is not None
        assert "without words" in reply.ack["errors"][INPUT_WORDS]

    async def test_a_refusal_keeps_the_words(self, desk: Desk) -> None:
        await desk.opened()
        await told(desk, "new")
        await desk.slack.submit_view(ADA, {INPUT_CUSTOMER: DANA, INPUT_WORDS: "A long letter"})
        said = words(desk.slack.open_views(ADA)[-1])
        assert "has an open case, CASE_001" in said
        assert "A long letter" in said

    async def test_rights_are_asked_for_again_when_the_form_is_sent(self, desk: Desk) -> None:
        assert await told(desk, "new", GRACE) == ""
        desk.slack.change_user(GRACE, is_restricted=True)
        await desk.slack.submit_view(GRACE, {INPUT_CUSTOMER: DANA, INPUT_WORDS: "Hello"})
        assert REFUSED in words(desk.slack.open_views(GRACE)[-1])
        await settled(desk)
        assert desk.cards() == []
        assert await desk.rows("SELECT * FROM customers") == []

    async def test_a_slow_decision_is_told_later(self, desk: Desk) -> None:
        await told(desk, "new")
        desk.slack.add_user("U0SLOW0001", "slow", "Slow Sam")
        desk.slack.faults.add("users.info", "slow:2.6", times=None)
        reply = await desk.slack.submit_view(ADA, {INPUT_CUSTOMER: "U0SLOW0001", INPUT_WORDS: "Hello"})
        assert reply.ok, reply.error
        assert "Accepted" in words(desk.slack.open_views(ADA)[-1])
        (late,) = await desk.until(lambda: desk.inbox_of(ADA))
        assert "Case CASE_001 is open" in words(late)
        await desk.until(lambda: desk.inbox_of("U0SLOW0001"))

    async def test_a_form_that_cannot_be_opened_is_said(self, desk: Desk) -> None:
        desk.slack.faults.add("views.open", "500")
        assert "could not be opened" in await told(desk, "new")


class TestAnotherCommand:
    async def test_it_is_the_one_that_is_named_everywhere(self, database_url: str) -> None:
        async with running_desk(database_url, command="/helpdesk") as desk:
            card = await desk.opened()
            reply = await desk.slack.command(ADA, SUPPORT, "/helpdesk", "help")
            assert "/helpdesk new @customer text" in words(reply.shown[0])
            await desk.slack.command(ADA, SUPPORT, "/helpdesk", "close 1")
            await desk.until(lambda: any("/helpdesk reopen" in words(post) for post in desk.thread(card)))
            reply = await desk.slack.command(ADA, SUPPORT, "/helpdesk", "escalate 1")
            assert "/helpdesk reopen CASE_001" in words(reply.shown[0])
            assert not [call for call in desk.slack.calls("chat.postMessage") if "/case" in str(call)]
