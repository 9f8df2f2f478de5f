"""The card: the root post of a case's thread, which shows how the case stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.desk.model import CaseStatus, Source

from . import words
from .line import NAME_SIZE, Line, Link, line, name, one_line, plain
from .parts import Button, Sure, buttons, context, header, paragraph, quote
from .post import Passage, Post, compose

PREVIEW_SIZE = 300
CASES_SHOWN = 5

ACTION_ESCALATE_CASE = "case_escalate"
ACTION_CLOSE_CASE = "case_close"
ACTION_REOPEN_CASE = "case_reopen"


@dataclass(frozen=True, slots=True)
class CaseLink:
    """Another case and the address of its thread, if it has one."""

    case_id: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class CardView:
    """A case as its card shows it. `customer_handle` is a Slack display name, a user id or an email address.

    `preview` is the first message, as long as it is. `related` are cases of the same person under another
    address.
    """

    case_id: str
    customer_name: str
    customer_handle: str
    source: Source
    status: CaseStatus
    created_at: datetime
    preview: str = ""
    message_count: int = 0
    escalated: bool = False
    waiting_since: datetime | None = None
    last_answer_by: str | None = None
    last_answer_at: datetime | None = None
    acknowledged_by: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    previous_case_id: str | None = None
    previous_link: str | None = None
    related: tuple[CaseLink, ...] = ()


def card(view: CardView) -> Post:
    is_open = view.status is CaseStatus.OPEN
    return compose(
        *standing(view),
        buttons(*_choices(view)),
        context(words.CARD_FOOT_OPEN if is_open else words.CARD_FOOT_CLOSED),
    )


def _choices(view: CardView) -> tuple[Button | None, ...]:
    """What can be done with the case as it stands. Who may is judged when it is clicked."""
    if view.status is not CaseStatus.OPEN:
        label = plain(words.LABEL_REOPEN, case_id=view.case_id)
        return (Button(ACTION_REOPEN_CASE, words.BUTTON_REOPEN, label, value=one_line(view.case_id, 40)),)
    sure = Sure(
        words.SURE_ESCALATE_TITLE,
        plain(words.SURE_ESCALATE, case_id=view.case_id),
        words.BUTTON_ESCALATE,
        words.SURE_CANCEL,
    )
    escalate = Button(
        ACTION_ESCALATE_CASE,
        words.BUTTON_ESCALATE,
        plain(words.LABEL_ESCALATE, case_id=view.case_id),
        value=one_line(view.case_id, 40),
        sure=sure,
    )
    label = plain(words.LABEL_CLOSE, case_id=view.case_id)
    close = Button(ACTION_CLOSE_CASE, words.BUTTON_CLOSE, label, value=one_line(view.case_id, 40))
    return (None if view.escalated else escalate, close)


def standing(view: CardView, *more: Line) -> tuple[Passage | None, ...]:
    """How a case stands: title, facts, and how its first message begins."""
    title = plain(words.CARD_TITLE, case_id=view.case_id, customer=_customer(view))
    return (header(title), paragraph(*_facts(view), *more), quote(view.preview, PREVIEW_SIZE))


def _facts(view: CardView) -> list[Line]:
    facts = [
        line(words.CARD_STATUS, status=_status(view)),
        _customer_fact(view),
        line(words.CARD_SOURCE, source=words.SOURCES[view.source]),
        line(words.CARD_OPENED, at=view.created_at),
        line(words.CARD_MESSAGES, count=view.message_count),
    ]
    if view.status is CaseStatus.OPEN and view.waiting_since is not None:
        facts.append(line(words.CARD_WAITING, at=view.waiting_since))
    facts.append(_last_answer(view))
    if view.escalated and view.acknowledged_by:
        facts.append(line(words.CARD_ACKNOWLEDGED, by=name(view.acknowledged_by)))
    if view.status is CaseStatus.CLOSED and view.closed_at is not None:
        facts.append(line(words.CARD_CLOSED, at=view.closed_at, by=name(view.closed_by or "")))
    if view.previous_case_id:
        facts.append(line(words.CARD_PREVIOUS, case=Link(view.previous_case_id, view.previous_link)))
    for other in view.related[:CASES_SHOWN]:
        facts.append(line(words.CARD_RELATED, case=Link(other.case_id, other.link)))
    return facts


def _status(view: CardView) -> str:
    if view.status is not CaseStatus.OPEN:
        return words.STATUS_CLOSED
    return words.STATUS_ESCALATED if view.escalated else words.STATUS_OPEN


def _customer(view: CardView) -> str:
    return one_line(view.customer_name, NAME_SIZE) or name(view.customer_handle)


def _customer_fact(view: CardView) -> Line:
    customer, handle = _customer(view), one_line(view.customer_handle)
    if not handle or one_line(view.customer_name) in ("", handle):
        return line(words.CARD_CUSTOMER_ONLY, name=handle or customer)
    return line(words.CARD_CUSTOMER, name=customer, handle=handle)


def _last_answer(view: CardView) -> Line:
    if view.last_answer_at is None:
        return line(words.CARD_NO_ANSWER)
    return line(words.CARD_LAST_ANSWER, by=name(view.last_answer_by or ""), at=view.last_answer_at)
