"""How a case comes to alert: the clock of its silence, and what a trigger raises or joins."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .effects import AddUnderAlert, Effect, RaiseAlert, RefreshAlert, SayInThread, ThreadNotice
from .model import Case, Trigger
from .policy import Policy, SilenceClock


def escalate(case: Case, trigger: Trigger, policy: Policy, now: datetime) -> tuple[Case, list[Effect]]:
    """Raise an alert, or add the trigger under the one that stands."""
    newly_escalated = not case.escalated
    rested = case.alerted_at is None or now - case.alerted_at >= policy.realert_after
    case = replace(case, escalated=True, escalated_at=case.escalated_at if not newly_escalated else now)
    effects: list[Effect] = []
    if newly_escalated:
        effects.append(SayInThread(ThreadNotice.ESCALATED, now, by=trigger.by, trigger=trigger))
    if rested and (newly_escalated or case.alert_rearmed):
        case = replace(
            case,
            alert_no=case.alert_no + 1,
            alerted_at=now,
            alert_rearmed=False,
            alert_additions=0,
            acknowledged_at=None,  # that was the last alert; nobody has acknowledged this one
            acknowledged_by=None,
            remind_due_at=now + policy.remind_every if policy.remind_every else None,
        )
        effects.append(RaiseAlert(case.alert_no, trigger, case.waiting_since, case.last_message_at))
        return case, effects
    if newly_escalated:
        # Reopened, and too soon for an alert of its own: the last one stands again, the next trigger alerts.
        remind = policy.remind_every if not acknowledged_since_alert(case) else None
        case = replace(case, alert_rearmed=True, remind_due_at=now + remind if remind else None)
        effects.append(RefreshAlert(case.alert_no))
    if case.alert_additions >= policy.max_alert_additions:
        return case, effects
    case = replace(case, alert_additions=case.alert_additions + 1)
    last = case.alert_additions == policy.max_alert_additions
    effects.append(AddUnderAlert(case.alert_no, case.alert_additions, trigger, last))
    return case, effects


def acknowledged_since_alert(case: Case) -> bool:
    """Whether somebody has said of the alert that stands that it is in hand."""
    return (
        case.acknowledged_at is not None
        and case.alerted_at is not None
        and case.acknowledged_at >= case.alerted_at
    )


def with_silence_clock(case: Case, policy: Policy, not_before: datetime | None = None) -> Case:
    """The case with the time at which its silence is due, counted from the last message; none if nobody waits."""
    if not case.is_open:
        return case
    if policy.silence_clock is SilenceClock.CUSTOMER_WAITING and case.waiting_since is None:
        return replace(case, silence_due_at=None)
    start = max(case.last_message_at, not_before) if not_before else case.last_message_at
    return replace(case, silence_due_at=start + policy.silence)


def still_waiting(case: Case, policy: Policy) -> Case:
    """The case as before an answer that did not reach its customer."""
    if case.last_customer_at is None:
        return case
    waiting_since = case.waiting_since or case.last_customer_at
    case = replace(case, unanswered=max(case.unanswered, 1), waiting_since=waiting_since)
    return with_silence_clock(case, policy)
