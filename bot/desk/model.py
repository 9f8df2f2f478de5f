"""What the desk talks about: customers' cases and the people and posts around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class CaseStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Source(StrEnum):
    SLACK = "slack"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes or clicks. `is_admin` is a looked-up fact, never inferred from what is written."""

    id: str
    name: str
    is_admin: bool = False

    @property
    def signature(self) -> str:
        """How a closing is signed: by name, or by the address of who acts by mail."""
        return self.id if "@" in self.id else self.name


@dataclass(frozen=True, slots=True)
class PostRef:
    """Where a post stands in Slack. `thread_ts` is the root of its thread, or None at top level."""

    channel: str
    ts: str
    thread_ts: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where an answer goes: the conversation the customer last wrote in (a DM, or a thread of the DM)."""

    channel: str
    thread_ts: str | None = None


# The channel of a PostRef that is no post in Slack, but a mail: its `ts` is the mail's number.
MAIL = "mail"


def mail_ref(mail_id: int) -> PostRef:
    return PostRef(MAIL, str(mail_id))


@dataclass(frozen=True, slots=True)
class Letter:
    """The mail that carries a message: what a later mail may refer to, and what is shown beside the words.

    `shown_subject` is its subject where that says something new: that of a case's first mail, or a changed one.
    """

    mail_id: int
    message_id: str
    address: str
    name: str = ""
    subject: str = ""
    references: tuple[str, ...] = ()
    shown_subject: str = ""
    cc: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class TriggerKind(StrEnum):
    KEYWORD = "keyword"
    FOLLOW_UPS = "follow_ups"
    SILENCE = "silence"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a case escalates. `detail` is the keyword, the number of messages or hours, or a reason."""

    kind: TriggerKind
    detail: str = ""
    quote: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One customer's case. All times are aware UTC; `case_id` is empty until the case is stored.

    `unanswered` counts the customer's messages since the last answer, `waiting_since` is the oldest of them.
    `last_answer_by` is a name, `last_answer_from` the id of the admin who bears it.
    An alert *stands* from when it is raised until the case closes; it is *re-armed* by an answer or an
    acknowledgement: then the next trigger may raise a new one. `alert_no` counts the alerts raised.
    """

    case_id: str
    customer: str
    source: Source
    status: CaseStatus
    created_at: datetime
    last_message_at: datetime
    reply_to: ReplyTo | None = None
    previous_case_id: str | None = None
    message_count: int = 0
    unanswered: int = 0
    waiting_since: datetime | None = None
    last_customer_at: datetime | None = None
    last_answer_at: datetime | None = None
    last_answer_by: str | None = None
    last_answer_from: str | None = None
    escalated: bool = False
    escalated_at: datetime | None = None
    alert_no: int = 0
    alerted_at: datetime | None = None
    alert_rearmed: bool = False
    alert_additions: int = 0
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    silence_due_at: datetime | None = None
    remind_due_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closings: int = 0

    @property
    def is_open(self) -> bool:
        return self.status is CaseStatus.OPEN

    @property
    def due_at(self) -> datetime | None:
        """The moment the escalation check must look at this case next, None when there is none."""
        moments = [moment for moment in (self.silence_due_at, self.remind_due_at) if moment is not None]
        return min(moments) if self.is_open and moments else None


class FileTrouble(StrEnum):
    """Why a file does not travel."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    DELETED = "deleted"
    HIDDEN = "hidden"
    EXTERNAL = "external"
    FOREIGN = "foreign"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a message. A `size` of 0, or no `url`, means that Slack did not tell it at once.

    `trouble` is what stood in its way from the start.
    """

    id: str
    name: str
    mime_type: str = ""
    size: int = 0
    url: str = ""
    trouble: FileTrouble | None = None


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that does not reach the other side, and why; `detail` is Slack's own word for it, if any."""

    id: str
    name: str
    trouble: FileTrouble
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote: `text` as people read it, `typed` without quotes and code.

    `files` came with it; `leading_mention` is the id it starts by mentioning. `html` is the same text with its
    formatting, safe to show; empty where it has none.
    """

    text: str
    typed: str
    files: tuple[File, ...] = field(default=())
    leading_mention: str | None = None
    html: str = ""
