"""Everything the outside must be told about a case. Each effect says *what* happened, not how to show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .model import Letter, LostFile, Person, PostRef, ReplyTo, Source, Trigger, Written


@dataclass(frozen=True, slots=True)
class OpenThread:
    """Post the card and, under it, what is sent to the customer and what is not."""


@dataclass(frozen=True, slots=True)
class OpenThreadAgain:
    """Post the card anew, with a thread of its own: the one at `instead_of` was deleted."""

    instead_of: PostRef


@dataclass(frozen=True, slots=True)
class RefreshCard:
    """Bring the card up to date (desired state: however often it is asked, the newest wins)."""


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """Keep what somebody wrote as a message of the case, and pass it on.

    A customer's message is mirrored into the thread (`broadcast`: shown in the channel too; `late`: written
    before what already stands there). An admin's is sent to `reply_to`, or by mail without one if the case came by
    mail, unless the customer `has_it` already; `closing` adds what a customer must
    know when the case is closed, `opening` what to do with a message nobody asked for. What an admin gave in a
    form has no post (`ref` is None): it is posted in the thread under the admin's name.
    """

    at: datetime
    author: Person
    written: Written
    ref: PostRef | None
    source: Source
    is_answer: bool
    broadcast: bool = False
    late: bool = False
    closing: bool = False
    opening: bool = False
    reply_to: ReplyTo | None = None
    has_it: bool = False
    letter: Letter | None = None


@dataclass(frozen=True, slots=True)
class SayReceived:
    """Tell the customer, once per case, that the message arrived and what happens next: by mail without a
    `reply_to`, if the case came by mail.
    """

    reply_to: ReplyTo | None


@dataclass(frozen=True, slots=True)
class SayTakenUp:
    """Tell somebody, in place of `SayReceived`, that an admin opened a case for what they wrote elsewhere."""

    reply_to: ReplyTo | None
    by: str
    quote: str


@dataclass(frozen=True, slots=True)
class SayFilesNotSent:
    """Tell the customer which files of a message were not passed on: the customer's own, or the desk's."""

    reply_to: ReplyTo | None
    ref: PostRef
    files: tuple[LostFile, ...]
    by_customer: bool = True


@dataclass(frozen=True, slots=True)
class SayClosed:
    """Tell the customer that the case was closed without a last message; `reply_to` as in `SayReceived`."""

    reply_to: ReplyTo | None


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """A new alert: its number on this case, why, and since when the customer waits (or all is quiet)."""

    alert_no: int
    trigger: Trigger
    waiting_since: datetime | None
    quiet_since: datetime


@dataclass(frozen=True, slots=True)
class AddUnderAlert:
    """A further trigger, shown under the standing alert. `last` says that no more are listed there."""

    alert_no: int
    addition_no: int
    trigger: Trigger
    last: bool = False


@dataclass(frozen=True, slots=True)
class RemindOfAlert:
    alert_no: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RefreshAlert:
    """Rewrite the standing alert: it was acknowledged, or its case was closed."""

    alert_no: int


@dataclass(frozen=True, slots=True)
class LogClosing:
    """The line in the logging channel."""

    at: datetime
    by: str
    closing_no: int


class MarkState(StrEnum):
    """What a reaction on a post in the thread shows its author."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Mark:
    ref: PostRef
    state: MarkState


class ThreadNotice(StrEnum):
    """What is said in the case's thread, for everybody who works there."""

    CLOSED = "closed"
    CLOSED_QUIETLY = "closed_quietly"
    REOPENED = "reopened"
    REOPENED_BY_LATE_MESSAGE = "reopened_by_late_message"
    BEGUN = "begun"
    TAKEN_UP = "taken_up"
    ESCALATED = "escalated"
    NEAR_MISS = "near_miss"
    CUSTOMER_WROTE_MEANWHILE = "customer_wrote_meanwhile"
    DELIVERY_FAILED = "delivery_failed"
    DELIVERY_UNKNOWN = "delivery_unknown"
    ANSWER_RECALLED = "answer_recalled"
    EDIT_TOO_LATE = "edit_too_late"
    DELETION_TOO_LATE = "deletion_too_late"
    FILES_NOT_SENT = "files_not_sent"
    ANSWERED_AT_ONCE = "answered_at_once"
    CUSTOMERS_FILES_NOT_SENT = "customers_files_not_sent"
    MACHINE_MAIL = "machine_mail"
    NOTICE_BOUNCED = "notice_bounced"
    MAIL_DELAYED = "mail_delayed"
    ADMIN_MAIL_CLOSED = "admin_mail_closed"
    ADMIN_MAIL_NOTE = "admin_mail_note"
    NOTICE_NOT_SENT = "notice_not_sent"


@dataclass(frozen=True, slots=True)
class SayInThread:
    """`about` names the post this is about, `to` the person it is for, `and_to` another one; `detail` is the
    reason, if any, `files` are those that were not sent, `quote` is how a mail begins.
    """

    notice: ThreadNotice
    at: datetime
    to: str = ""
    by: str = ""
    detail: str = ""
    about: PostRef | None = None
    trigger: Trigger | None = None
    and_to: str = ""
    files: tuple[LostFile, ...] = ()
    quote: str = ""


@dataclass(frozen=True, slots=True)
class HoldPost:
    """A post in a closed case's thread was not sent: its author is shown that, with "Reopen and send"."""

    at: datetime
    author: Person
    written: Written
    ref: PostRef


@dataclass(frozen=True, slots=True)
class EditCopies:
    ref: PostRef
    at: datetime
    text: str
    html: str = ""


@dataclass(frozen=True, slots=True)
class DeleteCopies:
    ref: PostRef
    at: datetime


@dataclass(frozen=True, slots=True)
class FailAnswer:
    """The answer is marked failed."""

    message_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class AlertOfBounce:
    """An answer came back whose case is closed: nobody looks into that thread any more."""

    message_id: int
    author: str
    reason: str


Effect = (
    OpenThread
    | OpenThreadAgain
    | RefreshCard
    | RecordMessage
    | SayReceived
    | SayTakenUp
    | SayFilesNotSent
    | SayClosed
    | RaiseAlert
    | AddUnderAlert
    | RemindOfAlert
    | RefreshAlert
    | LogClosing
    | Mark
    | SayInThread
    | HoldPost
    | EditCopies
    | DeleteCopies
    | FailAnswer
    | AlertOfBounce
)


class ReplyKind(StrEnum):
    """What the person who asked for a change is told at once."""

    CLOSED = "closed"
    ALREADY_CLOSED = "already_closed"
    REOPENED = "reopened"
    REOPENED_AND_SENT = "reopened_and_sent"
    ALREADY_OPEN = "already_open"
    NEWER_OPEN = "newer_open"
    ESCALATED = "escalated"
    ADDED_UNDER_ALERT = "added_under_alert"
    ALREADY_ESCALATED = "already_escalated"
    ACKNOWLEDGED = "acknowledged"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    CASE_CLOSED = "case_closed"
    CUSTOMER_WROTE_MEANWHILE = "customer_wrote_meanwhile"
    BEGUN = "begun"
    TAKEN_UP = "taken_up"
    JOINED = "joined"
    HAS_OPEN_CASE = "has_open_case"
    IN_A_CASE_ALREADY = "in_a_case_already"
    IS_AN_ADMIN = "is_an_admin"
    IS_A_BOT = "is_a_bot"
    IS_DEACTIVATED = "is_deactivated"
    NO_SUCH_PERSON = "no_such_person"
    NO_WORDS = "no_words"
    MAIL_ACCEPTED = "mail_accepted"
    MAIL_OPENED = "mail_opened"
    MAIL_BLOCKED = "mail_blocked"
    MAIL_SET_ASIDE = "mail_set_aside"
    MAIL_DECIDED = "mail_decided"
    MAIL_GONE = "mail_gone"
    MAIL_NO_SENDER = "mail_no_sender"
    ADDRESS_BLOCKED = "address_blocked"
    ADDRESS_BLOCKED_ALREADY = "address_blocked_already"
    NOT_BY_MAIL = "not_by_mail"


@dataclass(frozen=True, slots=True)
class Reply:
    """`name` is whom the request was about, where that was a person."""

    kind: ReplyKind
    case_id: str = ""
    other_case_id: str = ""
    by: str = ""
    name: str = ""
