"""The buttons on a card: what an admin does with one click, and what nobody else can."""

import asyncio
from typing import Any

import pytest

from bot.blocks.card import ACTION_CLOSE_CASE, ACTION_ESCALATE_CASE, ACTION_REOPEN_CASE
from bot.blocks.forms import INPUT_QUIET, INPUT_WORDS
from bot.sandbox.interactions import CommandReply
from bot.sandbox.people import ADA, BEN, DANA, GRACE, SUPPORT
from tests.support.desk import Desk
from tests.support.late import kept_back
from tests.support.posts import button, links, words
from tests.support.stream import settled

REFUSED = "Sorry, only admins of this desk can do that."
DM = f"D{DANA[1:]}"
ACTIONS = (ACTION_ESCALATE_CASE, ACTION_CLOSE_CASE, ACTION_REOPEN_CASE)


def now(desk: Desk, card: dict[str, Any]) -> dict[str, Any]:
    """The card as it is shown at present."""
    return next(post for post in desk.cards() if post["ts"] == card["ts"])


def offers(desk: Desk, card: dict[str, Any]) -> set[str]:
    return {action for action in ACTIONS if button(now(desk, card), action)}


async def click(desk: Desk, user: str, card: dict[str, Any], action: str) -> CommandReply:
    """A click on the card as it was when `card` was read: it may have changed since."""
    where = next(one for one in _blocks_with(card, action))
    reply = await _pressed(desk, user, card, where, action)
    assert reply.ok, reply.error
    return reply


def _blocks_with(card: dict[str, Any], action: str) -> list[dict[str, Any]]:
    return [block for block in card["blocks"] if button({"blocks": [block]}, action)]


async def _pressed(
    desk: Desk, user: str, card: dict[str, Any], block: dict[str, Any], action: str
) -> CommandReply:
    """Slack sends the click of whoever still sees the old card, whatever it shows to others by now."""
    message = desk.slack.workspace.message(desk.slack.workspace.channel(SUPPORT), card["ts"])
    shown = message["blocks"]
    message["blocks"] = [block]
    clicked = asyncio.ensure_future(desk.slack.click(user, SUPPORT, card["ts"], action))
    await asyncio.sleep(0)  # the gesture has read the button
    message["blocks"] = shown
    return await clicked


async def told(desk: Desk, user: str, card: dict[str, Any], action: str) -> str:
    """What the clicker alone is told."""
    reply = await click(desk, user, card, action)
    assert all(message.get("is_ephemeral") for message in reply.shown)
    return "\n".join(words(message) for message in reply.shown)


async def form(desk: Desk, user: str, card: dict[str, Any]) -> dict[str, Any]:
    """The form that the "Close" button opens."""
    assert await told(desk, user, card, ACTION_CLOSE_CASE) == ""
    return desk.slack.open_views(user)[-1]


async def closing(desk: Desk, user: str, text: str = "", *, quiet: bool = False) -> dict[str, Any] | None:
    """What the bot answers to a form that is sent."""
    values: dict[str, Any] = ({INPUT_WORDS: text} if text else {}) | ({INPUT_QUIET: ["quiet"]} if quiet else {})
    reply = await desk.slack.submit_view(user, values)
    assert reply.ok, reply.error
    return reply.ack


def said_in(desk: Desk, user: str) -> str:
    return words(desk.slack.open_views(user)[-1])


async def is_closed(desk: Desk, card: dict[str, Any]) -> None:
    await desk.until(lambda: "Status: closed" in words(now(desk, card)))


def notices(desk: Desk, card: dict[str, Any], part: str) -> list[str]:
    return [words(post) for post in desk.thread(card) if part in words(post)]


class TestEscalate:
    async def test_it_alerts_and_the_card_says_so(self, desk: Desk) -> None:
        card = await desk.opened()
        assert offers(desk, card) == {ACTION_ESCALATE_CASE, ACTION_CLOSE_CASE}
        assert await told(desk, ADA, card, ACTION_ESCALATE_CASE) == ""
        (alert,) = await desk.until(desk.alerts)
        assert "Ada Admin asked for it" in words(alert)
        await desk.until(lambda: "Status: open, escalated" in words(now(desk, card)))
        assert offers(desk, card) == {ACTION_CLOSE_CASE}
        await desk.until(lambda: notices(desk, card, "Ada Admin asked for it"))

    async def test_two_admins_at_once_alert_once(self, desk: Desk) -> None:
        card = await desk.opened()
        said = await asyncio.gather(*(told(desk, user, card, ACTION_ESCALATE_CASE) for user in (ADA, GRACE)))
        assert sorted(said) == ["", "Case CASE_001 is escalated already."]
        await settled(desk)
        assert len(desk.alerts()) == 1
        assert len(notices(desk, card, "is escalated")) == 1
        assert offers(desk, card) == {ACTION_CLOSE_CASE}

    async def test_nobody_else_can(self, desk: Desk) -> None:
        card = await desk.opened()
        assert await told(desk, BEN, card, ACTION_ESCALATE_CASE) == REFUSED
        assert await told(desk, BEN, card, ACTION_CLOSE_CASE) == REFUSED
        assert desk.slack.open_views(BEN) == []
        await settled(desk)
        assert desk.alerts() == []
        assert offers(desk, card) == {ACTION_ESCALATE_CASE, ACTION_CLOSE_CASE}

    async def test_a_click_does_not_fail_because_its_clicker_cannot_be_told(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("response_url", "slow:5")
        reply = await click(desk, BEN, card, ACTION_ESCALATE_CASE)
        assert reply.shown == []
        desk.slack.faults.add("response_url", "500")
        await click(desk, BEN, card, ACTION_ESCALATE_CASE)

    async def test_who_is_no_admin_any_more_cannot(self, desk: Desk) -> None:
        card = await desk.opened()
        await told(desk, GRACE, await desk.opened("U0OMARSY01", "Mine"), ACTION_ESCALATE_CASE)
        desk.slack.change_user(GRACE, is_restricted=True)
        assert await told(desk, GRACE, card, ACTION_ESCALATE_CASE) == REFUSED


class TestClose:
    async def test_the_form_shows_what_is_about_to_be_closed(self, desk: Desk) -> None:
        card = await desk.opened()
        view = await form(desk, ADA, card)
        assert view["title"]["text"] == "Close CASE_001"
        assert "Customer: Dana Lee" in words(view)
        assert "The customer waits for an answer since" in words(view)
        assert desk.log_lines() == []

    async def test_confirmed_it_closes_and_tells_the_customer(self, desk: Desk) -> None:
        card = await desk.opened()
        await form(desk, ADA, card)
        assert await closing(desk, ADA) is None
        assert desk.slack.open_views(ADA) == []
        (line,) = await desk.until(desk.log_lines)
        assert line.endswith("by Ada Admin")
        await is_closed(desk, card)
        assert offers(desk, card) == {ACTION_REOPEN_CASE}
        await desk.until(lambda: len(desk.inbox_of(DANA)) == 2)
        assert words(desk.inbox_of(DANA)[-1]) == "Your case CASE_001 is closed. Write again and a new case opens."
        await desk.until(lambda: notices(desk, card, "was closed by Ada Admin"))

    async def test_a_last_message_reaches_the_customer_and_stands_in_the_thread(self, desk: Desk) -> None:
        card = await desk.opened()
        await form(desk, ADA, card)
        text = "All is <b>repaired</b> & well, <!channel>."
        await closing(desk, ADA, text)
        shown = await desk.until(
            lambda: [post for post in desk.thread(card) if post.get("username") == "Ada Admin"]
        )
        assert [text in words(post) for post in shown] == [True]
        await desk.until(lambda: desk.marks(shown[0]["ts"]) == {"white_check_mark"})
        sent = words(desk.inbox_of(DANA)[-1])
        assert text in sent
        assert "Case CASE_001 is closed. Write again and a new case opens." in sent
        assert len(desk.inbox_of(DANA)) == 2
        await desk.until(lambda: notices(desk, card, "was closed by Ada Admin"))
        (row,) = await desk.rows("SELECT body, sender, delivery, channel, ts FROM messages WHERE is_admin")
        assert row == {
            "body": text,
            "sender": ADA,
            "delivery": "sent",
            "channel": SUPPORT,
            "ts": shown[0]["ts"],
        }

    async def test_a_last_message_that_cannot_be_delivered_is_seen_to_have_failed(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        await form(desk, ADA, card)
        desk.slack.faults.add("chat.postMessage", "error:user_disabled", times=None, channel=DM)
        await closing(desk, ADA, "Bye")
        (post,) = await desk.until(
            lambda: [one for one in desk.thread(card) if one.get("username") == "Ada Admin"]
        )
        await desk.until(lambda: desk.marks(post["ts"]) == {"x"})
        await desk.until(lambda: notices(desk, card, "did not reach the customer"))

    @pytest.mark.parametrize("fault", ["lost_answer", "500", "drop"])
    async def test_it_stands_once_whatever_happens_to_the_first_try(self, desk: Desk, fault: str) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        await form(desk, ADA, card)
        desk.slack.faults.add("chat.postMessage", fault, channel=SUPPORT)
        desk.slack.faults.add("chat.postMessage", fault, channel=DM)
        await closing(desk, ADA, "Bye")
        await settled(desk)
        (post,) = [one for one in desk.thread(card) if one.get("username") == "Ada Admin"]
        await desk.until(lambda: desk.marks(post["ts"]) == {"white_check_mark"})
        assert len(desk.inbox_of(DANA)) == 2

    @pytest.mark.parametrize("later", [SUPPORT, DM], ids=["thread later", "customer later"])
    async def test_it_is_marked_as_sent_whichever_stands_first(self, desk: Desk, later: str) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        await form(desk, ADA, card)
        desk.slack.faults.add("chat.postMessage", "429", channel=later)  # it asks to wait a second
        await closing(desk, ADA, "Bye")
        await settled(desk)
        (post,) = [one for one in desk.thread(card) if one.get("username") == "Ada Admin"]
        assert desk.marks(post["ts"]) == {"white_check_mark"}

    async def test_quietly_it_tells_the_customer_nothing(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        await form(desk, ADA, card)
        await closing(desk, ADA, quiet=True)
        await desk.until(lambda: notices(desk, card, "closed quietly by Ada Admin"))
        await settled(desk)
        assert len(desk.inbox_of(DANA)) == 1

    async def test_words_and_quietly_do_not_go_together(self, desk: Desk) -> None:
        card = await desk.opened()
        await form(desk, ADA, card)
        ack = await closing(desk, ADA, "Bye", quiet=True)
        assert ack is not None
        assert "nothing is sent" in ack["errors"][INPUT_WORDS]
        assert len(desk.slack.open_views(ADA)) == 1
        await closing(desk, ADA, "Bye")
        await is_closed(desk, card)

    async def test_a_message_that_comes_while_the_form_is_open_is_not_buried(self, desk: Desk) -> None:
        card = await desk.opened()
        await form(desk, ADA, card)
        await desk.write("Wait, there is more")
        await closing(desk, ADA, "Goodbye then")
        assert "not closed" in said_in(desk, ADA)
        assert "Goodbye then" in said_in(desk, ADA)  # to copy it
        await settled(desk)
        assert desk.log_lines() == []
        assert not notices(desk, card, "Goodbye then")
        await form(desk, ADA, card)
        await closing(desk, ADA, "Goodbye then")
        await is_closed(desk, card)

    async def test_two_admins_at_once_close_it_once(self, desk: Desk) -> None:
        card = await desk.opened()
        await form(desk, ADA, card)
        await form(desk, GRACE, card)
        acks = await asyncio.gather(closing(desk, ADA, "Bye from Ada"), closing(desk, GRACE, "Bye from Grace"))
        assert sorted(ack is None for ack in acks) == [False, True]
        loser = ADA if acks[0] is not None else GRACE
        assert "was already closed by" in said_in(desk, loser)
        await settled(desk)
        assert len(desk.log_lines()) == 1
        assert len(desk.inbox_of(DANA)) == 2
        assert await desk.rows("SELECT closings, message_count FROM cases") == [
            {"closings": 1, "message_count": 2}
        ]

    async def test_a_form_that_arrives_twice_counts_once(self, desk: Desk) -> None:
        card = await desk.opened()
        await form(desk, ADA, card)
        sent = desk.slack.sockets.ask

        async def twice(kind: str, payload: dict[str, object]) -> object:
            first, _ = await asyncio.gather(sent(kind, payload), sent(kind, payload))
            return first

        desk.slack.sockets.ask = twice  # type: ignore[method-assign, assignment]
        assert await closing(desk, ADA, "Bye") is None
        await settled(desk)
        assert len(await desk.rows("SELECT id FROM messages WHERE is_admin")) == 1
        assert len(desk.log_lines()) == 1

    async def test_rights_are_asked_for_again_when_the_form_is_sent(self, desk: Desk) -> None:
        card = await desk.opened()
        await form(desk, GRACE, card)
        desk.slack.change_user(GRACE, is_restricted=True)
        await closing(desk, GRACE, "Bye")
        assert REFUSED in said_in(desk, GRACE)
        assert "CASE_001" not in said_in(desk, GRACE)
        await settled(desk)
        assert desk.log_lines() == []

    async def test_a_closed_case_says_who_closed_it(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "I'm closing this case.", GRACE)
        await is_closed(desk, card)
        said = await told(desk, ADA, card, ACTION_CLOSE_CASE)
        assert said == "Case CASE_001 was already closed by Grace Hopper."
        assert desk.slack.open_views(ADA) == []

    @pytest.mark.parametrize("fault", ["500", "drop", "lost_answer", "error:expired_trigger_id", "slow:4"])
    async def test_a_form_that_cannot_be_opened_is_said_in_time(self, desk: Desk, fault: str) -> None:
        card = await desk.opened()
        desk.slack.faults.add("views.open", fault)
        assert "could not be opened" in await told(desk, ADA, card, ACTION_CLOSE_CASE)
        assert desk.log_lines() == []


class TestReopen:
    async def test_it_takes_the_case_up_again(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "I'm closing this case.")
        await is_closed(desk, card)
        assert await told(desk, GRACE, now(desk, card), ACTION_REOPEN_CASE) == ""
        await desk.until(lambda: "Status: open" in words(now(desk, card)))
        await desk.until(lambda: notices(desk, card, "was reopened by Grace Hopper"))
        assert offers(desk, card) == {ACTION_ESCALATE_CASE, ACTION_CLOSE_CASE}

    async def test_two_admins_at_once_reopen_it_once(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "I'm closing this case.")
        await is_closed(desk, card)
        closed = now(desk, card)
        said = await asyncio.gather(*(told(desk, user, closed, ACTION_REOPEN_CASE) for user in (ADA, GRACE)))
        assert sorted(said) == ["", "Case CASE_001 is open already."]
        await settled(desk)
        assert len(notices(desk, card, "was reopened by")) == 1
        assert offers(desk, card) == {ACTION_ESCALATE_CASE, ACTION_CLOSE_CASE}

    async def test_it_is_refused_with_the_way_to_a_newer_case(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "I'm closing this case.")
        await is_closed(desk, card)
        newer = await desk.opened(DANA, "Hello again")
        reply = await click(desk, ADA, now(desk, card), ACTION_REOPEN_CASE)
        assert "newer open case, CASE_002" in words(reply.shown[0])
        assert any(newer["ts"].replace(".", "") in link for link in links(reply.shown[0]))

    async def test_nobody_else_can(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "I'm closing this case.")
        await is_closed(desk, card)
        assert await told(desk, BEN, now(desk, card), ACTION_REOPEN_CASE) == REFUSED
        assert (await desk.rows("SELECT status FROM cases")) == [{"status": "closed"}]

    async def test_a_late_message_and_a_click_open_it_once(self, desk: Desk) -> None:
        card = await desk.opened()
        with kept_back(desk.slack) as deliver:
            await desk.slack.dm(DANA, "One more thing")
        await form(desk, ADA, card)
        await closing(desk, ADA)
        await is_closed(desk, card)
        closed = now(desk, card)
        deliver()
        await told(desk, GRACE, closed, ACTION_REOPEN_CASE)
        await desk.until(lambda: "Status: open" in words(now(desk, card)))
        await desk.until(lambda: len(desk.mirrors(card)) == 2)
        assert len(desk.cards()) == 1
