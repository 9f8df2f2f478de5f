"""The rules by their names in the specification: keywords, follow-ups, silence, the closing phrase."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from .model import Case, Person, Trigger, TriggerKind
from .policy import DEFAULT_CLOSURE_PHRASE, DEFAULT_KEYWORDS, Policy, SilenceClock

QUOTE_LENGTH = 200

_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07`\u00b4"), "'")
# Stands where something was cut. NFKC would make three full stops of it, and it ends no sentence.
_ELLIPSIS = {ord("…"): "⋯"}
_FORMATTING = dict.fromkeys(map(ord, "*_~"))
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_INLINE_CODE = re.compile(r"(?<![^\W_])`[^`\n]+`")  # not the backtick of I`m
_CUT = " … "  # where something was cut, what stood around it must not join up
_BLANKS = re.compile(r"[^\S\n]+")
_NOTE_PREFIX = re.compile(
    r"(?:\s|[-•]|\d+\.\s)*(?://|note:|@(?:here|channel|everyone)\b)"
)  # behind list markers, too
# Thai to Khmer, and Japanese and Chinese: written without spaces, so that a word may begin anywhere.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_SPACED_LETTER = rf"[^\W{_UNSPACED}]"


def is_admin_message(author: Person) -> bool:
    """Whether the author may act on cases: a fact about the person, whatever the message says."""
    return author.is_admin


def is_note(text: str) -> bool:
    """Whether a post asks to stay inside: it starts with `//` or `note:`, or calls the whole channel."""
    return _NOTE_PREFIX.match(_fold(text)) is not None


def detect_urgent_keywords(text: str, keywords: Iterable[str] = DEFAULT_KEYWORDS) -> str | None:
    """The first keyword that stands at the start of a word, in any case, or None."""
    keywords = tuple(keywords)
    pattern = _keyword_pattern(keywords)
    folded = _fold(text)
    if pattern is None or not any(word in folded for word in _keyword_words(keywords)):
        return None
    found = pattern.search(folded)
    return found.group().replace("\n", " ") if found else None


def detect_closure_phrase(text: str, phrase: str = DEFAULT_CLOSURE_PHRASE) -> bool:
    """Whether the closing phrase stands anywhere in what the author typed.

    Quotes and code do not count; apostrophes and spaces are taken as typed on any keyboard, and mail programs
    wrap lines anywhere; the final full stop may be missing only at the end of a line.
    """
    pattern = _phrase_pattern(_fold(phrase).strip())
    return pattern is not None and pattern.search(_fold(_without_quotes_and_code(text))) is not None


def detect_closure_near_miss(text: str, phrase: str = DEFAULT_CLOSURE_PHRASE) -> bool:
    """Whether the text looks like a closing but is none: the phrase without its first word or full stop."""
    words = _fold(phrase).strip().rstrip(".").split()
    core = _core_pattern(" ".join(words[1:] or words))
    if core is None or core.search(_fold(_without_quotes_and_code(text))) is None:
        return False
    return not detect_closure_phrase(text, phrase)


def check_time_escalation(case: Case, now: datetime, policy: Policy) -> bool:
    """Whether an open case has been silent for longer than it may."""
    if not case.is_open:
        return False
    if policy.silence_clock is SilenceClock.CUSTOMER_WAITING and case.waiting_since is None:
        return False
    return now - case.last_message_at > policy.silence


def check_followup_escalation(case: Case, policy: Policy) -> bool:
    """Whether the customer has written more messages in a row without an answer than may be."""
    return case.is_open and case.unanswered > policy.follow_ups


def should_escalate_case(
    case: Case, policy: Policy, now: datetime, newly_typed: str | None = None, follow_up: bool = True
) -> Trigger | None:
    """Why the case should escalate now, or None.

    With `newly_typed`, a customer's message is judged (`follow_up`: it counts as one more); without it, only
    that time has passed.
    """
    if newly_typed is None:
        if not check_time_escalation(case, now, policy):
            return None
        hours = (now - case.last_message_at).total_seconds() / 3600
        return Trigger(TriggerKind.SILENCE, detail=f"{hours:.0f}")
    keyword = detect_urgent_keywords(newly_typed, policy.keywords)
    if keyword is not None and case.is_open:
        return Trigger(TriggerKind.KEYWORD, detail=keyword, quote=quote(newly_typed))
    if follow_up and check_followup_escalation(case, policy):
        return Trigger(TriggerKind.FOLLOW_UPS, detail=str(case.unanswered), quote=quote(newly_typed))
    return None


def quote(text: str) -> str:
    """How something begins, in one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTE_LENGTH else flat[: QUOTE_LENGTH - 1] + "…"


def _without_quotes_and_code(text: str) -> str:
    text = _INLINE_CODE.sub(_CUT, _FENCE.sub(f"\n{_CUT}\n", _without_format_characters(text)))
    return "\n".join(_CUT if line.lstrip().startswith((">", "&gt;")) else line for line in text.splitlines())


def _without_format_characters(text: str) -> str:
    if text.isascii():
        return text
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def _fold(text: str) -> str:
    """Case-folded, with typographic variants normalised and formatting characters gone; lines are kept."""
    text = _without_format_characters(text).translate(_APOSTROPHES | _ELLIPSIS)
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES | _FORMATTING)
    text = unicodedata.normalize("NFKC", text.casefold())
    return "\n".join(_BLANKS.sub(" ", line).strip() for line in text.splitlines())


@lru_cache(maxsize=8)
def _keyword_pattern(keywords: tuple[str, ...]) -> re.Pattern[str] | None:
    words = [_from_start_of_word(word) for keyword in keywords if (word := _fold(keyword).strip())]
    return re.compile("|".join(words)) if words else None


@lru_cache(maxsize=8)
def _keyword_words(keywords: tuple[str, ...]) -> frozenset[str]:
    """Of which one stands wherever the pattern finds something: looking for them takes far less time."""
    return frozenset(folded[0] for keyword in keywords if (folded := _fold(keyword).split()))


@lru_cache(maxsize=8)
def _phrase_pattern(folded: str) -> re.Pattern[str] | None:
    core = folded.removesuffix(".")
    if not core.strip():
        return None
    end = r"(?:\.(?!\w)|$)" if folded.endswith(".") else _end_of_word(core)
    return re.compile(_from_start_of_word(core) + end, re.MULTILINE)


@lru_cache(maxsize=8)
def _core_pattern(core: str) -> re.Pattern[str] | None:
    return re.compile(_from_start_of_word(core) + _end_of_word(core)) if core else None


def _from_start_of_word(folded: str) -> str:
    """A pattern for the text where a word starts; a blank in it may be one line end."""
    words = r"[ \n]".join(map(re.escape, folded.split()))
    return rf"(?<!{_SPACED_LETTER}){words}" if re.match(_SPACED_LETTER, folded) else words


def _end_of_word(folded: str) -> str:
    return rf"(?!{_SPACED_LETTER})" if re.search(rf"{_SPACED_LETTER}\Z", folded) else ""
