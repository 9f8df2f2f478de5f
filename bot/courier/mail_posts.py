"""Posts about mail that no case has taken, as things stand when they are sent or rewritten."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.blocks.line import Link
from bot.blocks.mail import (
    HeldView,
    admin_mail,
    bounced,
    held_alert,
    held_mail,
    mail_list,
    many_automatic,
    many_cases,
)
from bot.blocks.operations import why
from bot.blocks.post import Post
from bot.views import Views
from storage import held_mails, reports
from storage.held_mails import HeldMail
from storage.outbox import OutboxRow

DIGEST = "digest:"


def render_mail(connection: Connection, row: OutboxRow, support_channel: str, views: Views) -> Post:
    match row.kind:
        case "mail_post":
            return mail_post(connection, row.payload["post_key"], views)
        case "held_alert":
            found = [held_mails.find(connection, number) for number in row.payload["held"]]
            shown = [_view(connection, held, views) for held in found if held is not None]
            return held_alert(shown, support_channel, urgent=row.payload["urgent"])
        case "many_cases":
            return many_cases(row.payload["limit"], support_channel)
        case "many_automatic":
            return many_automatic(row.payload["limit"])
        case "admin_mail":
            return admin_mail(row.payload["text"])
        case "bounced":
            case = _case_link(connection, row.case_id or "", views)
            return bounced(case, row.payload["to"], why(row.payload["reason"]))
        case _:
            raise ValueError(f"an outbox row that is not about mail: {row.kind}")


def mail_post(connection: Connection, post_key: str, views: Views) -> Post:
    """One mail with its buttons, or the list of an hour."""
    shown = [_view(connection, held, views) for held in held_mails.on_post(connection, post_key)]
    if post_key.startswith(DIGEST):
        return mail_list(shown)
    if not shown:
        raise ValueError(f"a post about a mail that does not exist: {post_key}")
    return held_mail(shown[0])


def _view(connection: Connection, held: HeldMail, views: Views) -> HeldView:
    case_id = held.decided_case_id or held.case_id
    place = held_mails.find_post(connection, held.post_key)
    return HeldView(
        number=held.id,
        why=held.why,
        state=held.state,
        at=held.at,
        sender=held.sender,
        sender_shown=held.sender_shown,
        subject=held.subject,
        excerpt=held.excerpt,
        verdict=held.verdict,
        verdict_detail=held.verdict_detail,
        keyword=held.keyword,
        case=_case_link(connection, case_id, views) if case_id else None,
        decided_by=held.decided_by,
        decided_at=held.decided_at,
        link=views.link(*place) if place is not None else None,
    )


def _case_link(connection: Connection, case_id: str, views: Views) -> Link:
    file = reports.case_file(connection, case_id)
    return Link(case_id, views.thread_link(file) if file is not None else None)
