"""What IMAP servers answer, read (RFC 3501, section 7). Lines are bytes, literals are bytearrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)

Lines = Sequence[bytes | bytearray]

_FETCH = re.compile(rb"\d+ FETCH \(", re.IGNORECASE)
_UID = re.compile(rb"\bUID (\d{1,10})\b", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b", re.IGNORECASE)
_DATE = re.compile(
    rb'\bINTERNALDATE "([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"', re.IGNORECASE
)
_QUOTED_BODY = re.compile(rb'\bBODY\[[^\]]*\](?:<\d+>)? "((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_EMPTY_BODY = re.compile(rb"\bBODY\[[^\]]*\](?:<\d+>)? NIL\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says of a mail before it is fetched. `internaldate` is None where it makes no sense."""

    uid: int
    size: int
    internaldate: datetime | None


def uids(lines: Lines) -> list[int]:
    """Of a SEARCH: some servers send no untagged line, some several."""
    found: set[int] = set()
    for line in lines[:-1]:
        if isinstance(line, bytes) and re.fullmatch(rb"[\d ]*", line):
            found.update(int(number) for number in line.split())
    return sorted(found)


def uidvalidity(lines: Lines) -> int | None:
    """Of a SELECT."""
    for line in lines:
        if match := re.search(rb"\[UIDVALIDITY (\d{1,10})\]", bytes(line), re.IGNORECASE):
            return int(match[1])
    return None


def facts(lines: Lines) -> dict[int, Facts]:
    """Of a FETCH of RFC822.SIZE and INTERNALDATE, by UID; what the server adds about other mails is harmless."""
    found: dict[int, Facts] = {}
    for head, _ in _responses(lines):
        uid, size = _UID.search(head), _SIZE.search(head)
        if uid and size:
            found[int(uid[1])] = Facts(int(uid[1]), int(size[1]), _moment(_DATE.search(head)))
    return found


def bodies(lines: Lines) -> dict[int, bytes]:
    """Of a FETCH of one BODY section, by UID, which may stand before or after it."""
    found: dict[int, bytes] = {}
    for head, literal in _responses(lines):
        uid = _UID.search(head)
        if uid is None:
            continue
        if literal is not None:
            found[int(uid[1])] = literal
        elif quoted := _QUOTED_BODY.search(head):
            found[int(uid[1])] = re.sub(rb"\\(.)", rb"\1", quoted[1])
        elif _EMPTY_BODY.search(head):
            found[int(uid[1])] = b""
    return found


def uid_set(numbers: Iterable[int]) -> str:
    """The numbers as a sequence set, with ranges where they are consecutive."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def date(moment: datetime) -> str:
    """As SEARCH takes it, whatever the locale."""
    return f"{moment.day}-{MONTHS[moment.month - 1]}-{moment.year:04d}"


def folder_name(name: str) -> str:
    """A folder's name as it goes over the wire: quoted, in modified UTF-7 (RFC 3501, 5.1.3)."""
    encoded: list[str] = []
    for part in re.findall(r"[\x20-\x25\x27-\x7e]+|&|[^\x20-\x7e]+", name):
        if part == "&":
            encoded.append("&-")
        elif part.isascii() and part.isprintable():
            encoded.append(part)
        else:
            packed = part.encode("utf-7").decode("ascii").removeprefix("+").removesuffix("-")
            encoded.append(f"&{packed.replace('/', ',')}-")
    return quoted("".join(encoded))


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _responses(lines: Lines) -> Iterable[tuple[bytes, bytes | None]]:
    """Each FETCH response: its text without literals, and its last literal."""
    head: bytes | None = None
    literal: bytes | None = None
    for line in lines[:-1]:
        if isinstance(line, bytearray):
            literal = bytes(line)
        elif _FETCH.match(line):
            if head is not None:
                yield head, literal
            head, literal = line, None
        elif head is not None:
            head += b" " + line
    if head is not None:
        yield head, literal


def _moment(match: re.Match[bytes] | None) -> datetime | None:
    if match is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = (part.decode() for part in match.groups())
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        number = MONTHS.index(month.capitalize()) + 1
        moment = datetime(
            int(year), number, int(day), int(hour), int(minute), min(int(second), 59), tzinfo=timezone(offset)
        )
        return max(moment.astimezone(UTC), EARLIEST)
    except (ValueError, OverflowError):
        return None
