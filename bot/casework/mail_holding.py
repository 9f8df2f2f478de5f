"""Mail that no case takes: kept, and shown in the support channel for an admin to decide, or on a list."""

from __future__ import annotations

from datetime import datetime

from bot.desk.mail_rules import Held, Listed, ShownToAll, WhyHeld
from bot.desk.rules import detect_urgent_keywords
from bot.text.safe import clean, preview
from storage import held_mails
from storage.held_mails import HeldMail
from storage.inbox import Done
from storage.outbox import URGENT, USUAL, NewRow
from storage.wishes import Wish

from .batch_state import Batch
from .mail_prepare import Mail, mail_facts

EXCERPT = 600
SUBJECT = 300
POST = "mail_post"
ALERT = "held_alert"


def keep_aside(batch: Batch, mail: Mail, place: Held | Listed | ShownToAll) -> None:
    """Keep the mail beside the cases, and show it once."""
    policy = batch.desk.policy
    words = f"{mail.parsed.subject}\n{mail.parsed.new_words}"
    is_held, is_listed = isinstance(place, Held), _is_listed(place)
    post_key = digest_key(batch.now) if is_listed else f"mail:{mail.mail_id}"
    keyword = detect_urgent_keywords(words, policy.keywords) if is_held and not mail.is_backfilled else None
    wait = policy.mail.held_alert if is_held and not mail.is_backfilled else None
    held = HeldMail(
        mail_id=mail.mail_id,
        state="held" if is_held else "listed" if is_listed else "shown",
        why=_why(mail, place),
        post_key=post_key,
        at=mail.at,
        sender=mail.address,
        sender_shown=clean(mail.parsed.from_shown),
        subject=clean(mail.parsed.subject)[:SUBJECT],
        excerpt=preview(mail.parsed.new_words or mail.parsed.text, EXCERPT),
        verdict=mail.parsed.verdict.value,
        verdict_detail=clean(mail.parsed.verdict_detail or mail.parsed.trouble_with_sender),
        keyword=keyword or "",
        case_id=place.case_id if isinstance(place, Held) else None,
        alert_at=batch.now + wait if wait is not None else None,
    )
    number = held_mails.hold(batch.connection, held)
    if number is None:
        return
    show_again(batch, post_key)
    if keyword and not is_listed:
        batch.filing.add_row(alert_row(batch, f"held_alert:{number}", [number], urgent=True))


def show_again(batch: Batch, post_key: str) -> None:
    """Have the post that shows the mail stand, and say how things stand."""
    payload = {"post_key": post_key}
    channel = batch.desk.channels.support
    batch.filing.add_row(NewRow(post_key, f"{POST}:{post_key}", channel, POST, payload=payload, priority=USUAL))
    batch.filing.add_wish(Wish(f"{POST}:{post_key}", POST, batch.now, payload=payload))


def alert_row(batch: Batch, key: str, held_ids: list[int], *, urgent: bool) -> NewRow:
    payload = {"held": held_ids, "urgent": urgent}
    return NewRow(key, key, batch.desk.channels.alerting, ALERT, payload=payload, priority=URGENT)


def digest_key(now: datetime) -> str:
    """One list an hour: what comes within it is added to the same post."""
    return f"digest:{now:%Y-%m-%dT%H}"


def kept_aside(mail: Mail, place: Held | Listed | ShownToAll, item_id: int) -> Done:
    facts = mail_facts(mail) | {"place": type(place).__name__, "why": _why(mail, place)}
    return Done(item_id, facts=facts)


def _is_listed(place: Held | Listed | ShownToAll) -> bool:
    """Too many new cases become one list; what nobody need decide is one from the start."""
    return isinstance(place, Listed) or (isinstance(place, Held) and place.why is WhyHeld.TOO_MANY)


def _why(mail: Mail, place: Held | Listed | ShownToAll) -> str:
    match place:
        case Held(why):
            return why.value
        case Listed(why):
            return mail.parsed.machine.value if mail.parsed.machine is not None else why.value
        case ShownToAll():
            return "admin_no_case"
