"""How the reading of a mailbox goes: what `/health` and whoever counts are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class MailCounts:
    """Since the process started."""

    mails: int = 0
    duplicates: int = 0
    cut: int = 0
    gone: int = 0
    set_aside: int = 0
    connections: int = 0
    losses: int = 0
    refusals: int = 0
    idle_rounds: int = 0
    looks: int = 0


class MailStatus:
    """`down_since` (monotonic) is None while mail flows; `reason` says what is wrong otherwise."""

    def __init__(self) -> None:
        self.counts = MailCounts()
        self.is_reader = False
        self.polls = False
        self.down_since: float | None = None
        self.down_at: datetime | None = None
        self.reason = ""
        self.login_trouble: str | None = None
        self.told = False
        self.last_look: datetime | None = None

    @property
    def flows(self) -> bool:
        return self.is_reader and self.down_since is None

    @property
    def word(self) -> str:
        """For `/health`: `standby` while another process reads."""
        if self.login_trouble is not None or self.told:
            return "disconnected"
        if not self.is_reader:
            return "standby"
        return "connected" if self.down_since is None else "disconnected"

    def down(self, reason: str, monotonic: float, now: datetime) -> None:
        """Nothing flows; what is told counts from the first time in a row."""
        self.reason = reason
        if self.down_since is None:
            self.down_since, self.down_at = monotonic, now

    def up(self, now: datetime) -> bool:
        """Mail flows. True when people were told that it does not."""
        was_told = self.told or self.login_trouble is not None
        self.down_since = self.down_at = self.login_trouble = None
        self.told, self.reason, self.last_look = False, "", now
        return was_told
