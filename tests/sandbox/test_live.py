"""What an open page is told: everything at first, then what has changed, and nothing that is not its person's."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.sandbox import live
from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, GRACE, OMAR, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.sandbox.calls import section


class Page:
    """One tab's line to the sandbox."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return json.loads(await self._ws.receive_str())

    async def until(self, name: str) -> Any:
        """The next frame's part of that name, skipping frames without it."""
        while name not in (frame := await self.next()):
            pass
        return frame[name]


@asynccontextmanager
async def page(slack: LocalSlack, http: aiohttp.ClientSession, user: str):
    async with http.ws_connect(f"{slack.url}/sandbox/live?as={user}") as ws:
        yield Page(ws)


async def test_everybody_is_known_by_what_they_may_do(slack, http) -> None:
    async with page(slack, http, "") as nobody:
        hello = await nobody.next()
    assert (hello["type"], hello["me"]) == ("hello", None)
    assert {person["id"]: person["role"] for person in hello["people"]} == {
        BOT_USER: "bot",
        DANA: "customer",
        OMAR: "customer",
        ADA: "admin",
        GRACE: "admin",
        BEN: "bystander",
    }
    assert "channels" not in hello


async def test_a_person_sees_their_own_conversations_only(slack, http) -> None:
    await slack.post(ADA, SUPPORT, "Among ourselves")
    async with page(slack, http, DANA) as dana, page(slack, http, ADA) as ada:
        seen, hers = await dana.next(), await ada.next()
        assert [channel["kind"] for channel in seen["channels"]] == ["im"]
        assert {channel["name"] for channel in hers["channels"]} == {"support", "alerts", "log", ""}
        assert "Among ourselves" not in json.dumps(seen["messages"])
        assert "Among ourselves" in json.dumps(hers["messages"])

        ts = await slack.post(ADA, SUPPORT, "Again")
        await slack.dm(DANA, "Mine")
        [change] = await dana.until("messages")
        assert change["message"]["text"] == "Mine"
        assert (await ada.until("messages"))[0]["message"]["ts"] == ts


async def test_changes_are_told_by_message(slack, http) -> None:
    root = await slack.post(ADA, SUPPORT, "One")
    async with page(slack, http, GRACE) as grace:
        await grace.next()
        reply = await slack.post(BEN, SUPPORT, "Two", thread_ts=root)
        told = await grace.until("messages")
        assert [(one["message"]["ts"], one["message"].get("reply_count")) for one in told] == [
            (reply, None),
            (root, 1),
        ]
        await slack.react(ADA, SUPPORT, reply, "eyes")
        assert (await grace.until("messages"))[0]["message"]["reactions"][0]["name"] == "eyes"
        await slack.edit(BEN, SUPPORT, reply, "Three")
        assert (await grace.until("messages"))[0]["message"]["text"] == "Three"
        await slack.delete(BEN, SUPPORT, reply)
        gone, parent = await grace.until("messages")
        assert (gone["gone"], parent["message"].get("reply_count")) == (reply, None)


async def test_who_is_invited_sees_what_was_there_and_who_is_removed_nothing_more(slack, http) -> None:
    await slack.post(ADA, SUPPORT, "Before")
    async with page(slack, http, OMAR) as omar:
        await omar.next()
        slack.invite(OMAR, SUPPORT)
        frame = await omar.next()
        assert frame["messages"][0]["all"][0]["text"] == "Before"
        slack.kick(OMAR, SUPPORT)
        assert [channel["kind"] for channel in await omar.until("channels")] == ["im"]
        await slack.post(ADA, SUPPORT, "After")
        await slack.dm(OMAR, "Mine")
        assert [one["message"]["text"] for one in await omar.until("messages")] == ["Mine"]


async def test_surfaces_and_the_panel_are_told(slack, http, web) -> None:
    async with page(slack, http, ADA) as ada:
        await ada.next()
        await web.views_publish(user_id=ADA, view={"type": "home", "blocks": [section("Queue")]})
        assert (await ada.until("home"))["blocks"][0]["text"]["text"] == "Queue"
        await web.chat_postEphemeral(channel=SUPPORT, user=ADA, text="Psst")
        assert [one["text"] for one in await ada.until("ephemerals")] == ["Psst"]
        await http.post(f"{slack.url}/sandbox/faults", json={"method": "chat.update", "kind": "500"})
        assert (await ada.until("panel"))["faults"][0]["method"] == "chat.update"
        slack.clock.advance(3600)
        assert (await ada.until("panel"))["offset"] == pytest.approx(3600, abs=1)
        slack.outage()
        assert (await ada.until("panel"))["outage"] is True


async def test_journeys_are_told_as_they_go_on(slack, http) -> None:
    async with page(slack, http, ADA) as ada:
        await ada.next()
        await slack.dm(DANA, "Where is it?")
        [journey] = await ada.until("journeys")
        assert (journey["text"], journey["stages"]) == ("Where is it?", {})
        slack.note_bot_log(f"item decided action=decided item=post:{journey['channel']}:{journey['ts']} rows=[7]")
        [journey] = await ada.until("journeys")
        assert (set(journey["stages"]), journey["rows"]) == ({"decided", "queued"}, 1)


async def test_earlier_messages_are_asked_for_with_the_roots_of_their_threads(slack, http, monkeypatch) -> None:
    monkeypatch.setattr(live, "NEWEST", 3)
    root = await slack.post(ADA, SUPPORT, "root")
    stamps = [await slack.post(ADA, SUPPORT, str(number)) for number in range(5)]
    stamps.append(await slack.post(ADA, SUPPORT, "reply", thread_ts=root))
    async with page(slack, http, ADA) as ada:
        [first] = [one for one in (await ada.next())["messages"] if one["channel"] == SUPPORT]
    assert [one["text"] for one in first["all"]] == ["root", "3", "4", "reply"]
    assert first["more"] is True

    async def earlier(user: str, before: str) -> tuple[int, dict[str, Any]]:
        query = {"as": user, "channel": SUPPORT, "before": before}
        async with http.get(f"{slack.url}/sandbox/earlier", params=query) as answer:
            return answer.status, await answer.json()

    status, answer = await earlier(ADA, stamps[3])
    assert (status, [one["text"] for one in answer["messages"]], answer["more"]) == (200, ["0", "1", "2"], True)
    _, answer = await earlier(ADA, stamps[0])
    assert ([one["text"] for one in answer["messages"]], answer["more"]) == (["root"], False)
    assert (await earlier(DANA, stamps[3]))[0] == 404


async def test_a_closed_page_is_forgotten(slack, http) -> None:
    async with page(slack, http, ADA) as ada:
        await ada.next()
        assert len(slack.workspace.watchers) == 1
    await slack.post(GRACE, SUPPORT, "Anybody?")
    async with asyncio.timeout(5):
        while slack.workspace.watchers:
            await asyncio.sleep(0.01)
