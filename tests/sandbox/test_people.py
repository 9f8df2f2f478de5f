"""Gestures: clicks, modals, Home, shortcuts, waiting, and stopping."""

import asyncio
import contextlib

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.errors import SlackError, WaitTimeout
from bot.sandbox.people import ADA, DANA, SUPPORT
from bot.sandbox.run import run_sandbox
from bot.sandbox.server import LocalSlack
from tests.sandbox.sockets import connected

CARD = [
    {
        "type": "actions",
        "block_id": "case",
        "elements": [
            {
                "type": "button",
                "action_id": "go",
                "value": "1",
                "text": {"type": "plain_text", "text": "One"},
            },
            {
                "type": "overflow",
                "action_id": "more",
                "options": [
                    {"text": {"type": "plain_text", "text": "High"}, "value": "high"},
                    {"text": {"type": "plain_text", "text": "Low"}, "value": "low"},
                ],
            },
        ],
    }
]
MODAL = {
    "type": "modal",
    "callback_id": "new_case",
    "title": {"type": "plain_text", "text": "New case"},
    "submit": {"type": "plain_text", "text": "Open"},
    "blocks": [
        {
            "type": "input",
            "block_id": "what",
            "label": {"type": "plain_text", "text": "What?"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


async def during(gesture, socket, payload=None):
    """Make a gesture and acknowledge its envelope; returns the envelope's payload and the reply."""
    running = asyncio.create_task(gesture)
    frame = await socket.next("interactive", "slash_commands")
    await socket.ack(frame, payload)
    return frame["payload"], await running


async def test_a_click_carries_the_message_and_the_action(slack, web, http):
    ts = (await web.chat_postMessage(channel=SUPPORT, text="card", blocks=CARD))["ts"]
    async with connected(slack, http) as socket:
        payload, reply = await during(slack.click(ADA, SUPPORT, ts, "go"), socket)
    assert reply.ok
    assert payload["type"] == "block_actions"
    assert payload["message"]["ts"] == payload["container"]["message_ts"] == ts
    assert payload["user"]["id"] == ADA
    action = payload["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("go", "case", "1")


async def test_a_choice_from_a_menu_is_a_selected_option(slack, web, http):
    ts = (await web.chat_postMessage(channel=SUPPORT, text="card", blocks=CARD))["ts"]
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.click(ADA, SUPPORT, ts, "more", value="low"), socket)
    assert payload["actions"][0]["selected_option"]["value"] == "low"


async def test_a_button_that_is_not_there_cannot_be_clicked(slack, web):
    ts = (await web.chat_postMessage(channel=SUPPORT, text="card", blocks=CARD))["ts"]
    with pytest.raises(LookupError, match="offers"):
        await slack.click(ADA, SUPPORT, ts, "nothing")


async def test_an_ephemeral_button_answers_by_response_url(slack, web, http):
    ts = (await web.chat_postEphemeral(channel=SUPPORT, user=ADA, text="sure?", blocks=CARD))["message_ts"]
    async with connected(slack, http) as socket:
        payload, reply = await during(slack.click(ADA, SUPPORT, ts, "go"), socket)
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload
    hook = AsyncWebhookClient(payload["response_url"])
    assert (await hook.send(text="done", replace_original=True)).body == "ok"
    assert [m["text"] for m in slack.ephemerals(ADA)] == ["done"]
    assert reply.messages == ["done"]
    assert (await hook.send_dict({"delete_original": True})).status_code == 200
    assert slack.ephemerals(ADA) == []


async def test_a_response_url_can_replace_and_delete_the_message_that_was_clicked(slack, web, http):
    ts = (await web.chat_postMessage(channel=SUPPORT, text="card", blocks=CARD))["ts"]
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.click(ADA, SUPPORT, ts, "go"), socket)
    hook = AsyncWebhookClient(payload["response_url"])
    await hook.send(text="taken", replace_original=True)
    assert [m["text"] for m in slack.messages(SUPPORT)] == ["taken"]
    assert (await hook.send(text=" ", blocks=[{"type": "x"}])).status_code == 400
    await hook.send_dict({"delete_original": True})
    assert slack.messages(SUPPORT) == []


async def test_a_modal_is_filled_in_with_what_its_inputs_offer(slack, web, http):
    label = {"type": "plain_text", "text": "?"}
    options = [{"text": {"type": "plain_text", "text": v}, "value": v} for v in ("low", "high")]
    inputs = {
        "priority": {"type": "static_select", "options": options},
        "tags": {"type": "checkboxes", "options": options},
        "who": {"type": "users_select"},
        "note": {"type": "plain_text_input", "initial_value": "as before"},
    }
    blocks = [
        {"type": "input", "block_id": name, "label": label, "element": element | {"action_id": name}}
        for name, element in inputs.items()
    ]
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.shortcut(ADA, "case_new"), socket)
        await web.views_open(trigger_id=payload["trigger_id"], view=MODAL | {"blocks": blocks})
        values = {"priority": "high", "tags": ["low"], "who": DANA}
        with pytest.raises(ValueError, match="does not offer"):
            await slack.submit_view(ADA, values | {"priority": "none"})
        with pytest.raises(ValueError, match="no input"):
            await slack.submit_view(ADA, values | {"other": "x"})
        payload, _ = await during(slack.submit_view(ADA, values), socket)
    state = payload["view"]["state"]["values"]
    assert state["priority"]["priority"]["selected_option"]["value"] == "high"
    assert [option["value"] for option in state["tags"]["tags"]["selected_options"]] == ["low"]
    assert state["who"]["who"]["selected_user"] == DANA
    assert state["note"]["note"]["value"] == "as before"


async def test_a_response_url_works_five_times(slack, http):
    async with connected(slack, http) as socket:
        payload, reply = await during(slack.command(ADA, SUPPORT, "/case"), socket)
    hook = AsyncWebhookClient(payload["response_url"])
    statuses = [(await hook.send(text=str(n))).status_code for n in range(6)]
    assert statuses == [200] * 5 + [404]
    assert reply.messages == ["0", "1", "2", "3", "4"]


async def test_a_response_url_expires_after_half_an_hour(slack, http):
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.command(ADA, SUPPORT, "/case"), socket)
    slack.clock.advance(1801)
    assert (await AsyncWebhookClient(payload["response_url"]).send(text="late")).status_code == 404


async def test_an_answer_in_channel_is_a_message(slack, http):
    async with connected(slack, http) as socket:
        answer = {"response_type": "in_channel", "text": "for all"}
        await during(slack.command(ADA, SUPPORT, "/case"), socket, answer)
    assert [m["text"] for m in slack.messages(SUPPORT)] == ["for all"]


async def test_a_modal_is_opened_filled_in_and_submitted(slack, web, http):
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.shortcut(ADA, "case_new"), socket)
        opened = await web.views_open(trigger_id=payload["trigger_id"], view=MODAL)
        assert slack.open_views(ADA)[0]["id"] == opened["view"]["id"]
        with pytest.raises(ValueError, match="required"):
            await slack.submit_view(ADA)
        errors = {"response_action": "errors", "errors": {"what": "say more"}}
        _, reply = await during(slack.submit_view(ADA, {"text": "x"}), socket, errors)
        assert reply.ack == errors
        assert len(slack.open_views(ADA)) == 1
        payload, _ = await during(slack.submit_view(ADA, {"text": "it is broken"}), socket)
    assert payload["view"]["state"]["values"]["what"]["text"]["value"] == "it is broken"
    assert slack.open_views(ADA) == []


async def test_a_modal_can_lead_on_to_another_and_all_can_be_cleared(slack, web, http):
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.shortcut(ADA, "case_new"), socket)
        await web.views_open(trigger_id=payload["trigger_id"], view=MODAL)
        push = {"response_action": "push", "view": MODAL | {"callback_id": "second", "notify_on_close": True}}
        await during(slack.submit_view(ADA, {"text": "x"}), socket, push)
        assert [view["callback_id"] for view in slack.open_views(ADA)] == ["new_case", "second"]
        payload, _ = await during(slack.close_view(ADA), socket)
        assert (payload["type"], payload["view"]["callback_id"]) == ("view_closed", "second")
        update = {"response_action": "update", "view": MODAL | {"callback_id": "changed"}}
        await during(slack.submit_view(ADA, {"text": "x"}), socket, update)
        assert [view["callback_id"] for view in slack.open_views(ADA)] == ["changed"]
        await during(slack.submit_view(ADA, {"text": "x"}), socket, {"response_action": "clear"})
    assert slack.open_views(ADA) == []


async def test_a_button_in_the_home_tab_names_its_view(slack, web, http):
    await web.views_publish(user_id=ADA, view={"type": "home", "blocks": CARD})
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.click_view(ADA, "go", home=True), socket)
    assert payload["container"]["type"] == "view"
    assert payload["view"]["type"] == "home"
    assert payload["actions"][0]["value"] == "1"


async def test_a_trigger_is_good_once_and_for_three_seconds(slack, web, http):
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.shortcut(ADA, "case_new"), socket)
        await web.views_open(trigger_id=payload["trigger_id"], view=MODAL)
        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await web.views_open(trigger_id=payload["trigger_id"], view=MODAL)
        slack.api.interactions.trigger_lifetime = -1
        payload, _ = await during(slack.shortcut(ADA, "case_new"), socket)
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await web.views_open(trigger_id=payload["trigger_id"], view=MODAL)


async def test_a_message_shortcut_carries_the_message(slack, http):
    ts = await slack.post(ADA, SUPPORT, "look at this")
    async with connected(slack, http) as socket:
        payload, _ = await during(slack.shortcut(ADA, "case_from_message", SUPPORT, ts), socket)
    assert (payload["type"], payload["message"]["text"]) == ("message_action", "look at this")


async def test_the_home_tab_is_published_and_guarded_by_its_hash(slack, web):
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    first = await web.views_publish(user_id=ADA, view=home)
    await web.views_publish(user_id=ADA, view=home, hash=first["view"]["hash"])
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await web.views_publish(user_id=ADA, view=home, hash=first["view"]["hash"])
    assert slack.home(ADA)["blocks"][0]["type"] == "divider"


async def test_people_cannot_write_where_they_are_not(slack):
    with pytest.raises(SlackError, match="not_in_channel"):
        await slack.post(DANA, SUPPORT, "hello?")


async def test_somebody_deactivated_writes_no_more(slack):
    slack.change_user(DANA, deleted=True)
    with pytest.raises(SlackError, match="account_inactive"):
        await slack.dm(DANA, "hello?")


async def test_a_command_answered_with_broken_blocks_fails_for_its_person(slack, http):
    async with connected(slack, http) as socket:
        _, reply = await during(slack.command(ADA, SUPPORT, "/case"), socket, {"blocks": [{"type": "x"}]})
    assert (reply.ok, reply.error) == (False, "invalid_blocks")


async def test_an_unfurl_changes_a_message_but_not_its_text(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.dm(DANA, "see https://a.example")
        await socket.event()
        await slack.unfurl(slack.dm_channel(DANA), ts, "https://a.example")
        event = await socket.event()
    assert event["subtype"] == "message_changed"
    assert event["message"]["text"] == event["previous_message"]["text"]
    assert "edited" not in event["message"]


async def test_waiting_in_vain_shows_the_workspace(slack):
    await slack.dm(DANA, "is this thing on?")
    with pytest.raises(WaitTimeout, match="is this thing on"):
        await slack.wait_for(lambda: False, timeout=0.01)


async def test_traffic_can_be_followed(slack):
    seen = []

    async def follow():
        async for record in slack.traffic.subscribe():
            seen.append(record.what)
            if record.what == "edit":
                return

    following = asyncio.create_task(follow())
    ts = await slack.dm(DANA, "hi")
    await slack.edit(DANA, "im", ts, "hello")
    await following
    assert [what for what in seen if what in ("post", "edit")] == ["post", "edit"]


async def test_stopping_is_quick_and_leaves_nothing_running(http):
    before = asyncio.all_tasks()
    async with LocalSlack() as slack:
        slack.faults.add("auth.test", "slow:30")
        hanging = asyncio.create_task(http.post(f"{slack.api_url}auth.test"))
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(connected(slack, http))
            await slack.dm(DANA, "unacknowledged")
            started = asyncio.get_running_loop().time()
            await slack.stop()
            assert asyncio.get_running_loop().time() - started < 1
    await asyncio.gather(hanging, return_exceptions=True)
    assert asyncio.all_tasks() - before <= {hanging}


async def test_a_command_under_way_fails_when_the_sandbox_stops(slack, http):
    async with connected(slack, http) as socket:
        running = asyncio.create_task(slack.command(ADA, SUPPORT, "/case"))
        await socket.next("slash_commands")
        await slack.stop()
        assert not (await running).ok


async def test_run_sandbox_says_where_it_is():
    lines = []
    ready = asyncio.Event()

    def announce(line):
        lines.append(line)
        if "APP_TOKEN" in line:
            ready.set()

    running = asyncio.create_task(run_sandbox(announce=announce))
    await ready.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "SLACK_API_URL=http://127.0.0.1:" in "\n".join(lines)


async def test_old_traffic_is_forgotten_but_counted(slack):
    slack.traffic.keep = 10
    for number in range(20):
        slack.traffic.add(0.0, "sandbox", "tick", number=number)
    assert len(slack.traffic) <= 10
    assert slack.traffic.total == slack.traffic[-1].seq + 1 >= 20
    first = await anext(slack.traffic.subscribe())
    assert first.seq == slack.traffic[0].seq
