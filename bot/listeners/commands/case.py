"""`/case`: reads answer from the database at once, changes go through the inbox."""

from __future__ import annotations

from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.forms import begin_form
from bot.blocks.help import case_help, not_allowed, try_again, unknown_command, which_case
from bot.blocks.post import Post
from bot.casework.intake import Request, Verb
from bot.desk.model import Person
from bot.listeners.deps import Deps
from bot.listeners.forms import open_form
from bot.listeners.requests import NOT_KNOWN, ask, asker
from bot.text.inbound import read_message
from storage.errors import DatabaseUnavailable

from .case_text import QUIET, Typed, Word, read_case_text, read_new

log = structlog.get_logger(__name__)


def register(app: AsyncApp, deps: Deps) -> None:
    async def case(ack: AsyncAck, command: dict[str, Any]) -> None:
        began = deps.clock.monotonic()
        try:
            person = await asker(deps, str(command["user_id"]))
            typed = _read(str(command.get("text") or ""))
            post = await _answer(deps, person, typed, str(command["trigger_id"]), began)
        except (DatabaseUnavailable, *NOT_KNOWN) as error:
            log.warning("a command could not be answered", error=str(error))
            post = try_again()
        if post is None:
            await ack()
        else:
            await ack(text=post.text, blocks=list(post.blocks), response_type="ephemeral")

    app.command(deps.command)(case)


def _read(text: str) -> Typed:
    """Slack encodes what is typed here as it does in messages."""
    new = read_new(text)
    if new is None:
        return read_case_text(_plain(text))
    return Typed(Word.NEW, rest=_plain(new.rest), customer=new.customer)


def _plain(text: str) -> str:
    return read_message({"text": text}, {}).plain


async def _answer(deps: Deps, person: Person, typed: Typed, gesture: str, began: float) -> Post | None:
    """What to tell who typed it; None where a form stands open instead."""
    match typed.word:
        case None:
            return unknown_command(typed.given, person.is_admin, deps.command, deps.closure_phrase)
        case Word.HELP:
            return case_help(person.is_admin, deps.command, deps.closure_phrase)
        case Word.STATUS if not person.is_admin:
            return await deps.enquiries.own_case(person.id)
        case _ if not person.is_admin:
            return not_allowed()
        case Word.STATUS:
            return await (deps.enquiries.case(typed.case_id) if typed.case_id else deps.enquiries.desk())
        case Word.LIST:
            return await deps.enquiries.list()
        case Word.NEW if typed.customer is None or not typed.rest:
            return await open_form(deps, gesture, begin_form(typed.customer, typed.rest), began)
        case Word.CLOSE | Word.REOPEN | Word.ESCALATE | Word.BLOCK if typed.case_id is None:
            return which_case(typed.word, deps.command)
        case _:
            return (await ask(deps, _request(typed, person), gesture, began)).post


def _request(typed: Typed, person: Person) -> Request:
    case_id = typed.case_id or ""
    if typed.word is Word.NEW:
        return Request(Verb.BEGIN, person.id, typed.customer or "", text=typed.rest)
    if typed.word is Word.CLOSE:
        return Request(Verb.CLOSE, person.id, case_id, quiet=typed.rest.lower() == QUIET)
    if typed.word is Word.BLOCK:
        return Request(Verb.BLOCK, person.id, case_id)
    if typed.word is Word.REOPEN:
        return Request(Verb.REOPEN, person.id, case_id)
    return Request(Verb.ESCALATE, person.id, case_id, text=typed.rest)
