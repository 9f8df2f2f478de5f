"""What mail adds to filing: the Message-IDs of a case's mails, what is shown beside words, and the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from bot.desk.effects import RecordMessage
from bot.desk.policy import MailPolicy
from storage import correspondence, mail_tallies
from storage.correspondence import CaseMail

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Refusal(StrEnum):
    """Why no automatic mail may go to somebody just now."""

    ADDRESS = "address"
    TOTAL = "total"


@dataclass(slots=True)
class AutoMails:
    """How many automatic mails may still go: so many to an address in a day, so many to all in an hour.

    Two systems that answer each other as people would are stopped by nothing else.
    """

    policy: MailPolicy = field(default_factory=MailPolicy)

    def refusal(self, connection: Connection, address: str, now: datetime) -> Refusal | None:
        """Why one more may not go to that address, or None: then it is counted."""
        if mail_tallies.count(connection, "automatic", now - DAY, address) >= self.policy.auto_limit:
            return Refusal.ADDRESS
        if mail_tallies.count(connection, "automatic", now - HOUR) >= self.policy.auto_limit_total:
            return Refusal.TOTAL
        mail_tallies.add(connection, "automatic", address, now)
        return None


def add_letters(connection: Connection, recorded: Sequence[tuple[str, int, RecordMessage]]) -> None:
    """Keep which mails carried these messages of cases: later mails refer to them."""
    correspondence.add_mails(
        connection,
        [
            CaseMail(
                letter.message_id,
                case_id,
                "admin" if effect.is_answer else "customer",
                letter.address,
                letter.subject,
                effect.at,
                message_id,
                letter.name,
                letter.references,
            )
            for case_id, message_id, effect in recorded
            if (letter := effect.letter) is not None
        ],
    )


def beside_the_words(effect: RecordMessage, part: int) -> dict[str, Any]:
    """What is shown with the first part of a message that came by mail."""
    letter = effect.letter
    if letter is None:
        return {}
    facts: dict[str, Any] = {"by_mail": True}
    if part == 1:
        facts |= {"subject": letter.shown_subject, "cc": list(letter.cc), "notes": list(letter.notes)}
        facts["alone"] = bool(letter.shown_subject or letter.cc or letter.notes)  # in a post of its own
    return facts
