"""The numbers and words by which cases are judged; they come from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

DEFAULT_KEYWORDS = ("urgent", "immediately", "emergency", "critical")
DEFAULT_CLOSURE_PHRASE = "I'm closing this case."
DEFAULT_FILE_MAX_BYTES = 25 * 1024 * 1024


class SilenceClock(StrEnum):
    """Which silence counts: since the last message of anybody, or only while the customer waits."""

    LAST_MESSAGE = "last_message"
    CUSTOMER_WAITING = "customer_waiting"


class AdminCheck(StrEnum):
    """What proves that a mail from an admin's address is the admin's: nothing does where it is `off`."""

    DMARC = "dmarc"
    NONE = "none"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """How mail is judged. `admin_check` is the one in force, `own` are the desk's own addresses.

    `auto_limit` is how many automatic mails an address gets in a day, `auto_limit_total` all of them in an hour.
    """

    admins: frozenset[str] = frozenset()
    admin_check: AdminCheck = AdminCheck.OFF
    admin_mail_lasts: timedelta = timedelta(days=7)
    own: frozenset[str] = frozenset()
    auto_limit: int = 5
    auto_limit_total: int = 60
    new_cases_per_hour: int = 60
    held_alert: timedelta | None = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Policy:
    """`follow_ups` is how many customer messages in a row may go unanswered before the next one escalates.

    Two admins who answer within `answers_at_once` cannot have read each other's answer.
    """

    follow_ups: int = 3
    followup_merge: timedelta = timedelta(0)
    silence: timedelta = timedelta(hours=48)
    silence_clock: SilenceClock = SilenceClock.LAST_MESSAGE
    keywords: tuple[str, ...] = DEFAULT_KEYWORDS
    closure_phrase: str = DEFAULT_CLOSURE_PHRASE
    realert_after: timedelta = timedelta(minutes=30)
    remind_every: timedelta | None = None
    max_alert_additions: int = 5
    answers_at_once: timedelta = timedelta(seconds=10)
    say_received: bool = True
    file_max_bytes: int = DEFAULT_FILE_MAX_BYTES
    mail: MailPolicy = field(default_factory=MailPolicy)
