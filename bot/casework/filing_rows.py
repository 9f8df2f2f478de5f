"""Rows: what is filed, as the tables have it; and what filing is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.desk.effects import (
    AddUnderAlert,
    Effect,
    HoldPost,
    RaiseAlert,
    RecordMessage,
)
from bot.desk.events import CustomerWrote, Event, MailShown, MessageEdited, NoteWritten
from bot.desk.model import Case, LostFile, PostRef, Trigger
from bot.text.safe import clean, cut_bytes
from storage import cases
from storage.outbox import URGENT, NewRow
from storage.sql import Row

CUT_MARK = "\n… (cut here; the whole text is kept as an attachment)"
BODY_BYTES = 10 * 1024


@dataclass(frozen=True, slots=True)
class Channels:
    """The three channels, by id. They may be one."""

    support: str
    alerting: str
    logging: str


@dataclass(slots=True)
class Slot:
    """A case while a batch works on it; `before` is how it stood in the database."""

    case: Case
    before: Case | None
    thread: cases.CaseThread | None = None


def place(ref: PostRef) -> tuple[str, str]:
    return ref.channel, ref.ts


def operations_row(
    key: str, channels: Channels, kind: str, payload: dict[str, Any], case_id: str | None = None
) -> NewRow:
    """Something the people who run the desk must know, said in the alerting channel."""
    return NewRow(key, "operations", channels.alerting, kind, case_id, payload=payload, priority=URGENT)


def body_of(text: str) -> tuple[str, str | None]:
    """The body as it is kept, and the whole text where the body had to be cut."""
    text = clean(text)
    body, was_cut = cut_bytes(text, BODY_BYTES, CUT_MARK)
    return body, text if was_cut else None


def message_row(case_id: str, effect: RecordMessage, body: str) -> Row:
    return {
        "case_id": case_id,
        "sender": effect.author.id,
        "sender_name": effect.author.name,
        "is_admin": effect.is_answer,
        "body": body,
        "timestamp": effect.at,
        "source": effect.source.value,
        "channel": effect.ref.channel if effect.ref else None,
        "ts": effect.ref.ts if effect.ref else None,
        "thread_ts": effect.ref.thread_ts if effect.ref else None,
        "files": [file.name for file in effect.written.files],
        "delivery": ("sent" if effect.has_it else "queued") if effect.is_answer else None,
        "html": (effect.written.html or None) if effect.is_answer else None,
    }


def event_row(slot: Slot, event: Event, effects: Sequence[Effect], before: Mapping[tuple[str, str], str]) -> Row:
    ref: PostRef | None = getattr(event, "ref", None)
    by = getattr(event, "by", None) or getattr(event, "customer", None)
    data: dict[str, Any] = {"effects": [type(effect).__name__ for effect in effects]}
    if isinstance(event, NoteWritten):
        data["text"] = clean(event.written.text)
    if isinstance(event, CustomerWrote) and event.taken_up_by is not None:
        data["taken_up_by"] = event.taken_up_by.id
    if isinstance(event, MailShown):
        data |= {"notice": event.notice.value, "sender": event.sender, "subject": event.subject}
    if isinstance(event, MessageEdited):
        data["text"] = body_of(event.text)[0]
        data["before"] = before.get(place(event.ref))
    for effect in effects:
        if isinstance(effect, HoldPost):
            data["held"] = {
                "author": effect.author.id,
                "name": effect.author.name,
                "text": clean(effect.written.text),
                "files": [asdict(file) for file in effect.written.files],
                "thread_ts": effect.ref.thread_ts,
            }
        if isinstance(effect, RaiseAlert | AddUnderAlert):
            data["trigger"] = trigger_data(effect.trigger)
    return {
        "case_id": slot.case.case_id,
        "kind": type(event).__name__,
        "at": event.at,
        "actor": by.id if by is not None else "",
        "channel": ref.channel if ref else None,
        "ts": ref.ts if ref else None,
        "data": data,
    }


def names_of_files(files: Sequence[LostFile]) -> str:
    """Several files of one post may fail one after the other: each is told of."""
    return "".join(f":{file.id}" for file in files)


def trigger_data(trigger: Trigger) -> dict[str, Any]:
    return asdict(trigger)
