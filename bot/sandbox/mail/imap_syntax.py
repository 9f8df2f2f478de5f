"""IMAP's command lines (RFC 3501, section 9): tokens, sets of numbers, dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone

Token = str | bytes | list["Token"]
"""An atom or quoted string, a literal, or a parenthesised list."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
_ATOM = re.compile(r'[^\s()"\[\]]+(?:\[[^\]]*\])?(?:<[\d.]+>)?|\[[^\]]*\]')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_MOMENT = re.compile(r" ?(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")


class BadCommand(Exception):
    """The client said what no client should say: a tagged BAD."""


class Refused(Exception):
    """What the client asks for is not done: a tagged NO."""


class Ended(Exception):
    """The connection is over."""


def literal_size(line: bytes) -> tuple[int, bool] | None:
    """Whether a literal follows this line: its size, and whether the client waits to be asked for it."""
    found = _LITERAL.search(line)
    return (int(found[1]), not found[2]) if found else None


def tokens(pieces: Sequence[str | bytes]) -> list[Token]:
    """The tokens of a command: text as it came, with its literals (bytes) in between."""
    stack: list[list[Token]] = [[]]
    for piece in pieces:
        if isinstance(piece, bytes):
            stack[-1].append(piece)
        else:
            _scan(piece, stack)
    if len(stack) != 1:
        raise BadCommand("a parenthesis is open")
    return stack[0]


def _scan(piece: str, stack: list[list[Token]]) -> None:
    at = 0
    while at < len(piece):
        if piece[at] == " ":
            at += 1
        elif piece[at] == "(":
            inner: list[Token] = []
            stack[-1].append(inner)
            stack.append(inner)
            at += 1
        elif piece[at] == ")":
            if len(stack) == 1:
                raise BadCommand("a parenthesis too many")
            stack.pop()
            at += 1
        elif found := _QUOTED.match(piece, at):
            stack[-1].append(re.sub(r"\\(.)", r"\1", found[1]))
            at = found.end()
        elif found := _ATOM.match(piece, at):
            stack[-1].append(found[0])
            at = found.end()
        else:
            raise BadCommand("not understood")


def text(token: Token) -> str:
    """A string, however it was sent."""
    if isinstance(token, bytes):
        return token.decode("utf-8", "replace")
    if isinstance(token, str):
        return token
    raise BadCommand("a string is missing")


def number_set(given: str, largest: int) -> list[tuple[int, int]]:
    """`1,4:*` as ranges; `*` is the largest number in use, and a range may be given backwards."""
    ranges = []
    for part in given.split(","):
        first, _, last = part.partition(":")
        ends = [_number(end, largest) for end in (first, last or first)]
        ranges.append((min(ends), max(ends)))
    return ranges


def _number(given: str, largest: int) -> int:
    if given == "*":
        return largest
    if not given.isdecimal() or given == "0":
        raise BadCommand("no set of numbers")
    return int(given)


def read_date(given: str) -> date:
    """`1-Feb-2026`."""
    try:
        day, month, year = given.split("-")
        return date(int(year), _month(month), int(day))
    except ValueError:
        raise BadCommand("no date") from None


def read_moment(given: str) -> datetime:
    """`01-Feb-2026 10:00:00 +0100`."""
    found = _MOMENT.fullmatch(given)
    if found is None:
        raise BadCommand("no date and time")
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    try:
        clock = (int(hour), int(minute), int(second))
        return datetime(int(year), _month(month), int(day), *clock, tzinfo=timezone(offset))
    except ValueError:
        raise BadCommand("no date and time") from None


def shown_moment(at: datetime) -> str:
    """As INTERNALDATE is written."""
    at = at.astimezone(UTC)
    return f"{at.day:2}-{MONTHS[at.month - 1]}-{at.year} {at:%H:%M:%S} +0000"


def quoted(value: str) -> str:
    """As a quoted string."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _month(given: str) -> int:
    if given.capitalize() not in MONTHS:
        raise BadCommand("no month")
    return MONTHS.index(given.capitalize()) + 1
