"""Mails as people's programs write them, and as servers do: bounces and out-of-office replies."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime, parseaddr, quote
from typing import Any

from bot.sandbox.mail.receiving import AUTHSERV_ID, DOMAIN

FileSpec = Mapping[str, Any]
"""A file to attach: `name`, `content` (bytes or str) and optionally `mimetype`."""


def address_of(sender: str) -> str:
    """The bare address of `Dana Lee <dana@customer.example>`, in lower case."""
    return (parseaddr(sender)[1] or sender).strip().lower()


def named(name: str, address: str) -> str:
    """A person as From has it."""
    return f'"{quote(name)}" <{address}>' if name else address


def written(
    *,
    sender: str,
    to: str,
    subject: str,
    text: str,
    at: datetime,
    cc: str = "",
    html: str | None = None,
    files: Iterable[FileSpec] = (),
    answered: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A mail as its sender's program sends it; `answered` is the mail that it replies to."""
    plain = all(address_of(one).isascii() for one in (sender, *to.split(","), *cc.split(",")))
    mail = EmailMessage(policy=policy.SMTP if plain else policy.SMTPUTF8)
    mail["From"], mail["To"], mail["Subject"] = sender, to, _line(subject)
    if cc:
        mail["Cc"] = cc
    mail["Date"] = format_datetime(at.astimezone(UTC))
    mail["Message-ID"] = new_message_id(address_of(sender).rpartition("@")[2])
    if answered is not None:
        _refer(mail, answered)
    for name, value in (headers or {}).items():
        del mail[name]
        mail[name] = value
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    for file in files:
        _attach(mail, file)
    return mail.as_bytes()


def bounce(raw: bytes, *, return_path: str, recipient: str, said: str, at: datetime) -> bytes:
    """The report of a mail that could not be delivered (RFC 3464). `said` is as SMTP has it: `550 5.1.1 …`."""
    code, _, rest = said.partition(" ")
    status = rest.partition(" ")[0]
    status = status if status.count(".") == 2 else "5.0.0"
    head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"
    boundary = f"=_{uuid.uuid4().hex}"
    words = (
        f"Your message could not be delivered to {recipient}.\n\n"
        f"The server there said: {code} {rest}\n\nIt will not be tried again.\n"
    )
    lines = (
        f"From: Mail Delivery System <MAILER-DAEMON@{AUTHSERV_ID}>\n"
        f"To: <{return_path}>\n"
        "Subject: Undelivered Mail Returned to Sender\n"
        f"Date: {format_datetime(at.astimezone(UTC))}\n"
        f"Message-ID: {new_message_id(AUTHSERV_ID)}\n"
        "Auto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain; charset=utf-8\n\n{words}\n"
        f"--{boundary}\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; {AUTHSERV_ID}\nArrival-Date: {format_datetime(at.astimezone(UTC))}\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\n\n"
        f"--{boundary}\nContent-Type: text/rfc822-headers\n\n"
    )
    return lines.encode() + head + f"\n--{boundary}--\n".encode()


def out_of_office(raw: bytes, *, owner: str, to: str, text: str, at: datetime) -> bytes:
    """The automatic reply of somebody who is away (RFC 3834)."""
    subject = _header(raw, "Subject")
    return written(
        sender=owner,
        to=to,
        subject=f"Automatic reply: {subject}",
        text=text,
        at=at,
        answered=raw,
        headers={"Auto-Submitted": "auto-replied", "Subject": _line(f"Automatic reply: {subject}")},
    )


def reply_subject(raw: bytes) -> str:
    """The subject of an answer to a mail."""
    subject = _header(raw, "Subject")
    return subject if subject.lower().startswith("re:") else f"Re: {subject}".strip()


def subject_of(raw: bytes) -> str:
    """The subject, decoded, on one line."""
    return _header(raw, "Subject")


def new_message_id(domain: str) -> str:
    """One that no other mail has."""
    return f"<{uuid.uuid4().hex}@{domain or DOMAIN}>"


def _refer(mail: EmailMessage, answered: bytes) -> None:
    parent = _header(answered, "Message-ID")
    if parent:
        mail["In-Reply-To"] = parent
        mail["References"] = " ".join([*_header(answered, "References").split(), parent])


def _header(raw: bytes, name: str) -> str:
    try:
        value = BytesHeaderParser(policy=policy.default).parsebytes(raw)[name]
    except (HeaderParseError, IndexError, LookupError, ValueError):  # broken headers raise all of them
        return ""
    return _line(str(value or ""))


def _attach(mail: EmailMessage, file: FileSpec) -> None:
    name, content = str(file["name"]), file["content"]
    data = content.encode() if isinstance(content, str) else bytes(content)
    kind = str(file.get("mimetype") or mimetypes.guess_type(name)[0] or "application/octet-stream")
    main, _, sub = kind.partition("/")
    if main in ("message", "multipart") or not sub:
        main, sub = "application", "octet-stream"
    mail.add_attachment(data, maintype=main, subtype=sub, filename=name)


def _line(words: str) -> str:
    return " ".join(words.split())
