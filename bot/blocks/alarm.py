"""The mail to the people who run the desk while its alerts cannot be posted in Slack: plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.blocks import words
from bot.text.safe import preview, show

LISTED = 50
DETAIL = 300


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that waits to be posted; `detail` says more where its kind alone says little."""

    kind: str
    case_id: str | None
    since: datetime
    detail: str = ""


def alarm_mail(waiting: Sequence[Waiting], channel: str, error: str, again: int) -> tuple[str, str]:
    """Subject and text. `again`: in how many minutes it is said once more."""
    text = words.ALARM_MAIL.format(
        channel=show(channel),
        alerts="\n".join(_line(one) for one in waiting[:LISTED]),
        more=words.ALARM_MORE if len(waiting) > LISTED else "",
        error=preview(error, DETAIL) if error else words.ALARM_NOT_TRIED,
        again=again,
    )
    return words.ALARM_SUBJECT, text


def all_clear_mail(channel: str, since: datetime) -> tuple[str, str]:
    text = words.ALARM_OVER.format(channel=show(channel), since=_at(since))
    return words.ALARM_OVER_SUBJECT, text


def _line(one: Waiting) -> str:
    said = words.ALARM_KINDS.get(one.kind, words.ALARM_OTHER).format(
        case_id=one.case_id or words.SOMETHING, detail=preview(one.detail, DETAIL)
    )
    return words.ALARM_LINE.format(said=said, since=_at(one.since))


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
