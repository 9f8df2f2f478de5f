"""Mails as people see them: on the page, and in the state of the sandbox."""

from __future__ import annotations

import re
from datetime import UTC
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from html.parser import HTMLParser

from bot.sandbox.mail.receiving import AUTHSERV_ID
from bot.sandbox.mail.store import SEEN, Folder, Mail
from bot.sandbox.model import Json

LONGEST = 20_000
"""Characters of a mail's text that are shown."""

BROKEN = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the standard library raises on a broken mail."""

_ID = re.compile(r"<[^<>\s]{1,990}>")
_VERDICT = re.compile(r"\bdmarc=(\w+)")


def summary(mail: Mail, folder: Folder, thread: int) -> Json:
    """A mail as the page lists and shows it; `thread` is the number of the first mail of its conversation."""
    known = {
        "number": mail.number,
        "version": mail.version,
        "mailbox": folder.mailbox.address,
        "folder": folder.name,
        "thread": thread,
        "at": mail.internaldate.astimezone(UTC).timestamp(),
        "seen": SEEN in mail.flags,
    }
    try:
        return known | _read(message_from_bytes(mail.raw))
    except BROKEN:
        return known | _read(Message()) | {"text": words(mail.raw), "cut": len(mail.raw) > LONGEST}


def _read(message: Message) -> Json:
    text = _text(message)
    return {
        "from": _people(message, "From"),
        "to": _people(message, "To"),
        "cc": _people(message, "Cc"),
        "subject": header(message, "Subject"),
        "text": text[:LONGEST],
        "cut": len(text) > LONGEST,
        "html": _part(message, "text/html") is not None,
        "files": [
            {"number": number, "name": _name(part), "mimetype": part.get_content_type(), "size": len(_bytes(part))}
            for number, part in enumerate(files(message))
        ],
        "verdict": _verdict(message),
        "automatic": _automatic(message),
    }


def headers(raw: bytes) -> list[list[str]]:
    """Every header field as it came, in order."""
    message = message_from_bytes(raw)
    return [[name, " ".join(str(value).split())] for name, value in message.raw_items()]


def references(raw: bytes) -> tuple[str, list[str]]:
    """The Message-ID, and the ids that it refers to."""
    message = message_from_bytes(raw)
    own = _ID.search(str(message.get("Message-ID", "")))
    named = " ".join(str(message.get(name, "")) for name in ("References", "In-Reply-To"))
    return own[0] if own else "", _ID.findall(named)


def words(raw: bytes) -> str:
    """The text of a mail."""
    try:
        return _text(message_from_bytes(raw))[:LONGEST]
    except BROKEN:
        return raw[:LONGEST].decode("utf-8", "replace")


def html(raw: bytes) -> str | None:
    """The HTML of a mail."""
    part = _part(message_from_bytes(raw), "text/html")
    return None if part is None else _decoded(part)


def file(raw: bytes, number: int) -> tuple[str, str, bytes]:
    """Name, type and bytes of an attachment. Raises LookupError."""
    parts = files(message_from_bytes(raw))
    if not 0 <= number < len(parts):
        raise LookupError(f"the mail has no file {number}")
    return _name(parts[number]), parts[number].get_content_type(), _bytes(parts[number])


def files(message: Message) -> list[Message]:
    """The parts that are neither the words nor what holds parts together."""
    read = [_part(message, "text/plain"), _part(message, "text/html")]
    return [part for part in _leaves(message) if not any(part is known for known in read)]


def header(message: Message, name: str) -> str:
    """A header field, decoded as far as it can be, on one line."""
    value = message.get(name, "")
    try:
        decoded = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        decoded = str(value)
    return " ".join(decoded.encode("utf-8", "replace").decode().split())


def _people(message: Message, name: str) -> list[Json]:
    values = [str(value) for value in message.get_all(name, [])][:20]
    found = []
    for shown, address in getaddresses(values)[:50]:
        carrier = Message()
        carrier["X"] = shown.replace("\n", " ").replace("\r", " ")
        found.append({"name": header(carrier, "X"), "address": address.encode("utf-8", "replace").decode()})
    return [person for person in found if person["name"] or person["address"]]


def _leaves(message: Message) -> list[Message]:
    """The parts that hold something themselves; a mail within the mail is one."""
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        return [message]
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    return [leaf for part in parts for leaf in _leaves(part)]


def _part(message: Message, kind: str) -> Message | None:
    """The part that carries the words in that form."""
    for part in _leaves(message):
        disposition = str(part.get("Content-Disposition", "")).strip().lower()
        if part.get_content_type() == kind and not disposition.startswith("attachment"):
            return part
    return None


def _text(message: Message) -> str:
    part = _part(message, "text/plain")
    if part is not None:
        return _decoded(part).replace("\r\n", "\n").strip("\n")
    part = _part(message, "text/html")
    if part is None:
        return ""
    reader = _Words()
    reader.feed(_decoded(part))
    return "\n".join(" ".join(line.split()) for line in "".join(reader.found).split("\n")).strip()


class _Words(HTMLParser):
    """The words of HTML, roughly: enough to know the mail by."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("style", "script", "head", "title")
        if tag in ("p", "br", "div", "tr", "li", "h1", "h2", "h3", "blockquote"):
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "head", "title"):
            self._hidden = max(0, self._hidden - 1)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(" ".join(data.split("\n")))


def _decoded(part: Message) -> str:
    data = _bytes(part)
    try:
        return data.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeError):
        return data.decode("utf-8", "replace")


def _bytes(part: Message) -> bytes:
    if part.is_multipart():  # a mail within the mail
        return b"\n".join(one.as_bytes() for one in part.get_payload() if isinstance(one, Message))
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _name(part: Message) -> str:
    carrier = Message()
    carrier["X"] = (part.get_filename() or "").replace("\n", " ").replace("\r", " ")
    return header(carrier, "X") or part.get_content_type().replace("/", ".")


def _verdict(message: Message) -> str:
    """What the receiving server says of the sender, where it does."""
    values = [str(value) for value in message.get_all("Authentication-Results", [])]
    ours = next((value for value in values if value.strip().startswith(AUTHSERV_ID)), "")
    found = _VERDICT.search(ours)
    return found[1] if found else ""


def _automatic(message: Message) -> str:
    """Which machine wrote it, in a word; empty where a person did."""
    if message.get_content_type() == "multipart/report":
        return "bounce"
    said = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    return "" if said == "no" else said
