"""Where a mail belongs: into a case, beside one, held for an admin, or on the list of what no case takes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .policy import AdminCheck, MailPolicy


class Proof(StrEnum):
    """What the receiving server says of the sender."""

    PASSED = "passed"
    FAILED = "failed"
    NONE = "none"
    UNTRUSTED = "untrusted"


class Sort(StrEnum):
    """Who wrote it: a person, or which machine."""

    PERSON = "person"
    OWN = "own"
    BOUNCE = "bounce"
    DELAY = "delay"
    MACHINE = "machine"


class WhyHeld(StrEnum):
    NO_SENDER = "no_sender"
    SPAM = "spam"
    FAILED_CHECK = "failed_check"
    UNPROVEN_ADMIN = "unproven_admin"
    USED_ADMIN_MAIL = "used_admin_mail"
    OLD_ADMIN_MAIL = "old_admin_mail"
    STRANGER = "stranger"
    TOO_MANY = "too_many"


class WhyListed(StrEnum):
    MACHINE = "machine"
    BOUNCE = "bounce"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Related:
    """A case that a mail may belong to: `participants` are those beside its customer whom admins accepted."""

    case_id: str
    customer: str
    is_open: bool
    participants: frozenset[str] = frozenset()

    def includes(self, address: str) -> bool:
        return address == self.customer or address in self.participants


@dataclass(frozen=True, slots=True)
class Returned:
    """A mail of ours that came back: an answer bears the message it carried, a notice none."""

    case_id: str
    message: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a mail when it is placed.

    `referred` are the cases of the Message-IDs it refers to, newest first; `tagged` those named in its subject;
    `of_recipients` the open cases of those it was sent to. `is_used`: an admin acted by that Message-ID before.
    """

    sender: str | None
    sort: Sort = Sort.PERSON
    proof: Proof = Proof.UNTRUSTED
    is_spam: bool = False
    is_blocked: bool = False
    is_used: bool = False
    is_old: bool = False
    referred: tuple[Related, ...] = ()
    tagged: tuple[Related, ...] = ()
    of_recipients: tuple[Related, ...] = ()
    own_open: str | None = None
    returned: Returned | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Our own mail, come round to us."""


@dataclass(frozen=True, slots=True)
class Joins:
    """A customer's words: for the case, or without one for the sender's own, which may have to be opened."""

    case_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """An admin's words on that case."""

    case_id: str


@dataclass(frozen=True, slots=True)
class ShownBeside:
    """A machine's mail about that case."""

    case_id: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """A mail of ours was not delivered; `for_good`, or it is only late so far."""

    returned: Returned
    for_good: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An admin decides; `case_id` is the case it would go into."""

    why: WhyHeld
    case_id: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """Gathered in a list: nobody need decide."""

    why: WhyListed


@dataclass(frozen=True, slots=True)
class ShownToAll:
    """An admin's mail that fits no case."""


Place = Dropped | Joins | Answers | ShownBeside | CameBack | Held | Listed | ShownToAll


_TAG = re.compile(r"\[CASE_\d+\]", re.IGNORECASE)
_REPLY_MARKS = {
    "re", "aw", "sv", "vs", "antw", "odp", "rif", "ris", "res", "ynt",
    "fw", "fwd", "wg", "tr", "rv", "enc", "vb", "fs", "i", "回复", "答复", "转发", "返信", "回覆", "轉寄",
}  # fmt: skip


def bare_subject(subject: str) -> str:
    """A subject without reply marks and tags: by it, a changed one is told from one that was answered."""
    rest = " ".join(_TAG.sub(" ", subject).split())
    while True:
        mark, colon, behind = rest.replace("：", ":", 1).partition(":")
        if not colon or re.sub(r"\[\d+\]$", "", mark.strip()).casefold() not in _REPLY_MARKS:
            return rest.casefold()
        rest = behind.strip()


def place_mail(mail: Seen, policy: MailPolicy) -> Place:
    """Machines first, for they never act; then whether the sender can be believed; then what it is about."""
    if mail.sort is Sort.OWN and mail.sender in policy.own:
        return Dropped()
    if mail.sort in {Sort.BOUNCE, Sort.DELAY}:
        if mail.returned is not None:
            return CameBack(mail.returned, for_good=mail.sort is Sort.BOUNCE)
        return Listed(WhyListed.BOUNCE)
    doubtful = mail.is_spam or mail.is_blocked or mail.proof is Proof.FAILED
    if mail.sort is not Sort.PERSON:
        if mail.referred and not doubtful:
            return ShownBeside(mail.referred[0].case_id)
        return Listed(WhyListed.BLOCKED if mail.is_blocked else WhyListed.MACHINE)
    if mail.sender is None:
        return Held(WhyHeld.NO_SENDER)
    if mail.is_blocked:
        return Listed(WhyListed.BLOCKED)
    if mail.sender in policy.admins:
        return _admins(mail, policy)
    place = _persons(mail, mail.sender)
    if mail.is_spam or mail.proof is Proof.FAILED:
        why = WhyHeld.SPAM if mail.is_spam else WhyHeld.FAILED_CHECK
        return Held(why, place.case_id or mail.own_open)
    return place


def is_proven(mail: Seen, policy: MailPolicy) -> bool:
    """Whether a mail from an admin's address is taken for the admin's."""
    match policy.admin_check:
        case AdminCheck.OFF:
            return False
        case AdminCheck.NONE:
            return not mail.is_spam and mail.proof is not Proof.FAILED
        case AdminCheck.DMARC:
            return not mail.is_spam and mail.proof is Proof.PASSED


def _admins(mail: Seen, policy: MailPolicy) -> Place:
    about = _about(mail)
    case_id = about.case_id if about is not None else None
    if not is_proven(mail, policy):
        return Held(WhyHeld.SPAM if mail.is_spam else WhyHeld.UNPROVEN_ADMIN, case_id)
    if mail.is_used:
        return Held(WhyHeld.USED_ADMIN_MAIL, case_id)
    if mail.is_old:
        return Held(WhyHeld.OLD_ADMIN_MAIL, case_id)
    return Answers(case_id) if case_id is not None else ShownToAll()


def _about(mail: Seen) -> Related | None:
    """The case an admin writes about: referred to, else the one tagged, else the one of the recipients."""
    if mail.referred:
        return mail.referred[0]
    for named in (mail.tagged, mail.of_recipients):
        if len(_distinct(named)) == 1:
            return named[0]
        if named:
            return None  # of several none is meant for certain
    return None


def _persons(mail: Seen, sender: str) -> Joins | Held:
    own = [case for case in mail.referred if case.includes(sender)]
    if mail.referred and not own:
        return Held(WhyHeld.STRANGER, mail.referred[0].case_id)
    for case in (*own, *mail.tagged):
        if sender == case.customer:
            return Joins()
        if case.is_open and sender in case.participants:
            return Joins(case.case_id)
    return Joins()


def _distinct(related: Iterable[Related]) -> set[str]:
    return {case.case_id for case in related}
