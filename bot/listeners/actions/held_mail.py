"""The buttons on mail that no case has taken: accept it, open a case for it, block its sender, set it aside."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.blocks.mail import ACTION_ACCEPT_MAIL, ACTION_BLOCK_MAIL, ACTION_OPEN_MAIL, ACTION_SET_MAIL_ASIDE
from bot.casework.intake import Verb
from bot.listeners.deps import Deps

from .clicks import decide_click

_VERBS = {
    ACTION_ACCEPT_MAIL: Verb.ACCEPT_MAIL,
    ACTION_OPEN_MAIL: Verb.OPEN_MAIL,
    ACTION_BLOCK_MAIL: Verb.BLOCK_MAIL,
    ACTION_SET_MAIL_ASIDE: Verb.SET_MAIL_ASIDE,
}


def register(app: AsyncApp, deps: Deps) -> None:
    async def decide(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        await ack()
        await decide_click(deps, body, _VERBS[body["actions"][0]["action_id"]], respond)

    for action_id in _VERBS:
        app.action(action_id)(decide)
