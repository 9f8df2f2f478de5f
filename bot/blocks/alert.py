"""Posts in the alerting channel, and the line in the logging channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.desk.model import Trigger

from . import words
from .line import Line, Link, line, name, plain, said
from .listing import CaseLine, listing
from .parts import Button, buttons, header, link_button, mention, paragraph, quote, text_only
from .post import Post, compose
from .trigger import TRIGGER_QUOTE_SIZE, trigger_words

ACTION_ACKNOWLEDGE = "alert_acknowledge"
ACTION_OPEN_THREAD = "alert_open_thread"


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert on one case. `alert_key` comes back with the click; `mention` is the operator's, verbatim.

    Once it is acknowledged or its case closed, the alert is rewritten: it says so and asks nothing any more.
    """

    case_id: str
    customer_name: str
    trigger: Trigger
    alert_key: str
    quiet_since: datetime
    waiting_since: datetime | None = None
    mention: str = ""
    thread_link: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def settled(self) -> bool:
        return self.acknowledged_at is not None or self.closed_at is not None


@dataclass(frozen=True, slots=True)
class AlertListView:
    """One alert for the many cases that became due in one check. `total`, if more than are given here."""

    cases: tuple[CaseLine, ...]
    alert_key: str
    mention: str = ""
    total: int = 0
    command: str = words.DEFAULT_COMMAND
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None


def alert(view: AlertView) -> Post:
    return compose(
        mention(view.mention) if not view.settled else None,
        header(plain(words.ALERT_TITLE, case_id=view.case_id)),
        paragraph(
            line(words.ALERT_CUSTOMER, customer=name(view.customer_name)),
            _since(view),
            said(trigger_words(view.trigger)),
        ),
        quote(view.trigger.quote, TRIGGER_QUOTE_SIZE),
        paragraph(_acknowledged(view.acknowledged_by, view.acknowledged_at), _closed(view)),
        buttons(_acknowledge(view) if not view.settled else None, _go_to_thread(view)),
    )


def alert_addition(trigger: Trigger, last: bool = False) -> Post:
    """A further reason, under the standing alert; `last`: no more are listed there."""
    return compose(
        paragraph(line(words.ALERT_ADDITION, trigger=trigger_words(trigger))),
        quote(trigger.quote, TRIGGER_QUOTE_SIZE),
        paragraph(line(words.ALERT_LAST_ADDITION)) if last else None,
    )


def alert_reminder(view: AlertView) -> Post:
    """Nobody has acknowledged the alert yet. The button to do so stays on the alert itself."""
    case = Link(view.case_id, view.thread_link)
    return compose(
        mention(view.mention),
        paragraph(
            line(words.ALERT_REMINDER, case=case, customer=name(view.customer_name)),
            _since(view),
        ),
        buttons(_go_to_thread(view)),
    )


def alert_list(view: AlertListView) -> Post:
    """More cases than anybody wants single alerts for, with one button for all."""
    total = max(view.total, len(view.cases))
    settled = view.acknowledged_at is not None
    acknowledge = Button(
        ACTION_ACKNOWLEDGE,
        words.BUTTON_ACKNOWLEDGE,
        words.LABEL_ACKNOWLEDGE_ALL,
        value=view.alert_key,
        style="primary",
    )
    return compose(
        mention(view.mention) if not settled else None,
        header(plain(words.ALERT_LIST_TITLE, count=total)),
        *listing(tuple(replace(case, escalated=False) for case in view.cases), total, view.command),
        paragraph(_acknowledged(view.acknowledged_by, view.acknowledged_at)),
        buttons(acknowledge) if not settled else None,
    )


def log_line(case_id: str, closed_at: datetime, by: str) -> Post:
    """The line of the specification, as text alone: programs read it too."""
    at = f"{closed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return compose(text_only(line(words.LOG_LINE, case_id=case_id, at=at, by=name(by))))


def _since(view: AlertView) -> Line:
    if view.waiting_since is not None:
        return line(words.ALERT_WAITING, at=view.waiting_since)
    return line(words.ALERT_QUIET, at=view.quiet_since)


def _acknowledged(by: str | None, at: datetime | None) -> Line | None:
    return line(words.ALERT_ACKNOWLEDGED, by=name(by or ""), at=at) if at is not None else None


def _closed(view: AlertView) -> Line | None:
    if view.closed_at is None:
        return None
    return line(words.ALERT_CLOSED, by=name(view.closed_by or ""), at=view.closed_at)


def _acknowledge(view: AlertView) -> Button:
    label = plain(words.LABEL_ACKNOWLEDGE, case_id=view.case_id)
    return Button(ACTION_ACKNOWLEDGE, words.BUTTON_ACKNOWLEDGE, label, value=view.alert_key, style="primary")


def _go_to_thread(view: AlertView) -> Button | None:
    label = plain(words.LABEL_THREAD, case_id=view.case_id)
    return link_button(ACTION_OPEN_THREAD, words.BUTTON_THREAD, label, view.thread_link)
