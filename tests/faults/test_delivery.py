"""Posts that go wrong on their way: each is delivered exactly once all the same, and in order."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.sandbox.people import ADA, ALERTS, DANA, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.faults.health import becomes
from tests.support.desk import Desk, settings_for
from tests.support.process import BotProcess
from tests.support.stream import settled

pytestmark = pytest.mark.slow

DM = f"D{DANA[1:]}"
CLOSING = "I'm closing this case."


def shown(desk: Desk, *, card: int = 0) -> list[str]:
    """What the customer wrote, as the thread shows it, line by line."""
    return [post["text"].splitlines()[-1] for post in desk.mirrors(desk.cards()[card])]


class TestEveryRow:
    @pytest.mark.parametrize(
        "fault",
        [
            "lost_answer",
            "500",
            "502",
            *(pytest.param(fault, marks=pytest.mark.slow) for fault in ("drop", "503", "429", "slow:0.2")),
        ],
    )
    async def test_whatever_happens_to_the_first_try_each_post_stands_once(self, desk: Desk, fault: str) -> None:
        def next_fails(*channels: str) -> None:
            for channel in channels:
                desk.slack.faults.add("chat.postMessage", fault, channel=channel)

        next_fails(SUPPORT, ALERTS, DM)  # the card, the alert, the notice of receipt
        await desk.slack.dm(DANA, "one, urgent")
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]) and desk.alerts())
        next_fails(SUPPORT)  # a mirror
        await desk.write("two")
        await settled(desk)
        next_fails(DM)
        await desk.answer(desk.cards()[0], "an answer")
        next_fails(LOG, DM, SUPPORT)
        await desk.answer(desk.cards()[0], CLOSING)
        await settled(desk)

        assert desk.slack.faults.pending == []
        assert len(desk.cards()) == 1
        assert shown(desk) == ["one, urgent", "two"]
        assert len(desk.alerts()) == 1
        assert len(desk.log_lines()) == 1
        received, answer, closing = (post["text"] for post in desk.inbox_of(DANA))
        assert "received" in received
        assert "an answer" in answer
        assert CLOSING in closing
        assert not await desk.rows("SELECT id FROM outbox WHERE state <> 'sent'")

    async def test_what_comes_after_a_lost_answer_waits_until_it_is_settled(self, desk: Desk) -> None:
        await desk.opened(DANA, "one")
        desk.slack.faults.add("chat.postMessage", "lost_answer", channel=SUPPORT)
        lost = desk.slack.faults.add("conversations.replies", "500")
        await desk.slack.dm(DANA, "two")
        await desk.slack.dm(DANA, "three")
        await desk.until(lambda: lost.times == 0 and len(desk.mirrors(desk.cards()[0])) == 3)
        assert shown(desk) == ["one", "two", "three"]

    async def test_a_lost_answer_is_not_posted_again(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("chat.postMessage", "lost_answer", channel=DM)
        before = len(desk.slack.calls("chat.postMessage"))
        await desk.answer(card, "only once")
        assert len(desk.slack.calls("chat.postMessage")) == before + 1

    async def test_other_cases_go_on_while_one_waits(self, desk: Desk) -> None:
        card = await desk.opened(DANA)
        fault = desk.slack.faults.add("chat.postMessage", "error:service_unavailable", times=None, channel=DM)
        ts = await desk.slack.post(ADA, SUPPORT, "does not get through yet", thread_ts=card["ts"])
        await desk.until(lambda: "hourglass_flowing_sand" in desk.marks(ts))
        await desk.opened("U0OMARSY01", "Somebody else")
        desk.slack.faults.pending.remove(fault)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})


class TestKilledBetweenPostAndCommit:
    @pytest.mark.parametrize(
        "channel",
        [
            pytest.param(DM, id="answer"),
            pytest.param(SUPPORT, id="mirror", marks=pytest.mark.slow),
            pytest.param("new", id="card", marks=pytest.mark.slow),
            pytest.param(ALERTS, id="alert", marks=pytest.mark.slow),
            pytest.param(LOG, id="log line", marks=pytest.mark.slow),
        ],
    )
    async def test_the_post_is_found_again_by_its_metadata(
        self, database_url: str, tmp_path: Path, channel: str
    ) -> None:
        async with LocalSlack(port=0) as slack:
            slack.retry_schedule = (0.05, 0.2, 0.5)
            bot, desk = (
                BotProcess(slack, database_url, tmp_path, timing={"lease": 3.0}),
                Desk(slack, settings_for(slack, database_url)),
            )
            try:
                await bot.start()
                if channel != "new":
                    await desk.opened(DANA, "one")
                    await settled(desk)
                where = SUPPORT if channel == "new" else channel
                before = _posts(slack, where)
                if channel == DM:
                    await slack.post(ADA, SUPPORT, "an answer", thread_ts=desk.cards()[0]["ts"])
                elif channel == LOG:
                    await slack.command(ADA, SUPPORT, "/case", "close CASE_001 quiet")
                else:
                    await slack.dm(DANA, "this is urgent")
                await slack.wait_for(lambda: _posts(slack, where) > before)
                await bot.kill()
                sending = await desk.rows("SELECT id FROM outbox WHERE state = 'sending'")
                await bot.start()
                await settled(desk)
                assert sending
                assert bot.logged("settled") >= 1
                assert not await desk.rows("SELECT id FROM outbox WHERE state <> 'sent'")
                posts = (*desk.inbox_of(DANA), *desk.alerts(), *desk.thread(desk.cards()[0]))
                texts = [post["text"] for post in posts if post.get("bot_id")]
                assert len(texts) == len(set(texts))
                assert len(desk.cards()) == 1
                assert len(desk.log_lines()) == (channel == LOG)
            finally:
                await bot.terminate()
                await desk.close()


def _posts(slack: LocalSlack, channel: str) -> int:
    return sum(call["channel"] == channel for call in slack.calls("chat.postMessage"))


class TestLogin:
    async def test_a_revoked_token_parks_nothing_and_what_waited_goes_out_afterwards(self, desk: Desk) -> None:
        card = await desk.opened()
        await becomes(desk, 200)
        desk.slack.faults.add("*", "error:token_revoked", times=None)
        ts = await desk.slack.post(ADA, SUPPORT, "an answer", thread_ts=card["ts"])
        await desk.slack.dm(DANA, "and a message")
        assert (await becomes(desk, 503))["slack"] == "disconnected"
        desk.slack.faults.clear()
        await desk.until(lambda: "white_check_mark" in desk.marks(ts) and len(desk.mirrors(card)) == 2)
        await becomes(desk, 200)
        assert not await desk.rows("SELECT id FROM outbox WHERE state = 'parked'")
        assert sum("an answer" in post["text"] for post in desk.inbox_of(DANA)) == 1

    async def test_a_token_that_failed_while_a_lost_answer_was_looked_for_is_well_again_afterwards(
        self, desk: Desk
    ) -> None:
        card = await desk.opened()
        await settled(desk)
        desk.slack.faults.add("chat.postMessage", "lost_answer", channel=SUPPORT)
        refused = desk.slack.faults.add("conversations.replies", "error:invalid_auth", times=2)
        await desk.slack.dm(DANA, "lost")
        await desk.until(lambda: refused.times == 0)
        await settled(desk)
        await becomes(desk, 200, patience=3)
        assert len(desk.mirrors(card)) == 2

    async def test_a_missing_scope_holds_back_only_until_it_is_granted(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.scopes = desk.slack.scopes - {"chat:write"}
        ts = await desk.slack.post(ADA, SUPPORT, "an answer", thread_ts=card["ts"])
        await becomes(desk, 503)
        desk.slack.scopes = desk.slack.scopes | {"chat:write"}
        await desk.until(lambda: "white_check_mark" in desk.marks(ts))
        await becomes(desk, 200)


class TestStopping:
    async def test_a_stop_in_a_burst_loses_and_doubles_nothing(self, desk: Desk) -> None:
        await desk.opened(DANA, "number 0")
        for number in range(1, 6):
            await desk.slack.dm(DANA, f"number {number}")
        stopping = asyncio.create_task(desk.stop())
        for number in range(6, 11):
            await desk.slack.dm(DANA, f"number {number}")
            await asyncio.sleep(0)
        await stopping
        await desk.start()
        await desk.until(lambda: len(_numbers(desk)) >= 11)
        await settled(desk)
        assert sorted(_numbers(desk)) == list(range(11))
        rows = await desk.rows("SELECT body FROM messages ORDER BY timestamp")
        assert [row["body"] for row in rows] == [f"number {number}" for number in range(11)]

    async def test_a_stop_while_slack_is_away_ends_soon_and_loses_nothing(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("chat.postMessage", "slow:30", channel=DM)
        ts = await desk.slack.post(ADA, SUPPORT, "an answer", thread_ts=card["ts"])
        await desk.until(lambda: not desk.slack.faults.pending)
        await desk.stop()
        await desk.start()
        await desk.until(lambda: "white_check_mark" in desk.marks(ts))
        assert sum("an answer" in post["text"] for post in desk.inbox_of(DANA)) == 1


def _numbers(desk: Desk) -> list[int]:
    """Those shown in the thread; one post may show several, where more waited than the channel takes at once."""
    shown = (post["text"] for post in desk.mirrors(desk.cards()[0]))
    return [int(number) for text in shown for number in re.findall(r"number (\d+)", text)]
