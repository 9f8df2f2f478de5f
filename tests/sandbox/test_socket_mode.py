import asyncio

import aiohttp
import pytest

from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, SUPPORT
from tests.sandbox.sockets import Socket, connected, open_url

FAST = (0.01, 0.02, 0.03)


async def test_hello_says_how_many_connections_are_open(slack, http):
    async with connected(slack, http), http.ws_connect(await open_url(slack)) as ws:
        hello = await Socket(ws).next()
        assert hello["num_connections"] == 2
        assert hello["connection_info"] == {"app_id": "A0CASEWIRE"}
        assert hello["debug_info"]["approximate_connection_time"] > 0


async def test_a_ticket_is_good_for_one_connection(slack, http):
    url = await open_url(slack)
    async with http.ws_connect(url):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url)
    assert refused.value.status == 403


async def test_a_ticket_expires(slack, http):
    slack.sockets.ticket_lifetime = -1
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(await open_url(slack))


async def test_the_eleventh_connection_is_sent_away(slack, http):
    open_ones = [await http.ws_connect(await open_url(slack)) for _ in range(10)]
    async with http.ws_connect(await open_url(slack)) as ws:
        frame = await Socket(ws).next()
        assert (frame["type"], frame["reason"]) == ("disconnect", "too_many_websockets")
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
    await asyncio.gather(*(ws.close() for ws in open_ones))


async def test_an_event_goes_to_exactly_one_connection(slack, http):
    async with connected(slack, http) as one, connected(slack, http) as two:
        for number in range(4):
            await slack.dm(DANA, f"message {number}")
        got = [await one.event(), await one.event(), await two.event(), await two.event()]
    assert sorted(event["text"] for event in got) == [f"message {number}" for number in range(4)]


async def test_an_unacknowledged_event_comes_again_with_the_same_id_and_a_rising_count(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.05, FAST
    async with connected(slack, http) as socket:
        await slack.dm(DANA, "hi")
        tries = [await socket.next("events_api") for _ in range(4)]
        await slack.wait_for(lambda: slack.sockets.lost)
    assert [frame["retry_attempt"] for frame in tries] == [0, 1, 2, 3]
    assert [frame["retry_reason"] for frame in tries] == ["", "timeout", "timeout", "timeout"]
    assert len({frame["payload"]["event_id"] for frame in tries}) == 1
    assert slack.sockets.undelivered == []


async def test_an_acknowledgement_ends_the_redelivery(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.2, FAST
    async with connected(slack, http) as socket:
        await slack.dm(DANA, "hi")
        await socket.next("events_api")
        slack.ack_deadline = 5
        await socket.ack(await socket.next("events_api"))
        await slack.wait_for(lambda: not slack.sockets.undelivered)
    assert slack.sockets.lost == []


async def test_events_wait_for_a_connection_on_the_same_schedule(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.02, (0, 60)
    await slack.dm(DANA, "is anybody there?")
    await slack.wait_for(lambda: len(slack.traffic.of("event_unacked")) == 2)
    slack.ack_deadline = 3
    async with connected(slack, http) as socket:
        slack.retry_now()
        frame = await socket.next("events_api")
        await socket.ack(frame)
        await slack.wait_for(slack.acks)
    assert frame["retry_attempt"] == 2
    assert frame["payload"]["event"]["text"] == "is anybody there?"


async def test_an_event_in_the_gap_of_a_reconnection_comes_after_the_deadline(slack, http):
    slack.ack_deadline = 0.1
    await slack.dm(DANA, "in between")
    async with connected(slack, http) as socket:
        frame = await socket.next("events_api")
        await socket.ack(frame)
    assert frame["retry_attempt"] == 1


async def test_an_acknowledgement_after_the_deadline_does_not_count(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.2, (0.01,)
    async with connected(slack, http) as socket:
        await slack.dm(DANA, "hi")
        late = await socket.next("events_api")
        slack.ack_deadline = 5
        again = await socket.next("events_api")
        await socket.ack(late)
        await slack.wait_for(lambda: slack.traffic.of("late_ack"))
        await socket.ack(again)
        await slack.wait_for(slack.acks)
    assert late["envelope_id"] != again["envelope_id"]


async def test_a_lost_acknowledgement_brings_the_event_again(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.1, (0.01,)
    slack.lose_acks()
    async with connected(slack, http) as socket:
        await slack.dm(DANA, "hi")
        first, second = await socket.event(), await socket.event()
    assert first == second


async def test_an_acknowledged_event_can_be_delivered_again(slack, http):
    async with connected(slack, http) as socket:
        await slack.dm(DANA, "hi")
        first = await socket.next("events_api")
        await socket.ack(first)
        slack.deliver_again()
        second = await socket.next("events_api")
    assert second["payload"] == first["payload"]
    assert second["retry_attempt"] == 0


async def test_events_can_be_held_and_released_out_of_order(slack, http):
    async with connected(slack, http) as socket:
        slack.hold_events()
        for text in ("one", "two"):
            await slack.dm(DANA, text)
        slack.release_events(backwards=True)
        assert [(await socket.event())["text"] for _ in range(2)] == ["two", "one"]


async def test_a_redelivery_shows_the_message_as_it_was(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.03, (0.01,)
    async with connected(slack, http) as socket:
        ts = await slack.dm(DANA, "hi")
        await slack.react(DANA, "im", ts, "wave")
        frames = [await socket.next("events_api") for _ in range(3)]
    again = [f["payload"]["event"] for f in frames if f["retry_attempt"] == 1]
    assert "reactions" not in again[0]


async def test_without_delayed_events_a_long_absence_loses_events(slack):
    slack.ack_deadline, slack.retry_schedule = 0.01, FAST
    await slack.dm(DANA, "gone")
    await slack.wait_for(lambda: slack.sockets.lost)


async def test_with_delayed_events_retries_go_on(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.01, FAST
    slack.delayed_events, slack.delayed_interval = True, 0.02
    await slack.dm(DANA, "kept")
    await slack.wait_for(lambda: len(slack.traffic.of("event_unacked")) > 5)
    async with connected(slack, http) as socket:
        assert (await socket.event())["text"] == "kept"


async def test_a_command_is_not_redelivered_and_its_person_sees_an_error(slack, http):
    slack.ack_deadline, slack.retry_schedule = 0.05, FAST
    async with connected(slack, http) as socket:
        reply = await slack.command(ADA, SUPPORT, "/case", "status")
        assert not reply.ok
        assert "acknowledged" in reply.error
        await slack.dm(DANA, "next")
        kinds = [(await socket.next())["type"] for _ in range(2)]
    assert kinds == ["slash_commands", "events_api"]


async def test_a_command_without_any_connection_fails_at_once(slack):
    assert not (await slack.command(ADA, SUPPORT, "/case")).ok


async def test_a_command_carries_what_slack_sends(slack, http):
    async with connected(slack, http) as socket:
        running = asyncio.create_task(slack.command(ADA, SUPPORT, "/case", "assign <@U0GRACEH01> & go"))
        frame = await socket.next("slash_commands")
        await socket.ack(frame, {"text": "done"})
        reply = await running
    payload = frame["payload"]
    assert frame["accepts_response_payload"] is True
    assert payload["text"] == "assign <@U0GRACEH01|grace> &amp; go"
    assert (payload["channel_name"], payload["user_name"]) == ("privategroup", "ada")
    assert reply.messages == ["done"]
    assert [m["text"] for m in slack.ephemerals(ADA)] == ["done"]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled"])
async def test_a_disconnect_frame_names_its_reason_and_the_connection_is_closed(slack, http, reason):
    async with connected(slack, http) as socket:
        closing = asyncio.create_task(slack.disconnect(reason, grace=0.05))
        frame = await socket.next("disconnect")
        assert frame["reason"] == reason
        assert (await socket.ws.receive()).type is aiohttp.WSMsgType.CLOSE
        await closing


async def test_a_clock_change_reaches_every_connection(slack, http):
    async with connected(slack, http) as one, connected(slack, http) as two:
        slack.clock.advance(3600)
        assert (await one.next("sandbox_clock"))["offset"] == 3600
        assert (await two.next("sandbox_clock"))["offset"] == 3600


async def test_message_timestamps_follow_the_clock_and_never_repeat(slack):
    before = await slack.dm(DANA, "now")
    stamps = [await slack.dm(DANA, str(number)) for number in range(50)]
    slack.clock.advance(48 * 3600)
    after = await slack.dm(DANA, "later")
    assert len(set(stamps)) == 50
    assert stamps == sorted(stamps)
    assert 48 * 3600 <= float(after) - float(before) < 48 * 3600 + 5


async def test_an_outage_cuts_sockets_and_refuses_new_ones(slack, http):
    async with connected(slack, http) as socket:
        url = await open_url(slack)
        slack.outage()
        assert (await socket.ws.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(url)
        async with http.post(f"{slack.api_url}auth.test") as response:
            assert response.status == 503
        slack.outage(False)
    async with connected(slack, http):
        pass


async def test_an_event_callback_has_slacks_shape(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.dm(DANA, "hi")
        payload = (await socket.next("events_api"))["payload"]
    assert payload["type"] == "event_callback"
    assert payload["event_id"].startswith("Ev")
    assert payload["authorizations"][0]["user_id"] == BOT_USER
    assert payload["is_ext_shared_channel"] is False
    event = payload["event"]
    assert event["client_msg_id"]
    assert {name: event[name] for name in ("type", "channel", "channel_type", "user", "ts", "event_ts")} == {
        "type": "message",
        "channel": "D0DANALEE1",
        "channel_type": "im",
        "user": DANA,
        "ts": ts,
        "event_ts": ts,
    }


async def test_a_mention_in_a_channel_is_two_events_with_one_ts(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.post(ADA, SUPPORT, f"<@{BOT_USER}> help")
        first, second = await socket.event(), await socket.event()
    assert [first["type"], second["type"]] == ["message", "app_mention"]
    assert first["ts"] == second["ts"] == ts
    assert first["channel_type"] == "group"


async def test_events_come_only_from_channels_where_the_bot_is_a_member(slack, http):
    slack.add_channel("C0ELSEWHERE", "elsewhere", members=[ADA])
    async with connected(slack, http) as socket:
        await slack.post(ADA, "C0ELSEWHERE", "psst")
        await slack.post(ADA, SUPPORT, "hello")
        assert (await socket.event())["text"] == "hello"


async def test_events_need_their_scope_and_their_subscription(slack, http):
    slack.scopes.discard("groups:history")
    slack.subscriptions.discard("user_change")
    async with connected(slack, http) as socket:
        await slack.post(ADA, SUPPORT, "unseen")
        slack.change_user(BEN, deleted=True)
        await slack.dm(DANA, "seen")
        assert (await socket.event())["text"] == "seen"


async def test_an_edit_is_message_changed_with_both_versions(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.dm(DANA, "helo")
        await socket.event()
        await slack.edit(DANA, "im", ts, "hello")
        event = await socket.event()
    assert event["subtype"] == "message_changed"
    assert (event["message"]["text"], event["previous_message"]["text"]) == ("hello", "helo")
    assert event["message"]["edited"]["user"] == DANA
    assert event["hidden"] is True
    assert event["ts"] != ts == event["message"]["ts"]


async def test_deleting_a_message_without_replies_is_message_deleted(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.dm(DANA, "oops")
        await socket.event()
        await slack.delete(DANA, "im", ts)
        event = await socket.event()
    assert (event["subtype"], event["deleted_ts"]) == ("message_deleted", ts)
    assert event["previous_message"]["text"] == "oops"


async def test_deleting_a_parent_leaves_a_tombstone(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.post(ADA, SUPPORT, "parent")
        await slack.post(BEN, SUPPORT, "reply", thread_ts=ts)
        await socket.event()
        await socket.event()
        await slack.delete(ADA, SUPPORT, ts)
        event = await socket.event()
    assert (event["subtype"], event["message"]["subtype"]) == ("message_changed", "tombstone")
    assert [m["text"] for m in slack.messages(SUPPORT, ts)] == ["This message was deleted.", "reply"]


async def test_a_broadcast_reply_is_a_thread_broadcast_and_stands_in_history(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.post(ADA, SUPPORT, "parent")
        await slack.post(BEN, SUPPORT, "also here", thread_ts=ts, reply_broadcast=True)
        await socket.event()
        event = await socket.event()
    assert event["subtype"] == "thread_broadcast"
    assert event["root"]["ts"] == ts
    assert [m["text"] for m in slack.messages(SUPPORT)] == ["parent", "also here"]


async def test_membership_reactions_and_profiles_are_events(slack, http):
    async with connected(slack, http) as socket:
        ts = await slack.post(ADA, SUPPORT, "hi")
        await socket.event()
        slack.invite(DANA, SUPPORT, by=ADA)
        slack.kick(DANA, SUPPORT)
        await slack.react(BEN, SUPPORT, ts, "eyes")
        slack.change_user(BEN, real_name="Benedict")
        await slack.open_home(DANA)
        slack.rename_channel(SUPPORT, "help")
        slack.archive(SUPPORT, by=ADA)
        slack.kick(BOT_USER, "C0ALERTS01")
        seen = [await socket.event() for _ in range(12)]
    kinds = [event.get("subtype") or event["type"] for event in seen]
    assert kinds == [
        "channel_join",
        "member_joined_channel",
        "channel_leave",
        "member_left_channel",
        "reaction_added",
        "user_change",
        "app_home_opened",
        "group_rename",
        "group_archive",
        "channel_leave",
        "member_left_channel",
        "group_left",
    ]


async def test_the_sandbox_pings(slack, http):
    slack.sockets.ping_interval = 0.01
    async with http.ws_connect(await open_url(slack), autoping=False) as ws:
        seen = {(await ws.receive()).type for _ in range(3)}
    assert aiohttp.WSMsgType.PING in seen
