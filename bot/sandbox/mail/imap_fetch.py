"""FETCH (RFC 3501, sections 6.4.5 and 7.4.2): what is asked for of a mail, and how it is given."""

from __future__ import annotations

import re

from bot.sandbox.mail.imap_syntax import BadCommand, Token, quoted, shown_moment, text
from bot.sandbox.mail.store import Mail

_BODY = re.compile(r"BODY(?P<peek>\.PEEK)?\[(?P<section>.*)\](?:<(?P<start>\d+)\.(?P<count>\d+)>)?", re.I)
_FIELDS = re.compile(r"HEADER\.FIELDS(?P<other>\.NOT)? \((?P<names>[^)]*)\)", re.I)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"([^:\s]+)[ \t]*:(?:[^\n]*\n)(?:[ \t][^\n]*\n)*")

_MACROS: dict[str, tuple[str, ...]] = {"FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE")}
_OLD_NAMES = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY.PEEK[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}


def wanted(token: Token) -> list[str]:
    """The data items of a FETCH."""
    given = [text(one) for one in token] if isinstance(token, list) else [text(token)]
    items = [item for one in given for item in _MACROS.get(one.upper(), (one,))]
    for item in items:
        if item.upper() not in (*_MACROS["FAST"], "UID", *_OLD_NAMES) and not _BODY.fullmatch(item):
            raise BadCommand(f"FETCH does not know {item}")
    return items


def marks_as_seen(items: list[str]) -> bool:
    """Whether giving these sets \\Seen."""
    bodies = [_BODY.fullmatch(_OLD_NAMES.get(item.upper(), item)) for item in items]
    return any(body is not None and not body["peek"] for body in bodies)


def given(mail: Mail, seq: int, items: list[str], *, by_uid: bool) -> bytes:
    """The FETCH response for a mail, without its line end."""
    upper = [item.upper() for item in items]
    if by_uid and "UID" not in upper:
        items = ["UID", *items]
    return b"* %d FETCH (" % seq + b" ".join(_item(mail, item) for item in items) + b")"


def shown_flags(mail: Mail) -> str:
    """As FLAGS are written."""
    return f"({' '.join(sorted(mail.flags))})"


def _item(mail: Mail, item: str) -> bytes:
    match item.upper():
        case "UID":
            return b"UID %d" % mail.uid
        case "FLAGS":
            return b"FLAGS " + shown_flags(mail).encode()
        case "INTERNALDATE":
            return b"INTERNALDATE " + quoted(shown_moment(mail.internaldate)).encode()
        case "RFC822.SIZE":
            return b"RFC822.SIZE %d" % len(mail.raw)
        case old if old in _OLD_NAMES:
            found = _BODY.fullmatch(_OLD_NAMES[old])
            name = old
        case _:
            found = _BODY.fullmatch(item)
            name = ""
    if found is None:
        raise BadCommand(f"FETCH does not know {item}")
    data = _section(mail.raw, found["section"])
    origin = ""
    if found["start"] is not None:
        start = int(found["start"])
        data = data[start : start + int(found["count"])]
        origin = f"<{start}>"
    name = name or f"BODY[{found['section'].upper()}]{origin}"
    return name.encode() + b" {%d}\r\n" % len(data) + data


def _section(raw: bytes, section: str) -> bytes:
    end = _HEAD_END.search(raw)
    head, body = (raw[: end.end()], raw[end.end() :]) if end else (raw, b"")
    match section.upper():
        case "":
            return raw
        case "HEADER":
            return head
        case "TEXT":
            return body
        case other:
            fields = _FIELDS.fullmatch(other)
            if fields is None:
                raise BadCommand(f"FETCH does not give the section {section}")
            names = {name.strip('"').lower() for name in fields["names"].split()}
            chosen = [
                field[0]
                for field in _FIELD.finditer(head)
                if (field[1].decode("latin-1").lower() in names) is (fields["other"] is None)
            ]
            return b"".join(chosen) + b"\r\n"
