"""One transaction's work on cases: load what items touch, decide in the order of writing, store it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import Connection

from bot.desk.effects import RecordMessage, Reply, ReplyKind
from bot.desk.events import (
    AdminAnswered,
    AnswerRecalled,
    CardDeleted,
    CustomerWrote,
    DeliveryFailed,
    DeliveryUnknown,
    Event,
    FileFailed,
    MessageDeleted,
    MessageEdited,
    TimeCame,
)
from bot.desk.mail_rules import Joins
from bot.desk.model import MAIL, FileTrouble, LostFile, PostRef, ReplyTo
from bot.desk.thread_posts import read_thread_post
from storage import alerts, attachments, cases, held_mails, inbox, messages, outbox
from storage.inbox import Done, Item
from storage.messages import Message
from storage.post_changes import PostChange

from .batch_state import Aim, Batch, Desk
from .filing import named
from .filing_rows import Slot
from .intake import FOR_A_MAIL, FOR_A_PERSON, Verb
from .mail_judging import judge_mail
from .mail_placing import Waits, case_ids_of, place_mails
from .mail_prepare import Mail
from .prepare import (
    Addressee,
    AskedFor,
    Deletion,
    Delivery,
    DirectMessage,
    Edit,
    Mention,
    Nobody,
    Prepared,
    ThreadPost,
)
from .requests import decide_request

CARD_SETTLES = timedelta(seconds=2)
LIST_OVER = 10


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of an item: its state, its case, the outbox rows that follow, and the messages it brought."""

    state: str
    case_id: str | None
    rows: tuple[int, ...]
    written: tuple[RecordMessage, ...]


def apply_items(
    connection: Connection,
    pairs: Sequence[tuple[Item, Prepared]],
    delayed: Mapping[str, datetime],
    desk: Desk,
    now: datetime,
) -> dict[str, Decided]:
    """Decide the prepared items in one transaction; what became of those that are done, by their keys.

    `delayed` are lanes of this round whose next item could not be prepared yet, and when to look again.
    """
    lanes = {item.lane for item, _ in pairs}
    locked = set(inbox.lock_lanes(connection, sorted(lanes | set(delayed))))
    waiting = inbox.still_waiting(connection, [item.id for item, _ in pairs])
    pairs = sorted(
        ((item, what) for item, what in pairs if item.lane in locked and item.id in waiting),
        key=lambda pair: (pair[0].at, pair[0].id),
    )
    batch = Batch(connection, desk, now)
    aims = _aims(connection, [what for _, what in pairs], desk, now)
    batch.names = _names(connection, pairs)
    batch.load(_writers(pairs, aims, batch.names), {case_id for aim in aims for case_id in aim.case_ids})
    batch.learn_changes(what.ref for _, what in pairs if isinstance(what, DirectMessage | ThreadPost))

    done: list[Done] = []
    later = dict(delayed)
    held_back: set[str] = set()
    slots: dict[int, Slot | None] = {}
    for (item, what), aim in zip(pairs, aims, strict=True):
        if item.lane in held_back:
            continue  # an earlier item of the lane waits: order holds
        batch.filing.item = item.key
        judged = _judge(batch, item, what, aim, tell_late=waiting[item.id])
        if judged is None:
            held_back.add(item.lane)
            later[item.lane] = now + CARD_SETTLES
            continue
        mark, slot = judged
        slots[item.id] = slot
        done.append(mark)
    batch.store()
    settled = [_settled(mark, slot) if (slot := slots[mark.id]) is not None else mark for mark in done]
    inbox.mark(connection, settled, now)
    inbox.rest_lanes(connection, sorted(locked), now, {lane: at for lane, at in later.items() if lane in locked})
    keys = {item.id: item.key for item, _ in pairs}
    filing = batch.filing
    return {
        key: Decided(mark.state, mark.case_id, filing.rows_of.get(key, ()), tuple(filing.written.get(key, ())))
        for mark in settled
        if (key := keys[mark.id])
    }


def _settled(mark: Done, slot: Slot) -> Done:
    """The mark with what is only known once cases have their numbers."""
    outcome = mark.outcome
    if outcome is not None:
        outcome = _outcome(named(read_outcome(outcome), slot))
    return replace(mark, case_id=slot.case.case_id, outcome=outcome)


def apply_due(connection: Connection, desk: Desk, now: datetime, limit: int) -> int:
    """Let time come to the cases that are due; how many there were. Each is judged under its lock."""
    due = cases.due_cases(connection, now, limit)
    if not due:
        return 0
    batch = Batch(connection, desk, now)
    batch.load((), due)
    for case_id in due:
        slot = batch.by_case.get(case_id)
        if slot is not None and slot.case.due_at is not None and slot.case.due_at < now:
            batch.apply(slot, TimeCame(now))
    batch.filing.gather_alerts(over=LIST_OVER)
    batch.store()
    return len(due)


def _writers(
    pairs: Sequence[tuple[Item, Prepared]], aims: Sequence[Aim], names: Mapping[str, str]
) -> list[cases.Customer]:
    writers = {}
    for (_, what), aim in zip(pairs, aims, strict=True):
        match what:
            case Mail() if isinstance(aim.place, Joins):
                writers[what.address] = _mail_customer(what, names)
            case AskedFor(by=by, mail=Mail() as mail) if by.is_admin and mail.address:
                writers[mail.address] = _mail_customer(mail, names)
            case DirectMessage(author=author, handle=handle) if not author.is_admin:
                writers[author.id] = cases.Customer(author.id, author.name, handle)
            case AskedFor(by=by, addressee=Addressee(person, handle, refused=None)) if by.is_admin:
                writers[person.id] = cases.Customer(person.id, person.name, handle)
    return list(writers.values())


def _mail_customer(mail: Mail, names: Mapping[str, str]) -> cases.Customer:
    return cases.Customer(mail.address, mail.name or names.get(mail.address) or mail.address)


def _names(connection: Connection, pairs: Sequence[tuple[Item, Prepared]]) -> dict[str, str]:
    """What those are called who write without a name this time."""
    mails = [what.mail if isinstance(what, AskedFor) else what for _, what in pairs]
    return cases.names_of(connection, [mail.address for mail in mails if isinstance(mail, Mail) and not mail.name])


def _aims(connection: Connection, prepared: Sequence[Prepared], desk: Desk, now: datetime) -> list[Aim]:
    threads = {
        (what.ref.channel, what.ref.thread_ts)
        for what in prepared
        if isinstance(what, ThreadPost | Mention) and what.ref.thread_ts is not None
    }
    posts = {(what.ref.channel, what.ref.ts) for what in prepared if isinstance(what, Edit | Deletion)}
    # What was edited or deleted may be a note in a case's thread, or the card itself.
    threads |= {(what.ref.channel, _thread_of(what.ref)) for what in prepared if isinstance(what, Edit | Deletion)}
    of_threads = cases.cases_of_threads(connection, threads)
    of_posts = messages.cases_of_posts(connection, posts)
    mails = [what for what in prepared if isinstance(what, Mail)]
    found = place_mails(connection, mails, desk.policy.mail, now)
    places = {mail.mail_id: place for mail, place in zip(mails, found, strict=True)}
    return [
        Aim(case_ids_of(places[what.mail_id]), places[what.mail_id])
        if isinstance(what, Mail)
        else _aim(connection, what, of_threads, of_posts)
        for what in prepared
    ]


def _aim(
    connection: Connection,
    what: Prepared,
    threads: Mapping[tuple[str, str], str],
    posts: Mapping[tuple[str, str], str],
) -> Aim:
    match what:
        case ThreadPost() | Mention():
            case_id = threads.get((what.ref.channel, what.ref.thread_ts or ""))
            return Aim((case_id,) if case_id is not None else ())
        case Edit() | Deletion():
            case_id = posts.get((what.ref.channel, what.ref.ts))
            case_id = case_id or threads.get((what.ref.channel, _thread_of(what.ref)))
            return Aim((case_id,) if case_id is not None else ())
        case AskedFor():
            if what.request.verb is Verb.ACKNOWLEDGE:
                on_post = alerts.alerts_on(connection, what.request.target)
                return Aim(tuple(alert.case_id for alert in on_post))
            if what.request.verb in FOR_A_PERSON:
                return Aim()
            if what.request.verb in FOR_A_MAIL:
                held = held_mails.find(connection, what.request.held_id)
                return Aim((held.case_id,) if held is not None and held.case_id is not None else ())
            return Aim((what.request.case_id,))
        case Delivery():
            return Aim((what.report.case_id,))
        case DirectMessage() | Nobody() | Mail():
            return Aim()
        case _:
            assert_never(what)


def _judge(
    batch: Batch, item: Item, what: Prepared, aim: Aim, *, tell_late: bool
) -> tuple[Done, Slot | None] | None:
    """Turn a prepared item into an event and apply it. None: it must wait until a card's place is known."""
    match what:
        case DirectMessage():
            if what.author.is_admin:
                batch.filing.hint_admin(what.ref)
                return Done(item.id, facts=_facts(what)), None
            change = batch.change_of(what.ref)
            if change is not None and change.text is None:
                return Done(item.id, "ignored", facts=_facts(what)), None  # deleted before it was known
            slot = batch.current.get(what.author.id)
            event = CustomerWrote(what.at, what.author, what.written, what.ref, what.reply_to)
            batch.apply(slot, event)
            slot = batch.current.get(what.author.id)
            _edit_at_once(batch, slot, what.ref, change)
            return Done(item.id, facts=_facts(what)), slot
        case ThreadPost():
            slot = batch.by_case.get(aim.case_id)
            if slot is None:
                if _may_be_a_case(batch.connection, what.ref):
                    return None
                return Done(item.id, "ignored", facts=_facts(what)), None
            change = batch.change_of(what.ref)
            if change is not None and change.text is None:
                return Done(item.id, "ignored", facts=_facts(what)), slot
            batch.apply(slot, _thread_event(batch, slot, what))
            _edit_at_once(batch, slot, what.ref, change)
            return Done(item.id, facts=_facts(what)), slot
        case Edit() | Deletion():
            return _change(batch, item, what, aim)
        case Mention():
            if not aim.case_ids and what.ref.channel == batch.desk.channels.support:
                batch.filing.help_in_channel(what.ref)
                return Done(item.id), None
            return Done(item.id, "ignored"), None
        case AskedFor():
            reply, slot = decide_request(batch, what)
            if tell_late:
                batch.filing.tell_late(item.key, what.by.id, reply, slot)
            return Done(item.id, outcome=_outcome(reply), facts={"by": what.by.name}), slot
        case Delivery():
            slot = batch.by_case[what.report.case_id]
            message = messages.load_message(batch.connection, what.report.message_id)
            if message is None:
                return Done(item.id, "ignored"), slot
            if what.report.attachment_id is not None:
                ref = message.ref or PostRef(MAIL, f"message:{message.id}")  # a mail not shown in the thread yet
                batch.apply(slot, _file_failed(batch.connection, what, message, ref))
            else:
                batch.apply(slot, _undelivered(batch.connection, slot, what, message))
            return Done(item.id), slot
        case Nobody():
            return Done(item.id, "ignored", facts={"user": what.user}), None
        case Mail():
            if aim.place is None or isinstance(aim.place, Waits):
                return None
            return judge_mail(batch, item.id, what, aim.place)
        case _:
            assert_never(what)


def _change(batch: Batch, item: Item, what: Edit | Deletion, aim: Aim) -> tuple[Done, Slot | None]:
    """Edited or deleted was a message, another post in a case's thread, its card, or what is not known (yet)."""
    slot = batch.by_case.get(aim.case_id) or batch.filing.slot_of(what.ref)
    if slot is None:
        batch.filing.note_change(what.ref, what.at, what.text if isinstance(what, Edit) else None)
        return Done(item.id, "ignored"), None
    event: Event
    if isinstance(what, Edit):
        event = MessageEdited(what.at, what.ref, what.text, what.html)
    elif slot.thread is not None and what.ref.thread_ts is None and what.ref.channel == slot.thread.channel:
        if what.ref.ts != slot.thread.thread_ts:
            return Done(item.id, "ignored"), slot  # an earlier card: the case has another by now
        event = CardDeleted(what.at, what.ref)
    else:
        event = MessageDeleted(what.at, what.ref)
    batch.apply(slot, event)
    return Done(item.id), slot


def _edit_at_once(batch: Batch, slot: Slot | None, ref: PostRef, change: PostChange | None) -> None:
    """What was edited before it was known is judged as it was written, and shown as it reads now."""
    if change is not None and change.text is not None and slot is not None:
        batch.apply(slot, MessageEdited(change.at, ref, change.text))


def _thread_of(ref: PostRef) -> str:
    """The root of the thread a post stands in, or begins."""
    return ref.thread_ts or ref.ts


def _undelivered(connection: Connection, slot: Slot, what: Delivery, message: Message) -> Event:
    about = (what.at, message.id, message.ref, message.sender)
    match what.report.outcome:
        case "failed":
            return DeliveryFailed(*about, what.report.reason)
        case "unknown":
            return DeliveryUnknown(*about, what.report.reason)
        case "recalled":
            after = slot.case.last_customer_at or message.timestamp
            answered = messages.is_answered_otherwise(connection, message.case_id, after, but=message.id)
            return AnswerRecalled(*about, answered)
        case _:
            assert_never(what.report.outcome)


def _file_failed(connection: Connection, what: Delivery, message: Message, ref: PostRef) -> FileFailed:
    report = what.report
    file = attachments.load_file(connection, report.attachment_id or 0)
    if file is None:
        raise ValueError(f"a report on an attachment that does not exist: {report.attachment_id}")
    fate = outbox.fate_of(connection, message.id)
    words_arrive = message.body.strip() != "" and not fate.words_parked
    return FileFailed(
        what.at,
        message.id,
        ref,
        message.sender,
        LostFile(file.source_id or str(file.id), file.name, FileTrouble(report.trouble), report.reason),
        is_answer=message.is_admin,
        nothing_arrived=not (words_arrive or fate.files_sent or fate.files_waiting or fate.mails_sent),
        reply_to=ReplyTo(ref.channel, ref.thread_ts) if not message.is_admin and ref.channel != MAIL else None,
    )


def _may_be_a_case(connection: Connection, ref: PostRef) -> bool:
    """Whether the thread is, or may yet turn out to be, a case's: its card was posted just now."""
    if inbox.has_unsettled_card(connection, ref.channel):
        return True
    # Asked again, since the card may have been settled between the first look and the one above.
    return bool(cases.cases_of_threads(connection, [(ref.channel, ref.thread_ts or "")]))


def _thread_event(batch: Batch, slot: Slot, what: ThreadPost) -> Event:
    event = read_thread_post(what.author, what.written, what.ref, what.at, slot.case.customer, batch.desk.policy)
    if isinstance(event, AdminAnswered):
        return batch.followed(slot, replace(event, has_it=what.was_sent))
    return event


def _outcome(reply: Reply) -> dict[str, Any]:
    return asdict(reply)


def read_outcome(values: Mapping[str, Any]) -> Reply:
    return Reply(**(dict(values) | {"kind": ReplyKind(values["kind"])}))


def _facts(what: DirectMessage | ThreadPost) -> dict[str, Any]:
    """What was looked up, as it was judged by: kept for whoever asks later why."""
    return {"author": asdict(what.author), "files": [file.name for file in what.written.files]}
