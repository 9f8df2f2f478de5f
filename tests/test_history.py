"""Slack's history, read page by page, makes the same items as its events."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.casework.intake import ItemKind
from bot.history import (
    Listing,
    deletions_of,
    dm_among,
    items_of,
    posts_among,
    read_history,
    threads_changed,
)
from bot.slack_time import ts_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def ts(seconds: float) -> str:
    return ts_of(at(seconds))


def post(seconds: float, text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "text": text, "ts": ts(seconds)} | more


def listing(*messages: dict[str, Any], whole: bool = True) -> Listing:
    return Listing(messages, whole)


class Pages:
    """A Slack that gives these pages, whatever it is asked."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = list(pages)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        self.asked.append((method, arguments))
        page = self.pages.pop(0)
        more = {"response_metadata": {"next_cursor": "on"}} if self.pages else {}
        return {"messages": page, **more}


class TestReading:
    async def test_every_page_is_read(self) -> None:
        slack = Pages([post(3)], [post(2)], [post(1)])
        found = await read_history(slack, "D1", at(0))  # type: ignore[arg-type]
        assert [message["ts"] for message in found.messages] == [ts(3), ts(2), ts(1)]
        assert (found.whole, found.cut) == (True, False)
        assert [arguments.get("cursor") for _, arguments in slack.asked] == [None, "on", "on"]
        assert slack.asked[0] == ("conversations_history", {"channel": "D1", "oldest": ts(0), "limit": 200})

    async def test_the_root_that_each_page_of_a_thread_repeats_is_none_of_it(self) -> None:
        root, reply = post(-9), post(1, thread_ts=ts(-9))
        slack = Pages([root, reply], [root])
        found = await read_history(slack, "C1", at(0), ts(-9))  # type: ignore[arg-type]
        assert found.messages == (reply,)
        assert slack.asked[0][0] == "conversations_replies"

    @pytest.mark.parametrize(("rows", "more", "cut"), [(15, True, True), (15, False, False), (14, True, False)])
    async def test_fifteen_rows_and_more_to_come_are_a_cut_history(self, rows: int, more: bool, cut: bool) -> None:
        pages = [[post(n) for n in range(rows)], *([[]] if more else [])]
        assert (await read_history(Pages(*pages), "D1", at(0))).cut is cut  # type: ignore[arg-type]


class TestItems:
    def test_what_was_written_has_the_keys_of_its_events_in_the_order_of_writing(self) -> None:
        items = items_of("D1", listing(post(2), post(1, client_msg_id="m1")))
        assert [(item.key, item.kind) for item in items] == [
            (f"post:D1:{ts(1)}", ItemKind.MESSAGE),
            (f"post:D1:{ts(2)}", ItemKind.MESSAGE),
        ]
        assert items[0].twin_key is not None

    def test_what_was_edited_is_an_edit_too(self) -> None:
        items = items_of("D1", listing(post(1, edited={"user": "U1", "ts": ts(5)})))
        assert [item.key for item in items] == [f"post:D1:{ts(1)}", f"edit:D1:{ts(1)}:{ts(5)}"]

    @pytest.mark.parametrize(
        "message",
        [
            pytest.param(post(1, bot_id="B1"), id="a bot's"),
            pytest.param(post(1, subtype="channel_join"), id="a join"),
            pytest.param(post(1, subtype="tombstone", user="USLACKBOT"), id="a tombstone"),
        ],
    )
    def test_what_no_case_is_made_of_is_none(self, message: dict[str, Any]) -> None:
        assert items_of("D1", listing(message)) == []

    def test_replies_are_about_their_thread(self) -> None:
        (item,) = items_of("C1", listing(post(2, thread_ts=ts(1))))
        assert item.about.thread == ("C1", ts(1))


HELD = {ts(1): "U1", ts(2): "U1"}


class TestDeletions:
    def test_what_we_hold_and_slack_does_not_show_was_deleted(self) -> None:
        (item,) = deletions_of("D1", None, listing(post(2)), HELD, at(9))
        assert (item.key, item.kind) == (f"delete:D1:{ts(1)}", ItemKind.DELETION)

    def test_a_tombstone_is_no_message(self) -> None:
        shown = listing(post(1, subtype="tombstone"), post(2))
        assert [item.key for item in deletions_of("D1", None, shown, HELD, at(9))] == [f"delete:D1:{ts(1)}"]

    def test_of_a_listing_that_is_not_whole_nothing_is_concluded(self) -> None:
        assert deletions_of("D1", None, listing(whole=False), HELD, at(9)) == []

    def test_a_reply_is_deleted_in_its_thread(self) -> None:
        (item,) = deletions_of("C1", ts(0), listing(), {ts(1): "U1"}, at(9))
        assert item.about.thread == ("C1", ts(0))


def test_threads_that_were_written_in_since() -> None:
    shown = listing(post(1, latest_reply=ts(8)), post(2, latest_reply=ts(3)), post(4))
    assert list(threads_changed(shown, at(5))) == [ts(1)]


class TestTakenIn:
    """Posts among the events that wait, as they came."""

    RAWS = tuple(
        json.dumps({"event": {"channel": channel, **event}}).encode()
        for channel, event in (
            ("D1", post(1)),
            ("D1", post(2, thread_ts=ts(2))),
            ("D1", post(3, thread_ts=ts(1))),
            ("C1", post(4, user="U2", thread_ts=ts(0))),
        )
    )
    UNREADABLE = (b"", b"[]", b'{"event": null}', b'{"event": {"channel": "D1"}}', b"\xff")

    @pytest.mark.parametrize(
        ("channel", "root", "expected"),
        [
            ("D1", None, {ts(1): "U1", ts(2): "U1"}),
            ("D1", ts(1), {ts(3): "U1"}),
            ("C1", ts(0), {ts(4): "U2"}),
            ("C1", None, {}),
        ],
    )
    def test_are_those_of_the_conversation(self, channel: str, root: str | None, expected: dict[str, str]) -> None:
        assert posts_among([*self.UNREADABLE, *self.RAWS], channel, root) == expected

    def test_tell_the_dm_they_came_from(self) -> None:
        assert dm_among([*self.UNREADABLE, *reversed(self.RAWS)]) == "D1"
        assert dm_among(self.RAWS[3:]) is None
