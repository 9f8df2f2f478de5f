"""SEARCH (RFC 3501, section 6.4.4): which mails fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date
from email import message_from_bytes
from functools import partial

from bot.sandbox.mail.imap_syntax import BadCommand, Token, number_set, read_date, text
from bot.sandbox.mail.store import Mail

Fits = Callable[[Mail, int], bool]
"""Whether a mail fits, given it and its sequence number."""

_FLAGS = {
    "ANSWERED": "\\Answered",
    "DELETED": "\\Deleted",
    "DRAFT": "\\Draft",
    "FLAGGED": "\\Flagged",
    "SEEN": "\\Seen",
}


class Search:
    """Reads the keys of one SEARCH against what the client has been told of the folder."""

    def __init__(self, keys: list[Token], largest_uid: int, total: int) -> None:
        self._keys = list(keys)
        self._largest_uid = largest_uid
        self._total = total

    def read(self) -> Fits:
        """All of the keys."""
        if not self._keys:
            raise BadCommand("SEARCH for what?")
        parts: list[Fits] = []
        while self._keys:
            parts.append(self._key())
        return lambda mail, seq: all(part(mail, seq) for part in parts)

    def _key(self) -> Fits:
        key = self._next()
        if isinstance(key, list):
            return Search(key, self._largest_uid, self._total).read()
        name = text(key).upper()
        match name:
            case "ALL" | "OLD":
                return lambda mail, seq: True
            case "NEW" | "RECENT":
                return lambda mail, seq: False
            case "NOT":
                inner = self._key()
                return lambda mail, seq: not inner(mail, seq)
            case "OR":
                one, other = self._key(), self._key()
                return lambda mail, seq: one(mail, seq) or other(mail, seq)
            case "UID":
                uids = number_set(self._word(), self._largest_uid)
                return lambda mail, seq: _within(mail.uid, uids)
            case "SINCE" | "BEFORE" | "ON":
                return partial(_by_date, name, read_date(self._word()))
            case "LARGER" | "SMALLER":
                return partial(_by_size, name, self._size())
            case "KEYWORD" | "UNKEYWORD":
                flag, wanted = self._word(), name == "KEYWORD"
                return lambda mail, seq: (flag in mail.flags) is wanted
            case "HEADER":
                return partial(_in_header, self._word(), self._word())
            case "FROM" | "TO" | "CC" | "SUBJECT":
                return partial(_in_header, name, self._word())
            case "BODY" | "TEXT":
                words = self._word().lower().encode()
                return lambda mail, seq: words in mail.raw.lower()
            case _ if name in _FLAGS or name.removeprefix("UN") in _FLAGS:
                flag, wanted = _FLAGS[name.removeprefix("UN")], not name.startswith("UN")
                return lambda mail, seq: (flag in mail.flags) is wanted
            case _ if name[0].isdecimal() or name[0] == "*":
                numbers = number_set(name, self._total)
                return lambda mail, seq: _within(seq, numbers)
            case _:
                raise BadCommand(f"SEARCH does not know {name}")

    def _next(self) -> Token:
        if not self._keys:
            raise BadCommand("SEARCH ends too early")
        return self._keys.pop(0)

    def _word(self) -> str:
        return text(self._next())

    def _size(self) -> int:
        given = self._word()
        if not given.isdecimal():
            raise BadCommand("no size")
        return int(given)


def _within(number: int, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= number <= last for first, last in ranges)


def _by_date(name: str, day: date, mail: Mail, seq: int) -> bool:
    own = mail.internaldate.astimezone(UTC).date()
    return {"SINCE": own >= day, "BEFORE": own < day, "ON": own == day}[name]


def _by_size(name: str, size: int, mail: Mail, seq: int) -> bool:
    return len(mail.raw) > size if name == "LARGER" else len(mail.raw) < size


def _in_header(name: str, words: str, mail: Mail, seq: int) -> bool:
    head = message_from_bytes(mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    return any(words.lower() in str(value).lower() for value in head.get_all(name, []))
