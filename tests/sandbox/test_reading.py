"""Conversations, people, reactions and files, as the bot reads them."""

import aiohttp
import pytest

from bot.sandbox.people import ADA, BEN, BOT_ID, BOT_USER, DANA, GRACE, HELPDESK, OMAR, SUPPORT
from tests.sandbox.calls import refused
from tests.sandbox.sockets import connected


class TestReading:
    async def test_metadata_comes_only_when_asked_for(self, slack, web):
        metadata = {"event_type": "outbox", "event_payload": {"id": "7"}}
        root = (await web.chat_postMessage(channel=SUPPORT, text="root"))["ts"]
        await web.chat_postMessage(channel=SUPPORT, text="reply", thread_ts=root, metadata=metadata)
        plain = await web.conversations_replies(channel=SUPPORT, ts=root)
        full = await web.conversations_replies(channel=SUPPORT, ts=root, include_all_metadata=True)
        assert "metadata" not in plain["messages"][1]
        assert full["messages"][1]["metadata"] == metadata

    async def test_history_pages_newest_first_without_replies(self, slack, web):
        stamps = [await slack.post(ADA, SUPPORT, str(number)) for number in range(5)]
        await slack.post(ADA, SUPPORT, "reply", thread_ts=stamps[0])
        first = await web.conversations_history(channel=SUPPORT, limit=3)
        assert [m["text"] for m in first["messages"]] == ["4", "3", "2"]
        assert first["has_more"] is True
        cursor = first["response_metadata"]["next_cursor"]
        second = await web.conversations_history(channel=SUPPORT, limit=3, cursor=cursor)
        assert [m["text"] for m in second["messages"]] == ["1", "0"]
        assert second["messages"][1]["reply_count"] == 1
        assert second["has_more"] is False

    async def test_oldest_and_latest_are_exclusive_unless_inclusive(self, slack, web):
        stamps = [await slack.post(ADA, SUPPORT, str(number)) for number in range(4)]

        async def texts(**window):
            answer = await web.conversations_history(channel=SUPPORT, **window)
            return [m["text"] for m in answer["messages"]]

        assert await texts(oldest=stamps[0], latest=stamps[3]) == ["2", "1"]
        assert await texts(oldest=stamps[2], inclusive=True) == ["3", "2"]

    async def test_replies_start_with_the_parent_on_every_page(self, slack, web):
        root = await slack.post(ADA, SUPPORT, "root")
        for number in range(3):
            await slack.post(BEN, SUPPORT, str(number), thread_ts=root)
        first = await web.conversations_replies(channel=SUPPORT, ts=root, limit=2)
        assert [m["text"] for m in first["messages"]] == ["root", "0", "1"]
        cursor = first["response_metadata"]["next_cursor"]
        second = await web.conversations_replies(channel=SUPPORT, ts=root, limit=2, cursor=cursor)
        assert [m["text"] for m in second["messages"]] == ["root", "2"]
        with refused("thread_not_found"):
            await web.conversations_replies(channel=SUPPORT, ts="1.000001")

    async def test_the_cap_of_fifteen_rows_can_be_switched_on(self, slack, web):
        for number in range(20):
            await slack.post(ADA, SUPPORT, str(number))
        slack.history_cap = 15
        answer = await web.conversations_history(channel=SUPPORT, limit=200)
        assert len(answer["messages"]) == 15
        assert answer["has_more"] is True

    async def test_conversations_are_listed_by_type(self, slack, web):
        await slack.dm(DANA, "hi")
        ims = await web.users_conversations(types="im")
        assert [c["user"] for c in ims["channels"]] == [DANA]
        private = await web.conversations_list(types="private_channel", limit=2)
        assert [c["name"] for c in private["channels"]] == ["support", "alerts"]
        assert private["response_metadata"]["next_cursor"]
        members = await web.conversations_members(channel=SUPPORT)
        assert members["members"] == [BOT_USER, ADA, GRACE, BEN]
        assert (await web.conversations_info(channel=SUPPORT))["channel"]["is_member"] is True

    async def test_a_dm_is_opened_once(self, slack, web):
        first = await web.conversations_open(users=OMAR)
        again = await web.conversations_open(users=OMAR)
        assert first["channel"]["id"] == again["channel"]["id"] == slack.dm_channel(OMAR)
        assert again["already_open"] is True
        with refused("user_not_found"):
            await web.conversations_open(users="U0NOBODY01")

    async def test_people_and_groups(self, slack, web):
        ada = (await web.users_info(user=ADA))["user"]
        assert (ada["profile"]["email"], ada["is_admin"]) == ("ada@desk.example", True)
        found = await web.users_lookupByEmail(email="dana@customer.example")
        assert found["user"]["id"] == DANA
        with refused("users_not_found"):
            await web.users_lookupByEmail(email="nobody@customer.example")
        with refused("user_not_found"):
            await web.users_info(user="U0NOBODY01")
        assert len((await web.users_list())["members"]) == 6
        assert (await web.usergroups_list())["usergroups"][0]["handle"] == "helpdesk"
        assert (await web.usergroups_users_list(usergroup=HELPDESK))["users"] == [GRACE]
        slack.scopes.discard("users:read.email")
        assert "email" not in (await web.users_info(user=ADA))["user"]["profile"]

    async def test_reactions(self, slack, web):
        ts = await slack.post(ADA, SUPPORT, "hi")
        await web.reactions_add(channel=SUPPORT, timestamp=ts, name="eyes")
        assert slack.reactions(SUPPORT, ts) == {"eyes"}
        with refused("already_reacted"):
            await web.reactions_add(channel=SUPPORT, timestamp=ts, name="eyes")
        await web.reactions_remove(channel=SUPPORT, timestamp=ts, name="eyes")
        with refused("no_reaction"):
            await web.reactions_remove(channel=SUPPORT, timestamp=ts, name="eyes")
        assert slack.reactions(SUPPORT, ts) == set()

    async def test_public_channels_can_be_joined_with_the_scope(self, slack, http, web):
        slack.add_channel("C0PUBLIC001", "public", private=False, members=[ADA])
        with refused("missing_scope"):
            await web.conversations_join(channel="C0PUBLIC001")
        slack.scopes.add("channels:join")
        async with connected(slack, http) as socket:
            await web.conversations_join(channel="C0PUBLIC001")
            kinds = [(event.get("subtype") or event["type"]) for event in [await socket.event() for _ in "12"]]
        assert kinds == ["channel_join", "member_joined_channel"]
        with refused("method_not_supported_for_channel_type"):
            await web.conversations_join(channel=SUPPORT)

    async def test_bad_paging_is_refused(self, web):
        for paging, error in (
            ({"cursor": "nonsense"}, "invalid_cursor"),
            ({"oldest": "yesterday"}, "invalid_ts_oldest"),
            ({"limit": -1}, "invalid_limit"),
        ):
            with refused(error):
                await web.conversations_history(channel=SUPPORT, **paging)
        with refused("invalid_types"):
            await web.conversations_list(types="everything")
        with refused("invalid_arguments"):
            await web.conversations_history(channel="")

    async def test_the_small_methods(self, web):
        assert (await web.api_test(foo="bar"))["args"]["foo"] == "bar"
        assert (await web.bots_info(bot=BOT_ID))["bot"]["user_id"] == BOT_USER
        ts = (await web.chat_postMessage(channel=SUPPORT, text="hi"))["ts"]
        await web.reactions_add(channel=SUPPORT, timestamp=ts, name="eyes")
        got = await web.reactions_get(channel=SUPPORT, timestamp=ts)
        assert got["message"]["reactions"] == [{"name": "eyes", "users": [BOT_USER], "count": 1}]
        with refused("no_such_subteam"):
            await web.usergroups_users_list(usergroup="S0NOTHING1")


class TestFiles:
    async def test_an_upload_in_three_steps_is_shared_and_can_be_downloaded(self, slack, web, http):
        root = await slack.post(ADA, SUPPORT, "root")
        answer = await web.files_upload_v2(
            channel=SUPPORT, thread_ts=root, filename="log.txt", content="line one", initial_comment="the log"
        )
        reply = slack.messages(SUPPORT, root)[1]
        assert (reply["subtype"], reply["text"]) == ("file_share", "the log")
        file = (await web.files_info(file=answer["file"]["id"]))["file"]
        assert file["shares"]["private"][SUPPORT][0]["ts"] == reply["ts"]
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        async with http.get(file["url_private_download"], headers=headers) as response:
            assert await response.text() == "line one"
        async with http.get(file["url_private"]) as response:
            assert (response.status, response.content_type) == (200, "text/html")

    async def test_a_person_attaches_a_file(self, slack, http):
        async with connected(slack, http) as socket:
            await slack.dm(DANA, "see", files=[{"name": "a.png", "content": b"\x89PNG"}])
            event = await socket.event()
        assert event["subtype"] == "file_share"
        assert (event["files"][0]["mimetype"], event["files"][0]["size"]) == ("image/png", 4)

    async def test_a_file_that_did_not_arrive_cannot_be_shared(self, slack, http, web):
        url = await web.files_getUploadURLExternal(filename="a.txt", length=4)
        with refused("file_not_found"):
            await web.files_completeUploadExternal(files=[{"id": url["file_id"], "title": "a"}])
        async with http.post(url["upload_url"], data=b"too long") as response:
            assert response.status == 400
        slack.faults.add("upload", "500")
        async with http.post(url["upload_url"], data=b"four") as response:
            assert response.status == 500
        async with http.post(url["upload_url"], data=b"four") as response:
            assert response.status == 200
        with refused("file_not_found"):
            await web.files_info(file=url["file_id"])
        await web.files_completeUploadExternal(files=[{"id": url["file_id"], "title": "a"}])
        assert (await web.files_info(file=url["file_id"]))["file"]["shares"] == {}

    async def test_a_file_is_shared_once_only(self, slack, http, web):
        url = await web.files_getUploadURLExternal(filename="a.txt", length=4)
        async with http.post(url["upload_url"], data=b"four") as response:
            assert response.status == 200
        await web.files_completeUploadExternal(files=[{"id": url["file_id"]}], channel_id=SUPPORT)
        with refused("file_not_found"):
            await web.files_completeUploadExternal(files=[{"id": url["file_id"]}], channel_id=SUPPORT)
        assert len(slack.messages(SUPPORT)) == 1

    async def test_a_deleted_file_leaves_a_tombstone_beside_words_and_nothing_else(self, slack, web):
        for comment in ("the log", None):
            answer = await web.files_upload_v2(
                channel=SUPPORT, filename="log.txt", content="line one", initial_comment=comment
            )
            await web.files_delete(file=answer["file"]["id"])
            with refused("file_not_found"):
                await web.files_info(file=answer["file"]["id"])
            with refused("file_not_found"):
                await web.files_delete(file=answer["file"]["id"])
        (left,) = slack.messages(SUPPORT)
        assert (left["text"], [file["mode"] for file in left["files"]]) == ("the log", ["tombstone"])
        await slack.dm(DANA, "mine", files=[{"name": "a.txt", "content": "…"}])
        theirs = next(file for file in slack.workspace.files.values() if file.user == DANA)
        with refused("cant_delete_file"):
            await web.files_delete(file=theirs.id)

    async def test_an_event_may_tell_no_more_than_the_id(self, slack, http, web):
        file = {"name": "a.png", "content": b"\x89PNG", "told": {"file_access": "check_file_info"}}
        async with connected(slack, http) as socket:
            await slack.dm(DANA, "see", files=[file])
            (shown,) = (await socket.event())["files"]
        assert set(shown) == {"id", "mode", "file_access", "created"}
        told = (await web.files_info(file=shown["id"]))["file"]
        assert (told["name"], told["size"], told["file_access"]) == ("a.png", 4, "visible")

    async def test_a_download_goes_wrong_in_the_ways_of_downloads(self, slack, http):
        await slack.dm(DANA, "see", files=[{"name": "../a b.txt", "content": "x" * 1000}])
        (file,) = slack.workspace.files.values()
        url = file.to_slack()["url_private_download"]
        assert url.endswith("/download/a_b.txt")
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        slack.faults.add("download", "login_page")
        async with http.get(url, headers=headers) as response:
            assert (response.status, response.content_type) == (200, "text/html")
        slack.faults.add("download", "redirect:https://elsewhere.example/")
        async with http.get(url, headers=headers, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "https://elsewhere.example/")
        slack.faults.add("download", "half")
        async with http.get(url, headers=headers) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        async with http.get(url, headers=headers) as response:
            assert await response.read() == b"x" * 1000
        with pytest.raises(ValueError, match="only befall a download"):
            slack.faults.add("chat.postMessage", "half")

    async def test_the_answer_to_an_upload_may_get_lost(self, slack, http, web):
        url = await web.files_getUploadURLExternal(filename="a.txt", length=4)
        slack.faults.add("upload", "lost_answer")
        with pytest.raises(aiohttp.ClientError):
            async with http.post(url["upload_url"], data=b"four"):
                pass
        await web.files_completeUploadExternal(files=[{"id": url["file_id"]}], channel_id=SUPPORT)
        assert len(slack.messages(SUPPORT)) == 1
