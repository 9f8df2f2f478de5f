"""How things stand: a customer's own case, any case, the whole desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.desk.model import CaseStatus

from . import words
from .card import CardView, standing
from .line import Line, Link, line, usable_link
from .listing import CaseLine, listing
from .parts import header, paragraph
from .post import Passage, Post, compose

WAITING_SHOWN = 10


@dataclass(frozen=True, slots=True)
class CustomerStatusView:
    """A customer's own open case, or the one closed last. `waits`: a message stands without an answer."""

    case_id: str
    status: CaseStatus
    created_at: datetime
    waits: bool = True
    last_answer_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """`held` is mail that waits for an admin's decision; `quarantined` came in and `parked` should go out."""

    open: int
    waiting: int
    escalated: int
    held: int = 0
    quarantined: int = 0
    parked: int = 0


def customer_status(view: CustomerStatusView | None) -> Post:
    """Nothing here is about anybody else, and nothing about escalation."""
    if view is None:
        return compose(paragraph(line(words.STATUS_YOURS_NONE)))
    if view.status is CaseStatus.CLOSED:
        at = view.closed_at or view.created_at
        return compose(paragraph(line(words.STATUS_YOURS_CLOSED, case_id=view.case_id, at=at)))
    return compose(
        paragraph(
            line(words.STATUS_YOURS, case_id=view.case_id, at=view.created_at),
            *_answered(view),
        )
    )


def admin_case_status(view: CardView, thread_link: str | None = None) -> Post:
    """A case as its card shows it, for an admin who asked from elsewhere."""
    if usable_link(thread_link) is None:
        return compose(*standing(view))
    return compose(*standing(view, line(words.CARD_LINK, link=Link(words.BUTTON_THREAD, thread_link))))


def desk_status(counts: DeskCounts, waiting: Sequence[CaseLine] = ()) -> Post:
    """The counts, and up to ten cases that wait longest."""
    shown = waiting[:WAITING_SHOWN]
    return compose(
        header(words.DESK_TITLE),
        desk_counts(counts, line(words.DESK_WAITING if shown else words.DESK_NOBODY_WAITS)),
        *listing(shown, len(shown)),
    )


def desk_counts(counts: DeskCounts, *more: Line) -> Passage | None:
    """How many cases there are, and what waits for somebody to look at it."""
    troubles = (
        (words.DESK_HELD, counts.held),
        (words.DESK_QUARANTINED, counts.quarantined),
        (words.DESK_PARKED, counts.parked),
    )
    return paragraph(
        line(words.DESK_COUNTS, open=counts.open, waiting=counts.waiting, escalated=counts.escalated),
        *(line(template, count=count) for template, count in troubles if count),
        *more,
    )


def case_list(cases: Sequence[CaseLine], total: int, command: str = words.DEFAULT_COMMAND, held: int = 0) -> Post:
    """The open cases; `total` counts those too that are not given here. `held` is mail to be decided on."""
    total = max(total, len(cases))
    waits = paragraph(line(words.DESK_HELD, count=held)) if held else None
    if not total:
        return compose(paragraph(line(words.LIST_NONE)), waits)
    return compose(header(words.LIST_TITLE.format(count=total)), waits, *listing(cases, total, command))


def _answered(view: CustomerStatusView) -> list[Line]:
    if view.last_answer_at is None:
        return [line(words.STATUS_YOURS_RECEIVED)]
    answered = line(words.STATUS_YOURS_ANSWERED, at=view.last_answer_at)
    return [answered, line(words.STATUS_YOURS_RECEIVED_MORE)] if view.waits else [answered]
