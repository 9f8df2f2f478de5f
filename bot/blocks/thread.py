"""Posts in a case's thread: the rules at its top, what the customer wrote, and notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from bot.desk.effects import ThreadNotice
from bot.desk.model import File, LostFile, Trigger
from bot.desk.policy import DEFAULT_CLOSURE_PHRASE, DEFAULT_FILE_MAX_BYTES
from bot.text.safe import display_name, is_blank

from . import mail_words, words
from .files import came_with, not_sent
from .line import Line, Link, User, Value, cut, line, listed, name, one_line, plain, shown_author, usable_link
from .parts import Button, body, bullets, buttons, context, paragraph, quote, text_only
from .post import Passage, Post, compose
from .trigger import TRIGGER_QUOTE_SIZE, trigger_words

NOTES_SHOWN = 10
ACTION_REOPEN_AND_SEND = "reopen_and_send"
# Characters in one post's blocks. Slack refuses some 13,000; edits may lengthen what fitted.
MERGED_TEXT = 9000


@dataclass(frozen=True, slots=True)
class MirrorView:
    """What a customer wrote, for the thread; `text` is one part of it, at most 3500 characters.

    `late_at` is when it was written, if that is earlier than what already stands there; `written_at` is said where
    it stands in one post with others. `reserved` are names that no customer may carry as an author (admins'
    names, the app's). Of a mail: its `subject` where it says something new, who else got it, and what could not be
    read of it.
    """

    case_id: str
    author: str
    text: str
    part: int = 1
    parts: int = 1
    late_at: datetime | None = None
    files: tuple[File, ...] = ()
    edited_at: datetime | None = None
    deleted: bool = False
    reserved: tuple[str, ...] = ()
    subject: str = ""
    cc: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeView:
    """What a thread notice speaks of. `to` is the Slack id (or address) of the admin it is for, `and_to` of
    another one, `by` a name, `detail` the reason, `files` what was not sent, `about_link` the address of what it
    is about.
    """

    case_id: str
    by: str = ""
    to: str = ""
    detail: str = ""
    trigger: Trigger | None = None
    about_link: str | None = None
    closure_phrase: str = DEFAULT_CLOSURE_PHRASE
    command: str = words.DEFAULT_COMMAND
    and_to: str = ""
    files: tuple[LostFile, ...] = ()
    quote: str = ""
    file_max_bytes: int = DEFAULT_FILE_MAX_BYTES


@dataclass(frozen=True, slots=True)
class FormPostView:
    """What an admin gave in a form, for the thread; `text` is one part of it, at most 3500 characters."""

    case_id: str
    author: str
    text: str
    part: int = 1
    parts: int = 1
    by_mail: bool = False


def form_post(view: FormPostView) -> Post:
    """The author is repeated in the small print, as in a mirrored message."""
    author = shown_author(view.author)
    part = plain(words.PART, part=view.part, parts=view.parts) if view.parts > 1 else None
    how = mail_words.FORM_POST_MAIL if view.by_mail else words.FORM_POST
    return compose(body(view.text), context(author, one_line(view.case_id), part, how), username=author)


def thread_intro(case_id: str, closure_phrase: str = DEFAULT_CLOSURE_PHRASE) -> Post:
    """The first reply in the thread: what goes to the customer, what stays inside, and how to close."""
    return compose(
        paragraph(line(words.INTRO_TITLE, case_id=case_id)),
        bullets(*(line(rule, phrase=closure_phrase) for rule in words.INTRO)),
    )


def mirror(view: MirrorView) -> Post:
    """A customer's message in the thread. The author is repeated in the small print: a copy shown in the
    channel, and an edited post, lose their `username`."""
    author = words.CUSTOMER.format(name=display_name(view.author, view.reserved))
    facts = [
        plain(words.PART, part=view.part, parts=view.parts) if view.parts > 1 else None,
        plain(words.MIRROR_LATE, at=view.late_at) if view.late_at else None,
        plain(words.MIRROR_EDITED, at=view.edited_at) if view.edited_at and not view.deleted else None,
    ]
    head = plain(words.MIRROR_HEAD, author=author, case_id=view.case_id)
    head = ", ".join(fact for fact in (head, *facts) if fact)
    return compose(
        text_only(line(words.MIRROR_SPOKEN, head=head)),
        *_mirrored(view),
        context(author, one_line(view.case_id), *facts),
        username=author,
    )


def mirrors(views: Sequence[MirrorView]) -> Post:
    """Several messages in one post, where a thread is behind: each with its author and time above it."""
    room = MERGED_TEXT // len(views)
    authors = [words.CUSTOMER.format(name=display_name(view.author, view.reserved)) for view in views]
    case_id, everybody = views[0].case_id, listed(dict.fromkeys(authors))
    head = plain(words.MIRRORS_HEAD, author=everybody, count=len(views), case_id=case_id)
    passages: list[Passage | None] = [text_only(line(words.MIRROR_SPOKEN, head=head))]
    for view, author in zip(views, authors, strict=True):
        facts = [
            plain(words.MIRROR_WRITTEN, at=view.written_at) if view.written_at else None,
            plain(words.MIRROR_EDITED, at=view.edited_at) if view.edited_at and not view.deleted else None,
        ]
        said = ", ".join(fact for fact in (author, *facts) if fact)
        passages.append(text_only(line(words.MIRROR_SPOKEN, head=said)))
        passages.append(context(author, *facts))
        passages.extend(_mirrored(replace(view, text=cut(view.text, room)) if len(views) > 1 else view))
    return compose(*passages, username=authors[0] if len(set(authors)) == 1 else None)


def thread_notice(notice: ThreadNotice, view: NoticeView) -> Post:
    """What everybody who works in the thread is told."""
    below, detail = None, view.detail
    match notice:
        case ThreadNotice.ESCALATED:
            below = quote(view.trigger.quote, TRIGGER_QUOTE_SIZE) if view.trigger else None
        case ThreadNotice.DELIVERY_FAILED | ThreadNotice.DELIVERY_UNKNOWN:
            detail = _reason(one_line(detail))
        case (
            ThreadNotice.MACHINE_MAIL
            | ThreadNotice.NOTICE_BOUNCED
            | ThreadNotice.MAIL_DELAYED
            | ThreadNotice.ADMIN_MAIL_CLOSED
            | ThreadNotice.ADMIN_MAIL_NOTE
        ):
            below, detail = quote(view.quote, TRIGGER_QUOTE_SIZE), one_line(detail) or mail_words.NO_SUBJECT
        case ThreadNotice.NOTICE_NOT_SENT:
            detail = mail_words.NOT_SENT.get(detail, detail)
        case ThreadNotice.FILES_NOT_SENT | ThreadNotice.CUSTOMERS_FILES_NOT_SENT:
            detail = not_sent(view.files, view.file_max_bytes, detailed=True) or words.UNNAMED_FILE
        case (
            ThreadNotice.CLOSED
            | ThreadNotice.CLOSED_QUIETLY
            | ThreadNotice.REOPENED
            | ThreadNotice.REOPENED_BY_LATE_MESSAGE
            | ThreadNotice.BEGUN
            | ThreadNotice.TAKEN_UP
            | ThreadNotice.NEAR_MISS
            | ThreadNotice.ANSWERED_AT_ONCE
            | ThreadNotice.ANSWER_RECALLED
            | ThreadNotice.EDIT_TOO_LATE
            | ThreadNotice.DELETION_TOO_LATE
            | ThreadNotice.CUSTOMER_WROTE_MEANWHILE
        ):
            pass
        case _:
            assert_never(notice)
    values: dict[str, Value] = {
        "case_id": view.case_id,
        "by": name(view.by),
        "to": User(view.to),
        "and_to": User(view.and_to),
        "detail": detail,
        "phrase": view.closure_phrase,
        "command": view.command,
        "trigger": trigger_words(view.trigger) if view.trigger else "",
    }
    said = (line(template, **values) for template in words.NOTICES[notice])
    return compose(paragraph(*said, _about(view)), below)


def held_post(case_id: str, author_id: str, value: str) -> Post:
    """For the author of a post in a closed case's thread. `value` comes back with the click."""
    label = plain(words.LABEL_REOPEN_AND_SEND, case_id=case_id)
    return compose(
        paragraph(
            line(words.HELD, author=User(author_id), case_id=case_id),
            line(words.HELD_CHOICE),
        ),
        buttons(Button(ACTION_REOPEN_AND_SEND, words.BUTTON_REOPEN_AND_SEND, label, value=value, style="primary")),
    )


def _mirrored(view: MirrorView) -> tuple[Passage | None, ...]:
    if view.deleted:
        return (paragraph(line(words.MIRROR_DELETED)),)
    subject = paragraph(line("*{subject}*", subject=view.subject)) if one_line(view.subject) else None
    files = paragraph(came_with(view.files))
    beside = paragraph(
        line(mail_words.CC, addresses=listed(view.cc)) if view.cc else None,
        *(line(mail_words.NOTE, note=note) for note in view.notes[:NOTES_SHOWN]),
    )
    if files is not None and is_blank(view.text):
        return (subject, paragraph(line(words.MIRROR_NO_WORDS)), files, beside)
    return (subject, body(view.text), files, beside)


def _reason(word: str) -> str:
    """Why an answer did not arrive: what Slack says, and what that means."""
    known = words.REASONS.get(word)
    return words.REASON.format(reason=known, word=word) if known else word or words.NO_REASON


def _about(view: NoticeView) -> Line | None:
    if usable_link(view.about_link) is None:
        return None
    return line(words.NOTICE_ABOUT, post=Link(words.NOTICE_POST, view.about_link))
