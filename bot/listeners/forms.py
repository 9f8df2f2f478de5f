"""Forms: opened within the 3 s that a gesture allows, and answered once what they ask is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck

from bot.blocks.forms import INPUT_WORDS, View, outcome_form
from bot.blocks.help import form_not_opened
from bot.blocks.post import Post
from bot.courier.slack import Undelivered
from bot.desk.effects import ReplyKind

from .deps import Deps
from .requests import Answer

log = structlog.get_logger(__name__)

# https://docs.slack.dev/surfaces/modals: a trigger lives for 3 s.
FORM_PATIENCE = 2.7
LEAST = 0.2


async def open_form(deps: Deps, trigger_id: str, view: View, began: float) -> Post | None:
    """Open a form; what to tell who asked where that failed, or may have."""
    left = FORM_PATIENCE - (deps.clock.monotonic() - began)
    try:
        async with asyncio.timeout(max(LEAST, left)):
            await deps.slack.call("views_open", trigger_id=trigger_id, view=view)
    except (Undelivered, TimeoutError) as error:
        log.warning("a form could not be opened", form=view.get("callback_id"), error=str(error))
        return form_not_opened()
    return None


def gesture_of(view: Mapping[str, Any]) -> str:
    """A form is one gesture, however often it is sent."""
    return f"form:{view['id']}"


def typed(view: Mapping[str, Any], name: str, key: str) -> Any:
    """What was filled in for an input, None where nothing was."""
    return view["state"]["values"].get(name, {}).get(name, {}).get(key)


async def answer_form(ack: AsyncAck, answer: Answer, written: str, done: ReplyKind | None = None) -> None:
    """Close the form when it is `done`, else show what became of it; unless kept, it stays as it was filled in."""
    if not answer.kept:
        await ack(response_action="errors", errors={INPUT_WORDS: answer.post.text})
    elif answer.reply is not None and answer.reply.kind is done:
        await ack()
    else:
        refused = answer.reply is not None and answer.reply.kind is not ReplyKind.BEGUN
        await ack(response_action="update", view=outcome_form(answer.post, written if refused else ""))
