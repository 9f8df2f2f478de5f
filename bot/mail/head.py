"""What the header block of a raw mail says of it, read in bounded time: enough to know it again and to order it.

It never raises, whatever the bytes are. Whole mails are parsed elsewhere, in a process that can be killed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from .addresses import sender_of_raw

HEAD_MOST = 256 * 1024
VALUE_MOST = 4096
_WANTED = (b"message-id", b"from", b"date", b"subject")
_END = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
_FIELD = re.compile(rb"^([!-9;-~]{1,64})[ \t]*:(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """`message_id` is empty where there is none; `address` is None unless one From holds one plain address."""

    message_id: str
    fingerprint: str
    address: str | None


def read_head(raw: bytes) -> Head:
    block, body = _split(raw)
    fields = _fields(block)
    message_ids = fields[b"message-id"]
    sender = sender_of_raw(raw)
    return Head(
        message_id=_text(message_ids[0]) if message_ids else "",
        fingerprint=_fingerprint(fields, body),
        address=sender.address if sender is not None else None,
    )


def _split(raw: bytes) -> tuple[bytes, memoryview]:
    """The header block, of bounded size, and all that follows it."""
    if raw[:1] in (b"\r", b"\n"):
        return b"", memoryview(raw)
    end = _END.search(raw, 0, HEAD_MOST)
    if end is None:
        return raw[:HEAD_MOST], memoryview(raw)[HEAD_MOST:]
    return raw[: end.start()], memoryview(raw)[end.end() :]


def _fields(block: bytes) -> dict[bytes, list[bytes]]:
    """The fields that count here, unfolded, in their order."""
    found: dict[bytes, list[bytes]] = {name: [] for name in _WANTED}
    lines: list[list[bytes]] = []
    for line in re.split(rb"\r\n|\n|\r", block):
        if line[:1] in (b" ", b"\t") and lines:
            lines[-1].append(line)
        else:
            lines.append([line])
    for parts in lines:
        match = _FIELD.match(b"".join(parts))
        if match and (values := found.get(match[1].lower())) is not None:
            values.append(match[2].strip())
    return found


def _fingerprint(fields: dict[bytes, list[bytes]], body: memoryview) -> str:
    """The same for each copy of a mail, whichever way it came; another one for another mail of the same name."""
    digest = hashlib.sha256()
    for name in _WANTED:
        for value in fields[name]:
            folded = b" ".join(value.split())
            digest.update(b"%s:%d:" % (name, len(folded)))
            digest.update(folded)
    digest.update(b"body:")
    digest.update(body)
    return digest.hexdigest()


def _text(value: bytes) -> str:
    """A value for a column of text: no control characters, which PostgreSQL would not take."""
    text = value[:VALUE_MOST].decode("utf-8", "replace")
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()[:998]
