"""The pieces that posts are made of. Other people's words go into elements in which Slack parses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Literal

from bot.text.safe import escape, preview, rich_text_block

from . import words
from .line import Element, Line, cut, one_line, usable_link
from .post import Block, Passage

BODY_SIZE = 4000  # characters of one part of a message; the sender splits at 3500
HEADER_SIZE = 140  # Slack takes 150
CONTEXT_SIZE = 1000
LABEL_SIZE = 75
SURE_SIZE = 300


@dataclass(frozen=True, slots=True)
class Sure:
    """What somebody is asked before a click counts."""

    title: str
    question: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class Button:
    """`label` is what a screen reader says; with a `url` the button opens it."""

    action_id: str
    caption: str
    label: str
    value: str | None = None
    url: str | None = None
    style: Literal["primary", "danger"] | None = None
    sure: Sure | None = None


def header(title: str) -> Passage:
    title = cut(title, HEADER_SIZE)
    return Passage({"type": "header", "text": plain_text(title)}, escape(title))


def paragraph(*lines: Line | None) -> Passage | None:
    """The lines that are there, below one another; None where there is none."""
    given = [one for one in lines if one is not None and one.elements]
    if not given:
        return None
    elements = list(chain.from_iterable((_line_break(), *one.elements) for one in given))[1:]
    return Passage(_rich(_section(elements)), "\n".join(one.text for one in given))


def bullets(*lines: Line) -> Passage:
    sections = [_section(list(one.elements)) for one in lines]
    listed: Block = {"type": "rich_text_list", "style": "bullet", "elements": sections}
    return Passage(_rich(listed), "\n".join(f"- {one.text}" for one in lines))


def body(text: str) -> Passage:
    """A message as its author wrote it."""
    block = rich_text_block(cut(text, BODY_SIZE))
    return Passage(block, escape(_text_of(block)))


def quote(text: str, size: int) -> Passage | None:
    """The beginning of what somebody wrote, set off as a quotation; None where there is nothing to see."""
    if not one_line(text):
        return None
    shown = preview(text, size)
    block = _rich({"type": "rich_text_quote", "elements": [{"type": "text", "text": shown}]})
    return Passage(block, escape(shown))


def context(*facts: str | None) -> Passage:
    """Small print below a post. It repeats what the text says elsewhere, so it adds no words to it."""
    shown = cut(words.BETWEEN.join(fact for fact in facts if fact), CONTEXT_SIZE)
    return Passage({"type": "context", "elements": [plain_text(shown)]})


def buttons(*given: Button | None) -> Passage | None:
    elements = [button_element(button) for button in given if button is not None]
    return Passage({"type": "actions", "elements": elements}) if elements else None


def mention(verbatim: str) -> Passage | None:
    """The operator's own mention (`<!here>`, `<!subteam^S1>`, `<@U1>`), as the settings have it."""
    verbatim = cut(verbatim.strip(), CONTEXT_SIZE)
    if not verbatim:
        return None
    return Passage({"type": "section", "text": {"type": "mrkdwn", "text": verbatim}}, verbatim)


def text_only(text: Line) -> Passage:
    """Words for the top-level text that the blocks say elsewhere."""
    return Passage(None, text.text)


def link_button(action_id: str, caption: str, label: str, url: str | None) -> Button | None:
    usable = usable_link(url)
    return Button(action_id, caption, label, url=usable) if usable else None


def button_element(button: Button) -> Element:
    element: Element = {
        "type": "button",
        "action_id": button.action_id,
        "text": plain_text(button.caption),
        "accessibility_label": cut(button.label, LABEL_SIZE),
    }
    if button.sure is not None:
        element["confirm"] = {
            "title": plain_text(button.sure.title),
            "text": plain_text(cut(button.sure.question, SURE_SIZE)),
            "confirm": plain_text(button.sure.yes),
            "deny": plain_text(button.sure.no),
        }
    optional = {"value": button.value, "url": button.url, "style": button.style}
    return element | {key: given for key, given in optional.items() if given}


def plain_text(text: str) -> Element:
    """`emoji` off: a name like ":fire:" stays the word it is."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _line_break() -> Element:
    return {"type": "text", "text": "\n"}


def _section(elements: list[Element]) -> Element:
    return {"type": "rich_text_section", "elements": elements}


def _rich(element: Element) -> Block:
    return {"type": "rich_text", "elements": [element]}


def _text_of(block: Block) -> str:
    """The words of a rich_text block."""
    if "text" in block:
        return str(block["text"])
    return "".join(_text_of(element) for element in block.get("elements", ()))
