"""Everything that can happen to a case. What applies is kept in `case_events`: that is the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .effects import ThreadNotice
from .model import Letter, LostFile, Person, PostRef, ReplyTo, Source, Written


@dataclass(frozen=True, slots=True)
class CustomerWrote:
    """`taken_up_by`: an admin made it a message of a case; its author wrote it elsewhere, not to the desk.

    Without `reply_to` it is answered by mail. `quietly`: nobody is told or alerted because of it, since it lay in
    the mailbox before the desk was, or a machine wrote it.
    """

    at: datetime
    customer: Person
    written: Written
    ref: PostRef
    reply_to: ReplyTo | None
    source: Source = Source.SLACK
    taken_up_by: Person | None = None
    letter: Letter | None = None
    quietly: bool = False


@dataclass(frozen=True, slots=True)
class AdminAnswered:
    """An admin's post in the case's thread that is meant for the customer, or their mail (it has no `ref`).

    `has_it`: it went to the customer already, by mail or before the desk was restored. `followed_by` are the times
    of customer messages on the case that were written later than this answer but processed before it: they stay
    unanswered.
    """

    at: datetime
    by: Person
    written: Written
    ref: PostRef | None
    closes: bool = False
    near_miss: bool = False
    followed_by: tuple[datetime, ...] = ()
    letter: Letter | None = None
    has_it: bool = False


@dataclass(frozen=True, slots=True)
class NoteWritten:
    """An admin's post that stays inside; with the closing phrase it closes quietly."""

    at: datetime
    by: Person
    written: Written
    ref: PostRef
    closes: bool = False


@dataclass(frozen=True, slots=True)
class BystanderPosted:
    at: datetime
    by: Person
    ref: PostRef


@dataclass(frozen=True, slots=True)
class AdminBegan:
    """An admin writes to somebody first, without a post in Slack: the bot posts it for them."""

    at: datetime
    by: Person
    customer: Person
    written: Written
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True)
class Closed:
    """An admin closed the case by command or button; `quiet` leaves the customer without a notice.

    `last_words` go to the customer with it. `seen` is when the newest message was written that the admin can
    have seen, where that is known.
    """

    at: datetime
    by: Person
    quiet: bool = False
    last_words: Written | None = None
    seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reopened:
    """An admin asked to reopen. `newer_open` is another case of that customer that is open already.

    `post` is the answer to send along: the "Reopen and send" of a post that came after the closing.
    """

    at: datetime
    by: Person
    newer_open: str | None = None
    post: AdminAnswered | None = None


@dataclass(frozen=True, slots=True)
class EscalationRequested:
    """`once`: by a button that is only shown while the case is not escalated; a late click adds nothing."""

    at: datetime
    by: Person
    why: str = ""
    once: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    at: datetime
    by: Person


@dataclass(frozen=True, slots=True)
class TimeCame:
    """The periodic check found the case due."""

    at: datetime


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """A message of the case was edited where it was written: its copies follow, nothing else changes."""

    at: datetime
    ref: PostRef
    text: str
    html: str = ""


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    at: datetime
    ref: PostRef


@dataclass(frozen=True, slots=True)
class CardDeleted:
    """Somebody deleted the card, the root of the case's thread at `ref`."""

    at: datetime
    ref: PostRef


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """An answer could not be brought to its customer, for the reason given in plain words.

    `ref` is None while an answer that was given in a form is not posted in the thread yet.
    """

    at: datetime
    message_id: int
    ref: PostRef | None
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryUnknown:
    """The mail with an answer was handed over, and what became of it is not known."""

    at: datetime
    message_id: int
    ref: PostRef | None
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerRecalled:
    """An answer was deleted before it went. `answered_otherwise`: the customer got, or gets, another one."""

    at: datetime
    message_id: int
    ref: PostRef | None
    author: str
    answered_otherwise: bool = False


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file that came with the message at `ref` could not be brought to the other side.

    `nothing_arrived`: none of its words and none of its other files did or still may. `reply_to` is where the
    author is told, if a customer.
    """

    at: datetime
    message_id: int
    ref: PostRef
    author: str
    file: LostFile
    is_answer: bool
    nothing_arrived: bool = False
    reply_to: ReplyTo | None = None


@dataclass(frozen=True, slots=True)
class AnswerBounced:
    """The mail with an answer came back: it was sent, but did not arrive."""

    at: datetime
    message_id: int
    ref: PostRef | None
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class MailShown:
    """A mail that belongs to the case and changes nothing: a machine's, or one by which its author cannot act."""

    at: datetime
    notice: ThreadNotice
    sender: str
    subject: str
    quote: str
    ref: PostRef
    detail: str = ""


Event = (
    CustomerWrote
    | AdminBegan
    | AdminAnswered
    | NoteWritten
    | BystanderPosted
    | Closed
    | Reopened
    | EscalationRequested
    | Acknowledged
    | TimeCame
    | MessageEdited
    | MessageDeleted
    | CardDeleted
    | DeliveryFailed
    | DeliveryUnknown
    | AnswerRecalled
    | FileFailed
    | AnswerBounced
    | MailShown
)
