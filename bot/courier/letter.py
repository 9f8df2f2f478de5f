"""One mail as it goes out: what its headers say, and its bytes. Nothing that was written can split a header.

RFC 5322 (form, Message-ID, References), RFC 2047 and 2231 (other than ASCII), RFC 3834 (automatic mail).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any, Literal

import idna

from bot.text.files import file_name
from bot.text.graphemes import boundary
from bot.text.safe import clean, is_blank

LINE_SIZE = 78
SUBJECT_SIZE = 200  # characters, before our tag
NAME_SIZE = 100
REFERENCES_KEPT = 20  # besides the first
REPLY_SUBJECT = "Re: {subject} {tag}"
LOOP_HEADER = "X-Casewire-Loop"
# Not "All": that asks Exchange to keep back bounces too.
SUPPRESSED = "DR, RN, NRN, OOF, AutoReply"

_TAG = re.compile(r"\[CASE_\d+\]", re.IGNORECASE)
# What mail programs put before a subject when they answer, in the languages we know of.
_ANSWERED = re.compile(
    r"(?:re|aw|antw|sv|vs|odp|rif|ynt|res|回复|答复|回覆)(?:\s*\[\d+\])?\s*[:：]\s*", re.IGNORECASE
)
_NOT_ONE_LINE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_REORDERING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
_ADDRESS = re.compile(
    r"[^@\s\"(),:;<>\[\\\]\x00-\x20\x7f-\x9f]{1,64}@[^@\s\"(),:;<>\[\\\]\x00-\x20\x7f-\x9f]{1,255}"
)
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,100}")
_ENCODED_BYTES = 45  # in one encoded word, so that it and its marks stay below 76 characters
_BASE64_LINE, _BASE64_BYTES = 78, 57  # a line of base64 with its line end, and the bytes it stands for
_PART_HEADERS = 600

Automatic = Literal["auto-replied", "auto-generated"]


class BadAddress(Exception):
    """No mail can be sent to that address."""


@dataclass(frozen=True, slots=True)
class LetterFile:
    name: str
    mime_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything of a mail but its files. `automatic` is None where a person wrote it.

    `references` are in the order of the header: the oldest first, last what is answered.
    """

    sender: str
    sender_name: str
    to: str
    to_name: str
    subject: str
    message_id: str
    references: tuple[str, ...]
    date: datetime
    text: str
    html: str
    loop_token: str
    automatic: Automatic | None = None


class _Policy(EmailPolicy):
    """Our own headers are folded here: the standard library encodes a long Message-ID, so that nobody finds it
    again (python/cpython#79986), and loses blanks between encoded words.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return (name, value) if isinstance(value, _Folded) else super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        return value if isinstance(value, _Folded) else super().header_fetch_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}\r\n" if isinstance(value, _Folded) else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return f"{name}: {value}\r\n".encode() if isinstance(value, _Folded) else super().fold_binary(name, value)


class _Folded(str):
    """The value of a header in lines that begin with a blank, but for the first."""

    __slots__ = ()


_POLICY = _Policy(linesep=SMTP.linesep, cte_type="7bit")


def loop_token(secret: bytes) -> str:
    """What marks our own mail to ourselves, and tells nobody anything."""
    return hmac.new(secret, b"loop", hashlib.sha256).hexdigest()[:24]


def new_message_id(secret: bytes, case_id: str, row_id: int, sender: str) -> str:
    """The Message-ID of the mail of an outbox row: always the same, and not to be guessed."""
    case = case_id.lower().replace("_", "-")
    proof = hmac.new(secret, f"{case}-{row_id}".encode(), hashlib.sha256).hexdigest()[:12]
    return f"<{case}-{row_id}-{proof}@{ascii_address(sender).rpartition('@')[2]}>"


def reply_subject(original: str, case_id: str, unnamed: str) -> str:
    """`Re:` and our tag exactly once, whatever stood there."""
    subject = one_line(_TAG.sub(" ", one_line(original)))
    while found := _ANSWERED.match(subject):
        subject = subject[found.end() :]
    subject = one_line(subject)
    if len(subject) > SUBJECT_SIZE:
        subject = subject[: boundary(subject, SUBJECT_SIZE - 1)].rstrip() + "…"
    shown = unnamed if is_blank(subject) else subject
    return REPLY_SUBJECT.format(subject=shown, tag=f"[{case_id}]")


def references_to(message_id: str, earlier: tuple[str, ...]) -> tuple[str, ...]:
    """`References` of an answer: the first and the last of the conversation, then what is answered."""
    known = [one for one in dict.fromkeys(earlier) if _MESSAGE_ID.fullmatch(one) and one != message_id]
    if len(known) > REFERENCES_KEPT + 1:
        known = [known[0], *known[-REFERENCES_KEPT:]]
    return (*known, message_id) if _MESSAGE_ID.fullmatch(message_id) else tuple(known)


def one_line(text: str) -> str:
    """The text as a header may hold it: one line, no controls, nothing that reorders what follows."""
    return " ".join(_REORDERING.sub("", _NOT_ONE_LINE.sub(" ", clean(text))).split())


def ascii_address(address: str) -> str:
    """The address with its domain as the DNS has it (UTS 46). Raises BadAddress."""
    if not _ADDRESS.fullmatch(address) or address.startswith("."):
        raise BadAddress(address)
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress(address) from error


def needs_utf8(address: str) -> bool:
    """Whether only a server with SMTPUTF8 (RFC 6531) can take it: letters beyond ASCII before the @."""
    return not address.rpartition("@")[0].isascii()


def written(letter: Letter, files: tuple[LetterFile, ...] = ()) -> bytes:
    """The mail's bytes, with CRLF, in lines that every server takes. Raises BadAddress."""
    message = EmailMessage(policy=_POLICY)
    headers: dict[str, Sequence[str]] = {
        "From": _mailbox(letter.sender_name, letter.sender),
        "To": _mailbox(letter.to_name, letter.to),
        "Subject": _text(letter.subject, len("Subject: ")),
        "Date": [format_datetime(letter.date)],
        "Message-ID": [letter.message_id],
        "In-Reply-To": list(letter.references[-1:]),
        "References": list(letter.references),
        "Auto-Submitted": [letter.automatic] if letter.automatic else [],
        "X-Auto-Response-Suppress": [SUPPRESSED] if letter.automatic else [],
        LOOP_HEADER: [letter.loop_token],
    }
    for name, words in headers.items():
        if words:
            message[name] = _folded(words, len(name) + 2)
    message.set_content(letter.text, cte=_encoding(letter.text))
    message.add_alternative(letter.html, subtype="html", cte=_encoding(letter.html))
    for file in files:
        maintype, subtype = _type(file.mime_type)
        message.add_attachment(
            file.data, maintype=maintype, subtype=subtype, filename=file_name(one_line(file.name))
        )
    return message.as_bytes()


def written_size(size: int) -> int:
    """How much of a mail a file takes, in base64 and with its headers."""
    return -(-size // _BASE64_BYTES) * _BASE64_LINE + _PART_HEADERS


def _folded(words: Sequence[str], used: int) -> _Folded:
    """Words behind one another, in lines of at most 78 where they let it; `used` is taken in the first."""
    lines, length = [""], used
    for word in words:
        if lines[-1] and length + 1 + len(word) > LINE_SIZE:
            lines.append("")
            length = 0
        lines[-1] += f" {word}" if lines[-1] else word
        length += 1 + len(word)
    return _Folded("\r\n ".join(lines))


def _text(text: str, used: int) -> list[str]:
    """Unstructured text as words of a header."""
    text = one_line(text)
    if text.isascii() and "=?" not in text and max(map(len, text.split()), default=0) < LINE_SIZE - used:
        return text.split()
    return _encoded(text)


def _encoded(text: str) -> list[str]:
    """RFC 2047: whole characters in each encoded word, and none longer than 75."""
    chunks = [b""]
    for char in text:
        data = char.encode()
        if len(chunks[-1]) + len(data) > _ENCODED_BYTES:
            chunks.append(b"")
        chunks[-1] += data
    return [f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in chunks]


def _mailbox(name: str, address: str) -> list[str]:
    name = one_line(name)
    if len(name) > NAME_SIZE:
        name = name[: boundary(name, NAME_SIZE)].rstrip()
    to = f"<{ascii_address(address)}>"
    if is_blank(name):
        return [to]
    if name.isascii() and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return [f'"{quoted}"', to]
    return [*_encoded(name), to]


def _encoding(text: str) -> str:
    """Quoted-printable stays readable where most is ASCII; for other scripts base64 is shorter."""
    return "quoted-printable" if sum(not char.isascii() for char in text) * 6 < len(text) + 6 else "base64"


def _type(mime_type: str) -> tuple[str, str]:
    """A type of file as it may stand in a header; a mail inside a mail would be read as a part of it."""
    mime_type = mime_type.lower().split(";")[0].strip()
    maintype, _, subtype = mime_type.partition("/")
    if not _TYPE.fullmatch(mime_type) or maintype in {"multipart", "message"}:
        return "application", "octet-stream"
    return maintype, subtype
