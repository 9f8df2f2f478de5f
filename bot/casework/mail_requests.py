"""What an admin decides of a mail that no case has taken, and of a customer who shall not write any more."""

from __future__ import annotations

from bot.desk.effects import Reply, ReplyKind
from bot.desk.model import Source
from storage import held_mails, mail_people
from storage.held_mails import HeldMail, State

from .batch_state import Batch
from .filing_rows import Slot
from .intake import Verb
from .mail_holding import show_again
from .mail_judging import customer_wrote
from .prepare import AskedFor


def decide_mail(batch: Batch, what: AskedFor) -> tuple[Reply, Slot | None]:
    """The first who decides is the one; who comes second is told of that."""
    held = held_mails.lock(batch.connection, what.request.held_id)
    if held is None:
        return Reply(ReplyKind.MAIL_GONE), None
    if not held.is_undecided:
        return Reply(ReplyKind.MAIL_DECIDED, held.decided_case_id or "", by=held.decided_by), None
    match what.request.verb:
        case Verb.SET_MAIL_ASIDE:
            _decided(batch, held, "set_aside", what)
            return Reply(ReplyKind.MAIL_SET_ASIDE), None
        case Verb.BLOCK_MAIL if held.sender:
            mail_people.block(batch.connection, held.sender, what.by.name, batch.now)
            _decided(batch, held, "blocked", what)
            return Reply(ReplyKind.MAIL_BLOCKED, name=held.sender), None
        case Verb.ACCEPT_MAIL if held.sender:
            return _accept(batch, what, held)
        case Verb.OPEN_MAIL if held.sender:
            return _open(batch, what, held)
    return Reply(ReplyKind.MAIL_NO_SENDER), None


def block_customer(batch: Batch, what: AskedFor, slot: Slot) -> Reply:
    """Block who the case is for: what they write from now on is listed, and opens nothing."""
    case = slot.case
    if case.source is not Source.EMAIL:
        return Reply(ReplyKind.NOT_BY_MAIL, case.case_id)
    new = mail_people.block(batch.connection, case.customer, what.by.name, batch.now)
    kind = ReplyKind.ADDRESS_BLOCKED if new else ReplyKind.ADDRESS_BLOCKED_ALREADY
    return Reply(kind, case.case_id, name=case.customer)


def _accept(batch: Batch, what: AskedFor, held: HeldMail) -> tuple[Reply, Slot | None]:
    slot = batch.by_case.get(held.case_id or "")
    if slot is None or what.mail is None:
        return Reply(ReplyKind.MAIL_GONE), None
    case = slot.case
    if not case.is_open:
        return Reply(ReplyKind.CASE_CLOSED, case.case_id), slot
    if held.sender != case.customer:
        mail_people.add_participant(batch.connection, case.case_id, held.sender, what.by.name, batch.now)
    customer_wrote(batch, slot, what.mail, by_request=True)
    _decided(batch, held, "accepted", what, slot)
    return Reply(ReplyKind.MAIL_ACCEPTED, case.case_id), slot


def _open(batch: Batch, what: AskedFor, held: HeldMail) -> tuple[Reply, Slot | None]:
    """A new case for its sender, or the open one that the sender has by now."""
    if what.mail is None:
        return Reply(ReplyKind.MAIL_GONE), None
    slot = customer_wrote(batch, batch.current.get(held.sender), what.mail, by_request=True)
    _decided(batch, held, "opened", what, slot)
    return Reply(ReplyKind.MAIL_OPENED), slot


def _decided(batch: Batch, held: HeldMail, state: State, what: AskedFor, slot: Slot | None = None) -> None:
    held_mails.decide(batch.connection, held.id, state, what.by.name, batch.now)

    def name_the_case() -> None:
        if slot is not None:
            case_id = slot.case.case_id
            held_mails.decide(batch.connection, held.id, state, what.by.name, batch.now, case_id)

    batch.filing.afterwards.append(name_the_case)
    show_again(batch, held.post_key)
