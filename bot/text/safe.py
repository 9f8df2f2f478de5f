"""Words made safe to store and to show: nothing a customer writes is markup, mention or disguise.

Slack's own rules: https://docs.slack.dev/messaging/formatting-message-text/#escaping
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from bot.text.graphemes import boundary, is_boundary
from bot.text.lookalikes import words_posing

EMPTY = "(empty message)"
NAME_SIZE = 60  # characters of a display name; Slack's own profile field takes 80
NAMELESS = "customer"
RESERVED = ("admin", "casewire", "case desk", "slackbot", "support", "moderator", "helpdesk")

_LINE_ENDS = re.compile(r"\r\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# Embeddings, overrides and isolates reach beyond their own text. The marks U+200E/F do not, and stay.
_REORDERING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile(r"\s+")
_LINE_BREAK = re.compile(r"[\n\x85\u2028\u2029]")
_UNNAMELY = re.compile(r"[<>@#!|*_~`:]")
_AT_IN_ADDRESS = re.compile(r"(?<=\w)@(?=\w)")
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_UNNAMELY_KINDS = _UNSEEN | {"Co", "Cn"}
# Fillers, joiners and variation selectors that Unicode calls letters or marks but that show nothing.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for start, end in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)) for code in range(start, end + 1)
}
_GLUED_FROM = 5  # letters; a shorter name ("Ian") is looked for as a word only, or "Brian" would be masked


def clean(text: str) -> str:
    r"""The text as it can be stored anywhere: no NUL or other C0 control but \n and \t, no lone surrogate.

    \r\n and \r become \n. The result always encodes as UTF-8.
    """
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    return _SURROGATES.sub("\ufffd", text)


def show(text: str) -> str:
    """A body as people may see it: it cannot reorder what surrounds it, and is never invisible.

    Joiners stay, for emoji and Indic and Arabic script need them.
    """
    text = _REORDERING.sub("", clean(text))
    return EMPTY if is_blank(text) else text


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen: empty, whitespace, zero-width characters only."""
    return not any(_is_seen(char) for char in text)


def escape(text: str) -> str:
    """The text for a field that Slack parses (`text`, `mrkdwn`): no mention, link or command in it works.

    Slack asks for these three characters and no other; `*`, `_`, `~` and backticks have no escape.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """What `escape` (or Slack) encoded, decoded once; `&amp;lt;` is the word `&lt;`, not `<`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def display_name(name: str, reserved: Iterable[str] = ()) -> str:
    """A customer's name for `username`: one plain line of at most 60 characters, and nobody else's name.

    `reserved` are names of actual admins and of the app, beside the `RESERVED` words. Words that pose as
    one are cut to their initial ("Dana Support" is "Dana S."); a name of nothing else is "customer".
    """
    words = _plain_name(name).split(" ")
    names = (*RESERVED, *reserved)
    posing = words_posing(words, names, _GLUED_FROM)
    if posing:
        words = [_initial(word) if index in posing else word for index, word in enumerate(words)]
        if len(posing) == len(words) or words_posing(words, names, _GLUED_FROM):
            return NAMELESS
    shown = " ".join(words)
    return NAMELESS if len(shown) > NAME_SIZE or is_blank(shown) else shown


def cut_bytes(text: str, limit: int, mark: str) -> tuple[str, bool]:
    """The text in at most `limit` UTF-8 bytes, and whether it was cut; a cut text ends with the mark."""
    text = _SURROGATES.sub("\ufffd", text)
    limit = max(limit, 0)
    encoded = text.encode()
    if len(encoded) <= limit:
        return text, False
    end = _SURROGATES.sub("\ufffd", mark).encode()[:limit].decode(errors="ignore")
    kept = encoded[: limit - len(end.encode())].decode(errors="ignore")
    return text[: boundary(text, len(kept))] + end, True


def preview(text: str, size: int = 300) -> str:
    """One block of at most `size` characters for a card, whitespace collapsed, "…" where it was cut."""
    shown = _SPACES.sub(_one_space, show(text)).strip()
    size = max(size, 1)
    if len(shown) <= size:
        return shown
    end = boundary(shown, size - 1)
    word_end = max(shown.rfind(" ", size // 2, end + 1), shown.rfind("\n", size // 2, end + 1))
    return shown[: word_end if word_end > 0 else end].rstrip() + "…"


def split_parts(text: str, size: int = 3500) -> list[str]:
    """The text in parts of at most `size` characters; `"".join(parts) == text`, always.

    A part ends behind a blank line, else a line end, else a space in its second half, which stay with it;
    where there is none, between two graphemes. Sizes count before `escape`, which can make text longer.
    """
    if size < 1:
        raise ValueError("a part holds at least 1 character")
    parts: list[str] = []
    start = 0
    while len(text) - start > size:
        end = _part_end(text, start, size)
        parts.append(text[start:end])
        start = end
    parts.append(text[start:])
    return parts


def rich_text_block(text: str) -> dict[str, Any]:
    """A `rich_text` block that shows the text as it is: Slack parses nothing in its text elements.

    https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
    """
    words = {"type": "text", "text": show(text)}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [words]}]}


def _is_seen(char: str) -> bool:
    return not char.isspace() and char not in _BLANKS and unicodedata.category(char) not in _UNSEEN


def _plain_name(name: str) -> str:
    """One line of visible, compatibility-normalised characters with no sign that Slack gives a meaning."""
    seen = _only_seen(name[: NAME_SIZE * 20])
    seen = _only_seen(unicodedata.normalize("NFKC", seen))
    worded = _UNNAMELY.sub(" ", _AT_IN_ADDRESS.sub(" at ", seen))
    line = " ".join(worded.split())
    return line[: boundary(line, NAME_SIZE)].rstrip() if len(line) > NAME_SIZE else line


def _only_seen(text: str) -> str:
    """The text without what has no look of its own; whitespace becomes spaces."""
    return "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or (char not in _BLANKS and unicodedata.category(char) not in _UNNAMELY_KINDS)
    )


def _initial(word: str) -> str:
    return next((char for char in word if char.isalnum()), "") + "."


def _one_space(spaces: re.Match[str]) -> str:
    return "\n" if _LINE_BREAK.search(spaces[0]) else " "


def _part_end(text: str, start: int, size: int) -> int:
    stop, half = start + size, start + size // 2
    for separator in ("\n\n", "\n"):
        found = text.rfind(separator, half, stop)
        if found >= 0 and is_boundary(text, found + len(separator)):
            return found + len(separator)
    for index in range(stop, half, -1):
        if text[index - 1].isspace() and is_boundary(text, index):
            return index
    return boundary(text, stop, floor=start)
