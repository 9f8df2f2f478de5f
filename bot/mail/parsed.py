"""What parsing says about a mail: plain facts, kept as JSON on the item of the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

WHOLE_TEXT = "text"  # in place of a file's number: the whole text, where less than that is shown


class Machine(StrEnum):
    """What a mail is that no person wrote to us (RFC 3834 and the headers in use beside it)."""

    OWN = "own"  # sent by Casewire itself, or by another Casewire
    BOUNCE = "bounce"  # RFC 3464, or an older MTA's own words
    REPORT = "report"  # a read receipt, or a complaint (RFC 5965)
    AUTO_REPLY = "auto_reply"
    CALENDAR = "calendar"  # METHOD:REPLY
    LIST = "list"
    BULK = "bulk"
    NO_REPLY = "no_reply"  # its sender says that nobody reads answers


class Verdict(StrEnum):
    """What the receiving server itself says about the sender (RFC 8601)."""

    PASSED = "passed"  # DMARC, or an aligned DKIM signature where the server says nothing about DMARC
    FAILED = "failed"
    NONE = "none"  # the trusted server says neither
    UNTRUSTED = "untrusted"  # no header of a server that we know to trust


@dataclass(frozen=True, slots=True)
class Address:
    """`address` is lower-cased, its domain in Unicode (UTS 46); `name` is what the mail calls it, cleaned."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class MailFile:
    """An attachment. `number` finds its bytes again in the raw mail; `size` is that of the decoded bytes."""

    number: int
    name: str
    mime_type: str
    size: int
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a bounce says. `message_ids` are those of the mail that bounced, with angle brackets."""

    message_ids: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    status: str = ""  # RFC 3463, for example 5.1.1
    diagnostic: str = ""
    is_delay: bool = False  # Action: delayed; nothing has failed yet


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """One mail, read.

    `sender` is None unless there is exactly one From with exactly one usable address; then `trouble_with_sender`
    says in plain words why. `message_id` and `references` (In-Reply-To first, then References, newest first) have
    their angle brackets; a mail without Message-ID gets a stable one made from its bytes. `new_words` is what was
    newly written, `text` the whole. `tags` are the case ids in the subject. `notes` tell admins in plain words
    what could not be read or was cut.
    """

    message_id: str
    sender: Address | None
    trouble_with_sender: str = ""
    from_shown: str = ""  # From as written, decoded and cleaned, for showing to admins only
    recipients: tuple[Address, ...] = ()  # To and Cc
    cc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    new_words: str = ""
    text: str = ""
    files: tuple[MailFile, ...] = field(default=())
    machine: Machine | None = None
    bounce: Bounce | None = None
    verdict: Verdict = Verdict.UNTRUSTED
    verdict_detail: str = ""  # for admins: which header said what
    is_spam: bool = False  # X-Spam-Flag: YES
    notes: tuple[str, ...] = ()

    @property
    def hides_text(self) -> bool:
        """Whether there is more text than the new words: history, a signature."""
        return "".join(self.text.split()) != "".join(self.new_words.split())

    @property
    def whole_text(self) -> bytes:
        """The whole text as a file."""
        return self.text.encode(errors="replace")


def to_json(mail: ParsedMail) -> dict[str, Any]:
    """The facts as they are kept on an item of the inbox."""
    return asdict(mail)


def from_json(facts: Mapping[str, Any]) -> ParsedMail:
    """What `to_json` gave, also by way of JSON text."""
    bounce = facts["bounce"]
    return ParsedMail(
        message_id=facts["message_id"],
        sender=Address(**facts["sender"]) if facts["sender"] else None,
        trouble_with_sender=facts["trouble_with_sender"],
        from_shown=facts["from_shown"],
        recipients=_addresses(facts["recipients"]),
        cc=_addresses(facts["cc"]),
        reply_to=_addresses(facts["reply_to"]),
        subject=facts["subject"],
        references=tuple(facts["references"]),
        tags=tuple(facts["tags"]),
        new_words=facts["new_words"],
        text=facts["text"],
        files=tuple(MailFile(**each) for each in facts["files"]),
        machine=Machine(facts["machine"]) if facts["machine"] else None,
        bounce=_bounce(bounce) if bounce else None,
        verdict=Verdict(facts["verdict"]),
        verdict_detail=facts["verdict_detail"],
        is_spam=facts["is_spam"],
        notes=tuple(facts["notes"]),
    )


def _addresses(found: list[Mapping[str, str]]) -> tuple[Address, ...]:
    return tuple(Address(**each) for each in found)


def _bounce(found: Mapping[str, Any]) -> Bounce:
    return Bounce(
        **{**found, "message_ids": tuple(found["message_ids"]), "recipients": tuple(found["recipients"])}
    )
