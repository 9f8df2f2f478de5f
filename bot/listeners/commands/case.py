"""`/case`: reads answer from the database at once, changes go through the inbox."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.help import case_help, not_allowed, try_again, unknown_command
from bot.blocks.post import Post
from bot.casework.intake import Request, Verb
from bot.desk.model import Person
from bot.listeners.deps import Deps
from bot.listeners.requests import ask
from bot.people import LookupUnavailable, UnknownUser
from bot.text.inbound import read_message
from storage.errors import DatabaseUnavailable

from .case_text import QUIET, Typed, Word, read_case_text

COMMAND = "/case"
LOOKUP_PATIENCE = 2.0

log = structlog.get_logger(__name__)


def register(app: AsyncApp, deps: Deps) -> None:
    async def case(ack: AsyncAck, command: dict[str, Any]) -> None:
        began = deps.clock.monotonic()
        try:
            async with asyncio.timeout(LOOKUP_PATIENCE):
                person = await deps.people.person(str(command["user_id"]))
            # Slack encodes what is typed here as it does in messages.
            text = read_message({"text": command.get("text")}, {}).plain
            post = await _answer(deps, person, text, str(command["trigger_id"]), began)
        except (LookupUnavailable, UnknownUser, DatabaseUnavailable, TimeoutError) as error:
            log.warning("a command could not be answered", error=str(error))
            post = try_again()
        await ack(text=post.text, blocks=list(post.blocks), response_type="ephemeral")

    app.command(COMMAND)(case)


async def _answer(deps: Deps, person: Person, text: str, gesture: str, began: float) -> Post:
    typed = read_case_text(text)
    match typed.word:
        case None:
            return unknown_command(typed.given, person.is_admin, COMMAND, deps.closure_phrase)
        case Word.HELP:
            return case_help(person.is_admin, COMMAND, deps.closure_phrase)
        case Word.STATUS if not person.is_admin:
            return await deps.enquiries.own_case(person.id)
        case _ if not person.is_admin:
            return not_allowed()
        case Word.STATUS:
            return await (deps.enquiries.case(typed.case_id) if typed.case_id else deps.enquiries.desk())
        case Word.LIST:
            return await deps.enquiries.list()
        case _:
            _, post = await ask(deps, _request(typed, person), gesture, began)
            return post


def _request(typed: Typed, person: Person) -> Request:
    case_id = typed.case_id or ""
    if typed.word is Word.CLOSE:
        return Request(Verb.CLOSE, person.id, case_id, quiet=typed.rest.lower() == QUIET)
    if typed.word is Word.REOPEN:
        return Request(Verb.REOPEN, person.id, case_id)
    return Request(Verb.ESCALATE, person.id, case_id, text=typed.rest)
