"""Rendering: what an outbox row says happened becomes a post, as things stand when it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.blocks.alert import (
    AlertListView,
    AlertView,
    alert,
    alert_addition,
    alert_list,
    alert_reminder,
    log_line,
)
from bot.blocks.card import card
from bot.blocks.customer import (
    closed_notice,
    files_not_sent_to_customer,
    files_not_sent_to_desk,
    received_notice,
    taken_up_notice,
)
from bot.blocks.files import file_comment
from bot.blocks.help import admin_dm_hint, mention_help, reply_text
from bot.blocks.listing import LINES
from bot.blocks.operations import (
    channel_back,
    channel_trouble,
    item_quarantined,
    recovered,
    recovery,
    row_parked,
    start_warning,
    trouble,
)
from bot.blocks.post import Post
from bot.blocks.thread import (
    FormPostView,
    NoticeView,
    form_post,
    held_post,
    thread_intro,
    thread_notice,
)
from bot.blocks.words import DEFAULT_COMMAND
from bot.desk.effects import Reply, ReplyKind, ThreadNotice
from bot.desk.model import FileTrouble, LostFile, Trigger, TriggerKind
from bot.views import Views
from storage import alerts, messages, reports
from storage.messages import Message
from storage.outbox import OutboxRow
from storage.reports import CaseFile

from .mail_posts import render_mail
from .message_posts import merged_post, message_post, text_of_part


class NotYet(Exception):
    """Something this row stands on is not in Slack yet."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the operator set of the words people read, and what rendering needs of the surroundings."""

    support_channel: str
    received_template: str
    closure_phrase: str
    alert_mention: str
    views: Views
    reserved_names: Callable[[], tuple[str, ...]]
    file_max_bytes: int
    command: str = DEFAULT_COMMAND


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A post and where it goes in its channel; `only_to`: shown to that person alone, as a hint."""

    post: Post
    thread_ts: str | None = None
    broadcast: bool = False
    only_to: str | None = None


def render(connection: Connection, row: OutboxRow, words: Words) -> Outgoing:
    """Raises NotYet when what the row hangs on (a card, an alert) has not been posted."""
    match row.kind:
        case "card":
            return Outgoing(card(words.views.card(connection, _file(connection, row))))
        case "thread_intro" | "mirror" | "form_post" | "thread_notice" | "held_post":
            return _in_thread(connection, row, words)
        case "answer" | "received" | "taken_up" | "closed" | "files_not_sent":
            return _to_customer(connection, row, words)
        case "alert" | "alert_addition" | "alert_reminder":
            return _alert(connection, row, words)
        case "log_line":
            at = datetime.fromisoformat(row.payload["at"])
            return Outgoing(log_line(_case_id(row), at, row.payload["by"]))
        case "admin_hint":
            return Outgoing(admin_dm_hint(words.support_channel), row.payload["thread_ts"])
        case "mention_help":
            return Outgoing(mention_help(words.support_channel, words.command), row.payload["thread_ts"])
        case "late_reply":
            values = row.payload["reply"]
            reply = Reply(**(values | {"kind": ReplyKind(values["kind"])}))
            return Outgoing(reply_text(reply, command=words.command))
        case "quarantined":
            payload = row.payload
            see = f"casewire inbox show {payload['item']}"
            return Outgoing(item_quarantined(payload["item"], payload["kind"], payload["error"], see))
        case "parked":
            payload = row.payload
            about = (payload["what"], row.case_id or "", payload["reason"], payload["destination"])
            return Outgoing(row_parked(*about, "casewire outbox list"))
        case "channel_trouble":
            return Outgoing(channel_trouble(row.payload["channel"], row.payload["error"]))
        case "channel_back":
            return Outgoing(channel_back(row.payload["channel"]))
        case "recovered":
            since, until = (datetime.fromisoformat(row.payload[name]) for name in ("since", "until"))
            return Outgoing(recovered(row.payload["messages"], row.payload["edits"], since, until))
        case "trouble":
            return Outgoing(trouble(row.payload["text"]))
        case "recovery":
            return Outgoing(recovery(row.payload["text"]))
        case "start_warning":
            return Outgoing(start_warning(row.payload["text"]))
        case "mail_post" | "held_alert" | "many_cases" | "many_automatic" | "bounced" | "admin_mail":
            return Outgoing(render_mail(connection, row, words.support_channel, words.views))
        case _:
            raise ValueError(f"an outbox row of a kind nobody renders: {row.kind}")


def digest(post: Post) -> str:
    """What tells a post apart from one that shows something else."""
    return hashlib.sha256(json.dumps([post.text, post.blocks]).encode()).hexdigest()


def alert_post(connection: Connection, post_key: str, words: Words) -> Post:
    """An alert, or a list of them, as it stands: open, acknowledged, or with its case closed."""
    shown = alerts.alerts_on(connection, post_key)
    post = alerts.find_post(connection, post_key)
    by, at = (post.acknowledged_by, post.acknowledged_at) if post else (None, None)
    if len(shown) == 1:
        return alert(_alert_view(connection, shown[0], words, by, at))
    found = (reports.case_file(connection, one.case_id) for one in shown[:LINES])
    files = [file for file in found if file is not None]
    return alert_list(
        AlertListView(
            tuple(words.views.case_line(file) for file in files),
            post_key,
            words.alert_mention,
            total=len(shown),
            command=words.command,
            acknowledged_by=by,
            acknowledged_at=at,
        )
    )


@dataclass(frozen=True, slots=True)
class FilePost:
    """How a file is posted; `comment` is escaped."""

    comment: str
    thread_ts: str | None


def file_post(connection: Connection, row: OutboxRow, message: Message, words: Words) -> FilePost:
    """Raises NotYet when the case has no card to post it under."""
    if "thread_ts" in row.payload:
        return FilePost(file_comment(message.case_id, message.sender_name), row.payload["thread_ts"])
    thread = _file(connection, row).thread
    if thread is None:
        raise NotYet(f"{row.case_id} has no card yet")
    comment = file_comment(message.case_id, message.sender_name, words.reserved_names(), by_customer=True)
    return FilePost(comment, thread.thread_ts)


def read_lost_files(values: Sequence[Mapping[str, Any]]) -> tuple[LostFile, ...]:
    return tuple(LostFile(**(dict(value) | {"trouble": FileTrouble(value["trouble"])})) for value in values)


def _in_thread(connection: Connection, row: OutboxRow, words: Words) -> Outgoing:
    file = _file(connection, row)
    if file.thread is None:
        raise NotYet(f"{row.case_id} has no card yet")
    thread_ts, case_id = file.thread.thread_ts, file.case.case_id
    match row.kind:
        case "thread_intro":
            return Outgoing(thread_intro(case_id, words.closure_phrase), thread_ts)
        case "held_post":
            payload = row.payload
            value = f"{case_id}|{payload['channel']}|{payload['ts']}"
            return Outgoing(held_post(case_id, payload["author"], value), thread_ts)
        case "form_post":
            message = _message(connection, row)
            text, total = text_of_part(connection, message, row.payload["part"])
            by_mail = bool(row.payload.get("by_mail"))
            view = FormPostView(case_id, message.sender_name, text, row.payload["part"], total, by_mail)
            return Outgoing(form_post(view), thread_ts)
        case "mirror":
            return Outgoing(_mirror(connection, row, words), thread_ts, broadcast=bool(row.payload["broadcast"]))
        case _:
            return _notice(row, case_id, thread_ts, words)


def _mirror(connection: Connection, row: OutboxRow, words: Words) -> Post:
    message = _message(connection, row)
    if merged := row.payload.get("merged"):
        shown = [message, *messages.of_rows(connection, merged)]
        return merged_post(connection, shown, words.reserved_names())
    return message_post(connection, message, row.payload["part"], words.reserved_names(), row.payload)


def _notice(row: OutboxRow, case_id: str, thread_ts: str, words: Words) -> Outgoing:
    payload = row.payload
    notice = ThreadNotice(payload["notice"])
    view = NoticeView(
        case_id,
        by=payload["by"],
        to=payload["to"],
        detail=payload["detail"],
        trigger=read_trigger(payload["trigger"]) if payload["trigger"] else None,
        about_link=words.views.link(**payload["about"]) if "about" in payload else None,
        closure_phrase=words.closure_phrase,
        command=words.command,
        and_to=payload.get("and_to", ""),
        files=read_lost_files(payload.get("files", ())),
        quote=payload.get("quote", ""),
        file_max_bytes=words.file_max_bytes,
    )
    only_to = payload["to"] if notice is ThreadNotice.NEAR_MISS else None
    return Outgoing(thread_notice(notice, view), thread_ts, only_to=only_to)


def _to_customer(connection: Connection, row: OutboxRow, words: Words) -> Outgoing:
    thread_ts = row.payload["thread_ts"]
    match row.kind:
        case "received":
            return Outgoing(received_notice(_case_id(row), words.received_template), thread_ts)
        case "taken_up":
            by, quote = row.payload["by"], row.payload["quote"]
            return Outgoing(taken_up_notice(_case_id(row), by, quote), thread_ts)
        case "closed":
            return Outgoing(closed_notice(_case_id(row)), thread_ts)
        case "files_not_sent":
            files = read_lost_files(row.payload["files"])
            say = files_not_sent_to_desk if row.payload["by_customer"] else files_not_sent_to_customer
            return Outgoing(say(_case_id(row), files, words.file_max_bytes), thread_ts)
        case _:
            message = _message(connection, row)
            post = message_post(connection, message, row.payload["part"], words.reserved_names(), row.payload)
            return Outgoing(post, thread_ts)


def _alert(connection: Connection, row: OutboxRow, words: Words) -> Outgoing:
    post_key = row.payload["post_key"]
    if row.kind == "alert":
        return Outgoing(alert_post(connection, post_key, words))
    post = alerts.find_post(connection, post_key)
    if post is None or post.ts is None:
        raise NotYet(f"the alert {post_key} is not posted yet")
    if row.kind == "alert_addition":
        addition = alert_addition(read_trigger(row.payload["trigger"]), last=row.payload["last"])
        return Outgoing(addition, post.ts)
    shown = next(one for one in alerts.alerts_on(connection, post_key) if one.case_id == row.case_id)
    view = _alert_view(connection, shown, words, post.acknowledged_by, post.acknowledged_at)
    return Outgoing(alert_reminder(view), post.ts, broadcast=True)


def _alert_view(
    connection: Connection, shown: alerts.Alert, words: Words, by: str | None, at: datetime | None
) -> AlertView:
    file = reports.case_file(connection, shown.case_id)
    if file is None:
        raise ValueError(f"an alert on a case that does not exist: {shown.case_id}")
    waiting_since = shown.data["waiting_since"]
    return AlertView(
        case_id=shown.case_id,
        customer_name=file.customer.display_name,
        trigger=read_trigger(shown.data["trigger"]),
        alert_key=shown.post_key,
        quiet_since=datetime.fromisoformat(shown.data["quiet_since"]),
        waiting_since=datetime.fromisoformat(waiting_since) if waiting_since else None,
        mention=words.alert_mention,
        thread_link=words.views.thread_link(file),
        acknowledged_by=by,
        acknowledged_at=at,
        closed_by=file.case.closed_by,
        closed_at=file.case.closed_at,
    )


def _file(connection: Connection, row: OutboxRow) -> CaseFile:
    file = reports.case_file(connection, _case_id(row))
    if file is None:
        raise ValueError(f"an outbox row about a case that does not exist: {row.case_id}")
    return file


def _message(connection: Connection, row: OutboxRow) -> Message:
    message = messages.load_message(connection, row.message_id) if row.message_id is not None else None
    if message is None:
        raise ValueError(f"an outbox row about a message that does not exist: {row.message_id}")
    return message


def _case_id(row: OutboxRow) -> str:
    if row.case_id is None:
        raise ValueError(f"an outbox row of kind {row.kind} without a case")
    return row.case_id


def read_trigger(values: Mapping[str, Any]) -> Trigger:
    return Trigger(**(dict(values) | {"kind": TriggerKind(values["kind"])}))
