"""Under Slack's own limits and our own pace: what somebody waits for goes first, and Slack seldom has to refuse."""

import pytest

from bot.sandbox.people import ADA, DANA, OMAR, SUPPORT
from tests.support.desk import running_desk


class TestLimits:
    @pytest.mark.parametrize("per_second", [5, pytest.param(1, marks=pytest.mark.slow)])
    async def test_alerts_and_answers_go_before_mirrors_and_slack_refuses_little(
        self, database_url: str, per_second: int
    ) -> None:
        one_for_all = {"alerting_slack_channel": SUPPORT, "logging_slack_channel": SUPPORT}
        async with running_desk(database_url, slack_posts_per_second=per_second, **one_for_all) as desk:
            desk.slack.rate_limits = per_second == 1  # Slack's own limit
            card = await desk.opened(DANA, "hello")
            for number in range(2 + 6 * per_second):
                await desk.slack.dm(DANA, f"and {number}")
            await desk.until(lambda: len(desk.mirrors(card)) >= 2)
            await desk.slack.dm(OMAR, "This is an emergency")
            answer = await desk.slack.post(ADA, SUPPORT, "here it is", thread_ts=card["ts"])
            await desk.until(lambda: "white_check_mark" in desk.marks(answer))
            await desk.until(
                lambda: any("CASE_002 is escalated" in p["text"] for p in desk.slack.messages(SUPPORT))
            )
            assert len(desk.mirrors(card)) < 3 + 6 * per_second
            refused = [r for r in desk.slack.traffic.of("call:chat.postMessage") if r.detail.get("status") == 429]
            assert len(refused) <= 2

    async def test_a_refusal_for_now_is_waited_for_as_long_as_slack_says(self, database_url: str) -> None:
        async with running_desk(database_url) as desk:
            card = await desk.opened()
            refused = desk.slack.faults.add("chat.postMessage", "429", retry_after=1, channel=SUPPORT)
            await desk.slack.dm(DANA, "later")
            await desk.until(lambda: refused not in desk.slack.faults.pending)
            tried = desk.slack.traffic.of("call:chat.postMessage")[-1].time
            await desk.until(lambda: len(desk.mirrors(card)) == 2)
            posted = desk.slack.traffic.of("call:chat.postMessage")[-1].time
            assert posted - tried >= 0.95
