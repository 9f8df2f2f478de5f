"""A customer, two admins, their posts, and cases as events leave them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from bot.desk.decide import Decision, decide
from bot.desk.effects import Effect, RecordMessage, ThreadNotice
from bot.desk.effects import SayInThread as Said
from bot.desk.events import (
    Acknowledged,
    AdminAnswered,
    AdminBegan,
    BystanderPosted,
    Closed,
    CustomerWrote,
    DeliveryFailed,
    EscalationRequested,
    Event,
    FileFailed,
    MessageDeleted,
    MessageEdited,
    NoteWritten,
    Reopened,
    TimeCame,
)
from bot.desk.model import Case, File, FileTrouble, LostFile, Person, PostRef, ReplyTo, Written
from bot.desk.policy import Policy

E = TypeVar("E")

DANA = Person("UDANA", "Dana Lee")
ADA = Person("UADA", "Ada Admin", is_admin=True)
GRACE = Person("UGRACE", "Grace Admin", is_admin=True)
BOB = Person("UBOB", "Bob from next door")

DM = ReplyTo("DDANA")
POLICY = Policy()
START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
PHRASE = "I'm closing this case."

_stamps = count(1)


def at(minutes: float = 0, *, hours: float = 0, seconds: float = 0) -> datetime:
    return START + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def post(channel: str = "CSUPPORT") -> PostRef:
    """A place nothing else stands at."""
    return PostRef(channel, f"1769860800.{next(_stamps):06}", "1769860800.000000")


def file(name: str, **more: Any) -> File:
    return File(f"F{name}", name, **more)


def words(
    text: str, typed: str | None = None, files: tuple[File | str, ...] = (), mention: str | None = None
) -> Written:
    came = tuple(file(one) if isinstance(one, str) else one for one in files)
    return Written(text, text if typed is None else typed, came, mention)


# What can happen


def wrote(
    when: datetime, text: str = "Where is my order?", *, reply_to: ReplyTo = DM, files: tuple[File | str, ...] = ()
) -> CustomerWrote:
    return CustomerWrote(when, DANA, words(text, files=files), post("DDANA"), reply_to)


def answered(when: datetime, text: str = "On its way.", *, by: Person = ADA, **more: Any) -> AdminAnswered:
    files: tuple[File | str, ...] = more.pop("files", ())
    return AdminAnswered(when, by, words(text, files=files), post(), **more)


def answered_closing(when: datetime, **more: Any) -> AdminAnswered:
    return answered(when, f"All done. {PHRASE}", closes=True, **more)


def noted(when: datetime, text: str = "// a strange customer", *, closes: bool = False) -> NoteWritten:
    return NoteWritten(when, ADA, words(text), post(), closes)


def bystander_posted(when: datetime) -> BystanderPosted:
    return BystanderPosted(when, BOB, post())


def taken_up(when: datetime, text: str = "The printer is broken") -> CustomerWrote:
    """What Dana wrote in some channel."""
    return CustomerWrote(when, DANA, words(text), post("CCHATTER"), ReplyTo(DANA.id), taken_up_by=ADA)


def began(when: datetime, text: str = "Your order arrives today") -> AdminBegan:
    return AdminBegan(when, ADA, DANA, words(text), ReplyTo(DANA.id))


def closed(
    when: datetime,
    *,
    by: Person = ADA,
    quiet: bool = False,
    last_words: str | None = None,
    seen: datetime | None = None,
) -> Closed:
    return Closed(when, by, quiet, words(last_words) if last_words is not None else None, seen)


def reopened(when: datetime, *, newer_open: str | None = None, send: AdminAnswered | None = None) -> Reopened:
    return Reopened(when, GRACE, newer_open, send)


def escalation_requested(when: datetime, why: str = "VIP", *, once: bool = False) -> EscalationRequested:
    return EscalationRequested(when, GRACE, why, once)


def acknowledged(when: datetime, by: Person = GRACE) -> Acknowledged:
    return Acknowledged(when, by)


def time_came(when: datetime) -> TimeCame:
    return TimeCame(when)


def edited(when: datetime, ref: PostRef, text: str) -> MessageEdited:
    return MessageEdited(when, ref, text)


def deleted(when: datetime, ref: PostRef) -> MessageDeleted:
    return MessageDeleted(when, ref)


def delivery_failed(when: datetime, reason: str = "the customer's account is deactivated") -> DeliveryFailed:
    return DeliveryFailed(when, 7, post(), ADA.id, reason)


def file_failed(
    when: datetime,
    trouble: FileTrouble = FileTrouble.REFUSED,
    *,
    is_answer: bool = True,
    nothing_arrived: bool = False,
) -> FileFailed:
    lost = LostFile("Fa.png", "a.png", trouble)
    reply_to = None if is_answer else ReplyTo("DDANA", "1769860801.000000")
    author = ADA.id if is_answer else DANA.id
    return FileFailed(when, 1, post(), author, lost, is_answer, nothing_arrived, reply_to)


# What comes of it


def decided(case: Case | None, event: Event, policy: Policy = POLICY, now: datetime | None = None) -> Decision:
    return decide(case, event, policy, now or event.at)


def after(*events: Event, policy: Policy = POLICY, case: Case | None = None) -> Case:
    """The case as these events leave it, each processed when it happened."""
    for event in events:
        case = decided(case, event, policy).case
        if case is not None and case.case_id == "":
            case = _stored(case)
    assert case is not None
    return case


def _stored(case: Case) -> Case:
    """As storage numbers it: the next number, no gaps."""
    before = int(case.previous_case_id.removeprefix("CASE_")) if case.previous_case_id else 0
    return replace(case, case_id=f"CASE_{before + 1:03}")


def of_kind(decision: Decision, kind: type[E]) -> list[E]:
    return [effect for effect in decision.effects if isinstance(effect, kind)]


def the(decision: Decision, kind: type[E]) -> E:
    """The one effect of its kind."""
    (effect,) = of_kind(decision, kind)
    return effect


def recorded(decision: Decision) -> RecordMessage:
    return the(decision, RecordMessage)


def notices(decision: Decision) -> list[ThreadNotice]:
    return [said.notice for said in of_kind(decision, Said)]


def kinds(effects: tuple[Effect, ...]) -> set[str]:
    return {type(effect).__name__ for effect in effects}
