"""What Slack will never take is set aside and told; what the desk's own channels cannot take yet waits."""

import pytest

from bot.sandbox.people import ADA, ALERTS, BOT_USER, DANA, LOG, OMAR, SUPPORT
from tests.support.desk import Desk
from tests.support.stream import settled

DM = f"D{DANA[1:]}"


def told(desk: Desk, words: str) -> list[str]:
    """What the alerting channel was told of that."""
    return [post["text"] for post in desk.alerts() if words in post["text"]]


class TestParked:
    async def test_a_refused_answer_is_marked_failed_and_its_author_told_why_in_the_thread(
        self, desk: Desk
    ) -> None:
        card = await desk.opened()
        await settled(desk)
        desk.slack.faults.add("chat.postMessage", "error:user_is_restricted", channel=DM)
        ts = await desk.slack.post(ADA, SUPPORT, "never arrives", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await desk.until(lambda: any("did not reach the customer" in post["text"] for post in desk.thread(card)))
        notice = next(post["text"] for post in desk.thread(card) if "did not reach" in post["text"])
        assert "user_is_restricted" in notice
        assert f"<@{ADA}>" in notice
        rows = await desk.rows("SELECT delivery FROM messages WHERE is_admin = :admin", admin=True)
        assert rows == [{"delivery": "failed"}]

    @pytest.mark.slow
    async def test_a_customer_whose_answer_failed_waits_again(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("chat.postMessage", "error:user_is_restricted", channel=DM, times=None)
        ts = await desk.slack.post(ADA, SUPPORT, "never arrives", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        (case,) = await desk.rows("SELECT waiting_since, unanswered FROM cases")
        assert case["waiting_since"] is not None
        assert case["unanswered"] == 1

    async def test_the_next_answer_goes_out_after_a_refused_one(self, desk: Desk) -> None:
        card = await desk.opened()
        await settled(desk)
        desk.slack.faults.add("chat.postMessage", "error:msg_too_long", channel=DM)
        await desk.slack.post(ADA, SUPPORT, "never arrives", thread_ts=card["ts"])
        await desk.answer(card, "this one does")
        assert "this one does" in desk.inbox_of(DANA)[-1]["text"]

    async def test_a_refused_mirror_is_told_in_the_alerting_channel_and_the_next_one_goes_out(
        self, desk: Desk
    ) -> None:
        card = await desk.opened()
        await settled(desk)
        desk.slack.faults.add("chat.postMessage", "error:invalid_blocks", channel=SUPPORT)
        await desk.slack.dm(DANA, "refused")
        await desk.slack.dm(DANA, "taken")
        await desk.until(lambda: len(desk.mirrors(card)) == 2 and told(desk, "Parked"))
        assert "taken" in desk.mirrors(card)[-1]["text"]
        assert "CASE_001" in told(desk, "Parked")[0]
        assert "invalid_blocks" in told(desk, "Parked")[0]

    async def test_a_refused_notice_about_a_refusal_is_not_told_of_for_ever(self, desk: Desk) -> None:
        await desk.opened()
        await settled(desk)
        desk.slack.faults.add("chat.postMessage", "error:invalid_blocks", times=2, channel=SUPPORT)
        desk.slack.faults.add("chat.postMessage", "error:invalid_blocks", channel=ALERTS)
        await desk.slack.dm(DANA, "refused")
        await desk.slack.dm(DANA, "refused too")
        await desk.until(lambda: len(told(desk, "Parked")) == 1)
        await settled(desk)
        assert len(told(desk, "Parked")) == 1

    @pytest.mark.slow
    async def test_a_customer_who_has_left_is_no_reason_to_stop(self, desk: Desk) -> None:
        card = await desk.opened()
        await settled(desk)
        desk.slack.faults.add("chat.postMessage", "error:channel_not_found", channel=DM, times=None)
        ts = await desk.slack.post(ADA, SUPPORT, "too late", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await desk.opened(OMAR, "I am still here")


class TestDeskChannels:
    @pytest.mark.parametrize("trouble", ["kicked", pytest.param("archived", marks=pytest.mark.slow)])
    async def test_what_is_meant_for_the_support_channel_waits_until_it_can_be_used_again(
        self, desk: Desk, trouble: str
    ) -> None:
        await desk.opened(OMAR)
        await settled(desk)
        if trouble == "kicked":
            desk.slack.kick(BOT_USER, SUPPORT)
        else:
            desk.slack.archive(SUPPORT, ADA)
        await desk.slack.dm(DANA, "Is anybody there?")
        await desk.until(lambda: told(desk, "I cannot work in"))
        assert f"<#{SUPPORT}>" in told(desk, "I cannot work in")[0]
        if trouble == "kicked":
            desk.slack.invite(BOT_USER, SUPPORT)
        else:
            desk.slack.archive(SUPPORT, ADA, archived=False)
        await desk.until(lambda: len(desk.cards()) == 2 and desk.mirrors(desk.cards()[1]))
        await settled(desk)
        assert len(told(desk, "I cannot work in")) == 1
        assert not await desk.rows("SELECT id FROM outbox WHERE state = 'parked'")

    async def test_an_alert_waits_for_an_archived_alerting_channel(self, desk: Desk) -> None:
        desk.slack.archive(ALERTS, ADA)
        card = await desk.opened(DANA, "This is urgent")
        await desk.until(
            lambda: sum(call["channel"] == ALERTS for call in desk.slack.calls("chat.postMessage")) >= 2
        )
        desk.slack.archive(ALERTS, ADA, archived=False)
        await desk.until(lambda: told(desk, "is escalated"))
        await desk.answer(card, "We saw it.")
        assert len(told(desk, "is escalated")) == 1

    async def test_a_log_line_waits_for_its_channel_and_the_alerting_channel_is_told(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.kick(BOT_USER, LOG)
        await desk.answer(card, "I'm closing this case.")
        await desk.until(lambda: told(desk, "I cannot work in"))
        desk.slack.invite(BOT_USER, LOG)
        await desk.until(lambda: any("Case #CASE_001 closed at" in line for line in desk.log_lines()))
        await settled(desk)
        assert sum("CASE_001 closed" in line for line in desk.log_lines()) == 1


class TestDeletedThread:
    async def test_a_message_whose_thread_was_deleted_is_shown_under_a_new_card(self, desk: Desk) -> None:
        card = await desk.opened()
        await settled(desk)
        support = desk.slack.workspace.channel(SUPPORT)
        for post in [*desk.thread(card), card]:  # as a retention policy does, the whole of it
            desk.slack.workspace.delete(support, post["ts"])
        await desk.slack.dm(DANA, "after the deletion")
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[-1]))
        await settled(desk)
        (new,) = desk.cards()
        assert "after the deletion" in desk.mirrors(new)[0]["text"]
        await desk.answer(new, "Here we go on.")
        assert not await desk.rows("SELECT id FROM outbox WHERE state = 'parked'")

    async def test_a_case_whose_card_was_refused_is_shown_when_its_customer_writes_again(self, desk: Desk) -> None:
        desk.slack.faults.add("chat.postMessage", "error:invalid_blocks", channel=SUPPORT)
        await desk.slack.dm(DANA, "hello")
        await desk.until(lambda: told(desk, "Parked"))
        await desk.slack.dm(DANA, "hello again")
        await desk.until(lambda: desk.cards() and len(desk.mirrors(desk.cards()[0])) == 2, timeout=3)
