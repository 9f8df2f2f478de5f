"""Why a case escalates, in words."""

from __future__ import annotations

from bot.desk.model import Trigger

from . import words
from .line import name, one_line, plain

TRIGGER_QUOTE_SIZE = 300


def trigger_words(trigger: Trigger) -> str:
    """One sentence; what the customer wrote (`quote`) is left to be shown as a quotation."""
    detail = one_line(trigger.detail, TRIGGER_QUOTE_SIZE)
    templates = words.ALERT_TRIGGERS if detail else words.ALERT_TRIGGERS_UNEXPLAINED
    return plain(templates[trigger.kind], detail=detail, by=name(trigger.by))
