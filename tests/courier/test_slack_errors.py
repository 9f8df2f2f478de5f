"""What each of Slack's refusals means for what was to be delivered."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.courier.slack import (
    ChannelTrouble,
    LoginTrouble,
    NotSent,
    RateLimited,
    Refused,
    SlackGateway,
    Uncertain,
    Undelivered,
)


class Response(dict):
    """As much of a SlackResponse as is looked at."""

    def __init__(self, error: str = "", status: int = 200, **headers: str) -> None:
        super().__init__({"ok": False, "error": error} if error else {"ok": False})
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class FailingClient:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def chat_postMessage(self, **_arguments: object) -> None:  # noqa: N802 (Slack's name)
        raise self._error


async def outcome(error: Exception) -> Undelivered:
    with pytest.raises(Undelivered) as raised:
        await SlackGateway(FailingClient(error)).call("chat_postMessage")
    return raised.value


class TestAnswers:
    @pytest.mark.parametrize(
        ("word", "meaning"),
        [
            *(
                (word, LoginTrouble)
                for word in ("invalid_auth", "not_authed", "account_inactive", "token_revoked")
            ),
            *((word, LoginTrouble) for word in ("token_expired", "missing_scope", "not_allowed_token_type")),
            *((word, LoginTrouble) for word in ("org_login_required", "ekm_access_denied", "access_denied")),
            *((word, LoginTrouble) for word in ("enterprise_is_restricted", "two_factor_setup_required")),
            *((word, ChannelTrouble) for word in ("channel_not_found", "not_in_channel", "is_archived")),
            *((word, ChannelTrouble) for word in ("restricted_action", "restricted_action_read_only_channel")),
            *((word, Uncertain) for word in ("fatal_error", "internal_error", "service_unavailable")),
            *((word, NotSent) for word in ("team_added_to_org", "message_limit_exceeded")),
            *((word, RateLimited) for word in ("ratelimited", "rate_limited")),
            *((word, Refused) for word in ("msg_too_long", "invalid_blocks", "no_text", "user_is_restricted")),
            ("an_error_invented_tomorrow", Refused),
        ],
    )
    async def test_each_error_word_has_its_meaning(self, word: str, meaning: type[Undelivered]) -> None:
        told = await outcome(SlackApiError("", Response(word)))
        assert type(told) is meaning

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_server_error_leaves_it_uncertain_whatever_it_says(self, status: int) -> None:
        assert type(await outcome(SlackApiError("", Response("invalid_blocks", status)))) is Uncertain

    async def test_an_answer_that_is_none_leaves_it_uncertain(self) -> None:
        assert type(await outcome(SlackApiError("", Response()))) is Uncertain

    @pytest.mark.parametrize(
        ("headers", "seconds"), [({"Retry_After": "7"}, 7), ({"retry_after": "x"}, 30), ({}, 30)]
    )
    async def test_a_429_says_how_long_to_wait(self, headers: dict[str, str], seconds: float) -> None:
        limited = await outcome(SlackApiError("", Response("ratelimited", 429, **headers)))
        assert isinstance(limited, RateLimited)
        assert limited.seconds == seconds


class TestTransport:
    async def test_what_could_not_connect_was_certainly_not_sent(self) -> None:
        key = aiohttp.client_reqrep.ConnectionKey("slack.com", 443, True, True, None, None, None)
        assert type(await outcome(aiohttp.ClientConnectorError(key, OSError(111, "refused")))) is NotSent

    @pytest.mark.parametrize(
        "error", [TimeoutError(), ConnectionResetError(), aiohttp.ServerDisconnectedError(), ValueError("no JSON")]
    )
    async def test_a_connection_that_broke_leaves_it_uncertain(self, error: Exception) -> None:
        assert type(await outcome(error)) is Uncertain

    async def test_an_error_that_means_it_is_done_already_counts_as_done(self) -> None:
        gateway = SlackGateway(FailingClient(SlackApiError("", Response("already_reacted"))))
        assert await gateway.call("chat_postMessage", allow="already_reacted")
