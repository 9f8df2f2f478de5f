"""Forms: what is asked in a window of its own before it is done, and what is told there afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import words
from .line import Element, cut, line, name, one_line, plain
from .parts import body, paragraph, plain_text
from .post import Block, Passage, Post

View = dict[str, Any]

CALLBACK_CLOSE = "close_case"
CALLBACK_BEGIN = "begin_case"

# An input is named alike as a block and as an element.
INPUT_WORDS = "words"
INPUT_QUIET = "quiet"
INPUT_CUSTOMER = "customer"

TITLE_SIZE = 24
WORDS_SIZE = 3000  # the most that Slack lets anybody type into a field


@dataclass(frozen=True, slots=True)
class CloseFormView:
    """A case as an admin should see it before closing it. `carried` comes back with the form."""

    case_id: str
    customer_name: str
    message_count: int
    last_message_at: datetime
    waiting_since: datetime | None = None
    carried: str = ""


def close_form(view: CloseFormView) -> View:
    """Confirm a closing, with a last message to the customer, or quietly."""
    waiting = line(words.CLOSE_WAITING, at=view.waiting_since) if view.waiting_since else None
    return _form(
        CALLBACK_CLOSE,
        plain(words.CLOSE_TITLE, case_id=view.case_id),
        words.CLOSE_SUBMIT,
        view.carried,
        _blocks(
            paragraph(
                line(words.CLOSE_WHO, customer=name(view.customer_name)),
                line(words.CLOSE_SUMMARY, count=view.message_count, at=view.last_message_at),
                waiting,
                line(words.CLOSE_NEXT),
            )
        ),
        [
            _input(INPUT_WORDS, words.CLOSE_WORDS, _several_lines(), words.CLOSE_WORDS_HINT, optional=True),
            _input(INPUT_QUIET, words.CLOSE_HOW, _tick("quiet", words.CLOSE_QUIETLY), optional=True),
        ],
    )


def begin_form(customer: str | None = None, text: str = "") -> View:
    """Write to somebody first. What was typed already stands in it."""
    picker: Element = {"type": "users_select", "action_id": INPUT_CUSTOMER}
    if customer is not None:
        picker["initial_user"] = customer
    return _form(
        CALLBACK_BEGIN,
        words.BEGIN_TITLE,
        words.BEGIN_SUBMIT,
        "",
        _blocks(paragraph(line(words.BEGIN_EXPLAINED))),
        [
            _input(INPUT_CUSTOMER, words.BEGIN_WHO, picker),
            _input(INPUT_WORDS, words.BEGIN_WORDS, _several_lines(text)),
        ],
    )


def outcome_form(said: Post, written: str = "") -> View:
    """What became of a form, in its place; `written` is what its author may want to keep."""
    kept = body(cut(written, WORDS_SIZE)) if one_line(written) else None
    heading = paragraph(line(words.FORM_YOUR_WORDS)) if kept is not None else None
    return {
        "type": "modal",
        "title": plain_text(words.FORM_TITLE_OUTCOME),
        "close": plain_text(words.FORM_BACK),
        "blocks": [*said.blocks, *_blocks(heading, kept)],
    }


def _form(
    callback: str, title: str, submit: str, carried: str, explained: list[Block], inputs: list[Block]
) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain_text(cut(title, TITLE_SIZE)),
        "submit": plain_text(submit),
        "close": plain_text(words.FORM_CANCEL),
        "private_metadata": carried,
        "blocks": [*explained, *inputs],
    }


def _blocks(*passages: Passage | None) -> list[Block]:
    return [passage.block for passage in passages if passage is not None and passage.block is not None]


def _input(name_: str, label: str, element: Element, hint: str = "", *, optional: bool = False) -> Block:
    block: Block = {
        "type": "input",
        "block_id": name_,
        "label": plain_text(label),
        "element": element,
        "optional": optional,
    }
    return block | {"hint": plain_text(hint)} if hint else block


def _several_lines(initial: str = "") -> Element:
    element: Element = {
        "type": "plain_text_input",
        "action_id": INPUT_WORDS,
        "multiline": True,
        "max_length": WORDS_SIZE,
    }
    return element | {"initial_value": cut(initial, WORDS_SIZE)} if one_line(initial) else element


def _tick(value: str, caption: str) -> Element:
    option = {"text": plain_text(caption), "value": value}
    return {"type": "checkboxes", "action_id": INPUT_QUIET, "options": [option]}
