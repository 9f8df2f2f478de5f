"""Filing: what the desk decided, written down as messages, audit log, alerts, outbox rows and wishes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import Connection

from bot.desk.effects import (
    AddUnderAlert,
    AlertOfBounce,
    DeleteCopies,
    EditCopies,
    Effect,
    FailAnswer,
    HoldPost,
    LogClosing,
    Mark,
    MarkState,
    OpenThread,
    OpenThreadAgain,
    RaiseAlert,
    RecordMessage,
    RefreshAlert,
    RefreshCard,
    RemindOfAlert,
    Reply,
    SayClosed,
    SayFilesNotSent,
    SayInThread,
    SayReceived,
    SayTakenUp,
    ThreadNotice,
)
from bot.desk.events import Event, MessageEdited
from bot.desk.model import MAIL, PostRef, ReplyTo, Source
from bot.text.safe import clean, show, split_parts
from storage import alerts, attachments, cases, messages, outbox, post_changes, wishes
from storage.messages import Message
from storage.outbox import URGENT, NewRow
from storage.post_changes import PostChange
from storage.sql import Row
from storage.wishes import Wish

from .filing_rows import (
    Channels,
    Slot,
    body_of,
    event_row,
    message_row,
    names_of_files,
    operations_row,
    place,
    trigger_data,
)
from .mail_filing import AutoMails, Refusal, add_letters, beside_the_words

MARK_WAITING_AFTER = timedelta(seconds=2)
CARD_AFTER = timedelta(milliseconds=300)


@dataclass(slots=True)
class _Entry:
    slot: Slot
    effect: Effect
    item: str = ""
    message_id: int | None = None
    attachment_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Filing:
    """Collects while decisions are taken; `store` writes once the cases have their ids."""

    connection: Connection
    channels: Channels
    now: datetime
    _entries: list[_Entry] = field(default_factory=list)
    _events: list[tuple[Slot, Event, tuple[Effect, ...]]] = field(default_factory=list)
    _rows: list[NewRow] = field(default_factory=list)
    _wishes: list[Wish] = field(default_factory=list)
    _alert_rows: list[Row] = field(default_factory=list)
    _post_keys: dict[str, str] = field(default_factory=dict)
    _late: list[tuple[str, str, str, Reply, Slot | None]] = field(default_factory=list)
    _list_key: str | None = None
    auto_mails: AutoMails = field(default_factory=AutoMails)
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """Called once cases and messages are stored and have their ids."""
    item: str = ""
    """The key of the item that is being decided."""
    _keys_of: dict[str, list[str]] = field(default_factory=dict)
    rows_of: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Once stored: the outbox rows that followed from each item."""
    written: dict[str, list[RecordMessage]] = field(default_factory=dict)
    """The messages that each item brought."""

    def add(self, slot: Slot, event: Event, effects: tuple[Effect, ...]) -> None:
        self._events.append((slot, event, effects))
        self._entries.extend(_Entry(slot, effect, self.item) for effect in effects)
        for effect in effects:
            if isinstance(effect, RecordMessage):
                self.written.setdefault(self.item, []).append(effect)

    def customer_times_after(self, slot: Slot, after: datetime) -> list[datetime]:
        """When the customer wrote later than that moment, in what is not stored yet."""
        return [
            entry.effect.at
            for entry in self._entries
            if entry.slot is slot
            and isinstance(entry.effect, RecordMessage)
            and not entry.effect.is_answer
            and entry.effect.at > after
        ]

    def slot_of(self, ref: PostRef) -> Slot | None:
        """The case of a message that is not stored yet."""
        for entry in self._entries:
            written = entry.effect.ref if isinstance(entry.effect, RecordMessage) else None
            if written is not None and place(written) == place(ref):
                return entry.slot
        return None

    def subjects_of(self, slot: Slot) -> list[str]:
        """The subjects of the case's mails that are not stored yet."""
        return [
            entry.effect.letter.subject
            for entry in self._entries
            if entry.slot is slot and isinstance(entry.effect, RecordMessage) and entry.effect.letter is not None
        ]

    def add_row(self, row: NewRow) -> None:
        self._tell(row)

    def add_wish(self, wish: Wish) -> None:
        self._wishes.append(wish)

    def gather_alerts(self, over: int) -> None:
        """Show the alerts of this batch as one list if they are more than `over`."""
        raised = sum(isinstance(entry.effect, RaiseAlert) for entry in self._entries)
        if raised > over:
            self._list_key = f"list:{uuid.uuid4()}"
            # Their threads are not told one by one: the cards show it, and the channel stays readable.
            self._entries = [entry for entry in self._entries if not _tells_of_escalation(entry.effect)]

    def note_change(self, ref: PostRef, at: datetime, text: str | None) -> None:
        """Keep what a post that is no message of ours reads now (None: it was deleted)."""
        change = PostChange(at, clean(text) if text is not None else None)
        post_changes.note(self.connection, ref.channel, ref.ts, change)

    def hint_admin(self, ref: PostRef) -> None:
        """An admin's DM opens nothing; say so where it was written."""
        self._tell(
            NewRow(
                f"hint:{ref.channel}:{ref.ts}",
                f"dm:{ref.channel}",
                ref.channel,
                "admin_hint",
                payload={"thread_ts": ref.thread_ts},
            )
        )

    def help_in_channel(self, ref: PostRef) -> None:
        """Answer a mention, under the post that mentions."""
        self._tell(
            NewRow(
                f"help:{ref.channel}:{ref.ts}",
                f"help:{ref.channel}:{ref.ts}",
                ref.channel,
                "mention_help",
                payload={"thread_ts": ref.thread_ts or ref.ts},
            )
        )

    def tell_late(self, key: str, user: str, reply: Reply, slot: Slot | None) -> None:
        """Whoever asked has stopped waiting: send the outcome."""
        self._late.append((self.item, key, user, reply, slot))

    def _tell(self, row: NewRow, item: str | None = None) -> None:
        self._rows.append(row)
        self._keys_of.setdefault(item or self.item, []).append(row.dedupe_key)

    def store(self) -> None:
        for item, key, user, reply, slot in self._late:
            payload = {"reply": asdict(named(reply, slot))}
            self._tell(NewRow(f"late:{key}", f"late:{user}", user, "late_reply", payload=payload), item)
        self._store_messages()
        for do in self.afterwards:
            do()
        before = self._words_before_edits()
        cases.record_events(self.connection, [event_row(*entry, before) for entry in self._events])
        self._load_post_keys()
        for entry in self._entries:
            rows_before = len(self._rows)
            self._file(entry)
            self._keys_of.setdefault(entry.item, []).extend(row.dedupe_key for row in self._rows[rows_before:])
        alerts.add_alerts(self.connection, self._alert_rows)
        wishes.want(self.connection, self._wishes)
        item_of = {key: item for item, keys in self._keys_of.items() if item for key in keys}
        rows = [replace(row, item_key=item_of.get(row.dedupe_key)) for row in self._rows]
        added = outbox.enqueue(self.connection, rows, self.now)
        self.rows_of = {
            item: tuple(added[key] for key in keys if key in added) for item, keys in self._keys_of.items()
        }

    def _store_messages(self) -> None:
        recorded = [entry for entry in self._entries if isinstance(entry.effect, RecordMessage)]
        bodies = [
            body_of(entry.effect.written.text) for entry in recorded if isinstance(entry.effect, RecordMessage)
        ]
        rows = [
            message_row(entry.slot.case.case_id, entry.effect, body)
            for entry, (body, _) in zip(recorded, bodies, strict=True)
            if isinstance(entry.effect, RecordMessage)
        ]
        ids = messages.insert_messages(self.connection, rows)
        files = attachments.add_files(
            self.connection,
            {
                message_id: entry.effect.written.files
                for entry, message_id in zip(recorded, ids, strict=True)
                if isinstance(entry.effect, RecordMessage) and entry.effect.written.files
            },
        )
        whole_texts: dict[int, str] = {}
        for entry, message_id, (_, whole) in zip(recorded, ids, bodies, strict=True):
            entry.message_id = message_id
            entry.attachment_ids = files.get(message_id, [])
            if whole is not None:
                whole_texts[message_id] = whole
        messages.attach_whole_texts(self.connection, whole_texts)
        add_letters(
            self.connection,
            [
                (entry.slot.case.case_id, message_id, entry.effect)
                for entry, message_id in zip(recorded, ids, strict=True)
                if isinstance(entry.effect, RecordMessage)
            ],
        )

    def _words_before_edits(self) -> dict[tuple[str, str], str]:
        """What the messages said that are edited now: the audit log keeps it."""
        edited = [place(event.ref) for _, event, _ in self._events if isinstance(event, MessageEdited)]
        return messages.bodies_of_posts(self.connection, edited)

    def _load_post_keys(self) -> None:
        """Where the alerts stand that this batch adds to, reminds of or rewrites."""
        touched = {
            alerts.alert_key(entry.slot.case.case_id, entry.effect.alert_no)
            for entry in self._entries
            if isinstance(entry.effect, AddUnderAlert | RemindOfAlert | RefreshAlert)
        }
        self._post_keys = alerts.post_keys(self.connection, touched)

    def _file(self, entry: _Entry) -> None:
        slot, effect = entry.slot, entry.effect
        case_id = slot.case.case_id
        match effect:
            case OpenThread():
                self._in_thread(slot, "card", f"card:{case_id}")
                self._in_thread(slot, "thread_intro", f"intro:{case_id}")
            case OpenThreadAgain():
                place = effect.instead_of
                again = (case_id, place.channel, place.ts)
                self._rows += [outbox.new_card(*again), outbox.new_intro(*again)]
            case RefreshCard():
                self._wishes.append(wishes.card_wish(case_id, self.now + CARD_AFTER))
            case RecordMessage():
                self._pass_on(entry, effect)
            case SayReceived():
                self._to_customer(slot, effect.reply_to, "received", f"received:{case_id}")
            case SayTakenUp():
                about = {"by": effect.by, "quote": effect.quote}
                self._to_customer(slot, effect.reply_to, "taken_up", f"received:{case_id}", about)
            case SayFilesNotSent():
                key = f"files:{effect.ref.channel}:{effect.ref.ts}:{names_of_files(effect.files)}"
                payload = {"files": [asdict(file) for file in effect.files], "by_customer": effect.by_customer}
                self._to_customer(slot, effect.reply_to, "files_not_sent", key, payload)
            case SayClosed():
                self._to_customer(slot, effect.reply_to, "closed", f"closed:{case_id}:{slot.case.closings}")
            case RaiseAlert() | AddUnderAlert() | RemindOfAlert() | RefreshAlert():
                self._alert(slot, effect)
            case LogClosing():
                self._rows.append(
                    NewRow(
                        f"log:{case_id}:{effect.closing_no}",
                        "log",
                        self.channels.logging,
                        "log_line",
                        case_id,
                        payload={"at": effect.at.isoformat(), "by": effect.by},
                    )
                )
            case Mark():
                self._mark(effect)
            case SayInThread():
                self._say(slot, effect)
            case HoldPost():
                payload = {"author": effect.author.id, "channel": effect.ref.channel, "ts": effect.ref.ts}
                self._in_thread(slot, "held_post", f"held:{effect.ref.channel}:{effect.ref.ts}", payload)
            case EditCopies() | DeleteCopies():
                self._change_copies(slot, effect)
            case FailAnswer():
                messages.set_delivery(self.connection, effect.message_id, "failed", effect.reason)
                # It may have been posted in the thread since the desk decided: whoever comes second sees it.
                message = messages.load_message(self.connection, effect.message_id)
                if message is not None and message.ref is not None:
                    self._mark(Mark(message.ref, MarkState.FAILED))
            case AlertOfBounce():
                payload = {"to": effect.author, "reason": effect.reason}
                key = f"bounced:{effect.message_id}"
                self._rows.append(operations_row(key, self.channels, "bounced", payload, case_id))
            case _:
                assert_never(effect)

    def _pass_on(self, entry: _Entry, effect: RecordMessage) -> None:
        """A long text goes out as several posts, each a row of its own."""
        if effect.has_it and effect.letter is None:
            return  # its post in the thread was an answer before this desk was restored
        parts = len(split_parts(show(effect.written.text)))
        for part in range(1, parts + 1):
            payload: dict[str, Any] = {"part": part, "parts": parts}
            if effect.is_answer and effect.ref is None:
                key = f"form:{entry.message_id}:{part}"
                beside = beside_the_words(effect, part)
                self._in_thread(entry.slot, "form_post", key, payload | beside, entry.message_id)
            if effect.is_answer:
                if effect.reply_to is None:
                    if part == 1:
                        self._answer_by_mail(entry, effect)
                    continue
                payload |= {
                    "closing": effect.closing and part == parts,
                    "opening": effect.opening and part == parts,
                    "thread_ts": effect.reply_to.thread_ts,
                }
                self._rows.append(
                    NewRow(
                        f"answer:{entry.message_id}:{part}",
                        f"to:{entry.slot.case.customer}",
                        effect.reply_to.channel,
                        "answer",
                        entry.slot.case.case_id,
                        entry.message_id,
                        payload,
                        URGENT,
                    )
                )
            else:
                payload |= {"broadcast": effect.broadcast and part == 1, "late": effect.late}
                payload |= beside_the_words(effect, part)
                self._in_thread(
                    entry.slot, "mirror", f"mirror:{entry.message_id}:{part}", payload, entry.message_id
                )
        self._pass_files_on(entry, effect)

    def _answer_by_mail(self, entry: _Entry, effect: RecordMessage) -> None:
        """One mail, however long, with its files in it."""
        if not effect.has_it:
            payload = {"part": 1, "parts": 1, "closing": effect.closing}
            self._by_mail(entry.slot, "answer", f"answer:{entry.message_id}:1", entry.message_id, payload)

    def _pass_files_on(self, entry: _Entry, effect: RecordMessage) -> None:
        """Each file is a row of its own, on a way of its own: it follows the words, and holds up none."""
        thread = self._thread_channel(entry.slot)
        if not effect.is_answer:
            self._files_to(entry, effect, thread, "", {})
            return
        if effect.letter is not None:  # what an admin sent by mail is to be seen in the thread, too
            self._files_to(entry, effect, thread, ":thread", {})
        if effect.reply_to is not None:
            self._files_to(entry, effect, effect.reply_to.channel, "", {"thread_ts": effect.reply_to.thread_ts})

    def _files_to(
        self, entry: _Entry, effect: RecordMessage, channel: str, way: str, payload: dict[str, Any]
    ) -> None:
        for file, attachment_id in zip(effect.written.files, entry.attachment_ids, strict=True):
            if file.trouble is None:
                self._rows.append(
                    NewRow(
                        f"file:{attachment_id}{way}",
                        outbox.file_lane(entry.message_id or 0) + way,
                        outbox.FILES + channel,
                        "file",
                        entry.slot.case.case_id,
                        entry.message_id,
                        {"attachment_id": attachment_id, **payload},
                    )
                )

    def _thread_channel(self, slot: Slot) -> str:
        return slot.thread.channel if slot.thread else self.channels.support

    def _in_thread(
        self,
        slot: Slot,
        kind: str,
        key: str,
        payload: dict[str, Any] | None = None,
        message_id: int | None = None,
    ) -> None:
        destination, case_id = self._thread_channel(slot), slot.case.case_id
        self._rows.append(NewRow(key, f"thread:{case_id}", destination, kind, case_id, message_id, payload or {}))

    def _by_mail(
        self, slot: Slot, kind: str, key: str, message_id: int | None = None, payload: dict[str, Any] | None = None
    ) -> None:
        case = slot.case
        if case.source is Source.EMAIL:
            lane = f"{outbox.MAIL}:{case.customer}"
            self._rows.append(
                NewRow(key, lane, outbox.MAIL, kind, case.case_id, message_id, payload or {}, URGENT)
            )

    def _notice_by_mail(self, slot: Slot, kind: str, key: str, payload: dict[str, Any] | None) -> None:
        """Unless that would be too many: two systems that answer each other would never end."""
        case = slot.case
        if case.source is not Source.EMAIL:
            return
        refusal = self.auto_mails.refusal(self.connection, case.customer, self.now)
        if refusal is None:
            self._by_mail(slot, kind, key, payload=payload)
            return
        notice = ThreadNotice.NOTICE_NOT_SENT
        self._say(slot, SayInThread(notice, self.now, detail=refusal.value, by=kind))
        if refusal is Refusal.TOTAL:
            hour = f"too_many_automatic:{self.now:%Y-%m-%dT%H}"
            limit = {"limit": self.auto_mails.policy.auto_limit_total}
            self._rows.append(operations_row(hour, self.channels, "many_automatic", limit))

    def _to_customer(
        self, slot: Slot, reply_to: ReplyTo | None, kind: str, key: str, payload: dict[str, Any] | None = None
    ) -> None:
        if reply_to is None:
            self._notice_by_mail(slot, kind, key, payload)
            return
        self._rows.append(
            NewRow(
                key,
                f"to:{slot.case.customer}",
                reply_to.channel,
                kind,
                slot.case.case_id,
                payload={"thread_ts": reply_to.thread_ts, **(payload or {})},
                priority=URGENT,
            )
        )

    def _say(self, slot: Slot, effect: SayInThread) -> None:
        about = f"{effect.about.channel}:{effect.about.ts}" if effect.about else effect.at.isoformat()
        payload = {
            "notice": effect.notice.value,
            "at": effect.at.isoformat(),
            "to": effect.to,
            "by": effect.by,
            "detail": effect.detail,
            "trigger": trigger_data(effect.trigger) if effect.trigger else None,
            "and_to": effect.and_to,
            "files": [asdict(file) for file in effect.files],
            "quote": effect.quote,
        }
        if effect.notice is ThreadNotice.TAKEN_UP and effect.about is not None:
            payload["about"] = asdict(effect.about)
        if effect.notice is ThreadNotice.EDIT_TOO_LATE:
            about += f":{effect.at.isoformat()}"  # each edit is told of
        key = f"notice:{slot.case.case_id}:{effect.notice.value}:{about}{names_of_files(effect.files)}"
        self._in_thread(slot, "thread_notice", key, payload)

    def _mark(self, effect: Mark) -> None:
        delay = MARK_WAITING_AFTER if effect.state is MarkState.WAITING else timedelta(0)
        ref = effect.ref
        if ref.channel == MAIL:
            return  # a mail carries no reaction
        self._wishes.append(wishes.mark_wish(ref.channel, ref.ts, effect.state.value, self.now + delay))

    def _change_copies(self, slot: Slot, effect: EditCopies | DeleteCopies) -> None:
        message = messages.find_message(self.connection, effect.ref.channel, effect.ref.ts)
        if message is None:
            # A note, a post that is held back, or one that arrives later: what becomes of it is known then.
            self.note_change(effect.ref, effect.at, effect.text if isinstance(effect, EditCopies) else None)
            return
        if message.is_admin and slot.case.source is Source.EMAIL:
            message = messages.lock_message(self.connection, message.id) or message
            if outbox.has_left(self.connection, message.id):
                self._say_too_late(slot, message, effect)
                return
        if isinstance(effect, EditCopies):
            body, whole = body_of(effect.text)
            if not messages.edit_message(self.connection, message.id, body, whole, effect.at, effect.html):
                return
        else:
            messages.delete_message(self.connection, message.id, effect.at)
        self._wishes.append(wishes.copies_wish(message.id, message.case_id, self.now))
        # The card previews the first message.
        self._wishes.append(wishes.card_wish(message.case_id, self.now + CARD_AFTER))

    def _say_too_late(self, slot: Slot, message: Message, effect: EditCopies | DeleteCopies) -> None:
        """The case keeps what the customer has."""
        if isinstance(effect, EditCopies) and body_of(effect.text)[0] == message.body:
            return
        notice = ThreadNotice.EDIT_TOO_LATE if isinstance(effect, EditCopies) else ThreadNotice.DELETION_TOO_LATE
        self._say(slot, SayInThread(notice, effect.at, to=message.sender, about=effect.ref))

    def _alert(self, slot: Slot, effect: RaiseAlert | AddUnderAlert | RemindOfAlert | RefreshAlert) -> None:
        case_id = slot.case.case_id
        key = alerts.alert_key(case_id, effect.alert_no)
        match effect:
            case RaiseAlert():
                post_key = self._list_key or key
                self._post_keys[key] = post_key
                data = {
                    "trigger": trigger_data(effect.trigger),
                    "waiting_since": effect.waiting_since.isoformat() if effect.waiting_since else None,
                    "quiet_since": effect.quiet_since.isoformat(),
                }
                self._alert_rows.append(
                    {
                        "alert_key": key,
                        "case_id": case_id,
                        "post_key": post_key,
                        "raised_at": self.now,
                        "data": data,
                    }
                )
                self._under_alert(post_key, "alert", f"alert:{post_key}", None if self._list_key else case_id)
            case AddUnderAlert():
                payload = {"trigger": trigger_data(effect.trigger), "last": effect.last}
                row_key = f"addition:{key}:{effect.addition_no}"
                self._under_alert(self._post_key(key), "alert_addition", row_key, case_id, payload)
            case RemindOfAlert():
                row_key = f"reminder:{key}:{effect.at.isoformat()}"
                self._under_alert(self._post_key(key), "alert_reminder", row_key, case_id)
            case RefreshAlert():
                # An earlier alert may never have been acknowledged: once the case is closed none asks any more.
                earlier = [] if slot.case.is_open else alerts.posts_of(self.connection, case_id)
                for post_key in sorted({self._post_key(key), *earlier}):
                    self._wishes.append(wishes.alert_wish(post_key, self.now))
            case _:
                assert_never(effect)

    def _under_alert(
        self, post_key: str, kind: str, key: str, case_id: str | None, payload: dict[str, Any] | None = None
    ) -> None:
        row = NewRow(
            key,
            f"alert:{post_key}",
            self.channels.alerting,
            kind,
            case_id,
            payload={"post_key": post_key, **(payload or {})},
            priority=URGENT,
        )
        if all(row.dedupe_key != known.dedupe_key for known in self._rows if kind == "alert"):
            self._rows.append(row)

    def _post_key(self, key: str) -> str:
        return self._post_keys.get(key, key)


def named(reply: Reply, slot: Slot | None) -> Reply:
    """The reply with the case's id, which a new case did not have when it was decided."""
    return replace(reply, case_id=slot.case.case_id) if slot is not None and not reply.case_id else reply


def _tells_of_escalation(effect: Effect) -> bool:
    return isinstance(effect, SayInThread) and effect.notice is ThreadNotice.ESCALATED
