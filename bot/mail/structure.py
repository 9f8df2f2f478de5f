"""The skeleton of a mail: header fields as they came over the wire, and the tree of its MIME parts.

The standard library's parser is quadratic, or recurses without limit, on mails made to hurt it, and takes a bare
CR for the end of a header. This one reads in linear time and stops at fixed limits; each part's header fields and
transfer encoding are then read by `email.message.Message` (policy compat32), one small part at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from itertools import islice

HEADER_BLOCK_SIZE = 256 * 1024
HEADER_SIZE = 16 * 1024
LIST_HEADER_SIZE = 64 * 1024  # headers that list addresses or Message-IDs
LIST_HEADERS = frozenset({"to", "cc", "references", "in-reply-to", "reply-to"})
PARTS = 1000
DEPTH = 50

_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*:")
_NO_FIELD = re.compile(rb"^(?![\x21-\x39\x3b-\x7e]+[ \t]*:|[ \t])", re.MULTILINE)
_BLANK_LINE = re.compile(rb"\n\r?\n|\A\r?\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_MBOX_FROM = re.compile(rb">?From [^\n]*\n")


@dataclass(frozen=True, slots=True)
class Field:
    """A header field: its name in lower case, its value as it came, folds taken out."""

    name: str
    value: bytes

    @property
    def text(self) -> str:
        """The value undecoded: bytes beyond ASCII are read as UTF-8 where they are, else as Windows-1252."""
        try:
            return self.value.decode()
        except UnicodeDecodeError:
            return self.value.decode("cp1252", "replace")


@dataclass
class Part:
    """A MIME part. `body` is still in its transfer encoding; `parts` are those of a multipart."""

    fields: tuple[Field, ...]
    body: bytes
    parts: list[Part] = field(default_factory=list)

    @cached_property
    def _message(self) -> Message:
        message = Message()
        for name in ("content-type", "content-disposition", "content-transfer-encoding"):
            value = next((each.text for each in self.fields if each.name == name), None)
            if value is not None:
                message[name] = value
        return message

    @cached_property
    def mime_type(self) -> str:
        """Lower-cased `type/subtype`; text/plain where the mail says nothing or nonsense (RFC 2045, 5.2)."""
        try:
            return self._message.get_content_type()
        except Exception:
            return "text/plain"

    @cached_property
    def is_attachment(self) -> bool:
        return self._disposition == "attachment"

    @cached_property
    def is_inline(self) -> bool:
        return self._disposition == "inline" or any(each.name == "content-id" for each in self.fields)

    @cached_property
    def _disposition(self) -> str:
        try:
            return self._message.get_content_disposition() or ""
        except Exception:
            return ""

    def parameter(self, name: str) -> str:
        """A parameter of Content-Type; "" where there is none that can be read."""
        try:
            value = self._message.get_param(name, "")
        except Exception:
            return ""
        return value if isinstance(value, str) else value[2]

    @cached_property
    def raw_file_name(self) -> str:
        """The file name as RFC 2231 gives it; encoded-words, which many mailers write there, are left."""
        try:
            return self._message.get_filename("") or ""
        except Exception:
            return ""

    def content(self) -> bytes:
        """The body without its transfer encoding; as it is, where that is broken beyond reading."""
        encoding = self.first("content-transfer-encoding").strip().lower()
        if encoding in ("", "7bit", "8bit", "binary"):
            return self.body
        message = Message()
        message["content-transfer-encoding"] = encoding
        message.set_payload(self.body.decode("ascii", "surrogateescape"))
        try:
            decoded = message.get_payload(decode=True)
        except MemoryError:
            raise
        except Exception:
            return self.body
        return decoded if isinstance(decoded, bytes) else self.body

    def all(self, name: str) -> list[str]:
        return [each.text for each in self.fields if each.name == name]

    def first(self, name: str) -> str:
        return next((each.text for each in self.fields if each.name == name), "")

    def has(self, name: str) -> bool:
        return any(each.name == name for each in self.fields)

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in the order of the mail."""
        yield self
        for part in self.parts:
            yield from part.walk()


class Parsing:
    """One reading of one mail; `notes` says in plain words where a limit was met."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._left = PARTS

    def read(self, raw: bytes) -> Part:
        return self._part(raw, 0, "text/plain")

    def _part(self, raw: bytes, depth: int, default_type: str) -> Part:
        block, body = split_head(raw)
        if len(block) > HEADER_BLOCK_SIZE:
            self._note("The headers are longer than 256 KiB; those beyond were not read.")
        fields, rest = read_fields(block)
        if len(block) > HEADER_BLOCK_SIZE:
            rest = b""
        part = Part(fields, rest + body)
        if not part.has("content-type") and default_type != "text/plain":
            part.fields = (*fields, Field("content-type", default_type.encode()))
        if part.mime_type.startswith("multipart/"):
            self._split(part, depth)
        return part

    def _split(self, part: Part, depth: int) -> None:
        boundary = part.parameter("boundary").strip()
        if not boundary:
            self._note("The mail says that it has parts, but not where they begin; it is shown as one text.")
            return
        if depth >= DEPTH:
            self._note(f"Parts nested deeper than {DEPTH} levels were not opened.")
            return
        inner = "message/rfc822" if part.mime_type == "multipart/digest" else "text/plain"
        for raw in _between(part.body, boundary.encode("utf-8", "replace")):
            if self._left <= 0:
                self._note(f"The mail has more than {PARTS} parts; the rest were left out.")
                return
            self._left -= 1
            part.parts.append(self._part(raw, depth + 1, inner))

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """The header block, with its last line end, and the body behind the blank line."""
    if b"\n" not in raw[: 64 * 1024] and b"\r" in raw[: 64 * 1024]:
        raw = raw.replace(b"\r", b"\n")  # a Macintosh of the last century, or somebody posing as one
    found = _BLANK_LINE.search(raw)
    if found is None:
        return raw, b""
    return raw[: found.start() + 1] if found.start() else b"", raw[found.end() :]


def read_fields(block: bytes) -> tuple[tuple[Field, ...], bytes]:
    """The fields of a header block, and what follows the first line that is none (a forgotten blank line).

    Only LF ends a line: a bare CR stays inside the value, to be cleaned away, and begins no header.
    """
    block = block[:HEADER_BLOCK_SIZE]
    start = _mbox_lines(block)
    lines: list[tuple[bytes, list[bytes]]] = []
    for line in _lines(block[start:]):
        if line[:1] in (b" ", b"\t"):
            if lines:
                lines[-1][1].append(line)
            start += len(line)
            continue
        found = _FIELD.match(line)
        if found is None:
            break
        lines.append((found[1], [line[found.end() :]]))
        start += len(line)
    return tuple(_field(name, values) for name, values in lines), block[start:].lstrip(b"\r\n")


def fields_named(name: bytes, block: bytes, most: int = 10) -> tuple[Field, ...]:
    """The fields of this name, at most so many, as `read_fields` has them; the others are not looked into."""
    start = _mbox_lines(block)
    end = _NO_FIELD.search(block, start)
    found = re.finditer(
        rb"^" + re.escape(name) + rb"[ \t]*:(.*(?:\n[ \t].*)*)",
        block[start : end.start() if end else len(block)],
        re.IGNORECASE | re.MULTILINE,
    )
    return tuple(_field(name, [each[1]]) for each in islice(found, most))


def _lines(block: bytes) -> list[bytes]:
    lines = block.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _mbox_lines(block: bytes) -> int:
    found = _MBOX_FROM.match(block)
    return found.end() if found else 0


def _field(name: bytes, values: list[bytes]) -> Field:
    lowered = name.decode("ascii").lower()
    limit = LIST_HEADER_SIZE if lowered in LIST_HEADERS else HEADER_SIZE
    return Field(lowered, _FOLD.sub(b"", b"".join(values)[:limit]).strip(b" \t\r\n"))


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the delimiter lines; the last part may lack its end."""
    delimiter = b"--" + boundary
    start: int | None = None
    at = -1
    while (at := body.find(delimiter, at + 1)) >= 0:
        if at and body[at - 1 : at] != b"\n":
            continue
        line_end = body.find(b"\n", at)
        line_end = len(body) if line_end < 0 else line_end
        tail = body[at + len(delimiter) : line_end].strip(b" \t\r")
        if tail not in (b"", b"--"):
            continue
        if start is not None:
            yield body[start:at].removesuffix(b"\n").removesuffix(b"\r")
        if tail:
            return
        start = line_end + 1
        at = line_end - 1
    if start is not None:
        yield body[start:]
