"""How a hard mail is put down: the bytes as a mail server would deliver them, and what is to be read from them."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SUPPORT = "Support <support@casewire.example>"
GRACE = "Grace Hopper <grace@example.org>"


@dataclass(frozen=True)
class HardMail:
    """`reading` names what matters in this mail: every name in it must be read so, others are free.

    sender, sender_name, trouble (a part of it), files (names and types), contents (their bytes as Latin-1),
    notes (a part of one each), detail (a part of the verdict's); all else as in `to_json`. `imap_server` and
    `authserv_id` say whose word counts, `is_cut` that only the beginning was fetched.
    """

    rule: str
    name: str
    raw: bytes
    reading: dict[str, Any]


class Rule:
    """The mails of one rule."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mails: list[HardMail] = []

    def add(self, name: str, raw: bytes, **reading: Any) -> None:
        self.mails.append(HardMail(self.name, name, raw, reading))

    def __iter__(self) -> Iterator[HardMail]:
        return iter(self.mails)


def mail(*headers: str | bytes, body: str | bytes = "It does not print.", sender: str | None = GRACE) -> bytes:
    """A mail with CRLF line ends. Strings become UTF-8; bytes stay as they are. `sender=None`: no From."""
    usual = [f"From: {sender}"] if sender is not None else []
    usual += [f"To: {SUPPORT}", "Date: Mon, 02 Mar 2026 10:00:00 +0000", "MIME-Version: 1.0"]
    if not any(_bytes(each).lower().startswith(b"message-id:") for each in headers):
        usual.append("Message-ID: <hard@example.org>")
    # As on the way of a mail: what servers add stands above what its writer wrote.
    top = [
        each
        for each in headers
        if _bytes(each).lower().startswith((b"authentication-results", b"received", b"return"))
    ]
    rest = [each for each in headers if each not in top]
    return _lines(*top, *usual, *rest) + b"\r\n" + _crlf(_bytes(body)) + b"\r\n"


def part(content_type: str, content: str | bytes, *headers: str) -> bytes:
    return _lines(f"Content-Type: {content_type}", *headers) + b"\r\n" + _crlf(_bytes(content))


def multipart(kind: str, *parts: bytes, boundary: str = "=_b", end: bool = True) -> tuple[str, bytes]:
    """The Content-Type header, and the body."""
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"', body + (
        f"--{boundary}--".encode() if end else b""
    )


def nested(kind: str, *parts: bytes, boundary: str) -> bytes:
    header, body = multipart(kind, *parts, boundary=boundary)
    return header.encode() + b"\r\n\r\n" + body


def file(name: str, content: bytes, content_type: str = "application/octet-stream") -> bytes:
    encoded = b64encode(content).decode()
    return part(
        f'{content_type}; name="{name}"',
        encoded,
        f'Content-Disposition: attachment; filename="{name}"',
        "Content-Transfer-Encoding: base64",
    )


def base64(text: str | bytes, charset: str = "utf-8") -> str:
    return b64encode(text if isinstance(text, bytes) else text.encode(charset)).decode()


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _crlf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _lines(*lines: str | bytes) -> bytes:
    return b"".join(_bytes(line) + b"\r\n" for line in lines)
