"""The way of a message, told from what goes over the wire and from the lines of the bot's log."""

from typing import Any

import pytest

from bot.sandbox.bell import Bell
from bot.sandbox.journeys import DROPPED_AT_ONCE, KEEP, Journeys
from bot.sandbox.traffic import Traffic

DM, TS = "D0DANALEE1", "1.000001"
ITEM = f"post:{DM}:{TS}"


class World:
    """Says what happened, one second after the other."""

    def __init__(self) -> None:
        self.traffic = Traffic(Bell())
        self.journeys = Journeys(self.traffic)
        self.now = 0.0

    def person(self, verb: str, **detail: Any) -> None:
        self._add("person", verb, **detail)

    def wrote(self, text: str = "Where is it?", ts: str = TS) -> None:
        self.person("post", user="U0DANALEE1", channel=DM, text=text, ts=ts)

    def handed_over(self, ts: str = TS, attempt: int = 0) -> None:
        event = {"type": "message", "channel": DM, "ts": ts}
        payload = {"event_id": f"Ev{ts}", "event": event}
        self._add("to_bot", "envelope:events_api", envelope_id="e", retry_attempt=attempt, payload=payload)

    def acknowledged(self, ts: str = TS) -> None:
        self._add("from_bot", "ack", envelope_id="e", event_id=f"Ev{ts}")

    def unacknowledged(self, **more: Any) -> None:
        self._add("sandbox", "event_unacked", event_id=f"Ev{TS}", **more)

    def log(self, action: str, **fields: Any) -> None:
        self._add("bot", f"log:{action}", action=action, **fields)

    def called(self, method: str, args: dict[str, Any], **outcome: Any) -> None:
        self._add("from_bot", f"call:{method}", args=args, **outcome)

    def posted(self, row: int, ts: str = "2.000001", text: str = "", **outcome: Any) -> None:
        args = {"channel": "C1", "text": text, "metadata": {"event_payload": {"outbox_id": str(row)}}}
        answer = {"ok": True, "channel": "C1", "ts": ts}
        self.called("chat.postMessage", args, **({"answer": answer} | outcome))

    def only(self) -> dict[str, Any]:
        [journey] = self.journeys.changed_since(0)
        return journey

    def stages(self) -> dict[str, float]:
        return {name: stage["at"] for name, stage in self.only()["stages"].items()}

    def _add(self, direction: Any, what: str, **detail: Any) -> None:
        self.traffic.add(self.now, direction, what, **detail)
        self.now += 1


@pytest.fixture
def world() -> World:
    return World()


def test_every_stage_has_its_time(world: World) -> None:
    world.wrote()
    world.handed_over()
    world.log("received", item=ITEM)
    world.acknowledged()
    world.log("decided", item=ITEM, rows=[7, 8])
    world.posted(7)
    assert world.stages() == {"received": 1, "stored": 2, "decided": 4, "queued": 4}
    assert (world.only()["sent"], world.only()["rows"]) == (1, 2)
    world.posted(8, "2.000002")
    assert world.stages()["sent"] == 6
    assert world.only()["sent"] == 2


def test_rows_are_read_as_the_log_writes_them(world: World) -> None:
    world.wrote()
    world.log("decided", item=ITEM, rows="[17, 18]")
    world.log("sent", row="17")
    assert (world.only()["sent"], world.only()["rows"]) == (1, 2)
    world.log("sent", row=18)
    assert "sent" in world.stages()


def test_nothing_is_queued_where_nothing_follows(world: World) -> None:
    world.wrote("// a note")
    world.log("decided", item=ITEM, rows=[])
    world.called("reactions.add", {"channel": DM, "timestamp": TS, "name": "hourglass"}, answer={"ok": True})
    world.called("reactions.remove", {"channel": DM, "timestamp": TS, "name": "hourglass"}, answer={"ok": True})
    world.called("reactions.add", {"channel": DM, "timestamp": TS, "name": "lock"}, answer={"ok": True})
    assert set(world.stages()) == {"decided"}
    assert world.only()["marks"] == ["lock"]


def test_without_the_bots_log_the_way_is_concluded_from_what_is_posted(world: World) -> None:
    world.wrote("Where is *it*?")
    args = {"channel": "C1", "text": "Dana Lee (customer): Where is it?", "username": "Dana Lee (customer)"}
    world.called("chat.postMessage", args, answer={"ok": True, "channel": "C1", "ts": "2.000001"})
    assert set(world.stages()) == {"decided", "queued", "sent"}
    assert world.only()["stages"]["decided"]["note"] == "concluded from what was sent"


def test_a_notice_repeats_nobody(world: World) -> None:
    world.wrote("case")
    world.called("chat.postMessage", {"channel": DM, "text": "Your case is CASE_001"}, answer={"ok": True})
    assert world.stages() == {}


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"answer": {}, "fault": "500"}, "Slack: 500"),
        ({"answer": {"ok": False, "error": "channel_not_found"}}, "Slack: channel_not_found"),
        ({"answer": {"ok": False}, "status": 429}, "Slack: 429"),
        ({"fault": "lost_answer"}, "Slack: the answer was lost"),
    ],
)
def test_what_slack_refuses_is_trouble_until_the_row_is_sent(
    world: World, outcome: dict[str, Any], said: str
) -> None:
    world.wrote()
    world.log("decided", item=ITEM, rows=[7, 8])
    world.posted(7, **outcome)
    world.posted(8, "2.000002")
    assert (world.only()["trouble"], world.only()["past"]) == (said, "")
    assert "sent" not in world.stages()
    world.log("sent", row=7)
    assert (world.only()["trouble"], world.only()["past"]) == ("", said)
    assert "sent" in world.stages()


def test_a_parked_row_stays_trouble(world: World) -> None:
    world.wrote()
    world.log("decided", item=ITEM, rows=[7])
    world.log("parked", row=7, error="user_not_found")
    world.log("sent", row=9)
    assert world.only()["trouble"] == "parked: user_not_found"
    assert "sent" not in world.stages()


def test_what_is_not_acknowledged_comes_again(world: World) -> None:
    world.wrote()
    world.handed_over()
    world.unacknowledged(retry_in=60.0)
    assert world.only()["trouble"] == "not acknowledged, again in 60 s"
    world.handed_over(attempt=1)
    world.acknowledged()
    journey = world.only()
    assert (journey["trouble"], journey["past"]) == ("", "not acknowledged, again in 60 s")
    assert journey["stages"]["received"] == {"at": 1, "note": "attempt 2"}
    world.unacknowledged()
    assert world.only()["trouble"] == "not acknowledged, given up"


def test_an_edit_is_sent_when_its_copy_is_changed(world: World) -> None:
    world.wrote()
    world.log("decided", item=ITEM, rows=[7])
    world.posted(7, "2.000001")
    world.person("edit", user="U0DANALEE1", channel=DM, ts=TS, text="Here it is", edited_ts="3.000001")
    event = {
        "type": "message",
        "subtype": "message_changed",
        "channel": DM,
        "message": {"ts": TS, "edited": {"ts": "3.000001"}},
    }
    envelope = {"envelope_id": "e2", "payload": {"event_id": "Ev2", "event": event}}
    world.traffic.add(10.0, "to_bot", "envelope:events_api", **envelope)
    world.called("chat.update", {"channel": "C1", "ts": "9.9"}, answer={"ok": True})
    world.called("chat.update", {"channel": "C1", "ts": "2.000001"}, answer={"ok": True})
    _, edit = world.journeys.changed_since(0)
    assert (edit["kind"], edit["text"], list(edit["stages"])) == (
        "edit",
        "Here it is",
        ["received", "queued", "decided", "sent"],
    )


@pytest.mark.parametrize(
    ("verb", "detail", "kind", "text"),
    [
        ("command", {"command": "/case", "text": "status"}, "command", "/case status"),
        ("click", {"action_id": "acknowledge"}, "click", "acknowledge"),
        ("shortcut", {"callback_id": "case_from_message"}, "shortcut", "Open a case from this message"),
        ("submit_view", {"title": "New case"}, "form", "New case"),
    ],
)
def test_requests_are_answered(world: World, verb: str, detail: dict[str, Any], kind: str, text: str) -> None:
    world.person(verb, user="U0ADAADM01", trigger_id="1.2", **detail)
    world.traffic.add(5.0, "to_bot", "envelope:interactive", envelope_id="e", payload={"trigger_id": "1.2"})
    world.log("decided", item="request:1.2", rows=[])
    world.traffic.add(6.0, "from_bot", "ack", envelope_id="e", payload=None)
    journey = world.only()
    assert (journey["kind"], journey["text"]) == (kind, text)
    assert list(journey["stages"]) == ["received", "decided", "sent"]


def test_only_what_changed_is_told_and_the_oldest_is_forgotten(world: World) -> None:
    for number in range(KEEP + DROPPED_AT_ONCE):
        world.wrote(ts=f"1.{number:06}")
        world.handed_over(ts=f"1.{number:06}")
    assert len(world.journeys.changed_since(0)) == KEEP
    version = world.journeys.version
    assert world.journeys.changed_since(version) == []
    world.acknowledged(ts="1.000000")  # forgotten
    world.acknowledged(ts=f"1.{KEEP:06}")
    assert [journey["ts"] for journey in world.journeys.changed_since(version)] == [f"1.{KEEP:06}"]
