"""What a receiving provider does to a mail before it lies in a mailbox, and says of its sender."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, getaddresses
from typing import Literal

DOMAIN = "casewire.example"
AUTHSERV_ID = f"mx.{DOMAIN}"

Authentication = Literal["pass", "fail", "none"]
"""What DMARC says of the sender."""
AUTHENTICATIONS: tuple[Authentication, ...] = ("pass", "fail", "none")

_NEXT_FIELD = re.compile(rb"(?<=\n)(?![ \t])")
_COMMENT = re.compile(rb"\([^()]*\)")
_VERDICT = re.compile(rb"\bdmarc\s*=\s*(pass|fail|none)\b", re.I)


def received(
    raw: bytes, *, return_path: str, recipient: str, authentication: Authentication, at: datetime
) -> bytes:
    """The mail as it lies in the recipient's mailbox.

    Of Return-Path and this server's own Authentication-Results, none that the sender wrote stays (RFC 8601,
    section 5); line ends are CRLF.
    """
    kept = [whole for name, value, whole in _fields(raw) if not _is_ours(name, value)]
    domain = from_domain(raw)
    stamp = format_datetime(at.astimezone(UTC))
    trace = (
        f"Return-Path: <{return_path}>\n"
        f"Received: from {domain} by {AUTHSERV_ID} with ESMTP for <{recipient}>;\n\t{stamp}\n"
        f"Authentication-Results: {AUTHSERV_ID}; dmarc={authentication} header.from={domain}\n"
    )
    mail = trace.encode("utf-8", "replace") + b"".join(kept) + _body(raw)
    return mail.replace(b"\n", b"\r\n")


def claimed(raw: bytes) -> Authentication | None:
    """What this server's own Authentication-Results in it say, where it was not made by this server."""
    for name, value, _ in _fields(raw):
        if name == b"authentication-results" and _is_ours(name, value):
            found = _VERDICT.search(value)
            said = found[1].lower().decode() if found else "none"
            return next(known for known in AUTHENTICATIONS if known == said)
    return None


def from_domain(raw: bytes) -> str:
    """The domain of From, as DMARC looks at it; the last address where there are several."""
    values = [value.decode("utf-8", "replace") for name, value, _ in _fields(raw) if name == b"from"]
    found = [address.rpartition("@")[2] for _, address in getaddresses(values) if "@" in address]
    domain = re.sub(r"[^\w.-]", "", found[-1]).lower() if found else ""
    return domain or "unknown.invalid"


def _fields(raw: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """The fields of the header: name in lower case, value, and the whole as it is; broken ones have no name."""
    head = _unix(raw).partition(b"\n\n")[0] + b"\n"
    found = []
    for whole in _NEXT_FIELD.split(head):
        name, colon, value = whole.partition(b":")
        found.append((name.strip().lower() if colon else b"", value, whole))
    return found


def _body(raw: bytes) -> bytes:
    """What follows the header, with the empty line."""
    _, empty, body = _unix(raw).partition(b"\n\n")
    return empty[1:] + body


def _unix(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n")


def _is_ours(name: bytes, value: bytes) -> bool:
    """Whether this server adds the field itself, so that the sender's must go."""
    if name == b"return-path":
        return True
    plain = _COMMENT.sub(b"", value).strip().lower()
    return (
        name == b"authentication-results"
        and re.match(re.escape(AUTHSERV_ID.encode()) + rb"(?![\w.-])", plain) is not None
    )
