"""When a case escalates: keywords, too many messages in a row, silence, a request; and how often it alerts."""

import aiohttp
import pytest

from bot.blocks.alert import ACTION_ACKNOWLEDGE
from bot.sandbox.people import ADA, ALERTS, BEN, DANA, OMAR, SUPPORT
from tests.support.desk import Desk, running_desk

MINUTE, HOUR = 60.0, 3600.0


async def escalated(desk: Desk) -> list[str]:
    """The cases that are escalated, as the database has them."""
    rows = await desk.rows("SELECT case_id FROM cases WHERE escalated ORDER BY case_id")
    return [row["case_id"] for row in rows]


def additions(desk: Desk, alert: dict) -> list[str]:
    """What was added under an alert."""
    return [post["text"] for post in desk.slack.messages(ALERTS, alert["ts"])[1:]]


async def alerted(desk: Desk, text: str = "This is urgent", user: str = DANA) -> tuple[dict, dict]:
    """A customer sounds urgent: the card and the alert."""
    before = len(desk.alerts())
    card = await desk.opened(user, text)
    await desk.until(lambda: len(desk.alerts()) > before)
    return card, desk.alerts()[-1]


class TestKeywords:
    @pytest.mark.parametrize(
        "text",
        [
            "It is URGENT!",
            *(
                pytest.param(text, marks=pytest.mark.slow)
                for text in ("Reply immediately", "an eMeRgEnCy", "(critical)")
            ),
        ],
    )
    async def test_each_default_keyword_escalates_in_any_case(self, desk: Desk, text: str) -> None:
        await alerted(desk, text)
        assert await escalated(desk) == ["CASE_001"]

    async def test_a_keyword_counts_at_the_start_of_a_longer_word(self, desk: Desk) -> None:
        await alerted(desk, "I need it urgently")
        assert await escalated(desk) == ["CASE_001"]

    @pytest.mark.parametrize("text", ["a hypercritical reader", "> this is urgent\nnever mind"])
    async def test_a_keyword_inside_a_word_or_quoted_does_not_count(self, desk: Desk, text: str) -> None:
        await desk.opened(DANA, text)
        assert await escalated(desk) == []

    async def test_a_keyword_in_an_answer_does_not_count(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "We treat this as urgent.")
        assert await escalated(desk) == []

    @pytest.mark.parametrize(("user", "text"), [(ADA, "// urgent, who has time?"), (BEN, "this is urgent!")])
    async def test_a_keyword_in_a_note_or_of_a_bystander_does_not_count(
        self, desk: Desk, user: str, text: str
    ) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(user, SUPPORT, text, thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        assert await escalated(desk) == []

    async def test_the_keywords_are_a_setting(self, database_url: str) -> None:
        async with running_desk(database_url, escalation_keywords=("brennt",)) as desk:
            await desk.opened(OMAR, "This is urgent")
            await alerted(desk, "Es BRENNT!")
            assert await escalated(desk) == ["CASE_002"]


class TestFollowUps:
    async def test_the_fourth_message_in_a_row_escalates_and_the_third_does_not(self, desk: Desk) -> None:
        await desk.opened(DANA, "one")
        await desk.write("two")
        await desk.write("three")
        assert await escalated(desk) == []
        await desk.write("four")
        await desk.until(desk.alerts)
        assert "4 messages in a row without an answer" in desk.alerts()[0]["text"]

    async def test_an_answer_starts_the_counting_anew(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "one")
        await desk.write("two")
        await desk.write("three")
        await desk.answer(card, "We are looking.")
        for text in ("four", "five", "six"):
            await desk.write(text)
        assert await escalated(desk) == []
        await desk.write("seven")
        await desk.until(desk.alerts)

    async def test_a_note_does_not_start_the_counting_anew(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "one")
        await desk.write("two")
        await desk.write("three")
        ts = await desk.slack.post(ADA, SUPPORT, "// on it", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.write("four")
        await desk.until(desk.alerts)

    async def test_messages_closer_together_than_the_merge_seconds_count_as_one(self, database_url: str) -> None:
        async with running_desk(database_url, followup_merge_seconds=60) as desk:
            await desk.opened(DANA, "one")
            for text in ("and", "another", "thing", "still the first"):
                await desk.write(text)
            for text in ("two", "three"):
                desk.slack.clock.advance(61)
                await desk.write(text)
            assert await escalated(desk) == []
            desk.slack.clock.advance(61)
            await desk.write("four")
            await desk.until(desk.alerts)

    @pytest.mark.slow
    async def test_how_many_messages_may_go_unanswered_is_a_setting(self, database_url: str) -> None:
        async with running_desk(database_url, escalation_follow_ups=1) as desk:
            await desk.opened(DANA, "one")
            assert await escalated(desk) == []
            await desk.write("two")
            await desk.until(desk.alerts)


class TestSilence:
    async def test_a_case_alerts_once_it_was_silent_for_48_hours_and_not_before(self, desk: Desk) -> None:
        await desk.opened(DANA)
        desk.slack.clock.advance(HOUR)
        await desk.opened(OMAR)
        desk.slack.clock.advance(47 * HOUR + MINUTE)
        await desk.until(desk.alerts)
        assert "Nothing was written for 48 h" in desk.alerts()[0]["text"]
        assert await escalated(desk) == ["CASE_001"]

    async def test_every_message_and_answer_starts_the_silence_anew_but_a_note_does_not(self, desk: Desk) -> None:
        cards = [await desk.opened(user) for user in (DANA, OMAR)]
        desk.slack.add_user("U0THIRD001", "third", "Third Customer")
        cards.append(await desk.opened("U0THIRD001"))
        desk.slack.clock.advance(47 * HOUR)
        await desk.write("still there?", DANA)
        await desk.answer(cards[1], "Soon.")
        ts = await desk.slack.post(ADA, SUPPORT, "// forgotten", thread_ts=cards[2]["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        desk.slack.clock.advance(2 * HOUR)
        await desk.until(desk.alerts)
        assert await escalated(desk) == ["CASE_003"]

    async def test_after_an_answer_the_silence_counts_too_by_default(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "Does it work now?")
        desk.slack.clock.advance(49 * HOUR)
        await desk.until(desk.alerts)

    async def test_with_the_clock_of_waiting_customers_an_answered_case_may_be_silent(
        self, database_url: str
    ) -> None:
        async with running_desk(database_url, escalation_clock="customer_waiting") as desk:
            answered = await desk.opened(DANA)
            await desk.answer(answered, "Does it work now?")
            await desk.opened(OMAR)
            desk.slack.clock.advance(49 * HOUR)
            await desk.until(desk.alerts)
            assert await escalated(desk) == ["CASE_002"]

    async def test_a_closed_case_is_left_in_peace(self, desk: Desk) -> None:
        closed = await desk.opened(DANA)
        await desk.answer(closed, "I’m closing this case.")
        await desk.opened(OMAR)
        desk.slack.clock.advance(49 * HOUR)
        await desk.until(desk.alerts)
        assert await escalated(desk) == ["CASE_002"]

    async def test_cases_that_became_due_while_the_bot_was_down_are_found(self, desk: Desk) -> None:
        await desk.opened()
        await desk.stop()
        desk.slack.clock.advance(49 * HOUR)
        await desk.start()
        await desk.until(desk.alerts)
        assert await escalated(desk) == ["CASE_001"]

    async def test_nothing_is_silent_before_what_slack_held_back_was_read(self, desk: Desk) -> None:
        await desk.opened(OMAR)
        card = await desk.opened(DANA)
        await desk.stop()
        desk.slack.clock.advance(49 * HOUR)
        ts = await desk.slack.post(ADA, SUPPORT, "Written while the bot was down.", thread_ts=card["ts"])
        started = len(desk.slack.traffic)
        await desk.start()
        desk.slack.retry_now()
        await desk.until(lambda: "white_check_mark" in desk.marks(ts) and desk.alerts())
        assert await escalated(desk) == ["CASE_001"]
        posted = [
            record.detail["args"]["channel"]
            for record in list(desk.slack.traffic)[started:]
            if record.what == "call:chat.postMessage"
        ]
        assert posted.index(ALERTS) > 0


class TestOneAlert:
    async def test_further_triggers_are_added_under_the_standing_alert(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        await desk.write("It is an emergency")
        await desk.until(lambda: additions(desk, alert))
        assert "emergency" in additions(desk, alert)[0]
        assert len(desk.alerts()) == 1

    async def test_without_an_answer_no_time_makes_a_second_alert(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        desk.slack.clock.advance(HOUR)
        await desk.write("It is an emergency")
        await desk.until(lambda: additions(desk, alert))
        assert len(desk.alerts()) == 1

    async def test_soon_after_an_answer_a_trigger_is_still_added(self, desk: Desk) -> None:
        card, alert = await alerted(desk)
        await desk.answer(card, "We are on it.")
        desk.slack.clock.advance(25 * MINUTE)
        await desk.write("It is still urgent")
        await desk.until(lambda: additions(desk, alert))
        assert len(desk.alerts()) == 1

    async def test_half_an_hour_after_the_alert_an_answered_case_alerts_again(self, desk: Desk) -> None:
        card, alert = await alerted(desk)
        await desk.answer(card, "We are on it.")
        desk.slack.clock.advance(31 * MINUTE)
        await desk.write("It is still urgent")
        await desk.until(lambda: len(desk.alerts()) == 2)
        assert additions(desk, alert) == []

    async def test_half_an_hour_after_the_alert_an_acknowledged_case_alerts_again(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        await desk.slack.click(ADA, ALERTS, alert["ts"], ACTION_ACKNOWLEDGE)
        desk.slack.clock.advance(31 * MINUTE)
        await desk.write("It is still urgent")
        await desk.until(lambda: len(desk.alerts()) == 2)

    async def test_an_acknowledged_case_alerts_again_when_it_was_forgotten(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        await desk.slack.click(ADA, ALERTS, alert["ts"], ACTION_ACKNOWLEDGE)
        desk.slack.clock.advance(49 * HOUR)
        await desk.until(lambda: len(desk.alerts()) == 2)
        assert "Nothing was written" in desk.alerts()[1]["text"]

    async def test_a_torrent_of_triggers_is_listed_only_so_far(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        for number in range(7):
            await desk.write(f"urgent again, {number}")
        await desk.until(lambda: len(additions(desk, alert)) == 5)
        await desk.opened(OMAR, "urgent too")
        await desk.until(lambda: len(desk.alerts()) == 2)
        assert len(additions(desk, alert)) == 5
        assert "Further reasons are not listed" in additions(desk, alert)[-1]

    async def test_a_case_stays_escalated_until_it_is_closed(self, database_url: str) -> None:
        async with running_desk(database_url, debug=True) as desk:
            card, alert = await alerted(desk)
            await desk.slack.click(ADA, ALERTS, alert["ts"], ACTION_ACKNOWLEDGE)
            await desk.answer(card, "Done, I think?")
            assert await _escalated_by_http(desk) == {"CASE_001": True}
            await desk.answer(card, "I'm closing this case.")
            assert await _escalated_by_http(desk) == {"CASE_001": False}


class TestRequests:
    async def test_an_admin_escalates_a_case_by_command_and_says_why(self, desk: Desk) -> None:
        await desk.opened()
        reply = await desk.slack.command(ADA, SUPPORT, "/case", "escalate CASE_001 needs a lawyer")
        assert "CASE_001 is escalated" in reply.messages[0]
        await desk.until(desk.alerts)
        assert "Ada Admin asked for it: needs a lawyer" in desk.alerts()[0]["text"]

    async def test_a_request_on_an_escalated_case_is_added_under_its_alert(self, desk: Desk) -> None:
        _, alert = await alerted(desk)
        reply = await desk.slack.command(ADA, SUPPORT, "/case", "escalate CASE_001 angry")
        assert "has an alert already" in reply.messages[0]
        await desk.until(lambda: additions(desk, alert))
        assert "angry" in additions(desk, alert)[0]

    async def test_a_closed_case_is_not_escalated(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "I'm closing this case.")
        reply = await desk.slack.command(ADA, SUPPORT, "/case", "escalate CASE_001")
        assert "is closed" in reply.messages[0]
        assert await escalated(desk) == []

    @pytest.mark.slow
    async def test_nobody_but_admins_escalates_by_command(self, desk: Desk) -> None:
        await desk.opened()
        reply = await desk.slack.command(BEN, SUPPORT, "/case", "escalate CASE_001")
        assert "only admins" in reply.messages[0]
        assert await escalated(desk) == []


async def _escalated_by_http(desk: Desk) -> dict[str, bool]:
    assert desk.bot is not None
    url = f"http://127.0.0.1:{desk.bot.port}/cases"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return {case["case_id"]: case["escalated"] for case in await answer.json()}
