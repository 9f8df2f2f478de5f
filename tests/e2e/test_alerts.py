"""What an alert says, and what becomes of it: reminders, one list for many, acknowledgement, closing."""

import asyncio
from typing import Any

import pytest

from bot.blocks.alert import ACTION_ACKNOWLEDGE, ACTION_OPEN_THREAD
from bot.sandbox.people import ADA, ALERTS, BEN, DANA, GRACE, OMAR, SUPPORT
from tests.support.desk import Desk, running_desk

MINUTE, HOUR = 60.0, 3600.0


def buttons(post: dict[str, Any]) -> list[str]:
    """The action ids of a post's buttons."""
    return [
        element["action_id"]
        for block in post.get("blocks", [])
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def under(desk: Desk, alert: dict[str, Any]) -> list[dict[str, Any]]:
    return desk.slack.messages(ALERTS, alert["ts"])[1:]


def alerts(desk: Desk) -> list[dict[str, Any]]:
    """The alerts themselves, without the reminders that show in the channel too."""
    return [post for post in desk.alerts() if post.get("thread_ts", post["ts"]) == post["ts"]]


async def alerted(desk: Desk, text: str = "This is urgent", user: str = DANA) -> tuple[dict, dict]:
    """A customer sounds urgent: the card and the alert."""
    before = len(alerts(desk))
    card = await desk.opened(user, text)
    await desk.until(lambda: len(alerts(desk)) > before)
    return card, alerts(desk)[-1]


async def acknowledge(desk: Desk, alert: dict[str, Any], user: str = ADA) -> list[str]:
    """Somebody clicks; what that person is told."""
    reply = await desk.slack.click(user, ALERTS, alert["ts"], ACTION_ACKNOWLEDGE)
    assert reply.ok
    return reply.messages


async def many_are_silent(desk: Desk, how_many: int) -> None:
    for number in range(how_many):
        user = f"U0MANY{number:04d}"
        desk.slack.add_user(user, f"many{number}", f"Customer {number}")
        await desk.slack.dm(user, "Hello")
    await desk.until(lambda: len(desk.cards()) == how_many and all(desk.mirrors(card) for card in desk.cards()))
    desk.slack.clock.advance(49 * HOUR)
    await desk.until(desk.alerts)


class TestWhatItSays:
    async def test_it_names_case_and_customer_quotes_the_trigger_and_says_who_waits(self, desk: Desk) -> None:
        _, alert = await alerted(desk, "My house is on fire, this is urgent")
        text = alert["text"]
        assert "CASE_001" in text
        assert "Dana Lee" in text
        assert "My house is on fire" in text
        assert "Customer waiting since" in text

    async def test_an_answered_case_is_called_quiet_and_nobody_is_said_to_wait(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "Does it work now?")
        desk.slack.clock.advance(49 * HOUR)
        await desk.until(desk.alerts)
        assert "Answered, quiet since" in desk.alerts()[0]["text"]
        assert "waiting" not in desk.alerts()[0]["text"]

    async def test_it_leads_to_the_thread(self, desk: Desk) -> None:
        card, _ = await alerted(desk)
        await desk.until(lambda: ACTION_OPEN_THREAD in buttons(desk.alerts()[0]))
        url = next(
            element["url"]
            for block in desk.alerts()[0]["blocks"]
            if block["type"] == "actions"
            for element in block["elements"]
            if element["action_id"] == ACTION_OPEN_THREAD
        )
        assert url.endswith(f"/archives/{SUPPORT}/p{card['ts'].replace('.', '')}")

    async def test_going_to_the_thread_is_acknowledged_to_slack(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        await desk.until(lambda: ACTION_OPEN_THREAD in buttons(desk.alerts()[0]))
        reply = await desk.slack.click(BEN, ALERTS, alert["ts"], ACTION_OPEN_THREAD)
        assert reply.ok
        assert reply.messages == []

    async def test_it_mentions_whom_the_operator_named(self, database_url: str) -> None:
        async with running_desk(database_url, alert_mention="<!here>") as desk:
            _, alert = await alerted(desk)
            assert "<!here>" in alert["text"]

    async def test_it_mentions_nobody_whom_the_customer_named(self, desk: Desk) -> None:
        _, alert = await alerted(desk, "urgent <!channel> <@U0GRACEH01>")
        assert "<!channel>" not in alert["text"]
        assert "<@" not in alert["text"]

    async def test_the_thread_says_that_the_case_is_escalated(self, desk: Desk) -> None:
        card, _ = await alerted(desk)
        await desk.until(lambda: any("is escalated" in post["text"] for post in desk.thread(card)))


class TestAcknowledging:
    async def test_it_rewrites_the_alert_with_name_and_time_and_takes_the_button_away(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        assert await acknowledge(desk, alert) == []
        await desk.until(lambda: "Acknowledged by Ada Admin at" in desk.alerts()[0]["text"])
        assert buttons(desk.alerts()[0]) == [ACTION_OPEN_THREAD]

    async def test_the_mention_is_not_repeated_when_it_is_rewritten(self, database_url: str) -> None:
        async with running_desk(database_url, alert_mention="<!here>") as desk:
            _, alert = await alerted(desk)
            await acknowledge(desk, alert)
            await desk.until(lambda: "Acknowledged by" in desk.alerts()[0]["text"])
            assert "<!here>" not in desk.alerts()[0]["text"]

    @pytest.mark.parametrize("user", [BEN])
    async def test_who_is_no_admin_is_told_so_in_private_and_nothing_changes(self, desk: Desk, user: str) -> None:
        _, alert = await alerted(desk)
        (told,) = await acknowledge(desk, alert, user)
        assert "only admins" in told
        assert desk.slack.ephemerals(user)[-1]["text"] == told
        assert await desk.rows("SELECT acknowledged_by FROM cases") == [{"acknowledged_by": None}]
        assert ACTION_ACKNOWLEDGE in buttons(desk.alerts()[0])

    async def test_a_second_admin_is_told_who_was_first(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        first = desk.slack.click(ADA, ALERTS, alert["ts"], ACTION_ACKNOWLEDGE)
        second = desk.slack.click(GRACE, ALERTS, alert["ts"], ACTION_ACKNOWLEDGE)
        replies = await asyncio.gather(first, second)
        await desk.until(lambda: "Acknowledged by" in desk.alerts()[0]["text"])
        name, told = next((n, r.messages) for n, r in zip(("Grace", "Ada"), replies, strict=True) if r.messages)
        assert sum(bool(reply.messages) for reply in replies) == 1
        assert f"already acknowledged by {name}" in told[0]
        assert f"Acknowledged by {name}" in desk.alerts()[0]["text"]

    async def test_the_same_click_delivered_twice_is_one(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        await asyncio.gather(acknowledge(desk, alert), acknowledge(desk, alert))
        await desk.until(lambda: "Acknowledged by Ada Admin" in desk.alerts()[0]["text"])
        assert await desk.rows("SELECT acknowledged_by FROM alert_posts") == [{"acknowledged_by": "Ada Admin"}]

    async def test_the_alert_of_a_closed_case_asks_nothing_any_more(self, desk: Desk) -> None:
        card, _ = await alerted(desk)
        await desk.answer(card, "I'm closing this case.")
        await desk.until(lambda: "The case was closed by Ada Admin at" in desk.alerts()[0]["text"])
        assert buttons(desk.alerts()[0]) == [ACTION_OPEN_THREAD]

    async def test_closing_rewrites_the_earlier_alerts_of_the_case_too(self, desk: Desk) -> None:
        card, _ = await alerted(desk)
        await desk.answer(card, "We are on it.")
        desk.slack.clock.advance(31 * MINUTE)
        await desk.write("It is still urgent")
        await desk.until(lambda: len(desk.alerts()) == 2)
        await desk.answer(card, "I'm closing this case.")
        await desk.until(lambda: all("The case was closed by" in alert["text"] for alert in desk.alerts()))
        assert [buttons(alert) for alert in desk.alerts()] == [[ACTION_OPEN_THREAD]] * 2


class TestReminders:
    async def test_it_reminds_until_it_is_acknowledged(self, database_url: str) -> None:
        async with running_desk(database_url, escalation_remind=60) as desk:
            _, first = await alerted(desk, user=DANA)
            _, second = await alerted(desk, user=OMAR)
            for count in (1, 2):
                desk.slack.clock.advance(61 * MINUTE)
                await desk.until(lambda count=count: len(under(desk, first)) == len(under(desk, second)) == count)
            await acknowledge(desk, first)
            desk.slack.clock.advance(61 * MINUTE)
            await desk.until(lambda: len(under(desk, second)) == 3)
            assert len(under(desk, first)) == 2
            assert "Reminder" in under(desk, first)[0]["text"]

    async def test_a_reminder_is_seen_in_the_channel_and_mentions_again(self, database_url: str) -> None:
        async with running_desk(database_url, escalation_remind=60, alert_mention="<!here>") as desk:
            _, alert = await alerted(desk)
            desk.slack.clock.advance(61 * MINUTE)
            await desk.until(lambda: under(desk, alert))
            assert under(desk, alert)[0]["subtype"] == "thread_broadcast"
            assert "<!here>" in under(desk, alert)[0]["text"]

    async def test_a_closed_case_is_not_reminded_of(self, database_url: str) -> None:
        async with running_desk(database_url, escalation_remind=60) as desk:
            card, first = await alerted(desk, user=DANA)
            _, second = await alerted(desk, user=OMAR)
            await desk.answer(card, "I'm closing this case.")
            desk.slack.clock.advance(61 * MINUTE)
            await desk.until(lambda: under(desk, second))
            assert under(desk, first) == []

    async def test_there_is_none_unless_the_operator_wants_it(self, desk: Desk) -> None:
        await alerted(desk)
        assert await desk.rows("SELECT remind_due_at FROM cases") == [{"remind_due_at": None}]


class TestManyAtOnce:
    async def test_more_than_ten_cases_due_at_once_become_one_list_with_one_button(self, desk: Desk) -> None:
        await many_are_silent(desk, 11)
        (alert,) = desk.alerts()
        assert "11 cases are escalated" in alert["text"]
        assert buttons(alert) == [ACTION_ACKNOWLEDGE]

    async def test_the_button_of_a_list_acknowledges_all_its_cases(self, desk: Desk) -> None:
        await many_are_silent(desk, 11)
        assert await acknowledge(desk, desk.alerts()[0], GRACE) == []
        await desk.until(lambda: "Acknowledged by Grace" in desk.alerts()[0]["text"])
        assert buttons(desk.alerts()[0]) == []
        rows = await desk.rows("SELECT DISTINCT acknowledged_by FROM cases")
        assert [row["acknowledged_by"] for row in rows] == ["Grace Hopper"]

    @pytest.mark.slow
    async def test_ten_cases_due_at_once_are_alerted_one_by_one(self, desk: Desk) -> None:
        await many_are_silent(desk, 10)
        await desk.until(lambda: len(desk.alerts()) == 10)
        assert len({alert["text"] for alert in desk.alerts()}) == 10

    @pytest.mark.slow
    async def test_a_case_of_a_list_alerts_by_itself_later(self, desk: Desk) -> None:
        await many_are_silent(desk, 11)
        await acknowledge(desk, desk.alerts()[0])
        await desk.slack.dm("U0MANY0003", "This is urgent now")
        await desk.until(lambda: under(desk, desk.alerts()[0]) or len(desk.alerts()) == 2)
        desk.slack.clock.advance(31 * MINUTE)
        await desk.slack.dm("U0MANY0003", "Still urgent")
        await desk.until(lambda: len(desk.alerts()) == 2)
        assert "Customer 3" in desk.alerts()[1]["text"]
