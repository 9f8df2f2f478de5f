"""What somebody typed after `/case`, understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Word(StrEnum):
    STATUS = "status"
    LIST = "list"
    CLOSE = "close"
    REOPEN = "reopen"
    ESCALATE = "escalate"
    BLOCK = "block"
    NEW = "new"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Typed:
    """`word` is None for what is no command; `given` is what stood there instead. `customer`: whom to write to."""

    word: Word | None
    case_id: str | None = None
    rest: str = ""
    given: str = ""
    customer: str | None = None


_NEW = re.compile(r"\s*new(?!\S)\s*(?:<@([UW][A-Z0-9]+)(?:\|[^>]*)?>)?\s*(.*)", re.IGNORECASE | re.DOTALL)
_CASE_ID = re.compile(r"#?(?:CASE[_ -]?)?0*(\d{1,15})", re.IGNORECASE)
QUIET = "quiet"


def read_new(text: str) -> Typed | None:
    """`new @customer text`, from the text as Slack encodes it; None where it is something else."""
    found = _NEW.fullmatch(text)
    return Typed(Word.NEW, customer=found[1], rest=found[2].strip()) if found is not None else None


def read_case_text(text: str) -> Typed:
    """Nothing means help. A case may be missing, or is named as CASE_012, case 12, #12 or 12."""
    words = text.strip().split(maxsplit=1)
    if not words:
        return Typed(Word.HELP)
    try:
        word = Word(words[0].lower())
    except ValueError:
        return Typed(None, given=text.strip())
    rest = words[1].strip() if len(words) > 1 else ""
    if word in {Word.HELP, Word.LIST}:
        return Typed(word)
    if word is Word.NEW:
        return Typed(word, rest=rest)
    found = re.match(rf"({_CASE_ID.pattern})(?!\S)", rest, re.IGNORECASE)
    if found is None:
        if rest:
            return Typed(None, given=text.strip())
        return Typed(word)
    more = rest[found.end() :].strip()
    if word is Word.CLOSE and more.lower() not in {"", QUIET}:
        return Typed(None, given=text.strip())  # "quite" would tell the customer what was to be kept quiet
    return Typed(word, f"CASE_{int(found.group(2)):03d}", more)
