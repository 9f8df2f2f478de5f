"""Which of Slack's events become items, under which key, and about whom."""

from typing import Any

import pytest

from bot.casework.intake import (
    ItemKind,
    Request,
    Verb,
    mention_item,
    message_item,
    read_request,
    request_item,
    take_up_request,
)
from storage.inbox import About
from tests.casework.kit import ADA, after, body, deletion, dm, edit, reply, ts

THREAD = About(thread=("CSUP", "10.000001"))
POST = reply(5, "10.000001", "Hi")
IN_CHANNEL = body(channel="CSUP", channel_type="channel", user="U1", text="Hi", ts=ts(5))


def of(event: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return body(**{**event["event"], **changed})


def changed(before: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A `message_changed` that nobody's edit has caused."""
    event = before["event"]
    return body(
        subtype="message_changed",
        channel=event["channel"],
        channel_type=event["channel_type"],
        message=event | more,
        previous_message=event,
        ts=ts(9),
    )


class TestWritten:
    @pytest.mark.parametrize(
        ("event", "about"),
        [
            pytest.param(dm(5), About(customer="U1"), id="a DM"),
            pytest.param(dm(5, subtype="file_share"), About(customer="U1"), id="a DM with a file"),
            pytest.param(dm(5, subtype="me_message"), About(customer="U1"), id="/me"),
            pytest.param(dm(5, thread_ts=ts(1)), About(customer="U1"), id="in a thread of the DM"),
            pytest.param(POST, THREAD, id="a reply"),
            pytest.param(of(POST, subtype="thread_broadcast"), THREAD, id="a reply shown in the channel too"),
            pytest.param(of(POST, channel_type="group"), THREAD, id="a reply in a private channel"),
        ],
    )
    def test_is_an_item_under_its_place(self, event: dict[str, Any], about: About) -> None:
        item = message_item(event)
        assert item is not None
        channel = event["event"]["channel"]
        assert (item.key, item.kind, item.about, item.at) == (
            f"post:{channel}:{ts(5)}",
            ItemKind.MESSAGE,
            about,
            after(5),
        )

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param(IN_CHANNEL, id="chatter in a channel"),
            pytest.param(of(POST, thread_ts=ts(5)), id="the root of a thread"),
            pytest.param(of(dm(5), channel="G1", channel_type="mpim"), id="an mpim"),
            pytest.param(of(POST, channel_type="mpim"), id="a reply in an mpim"),
            pytest.param(dm(5, bot_id="B1"), id="a bot's"),
            pytest.param(dm(5, subtype="bot_message"), id="a bot's without a user"),
            pytest.param(of(dm(5), user="USLACKBOT"), id="Slackbot's"),
            pytest.param(of(dm(5), user=None), id="nobody's"),
            pytest.param(dm(5, hidden=True), id="hidden"),
            *(
                pytest.param(of(POST, subtype=name), id=name)
                for name in (
                    "channel_join",
                    "channel_leave",
                    "channel_topic",
                    "channel_archive",
                    "group_join",
                    "message_replied",
                    "pinned_item",
                    "ekm_access_denied",
                    "reminder_add",
                    "assistant_app_thread",
                    "something_new",
                )
            ),
        ],
    )
    def test_what_no_case_is_made_of_is_none(self, event: dict[str, Any]) -> None:
        assert message_item(event) is None

    def test_one_gesture_under_two_places_has_one_twin_key(self) -> None:
        one, two = (message_item(dm(seconds, client_msg_id="m1")) for seconds in (5, 6))
        other = message_item(dm(7, "Other words", client_msg_id="m1"))
        assert one.twin_key == two.twin_key != other.twin_key
        assert message_item(dm(5)).twin_key is None

    def test_the_twin_key_stands_lone_surrogates(self) -> None:
        assert message_item(dm(5, "\ud800", client_msg_id="m1")).twin_key is not None


class TestChanged:
    def test_an_edit_is_named_by_its_own_moment(self) -> None:
        item = message_item(edit(dm(5), "Better", 8))
        assert (item.key, item.kind, item.at) == (f"edit:DU1:{ts(5)}:{ts(8)}", ItemKind.EDIT, after(8))
        assert item.about == About(customer="U1")
        assert message_item(edit(POST, "Better", 8)).about == THREAD

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param(changed(dm(5), attachments=[{"text": "unfurled"}]), id="an unfurl"),
            pytest.param(changed(dm(5, edited={"ts": ts(6)}), attachments=[{}]), id="an unfurl after an edit"),
            pytest.param(changed(POST, reply_count=3), id="thread bookkeeping"),
            pytest.param(edit(dm(5, bot_id="B1"), "x", 8), id="a bot's edit"),
            pytest.param(edit(IN_CHANNEL, "x", 8), id="an edit of chatter"),
            pytest.param(
                body(subtype="message_changed", channel="D1", channel_type="im", ts=ts(8)), id="of nothing"
            ),
        ],
    )
    def test_what_is_no_edit_of_a_persons_is_none(self, event: dict[str, Any]) -> None:
        assert message_item(event) is None


class TestDeleted:
    def test_a_deletion_is_named_by_the_post(self) -> None:
        item = message_item(deletion(dm(5), 9))
        assert (item.key, item.kind, item.at) == (f"delete:DU1:{ts(5)}", ItemKind.DELETION, after(9))

    def test_a_tombstone_is_the_same_deletion(self) -> None:
        event = changed(POST, subtype="tombstone", user="USLACKBOT", text="This message was deleted.")
        assert message_item(event).key == message_item(deletion(POST, 9)).key

    @pytest.mark.parametrize("more", [{}, {"thread_ts": ts(5)}])
    def test_that_of_an_apps_root_may_be_a_cards(self, more: dict[str, Any]) -> None:
        item = message_item(deletion(of(IN_CHANNEL, bot_id="B1", **more), 9))
        assert (item.kind, item.about) == (ItemKind.DELETION, About(thread=("CSUP", ts(5))))

    @pytest.mark.parametrize(
        "before", [dm(5, bot_id="B1"), IN_CHANNEL, of(dm(5), user="USLACKBOT"), of(POST, bot_id="B1")]
    )
    def test_other_deletions_are_none(self, before: dict[str, Any]) -> None:
        assert message_item(deletion(before, 9)) is None

    def test_a_deletion_that_shows_nothing_of_the_post_is_none(self) -> None:
        event = body(subtype="message_deleted", channel="D1", channel_type="im", deleted_ts=ts(5), ts=ts(9))
        assert message_item(event) is None


class TestMention:
    def test_is_an_item_in_the_lane_of_who_mentions(self) -> None:
        item = mention_item(body(channel="CSUP", user=ADA, text="<@UBOT>", ts=ts(5)))
        assert (item.key, item.kind, item.about) == (f"mention:CSUP:{ts(5)}", ItemKind.MENTION, About(person=ADA))

    @pytest.mark.parametrize("more", [{"bot_id": "B1"}, {"edited": {"ts": ts(6)}}, {"user": None}])
    def test_a_bots_or_an_edited_one_is_none(self, more: dict[str, Any]) -> None:
        assert mention_item(body(**({"channel": "CSUP", "user": ADA, "text": "", "ts": ts(5)} | more))) is None


class TestRequest:
    @pytest.mark.parametrize(
        ("request_", "about"),
        [
            (Request(Verb.CLOSE, ADA, "CASE_001", quiet=True), About(case_id="CASE_001", person=ADA)),
            (Request(Verb.ESCALATE, ADA, "CASE_001", "why"), About(case_id="CASE_001", person=ADA)),
            (Request(Verb.ACKNOWLEDGE, ADA, "list:7"), About(alert_key="list:7", person=ADA)),
            (Request(Verb.REOPEN_AND_SEND, ADA, "CASE_001|C|1.1"), About(case_id="CASE_001", person=ADA)),
        ],
    )
    def test_goes_to_the_case_it_names_and_can_be_read_back(self, request_: Request, about: About) -> None:
        item = request_item(request_, "gesture", after(5))
        assert (item.key, item.about, item.at) == ("request:gesture", about, after(5))
        assert read_request(item.raw) == request_

    def test_a_post_to_send_after_all_is_named_in_the_target(self) -> None:
        assert Request(Verb.REOPEN_AND_SEND, ADA, "CASE_001|C|1.1").post == ("C", "1.1")
        with pytest.raises(ValueError, match="not enough values"):
            _ = Request(Verb.REOPEN_AND_SEND, ADA, "CASE_001").post


def shortcut(**message: Any) -> dict[str, Any]:
    """A message shortcut of Ada's on what U1 wrote in some channel."""
    written = {"type": "message", "user": "U1", "text": "Hi", "ts": ts(5), "team": "T1", "reactions": []}
    return {"user": {"id": ADA}, "channel": {"id": "CCHAT"}, "message": written | message}


class TestTakenUp:
    def test_the_message_is_kept_with_its_place_and_no_more(self) -> None:
        request_ = take_up_request(shortcut(thread_ts=ts(1), files=[{"name": "a.png"}]))
        assert request_ is not None
        assert (request_.verb, request_.user, request_.target) == (Verb.TAKE_UP, ADA, "U1")
        assert request_.message == {
            "channel": "CCHAT",
            "ts": ts(5),
            "thread_ts": ts(1),
            "text": "Hi",
            "files": [{"name": "a.png"}],
        }

    def test_it_goes_into_its_authors_lane_and_comes_out_as_it_went_in(self) -> None:
        request_ = take_up_request(shortcut())
        assert request_ is not None
        item = request_item(request_, "gesture", after(5))
        assert item.about == About(customer="U1")
        assert read_request(item.raw) == request_

    @pytest.mark.parametrize(
        "message",
        [
            {"bot_id": "B1"},
            {"user": "USLACKBOT"},
            {"user": None},
            {"subtype": "channel_join"},
            {"subtype": "bot_message"},
            {"subtype": "tombstone"},
        ],
    )
    def test_what_nobody_wrote_is_not_taken_up(self, message: dict[str, Any]) -> None:
        assert take_up_request(shortcut(**message)) is None
