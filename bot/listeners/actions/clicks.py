"""What a click on one of our buttons says: who, on what, and by which gesture."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncRespond

from bot.casework.intake import Request, Verb
from bot.desk.effects import ReplyKind
from bot.listeners.deps import Deps
from bot.listeners.requests import ask

# What the clicker sees happen anyway, and need not be told.
_SEEN = {ReplyKind.ACKNOWLEDGED, ReplyKind.REOPENED_AND_SENT}


async def decide_click(deps: Deps, body: dict[str, Any], verb: Verb, respond: AsyncRespond) -> None:
    """Have a click decided; refusals and doubts are whispered to the clicker."""
    action = body["actions"][0]
    user = str(body["user"]["id"])
    gesture = str(body.get("trigger_id") or f"{user}:{action['action_ts']}")
    reply, post = await ask(deps, Request(verb, user, str(action["value"])), gesture)
    if reply is None or reply.kind not in _SEEN:
        await respond(text=post.text, blocks=list(post.blocks), response_type="ephemeral", replace_original=False)
