"""What goes wrong on purpose."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.people import ADA, DANA, SUPPORT
from tests.sandbox.calls import refused


class TestFaults:
    async def test_a_lost_answer_leaves_the_post_in_place(self, slack, web):
        metadata = {"event_type": "outbox", "event_payload": {"id": "7"}}
        root = await slack.post(ADA, SUPPORT, "root")
        slack.faults.add("chat.postMessage", "lost_answer")
        with pytest.raises((aiohttp.ClientConnectionError, ConnectionError)):
            await web.chat_postMessage(channel=SUPPORT, text="hi", thread_ts=root, metadata=metadata)
        found = await web.conversations_replies(channel=SUPPORT, ts=root, include_all_metadata=True)
        assert [m.get("metadata") for m in found["messages"]] == [None, metadata]

    async def test_the_sdk_as_it_comes_repeats_a_post_whose_answer_was_lost(self, slack, http):
        slack.faults.add("chat.postMessage", "lost_answer")
        await AsyncWebClient(slack.bot_token, slack.api_url).chat_postMessage(channel=SUPPORT, text="twice")
        assert [m["text"] for m in slack.messages(SUPPORT)] == ["twice", "twice"]

    async def test_a_dropped_call_has_no_effect(self, slack, web):
        slack.faults.add("chat.postMessage", "drop")
        with pytest.raises((aiohttp.ClientConnectionError, ConnectionError)):
            await web.chat_postMessage(channel=SUPPORT, text="hi")
        assert slack.messages(SUPPORT) == []

    async def test_errors_come_as_often_as_asked_and_where_asked(self, slack, web):
        slack.faults.add("chat.postMessage", "error:fatal_error", times=2, channel=SUPPORT)
        await web.chat_postMessage(channel=DANA, text="spared")
        for _ in range(2):
            with refused("fatal_error"):
                await web.chat_postMessage(channel=SUPPORT, text="hi")
        await web.chat_postMessage(channel=SUPPORT, text="hi")

    async def test_server_errors_have_their_status(self, slack, web):
        for kind, status in (("500", 500), ("503", 503)):
            slack.faults.add("*", kind)
            with pytest.raises(SlackApiError) as failure:
                await web.auth_test()
            assert failure.value.response.status_code == status

    async def test_a_429_says_how_long_to_wait_and_the_sdk_obeys(self, slack, http):
        slack.faults.add("auth.test", "429", retry_after=0)
        patient = AsyncWebClient(
            slack.bot_token,
            slack.api_url,
            session=http,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=1)],
        )
        assert (await patient.auth_test())["ok"]
        assert len(slack.calls("auth.test")) == 2

    async def test_posting_too_fast_is_limited_per_channel(self, slack, web):
        slack.rate_limits = True
        posts = [web.chat_postMessage(channel=SUPPORT, text=str(number)) for number in range(10)]
        with pytest.raises(SlackApiError) as failure:
            await asyncio.gather(*posts)
        assert failure.value.response.status_code == 429
        assert int(failure.value.response.headers["Retry-After"]) >= 1
        await web.chat_postMessage(channel=DANA, text="another channel")

    async def test_a_slow_call_is_slow(self, slack, web):
        slack.faults.add("auth.test", "slow:0.05")
        async with asyncio.timeout(2):
            started = asyncio.get_running_loop().time()
            await web.auth_test()
        assert asyncio.get_running_loop().time() - started >= 0.05

    def test_an_unknown_kind_is_refused(self, slack):
        with pytest.raises(ValueError, match="unknown fault kind"):
            slack.faults.add("*", "explode")

    async def test_methods_can_be_limited_by_their_tier(self, slack, web):
        slack.tier_limits = True
        with pytest.raises(SlackApiError, match="ratelimited"):
            await asyncio.gather(*(web.users_list() for _ in range(10)))
