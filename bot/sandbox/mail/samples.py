"""Playing a sample: a mail in a file is written by its author, into the sandbox's mailboxes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import format_datetime, getaddresses

from bot.sandbox.mail import reading
from bot.sandbox.mail.composing import new_message_id
from bot.sandbox.mail.receiving import DOMAIN, Authentication, claimed, from_domain
from bot.sandbox.mail.server import MailServer
from bot.sandbox.mail.store import SEEN, SENT
from bot.sandbox.model import Json

LATEST = "<latest@casewire.example>"
"""Stands in a sample for the newest mail that its author got from the desk."""

_FIELD = r"(?im)^{}:[^\n]*(?:\n[ \t][^\n]*)*\n"
LARGEST = 40 * 1024 * 1024


def play_mail(mail: MailServer, raw: bytes, authentication: Authentication | None = None) -> Json:
    """Let the mail's author send it; returns what was done.

    Date and Message-ID are made anew, so a sample can be played again; a mail to nobody known goes to the desk.
    Whether its sender is proven says `authentication`, else an Authentication-Results of the desk's own server in
    the file, else it passes. Raises ValueError or LookupError for what cannot be played.
    """
    raw = raw.replace(b"\r\n", b"\n").lstrip(b"\n")
    if len(raw) > LARGEST:
        raise ValueError("the mail is larger than 40 MB")
    message = message_from_bytes(raw)
    named = getaddresses([str(value) for value in message.get_all("From", [])])
    authors = [(name, address) for name, address in named if address]
    if not authors:
        raise ValueError("the file is no mail: it has no From")
    author = authors[0][1].lower()
    verdict: Authentication = authentication or claimed(raw) or "pass"
    raw = _anew(mail, raw, author)
    return_path = reading.header(message, "Return-Path").strip("<> ") if "Return-Path" in message else author
    recipients = _recipients(mail, raw)
    copy = mail.mailbox(author).folder(SENT).append(raw.replace(b"\n", b"\r\n"), None, {SEEN})
    written = {"subject": reading.header(message, "Subject"), "text": reading.words(raw), "name": authors[0][0]}
    mail.note("mail_written", sender=author, to=", ".join(recipients), **written)
    for recipient in recipients:
        mail.receive(copy.raw, to=recipient, return_path=return_path, authentication=verdict)
    return {"did": "mail", "user": author, "to": ", ".join(recipients), "authentication": verdict}


def _recipients(mail: MailServer, raw: bytes) -> list[str]:
    """Those of To and Cc; the desk where it is not among them."""
    message = message_from_bytes(raw)
    values = [str(value) for name in ("To", "Cc") for value in message.get_all(name, [])]
    named = [address.lower() for _, address in getaddresses(values) if "@" in address]
    desk = [] if mail.desk in named else [mail.desk]
    return list(dict.fromkeys([*desk, *named]))


def _anew(mail: MailServer, raw: bytes, author: str) -> bytes:
    """The mail with the date of now, an id of its own, and what it answers where it says LATEST."""
    head, empty, body = raw.partition(b"\n\n")
    words = head.decode("utf-8", "surrogateescape") + "\n"
    if LATEST in words:
        words = words.replace(LATEST, _latest(mail, author))
    now = format_datetime(datetime.fromtimestamp(mail.store.now(), UTC))
    words = _set(words, "Date", now)
    if re.search(_FIELD.format("Message-ID"), words):
        words = _set(words, "Message-ID", new_message_id(from_domain(raw)))
    return words.removesuffix("\n").encode("utf-8", "surrogateescape") + (empty + body or b"\n")


def _set(words: str, name: str, value: str) -> str:
    line = f"{name}: {value}\n"
    changed, found = re.subn(_FIELD.format(name), lambda _: line, words, count=1)
    return changed if found else line + words


def _latest(mail: MailServer, author: str) -> str:
    domain = DOMAIN.encode()
    for one in reversed(mail.mailbox(author).inbox):
        own, _ = reading.references(one.raw)
        if own and one.return_path.encode().endswith(domain):
            return own
    raise LookupError(f'"{LATEST}" finds nothing: {author} has no mail from the desk yet')
