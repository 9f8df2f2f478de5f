"""How a call is made: arguments, tokens, scopes."""

import json

from bot.sandbox.people import BOT_ID, BOT_USER, SUPPORT
from tests.sandbox.calls import refused, section


class TestCalling:
    async def test_auth_test_says_who_the_bot_is_and_what_it_may(self, slack, web):
        answer = await web.auth_test()
        assert (answer["user_id"], answer["bot_id"]) == (BOT_USER, BOT_ID)
        assert set(answer.headers["x-oauth-scopes"].split(",")) == slack.scopes

    async def test_tokens_are_checked(self, slack, http):
        async def error(method, **headers):
            async with http.post(slack.api_url + method, headers=headers) as response:
                return (await response.json())["error"]

        assert await error("auth.test") == "not_authed"
        assert await error("auth.test", Authorization="Bearer xoxb-wrong") == "invalid_auth"
        app, bot = f"Bearer {slack.app_token}", f"Bearer {slack.bot_token}"
        assert await error("users.list", Authorization=app) == "not_allowed_token_type"
        assert await error("apps.connections.open", Authorization=bot) == "not_allowed_token_type"

    async def test_an_unknown_method_is_refused_and_recorded(self, slack, web):
        with refused("unknown_method"):
            await web.api_call("team.info", json={"team": "T0SANDBOX1"})
        assert slack.calls("team.info") == [{"team": "T0SANDBOX1"}]

    async def test_a_missing_scope_is_named(self, slack, web):
        slack.scopes.discard("reactions:write")
        with refused("missing_scope") as failure:
            await web.reactions_add(channel=SUPPORT, timestamp="1.0", name="eyes")
        assert failure.value.response["needed"] == "reactions:write"
        assert "chat:write" in failure.value.response["provided"]

    async def test_arguments_may_be_json_form_or_query(self, slack, http):
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        blocks = [section("hi")]
        sent = {"channel": SUPPORT, "text": "hi"}
        url = f"{slack.api_url}chat.postMessage"
        for call in (
            http.post(url, json={**sent, "blocks": blocks}, headers=headers),
            http.post(url, data={**sent, "blocks": json.dumps(blocks)}, headers=headers),
            http.post(url, data={**sent, "token": slack.bot_token}),
            http.get(url, params=sent, headers=headers),
        ):
            async with call as response:
                assert (await response.json())["ok"]
        assert len(slack.messages(SUPPORT)) == 4

    async def test_broken_json_is_refused(self, slack, http):
        headers = {"Content-Type": "application/json"}
        async with http.post(f"{slack.api_url}chat.postMessage", data="{", headers=headers) as response:
            assert (await response.json())["error"] == "invalid_json"

    async def test_only_loopback_names_are_served(self, slack, http):
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            async with http.get(f"{slack.url}/sandbox/state", headers=headers) as response:
                assert response.status == 403
