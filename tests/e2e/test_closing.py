"""An admin closes a case by typing the phrase; a line goes to the logging channel."""

import re
from datetime import UTC, datetime

import pytest

from bot.sandbox.people import ADA, BEN, DANA, GRACE, SUPPORT
from tests.support.desk import Desk, running_desk
from tests.support.late import kept_back
from tests.support.posts import words

PHRASE = "I'm closing this case."


async def still_open(desk: Desk) -> bool:
    """Once everything written so far has been looked at."""
    await desk.answer(desk.cards()[0], "Anything else?")
    return (await desk.rows("SELECT status FROM cases"))[0]["status"] == "open" and not desk.log_lines()


class TestThePhrase:
    async def test_it_closes_the_case_however_it_is_typed(self, desk: Desk) -> None:
        typed = [
            "I'm closing this case.",
            "I\u2019m closing this case.",
            "i\u2018M CLOSING\u00a0this  case.",
            "I'm closing this case",
            "Thank you for your patience. I'm closing this case. Have a nice day!",
            "Done.\nI\u2019m closing this case\nBye",
            "*I'm closing this case.*",
            "I'm closing\u200b this case.",
        ]
        for closings, text in enumerate(typed, 1):
            await desk.answer(await desk.opened(), text)
            await desk.until(lambda closings=closings: len(desk.log_lines()) == closings)
        rows = await desk.rows("SELECT DISTINCT status, closed_by FROM cases")
        assert rows == [{"status": "closed", "closed_by": "Ada Admin"}]

    async def test_the_customer_gets_the_whole_message_and_what_comes_next(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "All is repaired. I\u2019m closing this case. Bye!")
        said = words(desk.inbox_of(DANA)[-1])
        assert "All is repaired. I\u2019m closing this case. Bye!" in said
        assert "Write again and a new case opens" in said
        assert len(desk.inbox_of(DANA)) == 2
        await desk.until(lambda: any("was closed by Ada Admin" in words(post) for post in desk.thread(card)))

    async def test_the_log_line_is_exactly_as_specified(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.answer(card, PHRASE)
        (line,) = await desk.until(desk.log_lines)
        written = datetime.fromtimestamp(int(float(ts)), UTC)
        assert line == f"Case #CASE_001 closed at {written:%Y-%m-%dT%H:%M:%SZ} by Ada Admin"
        assert re.fullmatch(r"Case #CASE_\d{3,} closed at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by .+", line)

    async def test_another_phrase_may_be_set(self, database_url: str) -> None:
        async with running_desk(database_url, closure_phrase="Erledigt!") as desk:
            card = await desk.opened()
            assert "Erledigt!" in words(desk.thread(card)[0])
            await desk.answer(card, PHRASE)
            await desk.answer(card, "Das ist erledigt!")
            await desk.until(desk.log_lines)
            assert len(desk.log_lines()) == 1


class TestWhatDoesNotClose:
    async def test_the_phrase_that_is_not_said(self, desk: Desk) -> None:
        card = await desk.opened()
        for text in (
            "> I'm closing this case.\nDid you write that?",
            "Type `I'm closing this case.` to close",
            "```\nI'm closing this case.\n```\nis what to type",
            "I'm closing this case tomorrow",
            "I'm not closing this case.",
            "Am I'm closing this casebook.",
        ):
            await desk.answer(card, text)
        assert await still_open(desk)

    async def test_a_bystander(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(BEN, SUPPORT, PHRASE, thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        assert await still_open(desk)

    async def test_the_customer(self, desk: Desk) -> None:
        await desk.opened()
        await desk.write(PHRASE)
        assert await still_open(desk)

    async def test_an_edit(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.answer(card, "Good morning")
        await desk.slack.edit(ADA, SUPPORT, ts, PHRASE)
        await desk.until(lambda: PHRASE in words(desk.inbox_of(DANA)[-1]))
        assert await still_open(desk)

    async def test_an_admin_outside_of_the_cases_thread(self, desk: Desk) -> None:
        await desk.opened()
        root = await desk.slack.post(ADA, SUPPORT, PHRASE)
        await desk.slack.post(ADA, SUPPORT, PHRASE, thread_ts=root)
        await desk.slack.dm(ADA, PHRASE)
        assert await still_open(desk)


class TestANearMiss:
    async def test_it_brings_the_admin_alone_a_hint(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "Closing this case, then.")
        (hint,) = await desk.until(lambda: desk.slack.ephemerals(ADA))
        assert "did you mean to close case CASE_001?" in words(hint)
        assert PHRASE in words(hint)
        assert hint["thread_ts"] == card["ts"]
        assert await still_open(desk)
        assert len(desk.thread(card)) == 4  # rules, mirror and two answers
        assert desk.slack.ephemerals(GRACE) == []


class TestClosingQuietly:
    async def test_a_note_closes_without_a_word_to_the_customer(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        ts = await desk.slack.post(ADA, SUPPORT, f"// spam. {PHRASE}", thread_ts=card["ts"])
        await desk.until(desk.log_lines)
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.until(lambda: any("closed quietly by Ada Admin" in words(post) for post in desk.thread(card)))
        await desk.opened(DANA, "Hello again")
        await desk.until(lambda: len(desk.inbox_of(DANA)) == 2)
        assert [("CASE_001" in words(p), "CASE_002" in words(p)) for p in desk.inbox_of(DANA)] == [
            (True, False),
            (False, True),
        ]


class TestClosingTwice:
    async def test_it_is_logged_once_and_the_second_phrase_is_not_sent(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.slack.post(ADA, SUPPORT, PHRASE, thread_ts=card["ts"])
        second = await desk.slack.post(GRACE, SUPPORT, PHRASE, thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(second) == {"lock"})
        await desk.until(lambda: any("was not sent" in words(post) for post in desk.thread(card)))
        await desk.until(desk.log_lines)
        assert len(desk.log_lines()) == 1
        assert desk.log_lines()[0].endswith("by Ada Admin")

    async def test_each_closing_of_a_case_that_was_reopened_is_logged(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, PHRASE)
        await desk.slack.command(ADA, SUPPORT, "/case", "reopen CASE_001")
        await desk.answer(card, PHRASE, GRACE)
        await desk.until(lambda: len(desk.log_lines()) == 2)
        assert [line.rpartition(" by ")[2] for line in desk.log_lines()] == ["Ada Admin", "Grace Hopper"]


class TestClosingOverAMessageNobodyHasSeen:
    @pytest.mark.parametrize("text", [PHRASE, f"// {PHRASE}"], ids=["answer", "note"])
    async def test_it_does_not_close_and_the_admin_is_told(self, desk: Desk, text: str) -> None:
        card = await desk.opened()
        with kept_back(desk.slack) as deliver:
            await desk.slack.post(ADA, SUPPORT, text, thread_ts=card["ts"])
        await desk.write("Wait, there is more")
        deliver()
        await desk.until(
            lambda: any("CASE_001" in words(p) and "not closed" in words(p) for p in desk.thread(card))
        )
        assert desk.log_lines() == []
        (case,) = await desk.rows("SELECT status, unanswered FROM cases")
        assert case["status"] == "open"
        assert case["unanswered"] >= 1


class TestOneChannelForAll:
    async def test_the_three_channels_may_be_one(self, database_url: str) -> None:
        async with running_desk(
            database_url, alerting_slack_channel=SUPPORT, logging_slack_channel=SUPPORT
        ) as desk:
            card = await desk.opened(DANA, "urgent")
            await desk.answer(card, PHRASE)
            texts = lambda: [post["text"] for post in desk.slack.messages(SUPPORT)]  # noqa: E731
            await desk.until(
                lambda: any(re.match(r"Case #CASE_001 closed at .* by Ada Admin", t) for t in texts())
            )
            assert any("Case #CASE_001 is escalated" in text for text in texts())
