"""The form in which an admin writes to somebody first."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.forms import CALLBACK_BEGIN, INPUT_CUSTOMER, INPUT_WORDS
from bot.blocks.words import FORM_NO_WORDS
from bot.casework.intake import Request, Verb
from bot.listeners.deps import Deps
from bot.listeners.forms import answer_form, gesture_of, typed
from bot.listeners.requests import ask
from bot.text.safe import is_blank


def register(app: AsyncApp, deps: Deps) -> None:
    async def begin_case(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        began = deps.clock.monotonic()
        text = str(typed(view, INPUT_WORDS, "value") or "")
        if is_blank(text):
            await ack(response_action="errors", errors={INPUT_WORDS: FORM_NO_WORDS})
            return
        customer = str(typed(view, INPUT_CUSTOMER, "selected_user"))
        request = Request(Verb.BEGIN, str(body["user"]["id"]), customer, text)
        await answer_form(ack, await ask(deps, request, gesture_of(view), began), text)

    app.view(CALLBACK_BEGIN)(begin_case)
