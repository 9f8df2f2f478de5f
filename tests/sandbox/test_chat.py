"""Posting, editing, deleting."""

from bot.sandbox.people import ADA, BOT_ID, BOT_USER, DANA, SUPPORT
from tests.sandbox.calls import refused, section
from tests.sandbox.sockets import connected


class TestPosting:
    async def test_a_post_is_answered_as_slack_does(self, slack, web):
        answer = await web.chat_postMessage(channel=SUPPORT, text="a & b", blocks=[section("hi")])
        message = answer["message"]
        assert answer["channel"] == SUPPORT
        assert (message["bot_id"], message["user"], message["app_id"]) == (BOT_ID, BOT_USER, "A0CASEWIRE")
        assert message["text"] == "a &amp; b"
        assert message["blocks"][0]["block_id"]
        assert slack.messages(SUPPORT)[0]["ts"] == answer["ts"]

    async def test_a_custom_author_needs_its_scope_and_an_update_drops_it(self, slack, web):
        ts = (await web.chat_postMessage(channel=SUPPORT, text="hi", username="Dana (customer)"))["ts"]
        assert slack.messages(SUPPORT)[0]["username"] == "Dana (customer)"
        await web.chat_update(channel=SUPPORT, ts=ts, text="hello")
        assert "username" not in slack.messages(SUPPORT)[0]
        slack.scopes.discard("chat:write.customize")
        with refused("missing_scope"):
            await web.chat_postMessage(channel=SUPPORT, text="hi", username="Dana")

    async def test_the_bot_gets_its_own_posts_as_events(self, slack, http, web):
        async with connected(slack, http) as socket:
            await web.chat_postMessage(channel=SUPPORT, text="hi", username="Dana")
            event = await socket.event()
        assert (event["subtype"], event["bot_id"], event["user"]) == ("bot_message", BOT_ID, BOT_USER)

    async def test_where_the_bot_is_not_it_cannot_post(self, slack, web):
        slack.add_channel("C0PUBLIC001", "public", private=False, members=[ADA])
        slack.add_channel("C0PRIVATE01", "private", members=[ADA])
        for channel, error in (
            ("C0PUBLIC001", "not_in_channel"),
            ("C0PRIVATE01", "channel_not_found"),
            ("C0NOWHERE01", "channel_not_found"),
        ):
            with refused(error):
                await web.chat_postMessage(channel=channel, text="hi")
        slack.archive(SUPPORT, by=ADA)
        with refused("is_archived"):
            await web.chat_postMessage(channel=SUPPORT, text="hi")

    async def test_a_user_id_means_the_dm(self, slack, web):
        answer = await web.chat_postMessage(channel=DANA, text="hi")
        assert answer["channel"] == slack.dm_channel(DANA)

    async def test_empty_long_and_misplaced_texts(self, slack, web):
        with refused("no_text"):
            await web.api_call("chat.postMessage", json={"channel": SUPPORT, "text": " "})
        ts = (await web.chat_postMessage(channel=SUPPORT, text="x" * 40_100))["ts"]
        assert len(slack.messages(SUPPORT)[0]["text"]) == 40_000
        with refused("msg_too_long"):
            await web.chat_update(channel=SUPPORT, ts=ts, text="x" * 4_001)
        with refused("thread_not_found"):
            await web.chat_postMessage(channel=SUPPORT, text="hi", thread_ts="1.000001")
        reply = (await web.chat_postMessage(channel=SUPPORT, text="hi", thread_ts=ts))["ts"]
        with refused("cannot_reply_to_message"):
            await web.chat_postMessage(channel=SUPPORT, text="hi", thread_ts=reply)

    async def test_only_own_messages_can_be_changed_or_deleted(self, slack, web):
        ts = await slack.post(ADA, SUPPORT, "mine")
        with refused("cant_update_message"):
            await web.chat_update(channel=SUPPORT, ts=ts, text="yours")
        with refused("cant_delete_message"):
            await web.chat_delete(channel=SUPPORT, ts=ts)
        with refused("message_not_found"):
            await web.chat_update(channel=SUPPORT, ts="1.000001", text="x")

    async def test_an_update_with_a_text_alone_removes_the_blocks(self, slack, web):
        ts = (await web.chat_postMessage(channel=SUPPORT, text="a", blocks=[section("a")]))["ts"]
        await web.chat_update(channel=SUPPORT, ts=ts, text="b")
        message = slack.messages(SUPPORT)[0]
        assert "blocks" not in message
        assert message["edited"]["user"] == BOT_USER

    async def test_a_deleted_post_is_gone(self, slack, web):
        ts = (await web.chat_postMessage(channel=SUPPORT, text="a"))["ts"]
        await web.chat_delete(channel=SUPPORT, ts=ts)
        assert slack.messages(SUPPORT) == []
        with refused("message_not_found"):
            await web.chat_getPermalink(channel=SUPPORT, message_ts=ts)

    async def test_an_ephemeral_is_for_members_only_and_no_part_of_history(self, slack, web):
        await web.chat_postEphemeral(channel=SUPPORT, user=ADA, text="psst")
        assert [m["text"] for m in slack.ephemerals(ADA)] == ["psst"]
        assert slack.messages(SUPPORT) == []
        with refused("user_not_in_channel"):
            await web.chat_postEphemeral(channel=SUPPORT, user=DANA, text="psst")

    async def test_markdown_text_stands_alone(self, slack, web):
        await web.chat_postMessage(channel=SUPPORT, markdown_text="**hi**")
        with refused("markdown_text_conflict"):
            await web.chat_postMessage(channel=SUPPORT, markdown_text="**hi**", text="hi")

    async def test_metadata_is_checked(self, slack, web):
        for metadata, error in (
            ({"event_type": "outbox"}, "invalid_metadata_schema"),
            ({"event_type": "outbox", "event_payload": {"x": "y" * 9000}}, "metadata_too_large"),
        ):
            with refused(error):
                await web.chat_postMessage(channel=SUPPORT, text="hi", metadata=metadata)

    async def test_a_post_can_be_broadcast_and_carry_an_emoji(self, slack, web):
        root = (await web.chat_postMessage(channel="#support", text="root", icon_emoji=":bell:"))["ts"]
        await web.chat_postMessage(channel=SUPPORT, text="reply", thread_ts=root, reply_broadcast=True)
        first, second = slack.messages(SUPPORT)
        assert first["icons"] == {"emoji": ":bell:"}
        assert second["subtype"] == "thread_broadcast"
        link = (await web.chat_getPermalink(channel=SUPPORT, message_ts=second["ts"]))["permalink"]
        assert link.endswith(f"?thread_ts={root}&cid={SUPPORT}")

    async def test_an_update_of_metadata_alone_leaves_the_message(self, slack, web):
        ts = (await web.chat_postMessage(channel=SUPPORT, text="a", blocks=[section("a")]))["ts"]
        metadata = {"event_type": "outbox", "event_payload": {"id": "7"}}
        await web.api_call("chat.update", json={"channel": SUPPORT, "ts": ts, "metadata": metadata})
        (message,) = slack.messages(SUPPORT)
        assert (message["text"], message["metadata"], len(message["blocks"])) == ("a", metadata, 1)
