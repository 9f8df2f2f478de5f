"""What becomes of a case when a mail comes back, or is only shown in its thread."""

from __future__ import annotations

from .effects import (
    AlertOfBounce,
    Effect,
    FailAnswer,
    Mark,
    MarkState,
    RefreshCard,
    SayInThread,
    ThreadNotice,
)
from .events import AnswerBounced, MailShown
from .model import Case


def bounce_told(case: Case, event: AnswerBounced) -> tuple[Effect, ...]:
    """Its author is told; of a closed case the alerting channel too, for nobody works in its thread any more."""
    effects: list[Effect] = [FailAnswer(event.message_id, event.reason)]
    if event.ref is not None:
        effects.append(Mark(event.ref, MarkState.FAILED))
    effects.append(
        SayInThread(ThreadNotice.DELIVERY_FAILED, event.at, to=event.author, detail=event.reason, about=event.ref)
    )
    if not case.is_open:
        effects.append(AlertOfBounce(event.message_id, event.author, event.reason))
    return (*effects, RefreshCard())


def mail_shown(event: MailShown) -> tuple[Effect, ...]:
    return (
        SayInThread(
            event.notice,
            event.at,
            by=event.sender,
            detail=event.detail or event.subject,
            about=event.ref,
            quote=event.quote,
        ),
    )
