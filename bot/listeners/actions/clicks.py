"""What a click on one of our buttons says: who, on what, and by which gesture."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import structlog
from slack_bolt.async_app import AsyncRespond

from bot.blocks.post import Post
from bot.casework.intake import Request, Verb
from bot.desk.effects import ReplyKind
from bot.listeners.deps import Deps
from bot.listeners.requests import ask

log = structlog.get_logger(__name__)

# Slack waits 3 s for the acknowledgement, of which the decision may have taken two.
WHISPER_PATIENCE = 0.7

# What the clicker sees happen anyway, and need not be told.
_SEEN = {
    ReplyKind.ACKNOWLEDGED,
    ReplyKind.ESCALATED,
    ReplyKind.REOPENED,
    ReplyKind.REOPENED_AND_SENT,
    ReplyKind.MAIL_ACCEPTED,
    ReplyKind.MAIL_OPENED,
    ReplyKind.MAIL_BLOCKED,
    ReplyKind.MAIL_SET_ASIDE,
}


async def decide_click(
    deps: Deps, body: dict[str, Any], verb: Verb, respond: AsyncRespond, *, once: bool = False
) -> None:
    """Have a click decided; refusals and doubts are whispered to the clicker."""
    action = body["actions"][0]
    user = str(body["user"]["id"])
    gesture = str(body.get("trigger_id") or f"{user}:{action['action_ts']}")
    answer = await ask(deps, Request(verb, user, str(action["value"]), once=once), gesture)
    if answer.reply is None or answer.reply.kind not in _SEEN:
        await whisper(respond, answer.post)


async def whisper(respond: AsyncRespond, post: Post) -> None:
    """Tell the clicker alone. It is no record: a click that was decided does not fail because this is slow."""
    try:
        async with asyncio.timeout(WHISPER_PATIENCE):
            await respond(
                text=post.text, blocks=list(post.blocks), response_type="ephemeral", replace_original=False
            )
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("a clicker could not be told", error=f"{type(error).__name__}: {error}")
