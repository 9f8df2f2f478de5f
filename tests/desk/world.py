"""One customer's cases, played event by event as casework plays them; what always holds is asserted each time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from bot.desk.decide import Decision, decide
from bot.desk.effects import (
    AddUnderAlert,
    Effect,
    HoldPost,
    LogClosing,
    OpenThread,
    RaiseAlert,
    RecordMessage,
    ReplyKind,
    SayClosed,
    SayFilesNotSent,
    SayInThread,
    SayReceived,
    SayTakenUp,
)
from bot.desk.events import (
    AdminAnswered,
    AdminBegan,
    BystanderPosted,
    CustomerWrote,
    DeliveryFailed,
    EscalationRequested,
    Event,
    FileFailed,
    MessageDeleted,
    MessageEdited,
    NoteWritten,
    Reopened,
)
from bot.desk.model import Case
from bot.desk.policy import Policy
from bot.desk.rules import check_time_escalation
from tests.desk.factories import of_kind


@dataclass
class History:
    """What became of one case so far, kept apart from the case itself."""

    recorded: list[RecordMessage] = field(default_factory=list)
    alerts: list[datetime] = field(default_factory=list)
    closings: list[LogClosing] = field(default_factory=list)
    failures: int = 0
    armed: bool = True
    """The next trigger may alert: first of its escalation, or after an answer or an acknowledgement."""

    def may_alert(self, now: datetime) -> bool:
        return self.armed and (not self.alerts or now - self.alerts[-1] >= timedelta(minutes=30))

    def customer_times(self, after: datetime | None = None) -> list[datetime]:
        times = [message.at for message in self.recorded if not message.is_answer]
        return sorted(time for time in times if after is None or time > after)

    def last_answer(self) -> datetime | None:
        return max((message.at for message in self.recorded if message.is_answer), default=None)


@dataclass
class World:
    policy: Policy
    cases: dict[str, Case] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)

    @property
    def current(self) -> Case | None:
        """The customer's open case, else the one closed last."""
        open_cases = [case for case in self.cases.values() if case.is_open]
        assert len(open_cases) <= 1, "one open case per customer"
        return open_cases[0] if open_cases else next(reversed(self.cases.values()), None)

    def happen(self, event: Event, now: datetime, case_id: str = "") -> Decision:
        """Process an event; all but a customer's concern the case named."""
        opens = isinstance(event, CustomerWrote | AdminBegan)
        case = self.current if opens else self.cases.get(case_id)
        event = self._informed(event, case)
        decision = decide(case, event, self.policy, now)
        assert decide(case, event, self.policy, now) == decision, "the same always gives the same"
        _check_effects(case, event, decision)
        self._take(case, event, decision, now)
        return decision

    def _informed(self, event: Event, case: Case | None) -> Event:
        """What only casework can know: messages processed before an answer, a newer open case."""
        if isinstance(event, AdminAnswered) and case is not None:
            later = self.histories[case.case_id].customer_times(after=event.at)
            return replace(event, followed_by=tuple(later))
        if isinstance(event, Reopened) and case is not None:
            current = self.current
            other = current.case_id if current and current.is_open and current.case_id != case.case_id else None
            send = self._informed(event.post, case) if event.post is not None else None
            assert send is None or isinstance(send, AdminAnswered)
            return replace(event, newer_open=other, post=send)
        return event

    def _take(self, before: Case | None, event: Event, decision: Decision, now: datetime) -> None:
        case = decision.case
        if case is None:
            assert before is None
            assert decision.effects == ()
            return
        if case.case_id == "":
            assert before is None or not before.is_open
            case = replace(case, case_id=f"CASE_{len(self.cases) + 1:03}")
            self.histories[case.case_id] = History()
        else:
            assert before is not None
            assert case.case_id == before.case_id
        self.cases[case.case_id] = case
        history = self.histories[case.case_id]
        _check_alerts(event, decision, history.may_alert(now), before)
        history.recorded += of_kind(decision, RecordMessage)
        history.alerts += [now] * len(of_kind(decision, RaiseAlert))
        history.closings += of_kind(decision, LogClosing)
        history.failures += isinstance(event, DeliveryFailed | FileFailed)
        if any(message.is_answer for message in of_kind(decision, RecordMessage)) or not case.is_open:
            history.armed = True
        if decision.reply is not None and decision.reply.kind is ReplyKind.ACKNOWLEDGED:
            history.armed = True
        if of_kind(decision, RaiseAlert):
            history.armed = False
        _check_case(case, history, self.policy, now)


TO_THE_CUSTOMER = (SayReceived, SayTakenUp, SayClosed, SayFilesNotSent)


def _reaches_customer(effect: Effect) -> bool:
    return isinstance(effect, TO_THE_CUSTOMER) or (isinstance(effect, RecordMessage) and effect.is_answer)


def _check_effects(before: Case | None, event: Event, decision: Decision) -> None:
    effects = decision.effects
    messages = of_kind(decision, RecordMessage)
    if isinstance(event, NoteWritten | BystanderPosted | MessageEdited | MessageDeleted):
        assert not any(map(_reaches_customer, effects)), "what is not an answer reached the customer"
        assert not messages
    if isinstance(event, BystanderPosted | MessageEdited | MessageDeleted):
        assert decision.case == before, "it changed the case"
    if isinstance(event, CustomerWrote):
        (message,) = messages
        assert (message.ref, message.written.text, message.is_answer) == (event.ref, event.written.text, False)
        assert [one.id for one in message.written.files] == [one.id for one in event.written.files]
        assert bool(of_kind(decision, OpenThread)) == (decision.case is not None and decision.case.case_id == "")
    if isinstance(event, AdminBegan):
        opened = before is None or not before.is_open
        assert bool(of_kind(decision, OpenThread)) == opened, "a second open case, or none"
        assert bool(messages) == opened
    if isinstance(event, AdminAnswered) and before is not None and event.written.text.strip():
        assert len(messages) + len(of_kind(decision, HoldPost)) == 1, "an answer is sent or held"
    lost = [file for effect in of_kind(decision, SayInThread) for file in effect.files]
    if isinstance(event, CustomerWrote):
        travel = [file for message in messages for file in message.written.files if file.trouble is None]
        assert len(lost) + len(travel) == len(event.written.files), "a file is passed on, or told of"
    if of_kind(decision, LogClosing):
        assert before is not None
        assert before.is_open
        assert decision.case is not None
        assert before.last_customer_at is None or before.last_customer_at <= event.at, "a message was buried"
    if before is not None and not before.is_open and decision.case is not None and not decision.case.is_open:
        assert not of_kind(decision, RaiseAlert), "a closed case escalated"


def _check_alerts(event: Event, decision: Decision, may_alert: bool, before: Case | None) -> None:
    raised, added = of_kind(decision, RaiseAlert), of_kind(decision, AddUnderAlert)
    assert len(raised) + len(added) <= 1
    assert not raised or may_alert, "a second alert for one escalation, or too soon"
    assert not added or not may_alert, "an alert was owed"
    if isinstance(event, EscalationRequested) and before is not None and before.is_open:
        assert bool(raised) == may_alert
        assert decision.case is not None
        assert decision.case.escalated


def _check_case(case: Case, history: History, policy: Policy, now: datetime) -> None:
    times = [message.at for message in history.recorded]
    assert case.message_count == len(times)
    assert case.last_message_at == max(times)
    assert case.last_customer_at == max(history.customer_times(), default=None)
    assert case.last_answer_at == history.last_answer()

    waiting = history.customer_times(after=history.last_answer())
    assert (case.waiting_since is None) == (case.unanswered == 0)
    if not history.failures:
        assert case.waiting_since == min(waiting, default=None)
        assert case.unanswered <= len(waiting)
        if not policy.followup_merge:
            assert case.unanswered == len(waiting)

    assert all(later - earlier >= timedelta(minutes=30) for earlier, later in pairwise(history.alerts))
    assert case.alert_no == len(history.alerts)
    assert [closing.closing_no for closing in history.closings] == list(range(1, case.closings + 1))
    assert case.is_open == (case.closed_at is None)
    if not case.is_open:
        assert case.closings > 0
        assert not case.escalated
        assert (case.due_at, case.silence_due_at, case.remind_due_at) == (None, None, None)
    if case.escalated:
        assert case.alert_no > 0
        assert case.escalated_at is not None
    if case.remind_due_at is not None:
        assert policy.remind_every is not None
    if case.is_open and check_time_escalation(case, now, policy) and case.silence_due_at is None:
        assert case.escalated, "a case waits past its time with nobody told"
