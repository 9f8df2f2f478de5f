"""How each part of a running bot is just now, in the words of `/health`."""

from __future__ import annotations

from dataclasses import dataclass

from bot.config import Settings
from bot.parts import Parts
from bot.pause import Gate
from storage.engine import Database
from storage.processes import Process

PAUSED = "the desk is paused: look through `casewire outbox list`, then `casewire resume` and start the bot"


@dataclass(slots=True)
class Services:
    """What there is of a bot so far: it fills up while the bot starts."""

    settings: Settings
    migrated: bool = False
    database: Database | None = None
    gate: Gate | None = None
    parts: Parts | None = None

    def words(self) -> dict[str, str]:
        database = "connected" if self._database_is_well() else "disconnected"
        if self.gate is not None and self.gate.pause is not None:
            return {"database": database, **dict.fromkeys(("email_listener", "scheduler", "slack"), "stopped")}
        return {
            "database": database,
            "email_listener": self._email(),
            "scheduler": "running" if self.parts is not None and self.parts.escalation.running else "stopped",
            "slack": self._slack(),
        }

    def notes(self) -> dict[str, str]:
        """What a person must know beyond the words."""
        pause = self.gate.pause if self.gate is not None else None
        paused = {"note": f"{PAUSED} ({pause.why})"} if pause is not None else {}
        return paused | (self.parts.alarm.note() if self.parts is not None else {})

    def processes(self) -> list[Process]:
        """Who works on the database, as this process knows it."""
        return self.parts.processes.everybody if self.parts is not None else []

    def _database_is_well(self) -> bool:
        if self.parts is not None and not self.parts.casework.keeping:
            return False
        return self.migrated if self.database is None else self.database.available

    def _email(self) -> str:
        if not self.settings.reads_mail:
            return "disabled"
        mailbox = self.parts.mailbox if self.parts is not None else None
        return mailbox.status.word if mailbox is not None else "disconnected"

    def _slack(self) -> str:
        parts = self.parts
        if parts is None:
            return "disconnected"
        if (
            parts.slack_rows.login_trouble is not None
            or parts.people.login_trouble is not None
            or parts.channels.trouble
        ):
            return "disconnected"
        if parts.alarm.waiting:
            return "disconnected"  # whatever the reason, alerts do not get there
        if not self.settings.slack_sockets:
            return "standby"  # other processes take what Slack sends; this one works on it
        return "connected" if parts.connection.connected else "disconnected"
