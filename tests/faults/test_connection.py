"""The line to Slack breaks, Slack is away, or sends everything twice: nothing is lost, doubled or disordered."""

import asyncio
import random

import pytest

from bot.sandbox.people import ADA, DANA, SUPPORT
from tests.faults.health import becomes
from tests.support.desk import Desk
from tests.support.stream import Stream, check_everything_once, settled


async def wrote(desk: Desk, case_id: str = "CASE_001") -> list[str]:
    """What the customer wrote, as the database has it, in the order of writing."""
    rows = await desk.rows(
        "SELECT body FROM messages WHERE case_id = :case AND is_admin = :admin ORDER BY timestamp",
        case=case_id,
        admin=False,
    )
    return [row["body"] for row in rows]


async def crowd(desk: Desk) -> Stream:
    """Four customers, each with a case."""
    stream = Stream(desk.slack)
    stream.invite(4)
    for user in stream.customers:
        await stream.write(user)
    await desk.until(lambda: len(desk.cards()) == 4)
    return stream


class TestLine:
    async def test_sockets_dropped_in_a_burst_lose_and_double_nothing(self, desk: Desk) -> None:
        dice = random.Random(11)
        stream = await crowd(desk)
        writing = asyncio.create_task(stream.run(26, dice, 0.02))
        for _ in range(2):
            await desk.until(lambda: desk.slack.connected)
            await desk.slack.drop_sockets()
        await writing
        await desk.until(lambda: desk.slack.connected)
        await settled(desk)
        assert (await check_everything_once(desk, stream))["messages"] == 30

    @pytest.mark.parametrize("reason", [pytest.param("warning", marks=pytest.mark.slow), "refresh_requested"])
    async def test_a_refresh_of_the_connection_loses_and_doubles_nothing(self, desk: Desk, reason: str) -> None:
        dice = random.Random(12)
        stream = await crowd(desk)
        writing = asyncio.create_task(stream.run(26, dice, 0.02))
        await desk.slack.disconnect(reason, grace=0.3)
        await writing
        await desk.until(lambda: desk.slack.connected)
        await settled(desk)
        assert (await check_everything_once(desk, stream))["messages"] == 30

    async def test_what_is_written_while_slack_is_away_comes_through_afterwards(self, desk: Desk) -> None:
        stream = await crowd(desk)
        await settled(desk)
        desk.slack.outage()
        for user in stream.customers * 3:
            await stream.write(user)
        assert (await becomes(desk, 503))["slack"] == "disconnected"
        desk.slack.outage(False)
        await becomes(desk, 200)
        await settled(desk)
        assert (await check_everything_once(desk, stream))["messages"] == 16

    async def test_an_answer_given_while_the_web_api_is_away_is_sent_once(self, desk: Desk) -> None:
        card = await desk.opened()
        await settled(desk)
        away = desk.slack.faults.add("*", "503", times=None)
        ts = await desk.slack.post(ADA, SUPPORT, "in the dark", thread_ts=card["ts"])
        tried = len(desk.slack.calls("chat.postMessage"))
        await desk.until(lambda: len(desk.slack.calls("chat.postMessage")) > tried)
        desk.slack.faults.pending.remove(away)
        await desk.until(lambda: "white_check_mark" in desk.marks(ts))
        assert sum("in the dark" in post["text"] for post in desk.inbox_of(DANA)) == 1


class TestDuplicates:
    async def test_an_event_delivered_again_changes_nothing(self, desk: Desk) -> None:
        await desk.opened(DANA, "once")
        delivered = next(
            record.detail["payload"]["event_id"]
            for record in desk.slack.traffic.of("envelope:events_api")
            if record.detail["payload"]["event"].get("text") == "once"
        )
        for _ in range(3):
            desk.slack.deliver_again(delivered)
        await desk.write("afterwards")
        await settled(desk)
        assert await wrote(desk) == ["once", "afterwards"]
        assert len(desk.mirrors(desk.cards()[0])) == 2

    async def test_lost_acknowledgements_bring_events_twice_and_change_nothing(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "0")
        desk.slack.lose_acks(6)
        for number in range(1, 5):
            await desk.slack.dm(DANA, str(number))
        await desk.until(lambda: len(desk.slack.traffic.of("event_unacked")) >= 4)
        await settled(desk)
        assert await wrote(desk) == [str(number) for number in range(5)]
        assert len(desk.mirrors(card)) == 5

    async def test_one_gesture_that_slack_makes_two_messages_of_counts_once(self, desk: Desk) -> None:
        await desk.opened(DANA, "first")
        for _ in range(2):
            await desk.slack.post(DANA, "im", "twin", client_msg_id="5a0c0b8e-0000-4000-8000-000000000001")
        await desk.write("last")
        await settled(desk)
        assert await wrote(desk) == ["first", "twin", "last"]

    async def test_events_that_arrive_backwards_are_stored_in_order_and_marked_late_in_the_thread(
        self, desk: Desk
    ) -> None:
        card = await desk.opened(DANA, "0")
        desk.slack.hold_events()
        await desk.slack.dm(DANA, "1")
        held = desk.slack.sockets._held or []
        desk.slack.sockets._held = None
        await desk.write("2")
        for payload in held:
            desk.slack.sockets.publish(payload)
        await desk.until(lambda: len(desk.mirrors(card)) == 3)
        assert await wrote(desk) == ["0", "1", "2"]
        late = desk.mirrors(card)[-1]["text"]
        assert "1" in late.splitlines()
        assert "earlier than what stands above" in late
