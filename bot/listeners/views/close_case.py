"""The form that closes a case."""

from __future__ import annotations

import json
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.forms import CALLBACK_CLOSE, INPUT_QUIET, INPUT_WORDS
from bot.blocks.words import CLOSE_QUIET_WITH_WORDS
from bot.casework.intake import Request, Verb
from bot.desk.effects import ReplyKind
from bot.listeners.deps import Deps
from bot.listeners.forms import answer_form, gesture_of, typed
from bot.listeners.requests import ask
from bot.text.safe import is_blank


def register(app: AsyncApp, deps: Deps) -> None:
    async def close_case(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        began = deps.clock.monotonic()
        text = str(typed(view, INPUT_WORDS, "value") or "")
        quiet = bool(typed(view, INPUT_QUIET, "selected_options"))
        if quiet and not is_blank(text):
            await ack(response_action="errors", errors={INPUT_WORDS: CLOSE_QUIET_WITH_WORDS})
            return
        carried = json.loads(view["private_metadata"])
        user = str(body["user"]["id"])
        request = Request(Verb.CLOSE, user, carried["case_id"], text, quiet, seen=carried["seen"])
        await answer_form(ack, await ask(deps, request, gesture_of(view), began), text, ReplyKind.CLOSED)

    app.view(CALLBACK_CLOSE)(close_case)
