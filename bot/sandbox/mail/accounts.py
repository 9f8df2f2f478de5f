"""Who may log in: every address, with the one password or token of the sandbox."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from bot.sandbox.mail.faults import MailFaults

PASSWORD = "sandbox-mail"  # noqa: S105
ACCESS_TOKEN = "sandbox-access-token"  # noqa: S105


@dataclass
class Accounts:
    """What opens a mailbox. Both secrets may be changed while the servers run."""

    faults: MailFaults
    password: str = PASSWORD
    access_token: str = ACCESS_TOKEN

    def by_password(self, address: str, password: str) -> bool:
        """Whether that is the password of the address."""
        return not self.faults.logins_refused and "@" in address and password == self.password

    def by_token(self, address: str, token: str) -> bool:
        """Whether that is a token for the address."""
        return not self.faults.logins_refused and "@" in address and token == self.access_token


def read_plain(response: str | bytes) -> tuple[str, str]:
    """User and password of a SASL PLAIN response in base64 (RFC 4616). Raises ValueError."""
    parts = _decoded(response).split("\0")
    if len(parts) != 3:
        raise ValueError("no PLAIN response")
    return parts[1], parts[2]


def read_xoauth2(response: str | bytes) -> tuple[str, str]:
    """User and token of an XOAUTH2 response in base64. Raises ValueError."""
    fields = dict(part.partition("=")[::2] for part in _decoded(response).split("\1") if part)
    kind, _, token = fields.get("auth", "").partition(" ")
    if kind.lower() != "bearer" or "user" not in fields:
        raise ValueError("no XOAUTH2 response")
    return fields["user"], token


def _decoded(response: str | bytes) -> str:
    try:
        return base64.b64decode(response, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("no base64") from error
