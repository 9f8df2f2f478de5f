"""The Home tab: for admins the queue, for everybody else their own cases and how to write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.desk.model import CaseStatus

from . import words
from .alert import ACTION_OPEN_THREAD
from .forms import View
from .line import line, name, plain
from .listing import NAME_IN_LIST_SIZE
from .parts import Button, bullets, button_element, buttons, context, header, link_button, paragraph, plain_text
from .post import Block, Passage
from .status import CustomerStatusView, DeskCounts, customer_status, desk_counts

ACTION_ESCALATED = "home_escalated"
ACTION_WAITING = "home_waiting"
ACTION_OPEN = "home_open"
ACTION_CUSTOMER = "home_customer"
ACTION_ALL = "home_all"
ACTION_FIRST = "home_first"
ACTION_BACK = "home_back"
ACTION_NEXT = "home_next"

ROWS = 20
CLOSED_SHOWN = 5


@dataclass(frozen=True, slots=True)
class HomeRow:
    """A case in the queue, and the address of its thread, if it has one."""

    case_id: str
    customer_name: str
    status: CaseStatus
    created_at: datetime
    quiet_since: datetime
    waiting_since: datetime | None = None
    escalated_since: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class DeskHomeView:
    """One page of a queue ("escalated", "waiting", "open") or of one customer's cases ("customer").

    `next_value` comes back with the click on "Next page"; None where this page is the last.
    """

    queue: str
    counts: DeskCounts
    rows: tuple[HomeRow, ...]
    page: int = 1
    next_value: str | None = None
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class ClosedCase:
    case_id: str
    created_at: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class OwnHomeView:
    """A customer's own cases: the open one, and those closed last."""

    current: CustomerStatusView | None = None
    closed: tuple[ClosedCase, ...] = ()


def desk_home(view: DeskHomeView) -> View:
    rows = view.rows[:ROWS]
    empty = words.HOME_NONE[view.queue] if view.page == 1 else words.HOME_PAST_END
    return _home(
        header(words.HOME_TITLE),
        desk_counts(view.counts),
        _queues(view),
        _filter(view),
        header(words.HOME_TITLES[view.queue]),
        *(_row(row) for row in rows),
        None if rows else paragraph(line(empty)),
        _pager(view),
        context(plain(words.HOME_PAGE, page=view.page)) if view.page > 1 else None,
    )


def own_home(view: OwnHomeView) -> View:
    """Nothing here is about anybody else, and nothing about escalation."""
    blocks = customer_status(view.current).blocks if view.current is not None else ()
    closed = [
        line(words.HOME_OWN_CLOSED, case_id=case.case_id, opened=case.created_at, closed=case.closed_at)
        for case in view.closed[:CLOSED_SHOWN]
    ]
    none = None if blocks or closed else paragraph(line(words.HOME_OWN_NONE))
    return _home(
        header(words.HOME_OWN_TITLE),
        *(Passage(block) for block in blocks),
        none,
        paragraph(line(words.HOME_OWN_HOW)),
        header(words.HOME_OWN_CLOSED_TITLE) if closed else None,
        bullets(*closed) if closed else None,
    )


def _home(*passages: Passage | None) -> View:
    blocks = [passage.block for passage in passages if passage is not None and passage.block is not None]
    return {"type": "home", "blocks": blocks}


def _queues(view: DeskHomeView) -> Passage | None:
    counts = view.counts
    choices = (
        ("escalated", ACTION_ESCALATED, plain(words.HOME_ESCALATED, count=counts.escalated)),
        ("waiting", ACTION_WAITING, plain(words.HOME_WAITING, count=counts.waiting)),
        ("open", ACTION_OPEN, plain(words.HOME_OPEN, count=counts.open)),
    )
    return buttons(
        *(
            Button(action, caption, caption, value=queue, style="primary" if queue == view.queue else None)
            for queue, action, caption in choices
        )
    )


def _filter(view: DeskHomeView) -> Passage:
    """Named after what is chosen: Slack would keep showing an earlier choice under an unchanged name."""
    placeholder = plain_text(words.HOME_FILTER)
    picker: Block = {"type": "users_select", "action_id": ACTION_CUSTOMER, "placeholder": placeholder}
    elements = [picker]
    if view.customer is not None:
        picker["initial_user"] = view.customer
        elements.append(button_element(Button(ACTION_ALL, words.HOME_ALL, words.HOME_ALL, value="all")))
    block_id = f"filter-{view.customer or 'none'}"
    return Passage({"type": "actions", "block_id": block_id, "elements": elements})


def _row(row: HomeRow) -> Passage:
    title = plain(words.HOME_ROW, case_id=row.case_id, customer=name(row.customer_name, NAME_IN_LIST_SIZE))
    facts = words.BETWEEN.join(plain(template, **values) for template, values in _states(row))
    block: Block = {"type": "section", "text": plain_text(f"{title}\n{facts}")}
    label = plain(words.LABEL_THREAD, case_id=row.case_id)
    button = link_button(ACTION_OPEN_THREAD, words.BUTTON_THREAD, label, row.link)
    return Passage(block | {"accessory": button_element(button)} if button is not None else block)


def _states(row: HomeRow) -> list[tuple[str, dict[str, str | datetime]]]:
    opened: tuple[str, dict[str, str | datetime]] = (words.HOME_STATE_OPENED, {"at": row.created_at})
    if row.status is not CaseStatus.OPEN:
        at = row.closed_at or row.created_at
        return [opened, (words.HOME_STATE_CLOSED, {"at": at, "by": name(row.closed_by or "")})]
    states: list[tuple[str, dict[str, str | datetime]]] = []
    if row.escalated_since is not None:
        states.append((words.HOME_STATE_ESCALATED, {"at": row.escalated_since}))
    if row.waiting_since is not None:
        states.append((words.HOME_STATE_WAITING, {"at": row.waiting_since}))
    else:
        states.append((words.HOME_STATE_QUIET, {"at": row.quiet_since}))
    return [*states, opened]


def _pager(view: DeskHomeView) -> Passage | None:
    first = back = None
    if view.page > 1:
        first = Button(ACTION_FIRST, words.HOME_FIRST, words.HOME_FIRST, value="first")
        back = Button(ACTION_BACK, words.HOME_BACK, words.HOME_BACK, value=str(view.page))
    following = None
    if view.next_value is not None:
        following = Button(ACTION_NEXT, words.HOME_NEXT, words.HOME_NEXT, value=view.next_value)
    return buttons(first, back, following)
