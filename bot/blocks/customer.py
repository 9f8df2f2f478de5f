"""Posts to a customer, in the direct message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import words
from .line import file_names, line, name, one_line, plain, shown_author
from .parts import body, context, paragraph, quote, text_only
from .post import Post, compose

RECEIVED_TEMPLATE = words.RECEIVED_TEMPLATE
TAKEN_UP_SIZE = 200


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An admin's answer; `text` is one part of it, at most 3500 characters. `closing`: it closes the case;
    `opening`: it is the first message of a case, which its customer did not ask for.
    """

    case_id: str
    author: str
    text: str
    part: int = 1
    parts: int = 1
    closing: bool = False
    opening: bool = False
    edited: bool = False
    deleted: bool = False


def answer(view: AnswerView) -> Post:
    """The author is repeated in the small print, and said where it was edited: an edit loses `username`."""
    author = shown_author(view.author)
    edited = view.edited and not view.deleted
    last_part = view.part >= view.parts
    part = plain(words.PART, part=view.part, parts=view.parts) if view.parts > 1 else None
    return compose(
        text_only(line(words.ANSWER_EDITED_TEXT, author=author)) if edited else None,
        paragraph(line(words.ANSWER_DELETED)) if view.deleted else body(view.text),
        paragraph(line(words.ANSWER_OPENING, case_id=view.case_id)) if view.opening and last_part else None,
        paragraph(line(words.ANSWER_CLOSING, case_id=view.case_id)) if view.closing and last_part else None,
        context(author, one_line(view.case_id), part, words.ANSWER_EDITED if edited else None),
        username=author,
    )


def received_notice(case_id: str, template: str = RECEIVED_TEMPLATE) -> Post:
    """Once per case. The template is the operator's, read for `{case_id}` and nothing else."""
    return compose(body(template.replace("{case_id}", case_id)))


def taken_up_notice(case_id: str, by: str, text: str) -> Post:
    """An admin opened a case for what its author wrote elsewhere; `text` is how that began."""
    said = line(words.TAKEN_UP, case_id=case_id, by=name(by))
    return compose(paragraph(said), quote(text, TAKEN_UP_SIZE))


def closed_notice(case_id: str) -> Post:
    """The case was closed without a last message."""
    return compose(paragraph(line(words.CLOSED, case_id=case_id)))


def files_not_sent_to_desk(case_id: str, files: Iterable[str]) -> Post:
    """The customer's own files, which were not passed on."""
    return compose(paragraph(line(words.FILES_NOT_SENT_TO_DESK, case_id=case_id, files=file_names(files))))
