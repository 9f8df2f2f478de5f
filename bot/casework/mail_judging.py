"""A mail becomes an event of a case, or is kept aside."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from bot.canary.token import KEY_NAME, is_signed, token_in
from bot.desk.effects import ThreadNotice
from bot.desk.events import AdminAnswered, AnswerBounced, CustomerWrote, MailShown
from bot.desk.mail_rules import (
    Answers,
    CameBack,
    Dropped,
    Held,
    Joins,
    Listed,
    Place,
    ShownBeside,
    ShownToAll,
    WhyHeld,
    bare_subject,
)
from bot.desk.model import Person, Source
from bot.desk.rules import detect_closure_phrase, is_note, quote
from bot.text.safe import clean
from storage import canaries, correspondence, mail_people, mail_tallies, messages
from storage.inbox import Done
from storage.secrets import secret

from .batch_state import Batch
from .filing_rows import Slot, operations_row
from .mail_holding import keep_aside, kept_aside
from .mail_prepare import Mail, mail_facts

HOUR = timedelta(hours=1)


def judge_mail(batch: Batch, item_id: int, mail: Mail, place: Place) -> tuple[Done, Slot | None]:
    slot: Slot | None
    match place:
        case Dropped():
            _heed_canary(batch, mail)
            return Done(item_id, "ignored", facts=mail_facts(mail) | {"place": "Dropped"}), None
        case Joins():
            slot = _slot_for(batch, mail, place.case_id)
            if _opens(slot, mail) and not mail.is_backfilled and not _may_open(batch, mail):
                return judge_mail(batch, item_id, mail, Held(WhyHeld.TOO_MANY))
            slot = customer_wrote(batch, slot, mail)
        case Answers(case_id):
            slot = batch.by_case[case_id]
            if not mail_people.use_once(batch.connection, mail.parsed.message_id, batch.now):
                return judge_mail(batch, item_id, mail, Held(WhyHeld.USED_ADMIN_MAIL, case_id))
            _answer(batch, slot, mail)
        case ShownBeside(case_id):
            slot = batch.by_case[case_id]
            _show(batch, slot, mail, ThreadNotice.MACHINE_MAIL)
        case CameBack():
            slot = batch.by_case[place.returned.case_id]
            _came_back(batch, slot, mail, place)
        case Held() | Listed() | ShownToAll():
            keep_aside(batch, mail, place)
            return kept_aside(mail, place, item_id), None
        case _:
            assert_never(place)
    return Done(item_id, facts=mail_facts(mail) | {"place": type(place).__name__}), slot


def customer_wrote(batch: Batch, slot: Slot | None, mail: Mail, by_request: bool = False) -> Slot | None:
    """Put the mail into that case, or a new one of its sender's; `by_request`: an admin decided so just now."""
    subject = shown_subject(batch, slot, mail)
    quietly = mail.is_backfilled or mail.parsed.machine is not None
    person = Person(mail.address, mail.name or batch.names.get(mail.address) or mail.address)
    before = len(batch.slots)
    batch.apply(
        slot,
        CustomerWrote(
            # What an admin let in waits since it is the desk's.
            batch.now if by_request else mail.at,
            person,
            mail.written(subject, history_is_known=_goes_on(slot, mail)),
            mail.ref,
            None,
            Source.EMAIL,
            letter=mail.letter(subject),
            quietly=quietly,
        ),
    )
    if len(batch.slots) > before:
        mail_tallies.add(batch.connection, "case", mail.address, batch.now)
        return batch.slots[-1]
    return slot


def shown_subject(batch: Batch, slot: Slot | None, mail: Mail) -> str:
    """The subject where it says something new: of a case's first mail, or a changed one."""
    subject = " ".join(clean(mail.parsed.subject).split())
    if slot is None or _opens(slot, mail):
        return subject
    known = batch.filing.subjects_of(slot)
    if case_id := slot.case.case_id:
        if case_id not in batch.subjects:
            batch.subjects[case_id] = correspondence.subjects_of_case(batch.connection, case_id)
        known += batch.subjects[case_id]
    bare = bare_subject(subject)
    return "" if not bare or bare in {bare_subject(one) for one in known} else subject


def _heed_canary(batch: Batch, mail: Mail) -> None:
    """Among our own mail that comes round to us may be the one that was to tell whether mail arrives."""
    token = token_in(mail.parsed.subject)
    if token is not None and is_signed(secret(batch.connection, KEY_NAME), token):
        canaries.seen(batch.connection, token, batch.now)


def _slot_for(batch: Batch, mail: Mail, case_id: str | None) -> Slot | None:
    if case_id is not None:
        slot = batch.by_case.get(case_id)
        if slot is not None and slot.case.is_open:
            return slot
    return batch.current.get(mail.address)


def _opens(slot: Slot | None, mail: Mail) -> bool:
    """Whether the mail is the first of a new case."""
    if slot is None:
        return True
    closed_at = slot.case.closed_at
    return not slot.case.is_open and closed_at is not None and mail.at > closed_at


def _goes_on(slot: Slot | None, mail: Mail) -> bool:
    """Whether it answers a mail of its case: what it quotes stands in the thread already."""
    return not _opens(slot, mail) and bool(mail.parsed.references)


def _may_open(batch: Batch, mail: Mail) -> bool:
    limit = batch.desk.policy.mail.new_cases_per_hour
    if mail_tallies.count(batch.connection, "case", batch.now - HOUR) < limit:
        return True
    key = f"many_cases:{batch.now:%Y-%m-%dT%H}"
    batch.filing.add_row(operations_row(key, batch.desk.channels, "many_cases", {"limit": limit}))
    return False


def _answer(batch: Batch, slot: Slot, mail: Mail) -> None:
    words = clean(mail.parsed.new_words)
    case, policy = slot.case, batch.desk.policy
    if is_note(words):
        _show(batch, slot, mail, ThreadNotice.ADMIN_MAIL_NOTE)
        return
    if not case.is_open and case.closed_at is not None and mail.at > case.closed_at:
        _show(batch, slot, mail, ThreadNotice.ADMIN_MAIL_CLOSED)
        return
    subject = shown_subject(batch, slot, mail)
    answer = AdminAnswered(
        mail.at,
        Person(mail.address, mail.name or mail.address, is_admin=True),
        mail.answer(),
        None,
        closes=detect_closure_phrase(words, policy.closure_phrase),
        letter=mail.letter(subject),
        has_it=case.customer in mail.recipients,
    )
    batch.apply(slot, batch.followed(slot, answer))


def _came_back(batch: Batch, slot: Slot, mail: Mail, place: CameBack) -> None:
    bounce = mail.parsed.bounce
    reason = " ".join(part for part in (bounce.status, bounce.diagnostic) if part) if bounce is not None else ""
    message = None
    if place.returned.message is not None:
        message = messages.load_message(batch.connection, place.returned.message)
    if not place.for_good:
        _show(batch, slot, mail, ThreadNotice.MAIL_DELAYED, reason)
    elif message is None or not message.is_admin or message.delivery == "failed" or message.id in batch.bounced:
        _show(batch, slot, mail, ThreadNotice.NOTICE_BOUNCED, reason)
    else:
        batch.bounced.add(message.id)
        batch.apply(slot, AnswerBounced(mail.at, message.id, message.ref, message.sender, reason))


def _show(batch: Batch, slot: Slot, mail: Mail, notice: ThreadNotice, detail: str = "") -> None:
    shown = MailShown(
        mail.at,
        notice,
        clean(mail.parsed.from_shown) or mail.address,
        clean(mail.parsed.subject),
        quote(clean(mail.parsed.new_words or mail.parsed.text)),
        mail.ref,
        detail,
    )
    batch.apply(slot, shown)
