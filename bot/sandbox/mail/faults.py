"""What can go wrong with mail on purpose."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Literal

Protocol = Literal["imap", "smtp"]

IMAP_KINDS = ("no", "bad", "bye", "drop", "lost_answer")
SMTP_KINDS = ("drop", "lost_answer")
_STATUS = re.compile(r"[45]\d\d ")


@dataclass
class MailFault:
    """A failure that waits for a matching command; `times` None means until it is cleared."""

    protocol: Protocol
    command: str
    kind: str
    times: int | None = 1

    def matches(self, protocol: Protocol, command: str) -> bool:
        """Whether this fault is meant for such a command; FETCH means UID FETCH too."""
        return self.protocol == protocol and self.command in ("*", command, command.removeprefix("UID "))


class Gate:
    """Closed, nothing passes: what a stalled network does to both directions."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    @property
    def closed(self) -> bool:
        """Whether nothing passes."""
        return not self._open.is_set()

    def close(self) -> None:
        """Let nothing pass from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let everything pass that waits."""
        self._open.set()

    async def passed(self) -> None:
        """Return when it is open."""
        await self._open.wait()


@dataclass
class MailFaults:
    """The faults still to come, and the conditions that last; `pushes_withheld` makes IDLE tell of nothing.

    `bouncing` are addresses with what their server says, `out_of_office` those with the words that answer each
    mail.
    """

    pending: list[MailFault] = field(default_factory=list)
    logins_refused: bool = False
    pushes_withheld: bool = False
    bouncing: dict[str, str] = field(default_factory=dict)
    out_of_office: dict[str, str] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)

    def add(self, protocol: Protocol, command: str = "*", kind: str = "drop", times: int | None = 1) -> MailFault:
        """Make the next matching commands fail.

        IMAP kinds: `no`, `bad`, `bye` (and closed), `drop` (cut before the effect), `lost_answer` (cut after it).
        SMTP kinds: a status line such as `451 4.7.1 Try again later`, `drop`, `lost_answer`. SMTP commands are
        CONNECT, AUTH, MAIL, RCPT and DATA; DATA fails when the mail has been handed over.
        """
        if protocol not in ("imap", "smtp"):
            raise ValueError("protocol must be imap or smtp")
        known = IMAP_KINDS if protocol == "imap" else SMTP_KINDS
        if kind not in known and not (protocol == "smtp" and _STATUS.match(kind)):
            more = " or a status line such as `451 4.7.1 Try again later`" if protocol == "smtp" else ""
            raise ValueError(f"unknown fault kind {kind!r}: use one of {known}{more}")
        fault = MailFault(protocol, command.upper(), kind, times)
        self.pending.append(fault)
        return fault

    def take(self, protocol: Protocol, command: str) -> str | None:
        """The kind of the fault that hits this command, if any; it is used up by one."""
        for fault in self.pending:
            if fault.matches(protocol, command):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.pending.remove(fault)
                return fault.kind
        return None

    def clear(self) -> None:
        """Nothing fails any more."""
        self.pending.clear()
        self.bouncing.clear()
        self.out_of_office.clear()
        self.logins_refused = self.pushes_withheld = False
        self.gate.open()
