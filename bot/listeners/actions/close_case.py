"""The "Close" button on a card: a form confirms it. Whether it may be closed is decided when the form is sent."""

from __future__ import annotations

import json
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.blocks.card import ACTION_CLOSE_CASE
from bot.blocks.forms import CloseFormView, close_form
from bot.blocks.help import not_allowed, try_again
from bot.blocks.post import Post
from bot.desk.effects import Reply, ReplyKind
from bot.listeners.deps import Deps
from bot.listeners.forms import open_form
from bot.listeners.requests import NOT_KNOWN, asker, said
from storage.errors import DatabaseUnavailable

from .clicks import whisper


def register(app: AsyncApp, deps: Deps) -> None:
    async def close_case(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        await ack()
        try:
            post = await _offer(deps, body)
        except (DatabaseUnavailable, *NOT_KNOWN):
            post = try_again()
        if post is not None:
            await whisper(respond, post)

    app.action(ACTION_CLOSE_CASE)(close_case)


async def _offer(deps: Deps, body: dict[str, Any]) -> Post | None:
    """Rights first: who is no admin learns nothing of the case."""
    began = deps.clock.monotonic()
    if not (await asker(deps, str(body["user"]["id"]))).is_admin:
        return not_allowed()
    case_id = str(body["actions"][0]["value"])
    file = await deps.enquiries.file(case_id)
    if file is None:
        return await said(deps, Reply(ReplyKind.NOT_FOUND, case_id))
    case = file.case
    if not case.is_open:
        return await said(deps, Reply(ReplyKind.ALREADY_CLOSED, case_id, by=case.closed_by or ""))
    view = CloseFormView(
        case_id=case_id,
        customer_name=file.customer.display_name,
        message_count=case.message_count,
        last_message_at=case.last_message_at,
        waiting_since=case.waiting_since,
        carried=json.dumps({"case_id": case_id, "seen": case.last_message_at.isoformat()}),
    )
    return await open_form(deps, str(body["trigger_id"]), close_form(view), began)
