"""The live way of each message: received, stored, decided, queued, sent; read from traffic and the bot's log."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.app_manifest import MESSAGE_SHORTCUTS
from bot.sandbox.composer import decode
from bot.sandbox.model import Json
from bot.sandbox.traffic import Record, Traffic

StageName = Literal["received", "stored", "decided", "queued", "sent"]

KEEP = 300
DROPPED_AT_ONCE = 50
LOOK_BACK = 60
TEXT_SIZE = 300
_NUMBERS = re.compile(r"\d+")
_NO_WORD = re.compile(r"[\W_]+")
_TROUBLES = frozenset({"failed", "quarantined", "parked", "uncertain", "rate_limited", "paused"})


@dataclass
class Stage:
    """When a stage was reached, and what is worth saying about it."""

    at: float
    note: str = ""


@dataclass
class Journey:
    """What a person wrote, changed, commanded or clicked, and how far it has come."""

    number: int
    kind: str
    at: float
    user: str
    channel: str
    ts: str
    text: str
    stages: dict[str, Stage] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    """What holds it up now, by outbox row, or "" for the event itself."""
    past: str = ""
    """The last trouble that was overcome."""
    marks: list[str] = field(default_factory=list)
    rows: set[str] = field(default_factory=set)
    """The outbox rows that follow from it, as the bot's log tells; empty where nobody hands that over."""
    sent: set[str] = field(default_factory=set)
    posts: int = 0
    version: int = 0

    def to_json(self) -> Json:
        """The row as the page shows it."""
        return {
            "number": self.number,
            "kind": self.kind,
            "at": self.at,
            "user": self.user,
            "channel": self.channel,
            "ts": self.ts,
            "text": self.text,
            "stages": {name: {"at": stage.at, "note": stage.note} for name, stage in self.stages.items()},
            "trouble": "; ".join(dict.fromkeys(self.troubles.values())),
            "past": self.past,
            "marks": list(self.marks),
            "rows": len(self.rows),
            "sent": len(self.sent & self.rows),
            "posts": self.posts,
        }


class Journeys:
    """Follows the traffic when somebody looks; what nobody looks at costs nothing."""

    def __init__(self, traffic: Traffic) -> None:
        self.version = 0
        self._traffic = traffic
        self._read = 0
        self._count = 0
        self._by_key: OrderedDict[str, Journey] = OrderedDict()
        self._of_event: dict[Any, Journey] = {}
        self._of_envelope: dict[Any, Journey] = {}
        self._of_row: dict[Any, Journey] = {}
        self._copies: dict[Any, Journey] = {}
        """Where a message is shown: channel and ts of the copy."""

    def changed_since(self, version: int) -> list[Json]:
        """The rows that are new or changed, oldest first."""
        for record in self._traffic.since(self._read):
            self._read = record.seq + 1
            self._take(record)
        return [journey.to_json() for journey in self._by_key.values() if journey.version > version]

    def _take(self, record: Record) -> None:
        match record.direction:
            case "person":
                self._begin(record)
            case "to_bot" if record.what.startswith("envelope:"):
                self._handed_over(record)
            case "from_bot" if record.what == "ack":
                self._acknowledged(record)
            case "from_bot" if record.what.startswith("call:"):
                self._called(record, record.what.removeprefix("call:"))
            case "bot":
                self._logged(record)
            case "sandbox" if record.what in ("event_unacked", "event_lost", "ack_lost"):
                self._not_acknowledged(record)
            case _:
                pass

    # how it begins

    def _begin(self, record: Record) -> None:
        detail = record.detail
        where = f"{detail.get('channel')}:{detail.get('ts')}"
        match record.what:
            case "post" if "ts" in detail:
                files = "".join(f" [{name}]" for name in detail.get("files", ()))
                self._add(f"post:{where}", "message", record, f"{detail['text']}{files}")
            case "edit" if "edited_ts" in detail:
                self._add(f"edit:{where}:{detail['edited_ts']}", "edit", record, str(detail["text"]))
            case "delete":
                self._add(f"delete:{where}", "deletion", record, "")
            case "command" if "trigger_id" in detail:
                text = f"{detail['command']} {detail['text']}".strip()
                self._add(f"request:{detail['trigger_id']}", "command", record, text)
            case "click" if "trigger_id" in detail:
                self._add(f"request:{detail['trigger_id']}", "click", record, str(detail["action_id"]))
            case "shortcut" if "trigger_id" in detail:
                title = MESSAGE_SHORTCUTS.get(detail["callback_id"], detail["callback_id"])
                self._add(f"request:{detail['trigger_id']}", "shortcut", record, title)
            case "submit_view" if "trigger_id" in detail:
                self._add(f"request:{detail['trigger_id']}", "form", record, str(detail["title"]))
            case _:
                pass

    def _add(self, key: str, kind: str, record: Record, text: str) -> None:
        self._count += 1
        detail = record.detail
        journey = Journey(
            number=self._count,
            kind=kind,
            at=record.time,
            user=str(detail.get("user", "")),
            channel=str(detail.get("channel") or ""),
            ts=str(detail.get("ts") or ""),
            text=decode(text)[:TEXT_SIZE],
        )
        self._by_key[key] = journey
        if len(self._by_key) >= KEEP + DROPPED_AT_ONCE:
            self._forget(DROPPED_AT_ONCE)
        self._touch(journey)

    def _forget(self, count: int) -> None:
        """The oldest, and everything that leads to them."""
        last = [self._by_key.popitem(last=False)[1] for _ in range(count)][-1]
        for known in (self._of_event, self._of_envelope, self._of_row, self._copies):
            for key in [key for key, journey in known.items() if journey.number <= last.number]:
                del known[key]

    # Slack's side

    def _handed_over(self, record: Record) -> None:
        payload = record.detail["payload"]
        if record.what == "envelope:events_api":
            journey = self._by_key.get(_key_of_event(payload["event"]) or "")
            if journey is None:
                return
            self._of_event[payload["event_id"]] = journey
            attempt = int(record.detail.get("retry_attempt") or 0)
            self._reach(journey, "received", record.time, f"attempt {attempt + 1}" if attempt else "")
            return
        journey = self._by_key.get(f"request:{payload.get('trigger_id')}")
        if journey is not None:
            self._of_envelope[record.detail["envelope_id"]] = journey
            self._reach(journey, "received", record.time)

    def _acknowledged(self, record: Record) -> None:
        """The bot acknowledges an event only when it is on disk, a command when it is answered."""
        if journey := self._of_event.get(record.detail.get("event_id", "")):
            self._overcome(journey, "")
            self._reach(journey, "stored", record.time, "acknowledged")
        elif journey := self._of_envelope.get(record.detail["envelope_id"]):
            self._reach(journey, "sent", record.time, "answered")

    def _not_acknowledged(self, record: Record) -> None:
        journey = self._of_event.get(record.detail.get("event_id", ""))
        if journey is None:
            return
        again = record.detail.get("retry_in")
        said = "not acknowledged, " + ("given up" if again is None else f"again in {again:g} s")
        self._trouble(journey, "", said)

    # the bot's side

    def _logged(self, record: Record) -> None:
        detail = record.detail
        action = str(detail.get("action", ""))
        row = str(detail.get("row", ""))
        journey = self._by_key.get(str(detail.get("item", ""))) or self._of_row.get(row)
        if journey is None:
            return
        if action == "received":
            self._reach(journey, "stored", record.time)
        elif action == "decided":
            self._reach(journey, "decided", record.time)
            for queued in _NUMBERS.findall(str(detail.get("rows", ""))):  # the log writes a list as text
                journey.rows.add(queued)
                self._of_row[queued] = journey
                self._reach(journey, "queued", record.time)
        elif action == "sent":
            self._overcome(journey, row)
            self._row_sent(journey, row, record.time)
        elif action in _TROUBLES:
            said = f"{action.replace('_', ' ')}: {detail.get('error') or detail.get('event') or ''}"
            self._trouble(journey, row, said.rstrip(": "))

    def _row_sent(self, journey: Journey, row: str, at: float) -> None:
        """It is sent once all that follows from it is. Where the rows are not known, with the first post."""
        journey.sent.add(row)
        self._touch(journey)
        if journey.rows <= journey.sent:
            self._reach(journey, "sent", at)

    def _called(self, record: Record, method: str) -> None:
        args, answer = record.detail.get("args", {}), record.detail.get("answer", {})
        match method:
            case "chat.postMessage":
                self._posted(record, args, answer)
            case "chat.update" | "chat.delete":
                self._changed(record, args, answer)
            case "reactions.add" | "reactions.remove" if answer.get("ok"):
                if journey := self._by_key.get(f"post:{args.get('channel')}:{args.get('timestamp')}"):
                    others = [name for name in journey.marks if name != args["name"]]
                    journey.marks = [*others, str(args["name"])] if method == "reactions.add" else others
                    self._touch(journey)
            case _:
                pass

    def _posted(self, record: Record, args: Json, answer: Json) -> None:
        row = _outbox_id(args)
        journey = self._of_row.get(row) or self._written_in(args)
        if journey is None:
            return
        if row:
            self._of_row[row] = journey
        self._reach(journey, "queued", record.time)
        if answer.get("ok"):
            self._copies[answer["channel"], answer["ts"]] = journey
            journey.posts += 1
        self._outcome(journey, row, record, answer)

    def _changed(self, record: Record, args: Json, answer: Json) -> None:
        """A copy is changed: the newest change of what it is a copy of has arrived there."""
        original = self._copies.get((str(args.get("channel")), str(args.get("ts"))))
        if original is None:
            return
        for journey in reversed(self._by_key.values()):
            same = (journey.channel, journey.ts) == (original.channel, original.ts)
            if same and journey.kind in ("edit", "deletion"):
                self._reach(journey, "queued", record.time)
                self._outcome(journey, "", record, answer)
                return

    def _outcome(self, journey: Journey, row: str, record: Record, answer: Json) -> None:
        if answer.get("ok") and "decided" not in journey.stages:
            self._reach(journey, "decided", record.time, "concluded from what was sent")
        fault = record.detail.get("fault") or answer.get("error") or record.detail.get("status")
        if fault:
            said = f"Slack: {fault}".replace("lost_answer", "the answer was lost")
            self._trouble(journey, row, said)
        elif answer.get("ok"):
            self._overcome(journey, row)
            self._row_sent(journey, row, record.time)

    def _written_in(self, args: Json) -> Journey | None:
        """Whose words a post repeats. Without the bot's word for it this is how to tell, and nearly certain."""
        if not args.get("username"):
            return None  # notices and cards repeat nobody
        said = _words(str(args.get("text", "")))
        for journey in list(self._by_key.values())[-LOOK_BACK:]:
            if journey.kind == "message" and "sent" not in journey.stages and _words(journey.text) in said:
                return journey
        return None

    # inside

    def _reach(self, journey: Journey, stage: StageName, at: float, note: str = "") -> None:
        known = journey.stages.get(stage)
        if known is not None and not note:
            return
        journey.stages[stage] = Stage(known.at if known else at, note)
        self._touch(journey)

    def _trouble(self, journey: Journey, row: str, what: str) -> None:
        journey.troubles[row] = what
        self._touch(journey)

    def _overcome(self, journey: Journey, row: str) -> None:
        if row in journey.troubles:
            journey.past = journey.troubles.pop(row)
            self._touch(journey)

    def _touch(self, journey: Journey) -> None:
        self.version += 1
        journey.version = self.version


def _key_of_event(event: Json) -> str | None:
    """The key under which the bot keeps it, which is ours too."""
    channel = event.get("channel")
    match event.get("type"), event.get("subtype"):
        case "message", "message_changed":
            message = event["message"]
            if message.get("subtype") == "tombstone":
                return f"delete:{channel}:{message['ts']}"
            return f"edit:{channel}:{message['ts']}:{(message.get('edited') or {}).get('ts')}"
        case "message", "message_deleted":
            return f"delete:{channel}:{event['deleted_ts']}"
        case (("message" | "app_mention"), _):
            return f"post:{channel}:{event['ts']}"
        case _:
            return None


def _outbox_id(args: Json) -> str:
    metadata: Any = args.get("metadata")
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            return ""
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return str(payload.get("outbox_id", "")) if isinstance(payload, dict) else ""


def _words(text: str) -> str:
    """What is said, apart from form: comparable between what was typed and what was posted."""
    plain = _NO_WORD.sub(" ", decode(text)).strip().lower()
    return f" {plain} "
