"""Posts to a customer, in the direct message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.desk.model import File, LostFile
from bot.desk.policy import DEFAULT_FILE_MAX_BYTES
from bot.text.safe import is_blank

from . import words
from .files import came_with, not_sent
from .line import line, name, one_line, plain, shown_author
from .parts import body, context, paragraph, quote, text_only
from .post import Passage, Post, compose

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
    files: tuple[File, ...] = ()


def answer(view: AnswerView) -> Post:
    """The author is repeated in the small print, and said where it was edited: an edit loses `username`."""
    author = shown_author(view.author)
    edited = view.edited and not view.deleted
    last_part = view.part >= view.parts
    part = plain(words.PART, part=view.part, parts=view.parts) if view.parts > 1 else None
    return compose(
        text_only(line(words.ANSWER_EDITED_TEXT, author=author)) if edited else None,
        *_answered(view, author),
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


def files_not_sent_to_desk(
    case_id: str, files: Iterable[LostFile], max_bytes: int = DEFAULT_FILE_MAX_BYTES
) -> Post:
    """The customer's own files, which were not passed on."""
    return _files_not_sent(words.FILES_NOT_SENT_TO_DESK, case_id, files, max_bytes)


def files_not_sent_to_customer(
    case_id: str, files: Iterable[LostFile], max_bytes: int = DEFAULT_FILE_MAX_BYTES
) -> Post:
    """The desk's files, which the customer did not get."""
    return _files_not_sent(words.FILES_NOT_SENT_TO_CUSTOMER, case_id, files, max_bytes)


def _files_not_sent(template: str, case_id: str, files: Iterable[LostFile], max_bytes: int) -> Post:
    return compose(paragraph(line(template, case_id=case_id, files=not_sent(files, max_bytes))))


def _answered(view: AnswerView, author: str) -> tuple[Passage | None, ...]:
    if view.deleted:
        return (paragraph(line(words.ANSWER_DELETED)),)
    files = paragraph(came_with(view.files))
    if files is not None and is_blank(view.text):
        return (paragraph(line(words.ANSWER_NO_WORDS, author=author)), files)
    return (body(view.text), files)
