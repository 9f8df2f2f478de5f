"""decide(): what becomes of a case when something happens, and what the outside must be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import assert_never

from .alerting import acknowledged_since_alert, escalate, still_waiting, with_silence_clock
from .effects import (
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
    RecordMessage,
    RefreshAlert,
    RefreshCard,
    RemindOfAlert,
    Reply,
    ReplyKind,
    SayClosed,
    SayInThread,
    SayReceived,
    SayTakenUp,
    ThreadNotice,
)
from .events import (
    Acknowledged,
    AdminAnswered,
    AdminBegan,
    AnswerBounced,
    AnswerRecalled,
    BystanderPosted,
    CardDeleted,
    Closed,
    CustomerWrote,
    DeliveryFailed,
    DeliveryUnknown,
    EscalationRequested,
    Event,
    FileFailed,
    MailShown,
    MessageDeleted,
    MessageEdited,
    NoteWritten,
    Reopened,
    TimeCame,
)
from .files import judge_files, lost_files, tell_of_lost_files
from .mail import bounce_told, mail_shown
from .model import Case, CaseStatus, Person, ReplyTo, Source, Trigger, TriggerKind, Written, mail_ref
from .policy import Policy, SilenceClock
from .rules import quote, should_escalate_case


@dataclass(frozen=True, slots=True)
class Decision:
    """The case as it is now, what to tell the outside, and what to tell whoever asked."""

    case: Case | None
    effects: tuple[Effect, ...] = ()
    reply: Reply | None = None


def decide(case: Case | None, event: Event, policy: Policy, now: datetime) -> Decision:
    """Judge one event. `case` is the customer's open case, else the one closed last, else None.

    Only a customer's message, or an admin who writes first, can open a case: every other event without a case
    changes nothing.
    """
    if isinstance(event, CustomerWrote):
        return _customer_wrote(case, event, policy, now)
    if isinstance(event, AdminBegan):
        return _admin_began(case, event, policy)
    if case is None:
        return Decision(None, reply=Reply(ReplyKind.NOT_FOUND))
    match event:
        case AdminAnswered():
            return _admin_answered(case, event, policy)
        case NoteWritten():
            return _note_written(case, event)
        case BystanderPosted():
            return Decision(case, (Mark(event.ref, MarkState.NOT_SENT),))
        case Closed():
            return _closed(case, event, policy)
        case Reopened():
            return _reopened(case, event, policy)
        case EscalationRequested():
            return _escalation_requested(case, event, policy, now)
        case Acknowledged():
            return _acknowledged(case, event, policy)
        case TimeCame():
            return _time_came(case, policy, now)
        case MessageEdited():
            return Decision(case, (EditCopies(event.ref, event.at, event.text, event.html),))
        case MessageDeleted():
            return Decision(case, (DeleteCopies(event.ref, event.at),))
        case CardDeleted():
            return Decision(case, (OpenThreadAgain(event.ref),))
        case DeliveryFailed():
            return _delivery_failed(case, event, policy)
        case DeliveryUnknown():
            said = SayInThread(
                ThreadNotice.DELIVERY_UNKNOWN, event.at, to=event.author, detail=event.reason, about=event.ref
            )
            return Decision(case, (said, RefreshCard()))
        case AnswerRecalled():
            return _answer_recalled(case, event, policy)
        case FileFailed():
            return _file_failed(case, event, policy)
        case AnswerBounced():
            case = still_waiting(case, policy) if case.is_open else case
            return Decision(case, bounce_told(case, event))
        case MailShown():
            return Decision(case, mail_shown(event))
        case _:
            assert_never(event)


def _customer_wrote(case: Case | None, event: CustomerWrote, policy: Policy, now: datetime) -> Decision:
    effects: list[Effect] = []
    late = reopens = False
    if case is None or (not case.is_open and _after_closing(event.at, case)):
        case = _new_case(event.customer, event.at, event.reply_to, event.source, previous=case)
        effects.append(OpenThread())
        if policy.say_received and not event.quietly:
            effects.append(_received(event))
    else:
        if not case.is_open:
            reopens = True
            case = _open_again(case, event.at, policy)
            effects.append(SayInThread(ThreadNotice.REOPENED_BY_LATE_MESSAGE, event.at, about=event.ref))
            effects.extend(_alert_as_it_is(case))
        late = event.at < case.last_message_at
    if event.taken_up_by is not None:
        by = event.taken_up_by.name
        effects.append(SayInThread(ThreadNotice.TAKEN_UP, event.at, by=by, about=event.ref))

    counts_as_unanswered = case.last_answer_at is None or event.at > case.last_answer_at
    broadcast = reopens or case.last_answer_at is None or case.waiting_since is None or not counts_as_unanswered
    written_last = case.last_customer_at is None or event.at >= case.last_customer_at
    merged = (
        case.unanswered > 0
        and case.last_customer_at is not None
        and abs(event.at - case.last_customer_at) < policy.followup_merge
    )
    follow_up = counts_as_unanswered and not merged
    waiting_since = case.waiting_since
    if counts_as_unanswered:
        waiting_since = min(waiting_since, event.at) if waiting_since else event.at
    case = replace(
        case,
        message_count=case.message_count + 1,
        last_message_at=max(case.last_message_at, event.at),
        last_customer_at=max(case.last_customer_at or event.at, event.at),
        unanswered=case.unanswered + (1 if follow_up else 0),
        waiting_since=waiting_since,
        reply_to=event.reply_to
        if written_last and _moves_the_reply(case, event)
        else case.reply_to or event.reply_to,
    )
    case = with_silence_clock(case, policy, not_before=now if event.quietly else None)
    written = judge_files(event.written, policy)
    effects.append(
        RecordMessage(
            at=event.at,
            author=event.customer,
            written=written,
            ref=event.ref,
            source=event.source,
            is_answer=False,
            broadcast=broadcast,
            late=late,
            letter=event.letter,
        )
    )
    by_mail = event.letter is not None and not event.quietly
    effects.extend(
        tell_of_lost_files(lost_files(written), event.at, event.ref, reply_to=event.reply_to, by_mail=by_mail)
    )
    trigger = should_escalate_case(case, policy, now, event.written.typed, follow_up)
    if trigger is not None and not event.quietly:
        case, more = escalate(case, trigger, policy, now)
        effects.extend(more)
    effects.append(RefreshCard())
    return Decision(case, tuple(effects))


def _moves_the_reply(case: Case, event: CustomerWrote) -> bool:
    """Answers go where the customer wrote to the desk: not where something was taken up from, nor to others."""
    return event.taken_up_by is None and event.customer.id == case.customer


def _received(event: CustomerWrote) -> SayReceived | SayTakenUp:
    if event.taken_up_by is None:
        return SayReceived(event.reply_to)
    return SayTakenUp(event.reply_to, event.taken_up_by.name, quote(event.written.text))


def _admin_began(case: Case | None, event: AdminBegan, policy: Policy) -> Decision:
    if case is not None and case.is_open:
        return Decision(case, reply=Reply(ReplyKind.HAS_OPEN_CASE, case.case_id, name=event.customer.name))
    case = _new_case(event.customer, event.at, event.reply_to, Source.SLACK, previous=case)
    case = _with_answer(case, event.at, event.by, (), policy)
    begun = SayInThread(ThreadNotice.BEGUN, event.at, by=event.by.name)
    words = _given_in_a_form(case, event.at, event.by, event.written, opening=True)
    return Decision(case, (OpenThread(), begun, words, RefreshCard()), Reply(ReplyKind.BEGUN))


def _given_in_a_form(
    case: Case, at: datetime, by: Person, written: Written, *, closing: bool = False, opening: bool = False
) -> RecordMessage:
    return RecordMessage(
        at=at,
        author=by,
        written=written,
        ref=None,
        source=Source.SLACK,
        is_answer=True,
        closing=closing,
        opening=opening,
        reply_to=case.reply_to,
    )


def _admin_answered(case: Case, event: AdminAnswered, policy: Policy) -> Decision:
    if not case.is_open and _after_closing(event.at, case):
        if event.ref is None:
            return Decision(case)
        held = HoldPost(event.at, event.by, event.written, event.ref)
        return Decision(case, (Mark(event.ref, MarkState.NOT_SENT), held))
    effects: list[Effect] = []
    written = judge_files(event.written, policy)
    lost = lost_files(written)
    if written.text.strip() != "" or len(lost) < len(written.files):
        at_once = _answered_at_once(case, event, policy)
        case = _with_answer(case, event.at, event.by, event.followed_by, policy)
        closing = event.closes and case.is_open and not event.followed_by
        if event.ref is not None:
            effects.append(Mark(event.ref, MarkState.SENT if event.has_it else MarkState.WAITING))
        effects.append(
            RecordMessage(
                at=event.at,
                author=event.by,
                written=written,
                ref=event.ref,
                source=Source.SLACK if event.letter is None else Source.EMAIL,
                is_answer=True,
                closing=closing,
                reply_to=case.reply_to,
                has_it=event.has_it,
                letter=event.letter,
            )
        )
        effects.extend(at_once)
    elif event.ref is not None:
        effects.append(Mark(event.ref, MarkState.FAILED if lost else MarkState.NOT_SENT))
    ref = event.ref or mail_ref(event.letter.mail_id if event.letter else 0)
    by_mail = case.source is Source.EMAIL and not event.has_it
    effects.extend(
        tell_of_lost_files(lost, event.at, ref, answered_by=event.by.id, reply_to=case.reply_to, by_mail=by_mail)
    )
    if event.near_miss and case.is_open:
        effects.append(SayInThread(ThreadNotice.NEAR_MISS, event.at, to=event.by.id, about=event.ref))
    if event.closes and case.is_open:
        if event.followed_by:
            effects.append(_wrote_meanwhile(event))
        else:
            case, more = _close(case, event.at, event.by, ThreadNotice.CLOSED)
            effects.extend(more)
            if (
                event.has_it and event.letter is not None
            ):  # the words, but not that a new case opens if the customer writes again
                effects.append(SayClosed(case.reply_to))
    effects.append(RefreshCard())
    return Decision(case, tuple(effects))


def _wrote_meanwhile(event: AdminAnswered | NoteWritten) -> SayInThread:
    """Closing over a message nobody has seen would bury it: the admin closes again, or answers."""
    return SayInThread(ThreadNotice.CUSTOMER_WROTE_MEANWHILE, event.at, to=event.by.id, about=event.ref)


def _answered_at_once(case: Case, event: AdminAnswered, policy: Policy) -> list[Effect]:
    """Neither of two admins who answer at once knows of the other: both are told that the customer got both."""
    if case.last_answer_at is None or case.last_answer_from in (None, event.by.id):
        return []
    if abs(event.at - case.last_answer_at) > policy.answers_at_once:
        return []
    other = case.last_answer_from or ""
    return [
        SayInThread(ThreadNotice.ANSWERED_AT_ONCE, event.at, to=event.by.id, and_to=other, about=event.ref),
    ]


def _with_answer(case: Case, at: datetime, by: Person, followed_by: tuple[datetime, ...], policy: Policy) -> Case:
    newest = case.last_answer_at is None or at >= case.last_answer_at
    case = replace(
        case,
        message_count=case.message_count + 1,
        last_message_at=max(case.last_message_at, at),
        last_answer_at=at if newest else case.last_answer_at,
        last_answer_by=by.name if newest else case.last_answer_by,
        last_answer_from=by.id if newest else case.last_answer_from,
        unanswered=_count_merged(followed_by, policy) if newest else case.unanswered,
        waiting_since=min(followed_by, default=None) if newest else case.waiting_since,
        alert_rearmed=case.alert_rearmed or case.escalated,
    )
    return with_silence_clock(case, policy)


def _count_merged(times: tuple[datetime, ...], policy: Policy) -> int:
    """How many messages these count as: those closer together than the policy's limit are one."""
    gaps = (later - earlier for earlier, later in pairwise(sorted(times)))
    return sum(gap >= policy.followup_merge for gap in gaps) + bool(times)


def _note_written(case: Case, event: NoteWritten) -> Decision:
    effects: list[Effect] = [Mark(event.ref, MarkState.NOT_SENT)]
    if event.closes and case.is_open:
        if _wrote_after(case, event.at):
            effects.append(_wrote_meanwhile(event))
        else:
            case, more = _close(case, event.at, event.by, ThreadNotice.CLOSED_QUIETLY)
            effects.extend(more)
            effects.append(RefreshCard())
    return Decision(case, tuple(effects))


def _wrote_after(case: Case, at: datetime) -> bool:
    return case.last_customer_at is not None and case.last_customer_at > at


def _closed(case: Case, event: Closed, policy: Policy) -> Decision:
    if not case.is_open:
        by = case.closed_by or ""
        return Decision(case, reply=Reply(ReplyKind.ALREADY_CLOSED, case.case_id, by=by))
    if _wrote_after(case, min(event.at, event.seen or event.at)):
        return Decision(case, reply=Reply(ReplyKind.CUSTOMER_WROTE_MEANWHILE, case.case_id))
    notice = ThreadNotice.CLOSED_QUIETLY if event.quiet else ThreadNotice.CLOSED
    effects: list[Effect] = []
    if event.last_words is not None:
        case = _with_answer(case, event.at, event.by, (), policy)
        effects.append(_given_in_a_form(case, event.at, event.by, event.last_words, closing=True))
    reply_to = case.reply_to
    case, more = _close(case, event.at, event.by, notice)
    effects.extend(more)
    if not event.quiet and event.last_words is None and (reply_to is not None or case.source is Source.EMAIL):
        effects.append(SayClosed(reply_to))
    effects.append(RefreshCard())
    return Decision(case, tuple(effects), Reply(ReplyKind.CLOSED, case.case_id))


def _close(case: Case, at: datetime, by: Person, notice: ThreadNotice) -> tuple[Case, list[Effect]]:
    case = replace(
        case,
        status=CaseStatus.CLOSED,
        closed_at=at,
        closed_by=by.name,
        closings=case.closings + 1,
        escalated=False,
        silence_due_at=None,
        remind_due_at=None,
    )
    effects: list[Effect] = [
        LogClosing(at, by.signature, case.closings),
        SayInThread(notice, at, by=by.name),
    ]
    return case, [*effects, *_alert_as_it_is(case)]


def _alert_as_it_is(case: Case) -> tuple[Effect, ...]:
    """An alert says whether its case is open: it follows a closing and a reopening."""
    return (RefreshAlert(case.alert_no),) if case.alert_no else ()


def _reopened(case: Case, event: Reopened, policy: Policy) -> Decision:
    if event.newer_open is not None:
        reply = Reply(ReplyKind.NEWER_OPEN, case.case_id, other_case_id=event.newer_open)
        return Decision(case, reply=reply)
    effects: list[Effect] = []
    if not case.is_open:
        case = _open_again(case, event.at, policy)
        effects.append(SayInThread(ThreadNotice.REOPENED, event.at, by=event.by.name))
        effects.extend(_alert_as_it_is(case))
    elif event.post is None:
        return Decision(case, reply=Reply(ReplyKind.ALREADY_OPEN, case.case_id))
    if event.post is None:
        effects.append(RefreshCard())
        return Decision(case, tuple(effects), Reply(ReplyKind.REOPENED, case.case_id))
    sent = _admin_answered(case, event.post, policy)
    return Decision(sent.case, (*effects, *sent.effects), Reply(ReplyKind.REOPENED_AND_SENT, case.case_id))


def _open_again(case: Case, at: datetime, policy: Policy) -> Case:
    """The silence clock starts anew: a case just taken up again is not late for what was done before."""
    case = replace(
        case, status=CaseStatus.OPEN, closed_at=None, closed_by=None, alert_rearmed=False, escalated=False
    )
    if policy.silence_clock is SilenceClock.CUSTOMER_WAITING and case.waiting_since is None:
        return case
    return replace(case, silence_due_at=max(at, case.last_message_at) + policy.silence)


def _escalation_requested(case: Case, event: EscalationRequested, policy: Policy, now: datetime) -> Decision:
    if not case.is_open:
        return Decision(case, reply=Reply(ReplyKind.CASE_CLOSED, case.case_id))
    if event.once and case.escalated:
        return Decision(case, reply=Reply(ReplyKind.ALREADY_ESCALATED, case.case_id))
    alerts_before = case.alert_no
    trigger = Trigger(TriggerKind.MANUAL, detail=event.why, by=event.by.name)
    case, effects = escalate(case, trigger, policy, now)
    kind = ReplyKind.ESCALATED if case.alert_no > alerts_before else ReplyKind.ADDED_UNDER_ALERT
    return Decision(case, (*effects, RefreshCard()), Reply(kind, case.case_id))


def _acknowledged(case: Case, event: Acknowledged, policy: Policy) -> Decision:
    """A case acknowledged and then forgotten alerts again when it has been silent for the whole time anew."""
    if not case.is_open:
        return Decision(case, reply=Reply(ReplyKind.CASE_CLOSED, case.case_id))
    if not case.alert_no or acknowledged_since_alert(case):
        by = case.acknowledged_by or ""
        return Decision(case, reply=Reply(ReplyKind.ALREADY_ACKNOWLEDGED, case.case_id, by=by))
    case = replace(
        case,
        acknowledged_at=max(event.at, case.alerted_at or event.at),  # whatever two clocks say
        acknowledged_by=event.by.name,
        alert_rearmed=True,
        remind_due_at=None,
    )
    case = with_silence_clock(case, policy, not_before=event.at)
    return Decision(
        case, (RefreshAlert(case.alert_no), RefreshCard()), Reply(ReplyKind.ACKNOWLEDGED, case.case_id)
    )


def _time_came(case: Case, policy: Policy, now: datetime) -> Decision:
    if not case.is_open:
        return Decision(case)
    effects: list[Effect] = []
    if case.silence_due_at is not None and now > case.silence_due_at:
        trigger = should_escalate_case(case, policy, now)
        if trigger is None:
            case = with_silence_clock(case, policy)  # the settings have changed since it was set
        else:
            case = replace(case, silence_due_at=None)
            case, more = escalate(case, trigger, policy, now)
            effects.extend([*more, RefreshCard()])
    if case.remind_due_at is not None and now > case.remind_due_at:
        due = now + policy.remind_every if policy.remind_every else None
        case = replace(case, remind_due_at=due)
        if due is not None:
            effects.append(RemindOfAlert(case.alert_no, now))
    return Decision(case, tuple(effects))


def _delivery_failed(case: Case, event: DeliveryFailed, policy: Policy) -> Decision:
    """An answer that did not arrive leaves its customer waiting."""
    case = still_waiting(case, policy)
    failed = SayInThread(
        ThreadNotice.DELIVERY_FAILED, event.at, to=event.author, detail=event.reason, about=event.ref
    )
    return Decision(
        case,
        (
            FailAnswer(event.message_id, event.reason),
            *((Mark(event.ref, MarkState.FAILED),) if event.ref is not None else ()),
            failed,
            RefreshCard(),
        ),
    )


def _answer_recalled(case: Case, event: AnswerRecalled, policy: Policy) -> Decision:
    """What never went answers nobody; a closing that went with it stands."""
    if case.is_open and not event.answered_otherwise:
        case = still_waiting(case, policy)
    said = SayInThread(ThreadNotice.ANSWER_RECALLED, event.at, to=event.author, about=event.ref)
    return Decision(case, (said, RefreshCard()))


def _file_failed(case: Case, event: FileFailed, policy: Policy) -> Decision:
    """Both sides are told. An answer has failed only if nothing of it arrived; its mark says so either way."""
    if not event.is_answer:
        reply_to = event.reply_to or case.reply_to
        by_mail = case.source is Source.EMAIL
        told = tell_of_lost_files((event.file,), event.at, event.ref, reply_to=reply_to, by_mail=by_mail)
        return Decision(case, tuple(told))
    effects: list[Effect] = [Mark(event.ref, MarkState.FAILED)]
    if event.nothing_arrived:
        case = still_waiting(case, policy)
        effects.append(FailAnswer(event.message_id, event.file.detail or event.file.trouble.value))
    effects += tell_of_lost_files(
        (event.file,),
        event.at,
        event.ref,
        answered_by=event.author,
        reply_to=case.reply_to,
        by_mail=case.source is Source.EMAIL,
    )
    return Decision(case, (*effects, RefreshCard()))


def _new_case(
    customer: Person, at: datetime, reply_to: ReplyTo | None, source: Source, previous: Case | None
) -> Case:
    return Case(
        case_id="",
        customer=customer.id,
        source=source,
        status=CaseStatus.OPEN,
        created_at=at,
        last_message_at=at,
        reply_to=reply_to,
        previous_case_id=previous.case_id if previous else None,
    )


def _after_closing(at: datetime, case: Case) -> bool:
    return case.closed_at is not None and at > case.closed_at
