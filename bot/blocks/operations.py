"""What the people who run the desk must hear of: nothing fails in silence."""

from __future__ import annotations

from datetime import UTC, datetime

from . import words
from .line import Channel, Line, Value, line, one_line
from .parts import paragraph
from .post import Post, compose

WHAT_SIZE = 200


def item_quarantined(item_key: str, what: str, error: str, command: str = "") -> Post:
    """An incoming item could not be processed; `command` shows it, if there is one."""
    return compose(
        paragraph(
            line(words.QUARANTINED, what=_what(what)),
            why(error),
            line(words.QUARANTINED_KEY, key=item_key),
            _see(command),
        )
    )


def row_parked(what: str, case_id: str, reason: str, destination: str, command: str = "") -> Post:
    """Something could not be delivered. `destination` is a channel id, an address or plain words."""
    template = words.PARKED if case_id else words.PARKED_NO_CASE
    values: dict[str, Value] = {
        "what": _what(what),
        "case_id": case_id,
        "destination": Channel(destination),
    }
    return compose(paragraph(line(template, **values), why(reason), line(words.PARKED_KEPT), _see(command)))


def channel_trouble(channel: str, error: str, command: str = "") -> Post:
    """A channel of the desk cannot be used, by its id or its name."""
    return compose(
        paragraph(
            line(words.CHANNEL_TROUBLE, channel=Channel(channel)),
            line(words.WHY, reason=_with_meaning(one_line(error))),
            line(words.CHANNEL_HINT),
            _see(command),
        )
    )


def desk_paused(reason: str) -> Post:
    """The desk does nothing until somebody resumes it."""
    return compose(paragraph(line(words.DESK_PAUSED, reason=one_line(reason)), line(words.DESK_PAUSED_MEND)))


def channel_back(channel: str) -> Post:
    """A channel of the desk that could not be used can be used again."""
    return compose(paragraph(line(words.CHANNEL_BACK, channel=Channel(channel))))


def recovered(messages: int, edits: int, since: datetime, until: datetime) -> Post:
    """What was written while nobody listened has been found in Slack's history."""
    times = {"since": f"{since.astimezone(UTC):%H:%M}", "until": f"{until.astimezone(UTC):%H:%M} UTC"}
    found = line(words.RECOVERED if messages != 1 else words.RECOVERED_ONE, count=messages, **times)
    more = line(words.RECOVERED_EDITS, count=edits) if edits else None
    return compose(paragraph(found if messages or not edits else None, more))


def trouble(text: str) -> Post:
    """Something that keeps the desk from its work; `text` says it in a sentence without its stop."""
    return compose(paragraph(line(words.TROUBLE, text=text)))


def recovery(text: str) -> Post:
    """Something that was told as trouble is well again; `text` as above."""
    return compose(paragraph(line(words.RECOVERY, text=text)))


def start_warning(text: str) -> Post:
    """Something about the setup that an operator should know; `text` says it in a sentence without its stop."""
    return compose(paragraph(line(words.START_WARNING, text=text), line(words.START_WARNING_AGAIN)))


def _what(what: str) -> str:
    return one_line(what, WHAT_SIZE) or words.SOMETHING


def why(reason: str) -> Line:
    """What is behind it, in somebody else's words."""
    return line(words.WHY, reason=one_line(reason) or words.NO_REASON)


def _with_meaning(word: str) -> str:
    """Slack's word for what is wrong with a channel, and what it means."""
    meaning = words.CHANNEL_REASONS.get(word)
    return words.REASON.format(reason=meaning, word=word) if meaning else word or words.NO_REASON


def _see(command: str) -> Line | None:
    return line(words.SEE, command=command) if command else None
