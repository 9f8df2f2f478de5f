"""Where a text may be cut without tearing what a person sees as one character.

A short form of the rules of Unicode UAX #29 for the standard library, which has none.
"""

import unicodedata

_ZWJ = "\u200d"
_LOOK_BACK = 64  # characters: longer clusters are made to break things, and are cut
_MARKS = frozenset({"Mn", "Me", "Mc"})
_VIRAMA = 9  # canonical combining class of the sign that joins Indic consonants


def boundary(text: str, at: int, floor: int = 0) -> int:
    """The last index in (floor, at] where no grapheme is torn; `at` itself where there is none near."""
    for index in range(at, max(floor, at - _LOOK_BACK), -1):
        if is_boundary(text, index):
            return index
    return at


def is_boundary(text: str, index: int) -> bool:
    """Whether the text may be cut in front of the character at `index`."""
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if before == _ZWJ:
        return False
    if after < "\u0300":
        return not (before == "\r" and after == "\n")
    if _extends(after) or _joins_hangul(before, after):
        return False
    if unicodedata.combining(before) == _VIRAMA and unicodedata.category(after) == "Lo":
        return False
    return not (_is_flag_letter(after) and _flag_letters_before(text, index) % 2)


def _extends(char: str) -> bool:
    return (
        unicodedata.category(char) in _MARKS
        or char in "\u200c\u200d\uff9e\uff9f"
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags, as in the flag of Scotland
    )


def _joins_hangul(before: str, after: str) -> bool:
    return "\u1100" <= after <= "\u11ff" and ("\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3")


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_letters_before(text: str, index: int) -> int:
    start = index
    while start > max(0, index - _LOOK_BACK) and _is_flag_letter(text[start - 1]):
        start -= 1
    return index - start
