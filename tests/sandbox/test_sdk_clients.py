"""Slack's own clients and Bolt work against the sandbox unchanged."""

import asyncio
import logging

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AiohttpClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient as WebsocketsClient

from bot.sandbox.people import ADA, DANA, SUPPORT


@pytest.fixture(autouse=True)
def quiet():
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)


async def settle(client) -> None:
    """Close a client and let the tasks it has cancelled end."""
    tasks = [client.message_processor, client.message_receiver, client.current_session_monitor]
    await client.close()
    await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


@pytest.mark.parametrize("variant", [AiohttpClient, WebsocketsClient])
async def test_a_socket_mode_client_gets_events_and_its_ack_counts(slack, web, variant):
    client = variant(slack.app_token, web_client=web, ping_interval=1)
    seen = []

    async def take(socket, request):
        seen.append(request.payload["event"]["text"])
        await socket.send_socket_mode_response(SocketModeResponse(request.envelope_id))

    client.socket_mode_request_listeners.append(take)
    await client.connect()
    await slack.wait_for(lambda: slack.traffic.of("hello"))
    await slack.dm(DANA, "hello there")
    await slack.wait_for(slack.acks)
    assert seen == ["hello there"]
    assert slack.sockets.undelivered == []
    await settle(client)


@pytest.mark.parametrize("variant", [AiohttpClient, WebsocketsClient])
async def test_a_socket_mode_client_reconnects_after_a_disconnect_frame(slack, web, variant):
    client = variant(slack.app_token, web_client=web, ping_interval=1)
    await client.connect()
    await slack.wait_for(lambda: slack.traffic.of("hello"))
    await slack.disconnect("refresh_requested")
    await slack.wait_for(lambda: len(slack.traffic.of("hello")) == 2 and len(slack.sockets.connections) == 1)
    await settle(client)


async def test_a_socket_mode_client_reconnects_after_the_connection_was_cut(slack, web):
    client = AiohttpClient(slack.app_token, web_client=web, ping_interval=0.2)
    await client.connect()
    await slack.wait_for(lambda: slack.sockets.connections)
    await slack.drop_sockets()
    await slack.wait_for(lambda: len(slack.traffic.of("hello")) == 2)
    await settle(client)


async def test_a_bolt_app_answers_dms_commands_and_clicks(slack, web):
    app = AsyncApp(client=web, process_before_response=True)

    @app.event("message")
    async def answer(event, client):
        await client.chat_postMessage(
            channel=event["channel"],
            text=f"you said {event['text']}",
            blocks=[
                {
                    "type": "actions",
                    "elements": [
                        {
                            "type": "button",
                            "action_id": "go",
                            "value": "1",
                            "text": {"type": "plain_text", "text": "Go"},
                        }
                    ],
                }
            ],
        )

    @app.command("/case")
    async def status(ack, command, respond):
        await ack(f"asked for {command['text']}")
        await respond("and here is more")

    @app.action("go")
    async def go(ack, body, respond):
        await ack()
        await respond(f"{body['user']['id']} pressed {body['actions'][0]['value']}")

    handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=1)
    await handler.connect_async()
    await slack.wait_for(lambda: slack.sockets.connections)

    await slack.dm(DANA, "hi")
    dm = slack.dm_channel(DANA)
    reply = await slack.wait_for(lambda: [m for m in slack.messages(dm) if m.get("bot_id")])
    assert reply[0]["text"] == "you said hi"

    said = await slack.command(ADA, SUPPORT, "/case", "status")
    assert said.ok
    await slack.wait_for(lambda: len(said.messages) == 2)
    assert set(said.messages) == {"asked for status", "and here is more"}

    pressed = await slack.click(DANA, dm, reply[0]["ts"], "go")
    assert pressed.ok
    await slack.wait_for(lambda: pressed.messages == [f"{DANA} pressed 1"])
    await settle(handler.client)
