"""How to use the desk, and what somebody who asked for something is told."""

from __future__ import annotations

from collections.abc import Mapping

from bot.desk.effects import Reply
from bot.desk.policy import DEFAULT_CLOSURE_PHRASE

from . import words
from .line import Channel, Link, line, name, one_line
from .parts import bullets, paragraph
from .post import Passage, Post, compose

WORD_SIZE = 60


def reply_text(reply: Reply, links: Mapping[str, str] | None = None, command: str = words.DEFAULT_COMMAND) -> Post:
    """One sentence on what became of a request. `links` are the threads of the cases named in it."""
    links = links or {}
    template = words.REPLIES[reply.kind]
    if not reply.by:
        template = words.REPLIES_BY_NOBODY.get(reply.kind, template)
    if not reply.case_id:
        template = words.REPLIES_WITHOUT_CASE.get(reply.kind, template)
    said = line(
        template,
        case=Link(reply.case_id, links.get(reply.case_id)),
        other=Link(reply.other_case_id, links.get(reply.other_case_id)),
        case_id=reply.case_id,
        by=name(reply.by),
        name=name(reply.name),
        command=command,
    )
    return compose(paragraph(said))


def accepted() -> Post:
    """The request is on disk, its outcome is not known yet."""
    return compose(paragraph(line(words.ACCEPTED)))


def try_again() -> Post:
    """The request could not be kept, so nothing of it will happen."""
    return compose(paragraph(line(words.TRY_AGAIN)))


def form_not_opened() -> Post:
    return compose(paragraph(line(words.FORM_NOT_OPENED)))


def not_allowed() -> Post:
    return compose(paragraph(line(words.NOT_ALLOWED)))


def admin_dm_hint(support_channel_id: str) -> Post:
    """For an admin who writes to the app as a customer would."""
    return compose(paragraph(*(line(said, channel=Channel(support_channel_id)) for said in words.ADMIN_DM)))


def mention_help(support_channel_id: str, command: str = words.DEFAULT_COMMAND) -> Post:
    """For somebody who mentions the app in the support channel, where a mention does nothing."""
    return compose(paragraph(line(words.MENTION_HELP, channel=Channel(support_channel_id), command=command)))


def case_help(
    is_admin: bool, command: str = words.DEFAULT_COMMAND, closure_phrase: str = DEFAULT_CLOSURE_PHRASE
) -> Post:
    """What can be asked for, and what to type in a thread, where Slack takes no commands."""
    return compose(*_help(is_admin, command, closure_phrase))


def unknown_command(
    word: str,
    is_admin: bool,
    command: str = words.DEFAULT_COMMAND,
    closure_phrase: str = DEFAULT_CLOSURE_PHRASE,
) -> Post:
    """A word that is no command, then the help."""
    shown = one_line(word, WORD_SIZE)
    said = paragraph(line(words.UNKNOWN_COMMAND, word=shown)) if shown else None
    return compose(said, *_help(is_admin, command, closure_phrase))


def which_case(word: str, command: str = words.DEFAULT_COMMAND) -> Post:
    """A command that needs a case was given none."""
    return compose(paragraph(line(words.WHICH_CASE, word=word, command=command)))


def _help(is_admin: bool, command: str, closure_phrase: str) -> tuple[Passage | None, ...]:
    verbs = words.HELP_ADMIN if is_admin else words.HELP_CUSTOMER
    foot = words.HELP_ADMIN_FOOT if is_admin else words.HELP_CUSTOMER_FOOT
    return (
        paragraph(line(words.HELP_TITLE, command=command)),
        bullets(*(line(verb, command=command) for verb in verbs)),
        paragraph(*(line(said, command=command, phrase=closure_phrase) for said in foot)),
    )
