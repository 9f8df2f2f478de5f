"""What admins ask for by command, button or form: judged, and applied to the case it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.desk.effects import Reply, ReplyKind
from bot.desk.events import (
    Acknowledged,
    AdminAnswered,
    AdminBegan,
    Closed,
    CustomerWrote,
    EscalationRequested,
    Event,
    Reopened,
)
from bot.desk.model import File, FileTrouble, Person, PostRef, ReplyTo, Written
from bot.desk.rules import is_note
from bot.text.safe import is_blank
from storage import alerts, cases, messages, post_changes
from storage.erasures import is_pseudonym

from .batch_state import Batch
from .filing_rows import Slot
from .intake import FOR_A_MAIL, Verb
from .mail_requests import block_customer, decide_mail
from .prepare import (
    Addressee,
    AskedFor,
)


def decide_request(batch: Batch, what: AskedFor) -> tuple[Reply, Slot | None]:
    """Rights first: who is no admin learns nothing, not even whether the case exists."""
    request = what.request
    if not what.by.is_admin:
        return Reply(ReplyKind.NOT_ALLOWED), None
    if request.verb is Verb.ACKNOWLEDGE:
        return _acknowledge(batch, what)
    if what.addressee is not None:
        return _for_a_person(batch, what, what.addressee)
    if request.verb in FOR_A_MAIL:
        return decide_mail(batch, what)
    slot = batch.by_case.get(request.case_id)
    if slot is None or is_pseudonym(slot.case.customer):  # erased: nobody is there to reopen it for
        return Reply(ReplyKind.NOT_FOUND, request.case_id), None
    if request.verb is Verb.BLOCK:
        return block_customer(batch, what, slot), slot
    event: Event | None
    match request.verb:
        case Verb.CLOSE:
            event = _closed(what)
        case Verb.ESCALATE:
            event = EscalationRequested(what.at, what.by, request.text, request.once)
        case Verb.REOPEN:
            event = Reopened(what.at, what.by, _newer_open(batch, slot))
        case Verb.REOPEN_AND_SEND:
            event = _reopen_and_send(batch, slot, what)
        case _:
            raise ValueError(f"{request.verb} is about no case")
    if event is None:
        return Reply(ReplyKind.NOT_FOUND, slot.case.case_id), slot
    reply = batch.apply(slot, event)
    return reply or Reply(ReplyKind.NOT_FOUND, slot.case.case_id), slot


def _closed(what: AskedFor) -> Closed:
    """Closed quietly, the customer gets nothing: a form that asks for both is not taken."""
    request = what.request
    has_words = not request.quiet and not is_blank(request.text)
    return Closed(
        what.at,
        what.by,
        request.quiet,
        last_words=Written(request.text, request.text) if has_words else None,
        seen=datetime.fromisoformat(request.seen) if request.seen else None,
    )


def _for_a_person(batch: Batch, what: AskedFor, addressee: Addressee) -> tuple[Reply, Slot | None]:
    """Begin a case with an admin's message, or with one that its author wrote elsewhere."""
    person = addressee.person
    if addressee.refused is not None:
        return Reply(addressee.refused, name=person.name), None
    slot = batch.current.get(person.id)
    to_their_dm = ReplyTo(person.id)
    if addressee.ref is None:
        reply = batch.apply(slot, AdminBegan(what.at, what.by, person, addressee.written, to_their_dm))
        return reply or Reply(ReplyKind.NOT_FOUND), batch.current.get(person.id)
    if known := _case_with(batch, addressee.ref):
        return Reply(ReplyKind.IN_A_CASE_ALREADY, known), None
    kind = ReplyKind.JOINED if slot is not None and slot.case.is_open else ReplyKind.TAKEN_UP
    batch.apply(
        slot,
        # When it was taken up, not when it was written: the case waits since it is the desk's.
        CustomerWrote(what.at, person, addressee.written, addressee.ref, to_their_dm, taken_up_by=what.by),
    )
    return Reply(kind), batch.current.get(person.id)


def _case_with(batch: Batch, ref: PostRef) -> str | None:
    """The case that a message is in already."""
    stored = messages.find_message(batch.connection, ref.channel, ref.ts)
    if stored is not None:
        return stored.case_id
    pending = batch.filing.slot_of(ref)
    return pending.case.case_id if pending is not None else None


def _newer_open(batch: Batch, slot: Slot) -> str | None:
    current = batch.current.get(slot.case.customer)
    return current.case.case_id if current is not None and current is not slot and current.case.is_open else None


def _reopen_and_send(batch: Batch, slot: Slot, what: AskedFor) -> Event | None:
    channel, ts = what.request.post
    change = post_changes.of_posts(batch.connection, [(channel, ts)]).get((channel, ts))
    held = cases.find_event(batch.connection, slot.case.case_id, "AdminAnswered", channel, ts)
    if held is None or "held" not in held["data"]:
        return None
    if messages.find_message(batch.connection, channel, ts) is not None:
        return Reopened(what.at, what.by, _newer_open(batch, slot))  # it was sent before: only reopen
    post = held["data"]["held"]
    if change is not None and (change.text is None or is_note(change.text)):
        return Reopened(what.at, what.by, _newer_open(batch, slot))  # it was taken back, or shall stay inside
    answer = AdminAnswered(
        at=what.at,
        by=Person(post["author"], post["name"], is_admin=True),
        written=Written(
            change.text or "" if change is not None else post["text"],
            "",
            tuple(_kept_file(file) for file in post["files"]),
        ),
        ref=PostRef(channel, ts, post["thread_ts"]),
    )
    return Reopened(what.at, what.by, _newer_open(batch, slot), batch.followed(slot, answer))


def _kept_file(values: dict[str, Any] | str) -> File:
    if isinstance(values, str):  # held before files travelled: nothing but its name was kept
        return File("", values, trouble=FileTrouble.UNREADABLE)
    return File(**(values | {"trouble": FileTrouble(values["trouble"]) if values["trouble"] else None}))


def _acknowledge(batch: Batch, what: AskedFor) -> tuple[Reply, Slot | None]:
    """One click acknowledges every alert that the post shows and that still stands."""
    on_post = alerts.alerts_on(batch.connection, what.request.target)
    if not on_post:
        return Reply(ReplyKind.NOT_FOUND), None
    replies = [
        (batch.apply(slot, Acknowledged(what.at, what.by)), slot)
        for alert in on_post
        if (slot := batch.by_case[alert.case_id]).case.alert_no == _number(alert.alert_key)
    ]
    acknowledged = [
        (reply, slot) for reply, slot in replies if reply is not None and reply.kind is ReplyKind.ACKNOWLEDGED
    ]
    if acknowledged:
        alerts.acknowledge_post(batch.connection, what.request.target, what.at, what.by.name)
        return acknowledged[0][0], acknowledged[0][1]
    if replies and replies[0][0] is not None:
        return replies[0][0], replies[0][1]
    return Reply(ReplyKind.ALREADY_ACKNOWLEDGED, on_post[0].case_id), None


def _number(alert_key: str) -> int:
    return int(alert_key.rpartition("/")[2])
