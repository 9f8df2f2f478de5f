"""Whether admins can act by mail, said to the operator at each start."""

from __future__ import annotations

from datetime import datetime

from bot.blocks import mail_words as words
from bot.config import Settings
from bot.desk.policy import AdminCheck
from storage.outbox import NewRow


def how_admins_act(settings: Settings) -> str:
    """What an operator must know of it, as a sentence without its stop; "" where all is as one would think."""
    if not settings.reads_mail or not settings.admin_emails:
        return ""
    if settings.admin_email_check is AdminCheck.NONE:
        return words.ADMINS_UNCHECKED
    if settings.admin_email_check is AdminCheck.DMARC and not settings.trust.is_known:
        return words.ADMINS_UNPROVABLE.format(server=settings.imap_server)
    if settings.admin_check_in_force is AdminCheck.DMARC and not settings.trust.is_proven:
        return words.ADMINS_TRUST_UNPROVEN.format(server=settings.trust.described)
    return ""


def admin_mail_row(text: str, logging_channel: str, now: datetime) -> NewRow:
    """Said at each start, however often that is."""
    return NewRow(f"admin_mail:{now.isoformat()}", "log", logging_channel, "admin_mail", payload={"text": text})
