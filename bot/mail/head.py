"""What the header block of a raw mail says of it, read in bounded time: enough to know it again and to order it.

It never raises, whatever the bytes are. Whole mails are parsed elsewhere, in a process that can be killed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import idna

HEAD_MOST = 256 * 1024
VALUE_MOST = 4096
ADDRESS_MOST = 320
_WANTED = (b"message-id", b"from", b"date", b"subject")
_END = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
_FIELD = re.compile(rb"^([!-9;-~]{1,64})[ \t]*:(.*)$", re.DOTALL)
_PLAIN = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f]{1,64}@[^\s@<>()\[\]\\,;:\"\x00-\x20\x7f]{1,253}")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


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
    return Head(
        message_id=_text(message_ids[0]) if message_ids else "",
        fingerprint=_fingerprint(fields, body),
        address=_sender(fields[b"from"]),
    )


def customer_address(written: str) -> str | None:
    """An address as we keep it: lower-cased, its domain in Unicode (UTS 46). None if it is none."""
    if len(written) > ADDRESS_MOST or not _PLAIN.fullmatch(written):
        return None
    local, _, domain = written.rpartition("@")
    host = _host(domain.rstrip("."))
    return f"{local.lower()}@{host}" if host else None


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


def _sender(values: list[bytes]) -> str | None:
    if len(values) != 1 or len(values[0]) > VALUE_MOST:
        return None
    try:
        written = _unquoted(values[0].decode("utf-8"))
    except UnicodeDecodeError:
        return None
    if written is None or "," in written or ";" in written or ":" in written:
        return None
    if "<" not in written and ">" not in written:
        return customer_address(written.strip())
    angle = re.fullmatch(r"[^<>]*<([^<>]*)>\s*", written)
    if angle is None or "@" in written.partition("<")[0]:
        return None
    return customer_address(angle[1].strip())


def _unquoted(written: str) -> str | None:
    """The value without its quoted strings and comments (RFC 5322, 3.2); None if one does not end."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in written:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
            kept.append(" ")
        elif quoted:
            continue
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                return None
            kept.append(" ")
        elif not depth:
            kept.append(char)
    return None if quoted or depth else "".join(kept)


def _host(domain: str) -> str | None:
    try:
        host = idna.decode(domain, uts46=True)
    except (idna.IDNAError, UnicodeError, IndexError, ValueError):
        host = domain.lower()
        if not _HOST.fullmatch(host):
            return None
    return host if host and len(host) <= 253 else None
