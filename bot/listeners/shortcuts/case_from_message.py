"""Open a case from a message: an admin takes up what somebody wrote anywhere."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.blocks.help import not_allowed, try_again
from bot.blocks.post import Post
from bot.casework.intake import take_up_request
from bot.desk.effects import Reply, ReplyKind
from bot.listeners.deps import Deps
from bot.listeners.requests import NOT_KNOWN, ask, asker, said

CALLBACK = "case_from_message"


def register(app: AsyncApp, deps: Deps) -> None:
    async def case_from_message(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        await ack()
        post = await _answer(deps, body)
        await respond(text=post.text, blocks=list(post.blocks), response_type="ephemeral")

    app.shortcut(CALLBACK)(case_from_message)


async def _answer(deps: Deps, body: dict[str, Any]) -> Post:
    began = deps.clock.monotonic()
    try:
        person = await asker(deps, str(body["user"]["id"]))
    except NOT_KNOWN:
        return try_again()
    if not person.is_admin:
        return not_allowed()
    request = take_up_request(body)
    if request is None:
        return await said(deps, Reply(ReplyKind.IS_A_BOT))
    return (await ask(deps, request, str(body["trigger_id"]), began)).post
