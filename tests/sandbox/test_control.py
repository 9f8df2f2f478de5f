"""The control API, through SandboxClient, and playing samples."""

import asyncio

import pytest

from bot.sandbox.client import SandboxClient, SandboxError
from bot.sandbox.people import ADA, BOT_USER, DANA, SUPPORT
from tests.sandbox.sockets import connected


@pytest.fixture
async def remote(slack):
    async with SandboxClient(slack.url) as client:
        yield client


async def test_writing_editing_reacting_and_deleting(slack, remote):
    ts = await remote.dm(DANA, "helo", files=[{"name": "a.txt", "content": b"\x00\x01"}])
    dm = slack.dm_channel(DANA)
    await remote.edit(DANA, dm, ts, "hello")
    await remote.react(DANA, dm, ts, "wave")
    (row,) = await remote.messages(dm)
    assert (row["text"], row["files"][0]["size"], slack.reactions(dm, ts)) == ("hello", 2, {"wave"})
    await remote.delete(DANA, dm, ts)
    assert await remote.messages(dm) == []


async def test_a_thread_is_read_alone(remote):
    root = await remote.post(ADA, SUPPORT, "root")
    await remote.post(ADA, SUPPORT, "reply", thread_ts=root)
    assert [m["text"] for m in await remote.messages(SUPPORT)] == ["root"]
    assert [m["text"] for m in await remote.messages(SUPPORT, root)] == ["root", "reply"]


async def test_commands_and_clicks_give_the_reply(slack, remote, http):
    async with connected(slack, http) as socket:
        asking = asyncio.create_task(remote.command(ADA, SUPPORT, "/case", "status"))
        await socket.ack(await socket.next("slash_commands"), {"text": "all well"})
        reply = await asking
    assert (reply["ok"], reply["messages"]) == (True, ["all well"])


async def test_the_clock_faults_limits_and_schedule_can_be_set(slack, remote):
    now = await remote.advance(3600)
    assert abs(now - slack.clock.now()) < 5
    await remote.add_fault("auth.test", "error:fatal_error", times=None)
    assert slack.faults.pending[0].kind == "error:fatal_error"
    await remote.clear_faults()
    assert slack.faults.pending == []
    await remote.rate_limits(posts=True)
    assert slack.rate_limits is True
    answer = await remote.retry_schedule([0.1, 0.2], ack_deadline=0.5)
    assert (answer["schedule"], slack.ack_deadline) == ([0.1, 0.2], 0.5)
    await remote.outage()
    assert slack.web_api.refusing is True
    await remote.outage(False)


async def test_sockets_can_be_disconnected_and_dropped(slack, remote, http):
    async with connected(slack, http) as socket:
        await remote.disconnect("warning", grace=0.01)
        assert (await socket.next("disconnect"))["reason"] == "warning"
    async with connected(slack, http):
        await remote.drop_sockets()
        assert slack.sockets.connections == []


async def test_shortcuts_modals_and_home_can_be_used(slack, remote, web, http):
    view = {"type": "modal", "title": {"type": "plain_text", "text": "A"}, "blocks": []}
    async with connected(slack, http) as socket:
        asking = asyncio.create_task(remote.shortcut(ADA, "case_new"))
        frame = await socket.next("interactive")
        await socket.ack(frame)
        assert (await asking)["ok"] is True
        await web.views_open(trigger_id=frame["payload"]["trigger_id"], view=view)
        submitting = asyncio.create_task(remote.submit_view(ADA))
        await socket.ack(await socket.next("interactive"))
        assert (await submitting)["ok"] is True
        await remote.open_home(ADA)
        assert (await socket.event())["tab"] == "home"


async def test_people_and_channels_can_be_added(slack, remote):
    await remote.add_user("U0NEWBIE01", "newbie", "New Bie", email="new@customer.example")
    channel = await remote.add_channel(None, "annex", members=[ADA])
    await remote.invite(BOT_USER, channel)
    await remote.change_user("U0NEWBIE01", deleted=True)
    state = await remote.state()
    assert state["users"]["U0NEWBIE01"]["deleted"] is True
    assert state["channels"][channel]["members"] == [ADA, BOT_USER]
    await remote.kick(BOT_USER, channel)


async def test_a_refusal_says_why(remote):
    with pytest.raises(SandboxError, match="not_in_channel"):
        await remote.post(DANA, SUPPORT, "hello?")
    with pytest.raises(SandboxError, match="unknown_verb"):
        await remote._do("dance")


async def test_traffic_is_streamed_and_waited_on(slack, remote):
    waiting = asyncio.create_task(
        remote.wait_for(
            lambda state: [
                message["text"]
                for channel in state["channels"].values()
                for message in channel["messages"]
                if message["text"] == "at last"
            ]
        )
    )
    await slack.dm(DANA, "not yet")
    await slack.dm(DANA, "at last")
    assert await waiting == ["at last"]
    kinds = [record["what"] async for record in remote.traffic(follow=False)]
    assert kinds.count("post") == 2


async def test_only_json_is_taken(slack, http):
    async with http.post(f"{slack.url}/sandbox/dm", data='{"user": "U0DANALEE1", "text": "x"}') as response:
        assert response.status == 415


async def test_a_sample_message_becomes_a_real_event(slack, remote, http):
    sample = {
        "type": "event_callback",
        "event": {
            "type": "message",
            "channel_type": "im",
            "user": "U0STRANGER",
            "text": "a &amp; b &lt;!channel&gt;",
            "ts": "1.000001",
        },
        "user_profile": {"real_name": "Sam Ple", "email": "sam@customer.example"},
    }
    async with connected(slack, http) as socket:
        done = await remote.play(sample)
        event = await socket.event()
    assert (done["did"], done["channel"]) == ("message", "D0STRANGER")
    assert event["text"] == "a &amp; b &lt;!channel&gt;"
    assert event["blocks"][0]["elements"][0]["elements"][0]["text"] == "a & b <!channel>"
    assert event["ts"] == done["ts"] != "1.000001"
    assert slack.workspace.users["U0STRANGER"].email == "sam@customer.example"


async def test_latest_means_the_newest_card(slack, remote, web):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "case"}}]
    await web.chat_postMessage(channel=SUPPORT, text="case 1", blocks=blocks)
    card = (await web.chat_postMessage(channel=SUPPORT, text="case 2", blocks=blocks))["ts"]
    await web.chat_postMessage(channel=SUPPORT, text="just words")
    event = {"type": "message", "channel": "support", "user": ADA, "text": "on it", "thread_ts": "latest"}
    done = await remote.play({"event": event})
    assert done["thread_ts"] == card
    assert slack.messages(SUPPORT, card)[1]["text"] == "on it"


async def test_a_sample_command_is_run(slack, remote, http):
    async with connected(slack, http) as socket:
        sample = {"command": "/case", "text": "help", "user_id": DANA, "channel_id": "im"}
        playing = asyncio.create_task(remote.play(sample))
        frame = await socket.next("slash_commands")
        await socket.ack(frame, {"text": "this is help"})
        done = await playing
    assert frame["payload"]["channel_name"] == "directmessage"
    assert done["reply"]["messages"] == ["this is help"]


async def test_what_is_no_sample_is_refused(remote):
    with pytest.raises(SandboxError, match="sample"):
        await remote.play({"event": {"type": "reaction_added"}})
