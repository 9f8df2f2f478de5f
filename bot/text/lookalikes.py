"""Names that look alike: a skeleton under which "Αdmіn", "ADM1N" and "admin" are the same word.

After Unicode UTS #39 (confusables), cut down to the scripts and tricks seen in names on chat services.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Characters of the first row look like the Latin letters below them. They are mapped before case
# folding, because Greek Η looks like H while its small η looks like n.
_CYRILLIC = str.maketrans(
    "АВЕЅІЈКМНОРСТУХҮԌԚԜӀавеѕіјкмнорстухүԁԛԝһѵӏгпьԍ",
    "ABESIJKMHOPCTYXYGQWIabesijkmhopctyxydqwhvlrnbg",
)
_GREEK = str.maketrans(
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹαβγεηικμνορσςτυχωϲϳ",
    "ABEZHIKMNOPTYXCabyenikuvopoctuxwcj",
)
_ARMENIAN = str.maketrans("ՍՕԼՏօսոհզցռյ", "UOLSounhqgnj")
_CHEROKEE = str.maketrans("ᎠᎡᎢᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏴ", "DRTAJEWMHYGhZbRWSVSLCPKB")
_LISU = str.maketrans("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "BPDTGKJCZFMNLSRVHWXYAEIOU")
_LATIN = str.maketrans("ɑɡıɩǀ", "agiii")
_LETTERS = _CYRILLIC | _GREEK | _ARMENIAN | _CHEROKEE | _LISU | _LATIN

_DIGITS = str.maketrans("013457i|!$€", "oleastlllse")
_PAIRS = (("rn", "m"), ("vv", "w"))

# Unicode's own names tell the rest: ᴀ, đ, 🅰, 🇦 are all some letter A or D.
_NAMED_LETTER = re.compile(
    r"(?:LATIN (?:SMALL|CAPITAL) LETTER|LATIN LETTER SMALL CAPITAL|REGIONAL INDICATOR SYMBOL LETTER"
    r"|NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER) ([A-Z])(?: WITH .*)?"
)
_WORD = re.compile(r"[^\W_]+")
_DROPPED = frozenset({"Mn", "Me", "Cf"})


@lru_cache(maxsize=4096)
def skeleton(text: str) -> tuple[str, ...]:
    """The words of a text, each reduced to what the eye takes it for; punctuation and marks are gone."""
    plain = [
        _letter(char) for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char) not in _DROPPED
    ]
    folded = "".join(plain).casefold().translate(_DIGITS)
    for pair, seen_as in _PAIRS:
        folded = folded.replace(pair, seen_as)
    return tuple(_WORD.findall(folded))


def _letter(char: str) -> str:
    if char.isascii():
        return char
    if ord(char) in _LETTERS:
        return char.translate(_LETTERS)
    named = _NAMED_LETTER.fullmatch(unicodedata.name(char, ""))
    return named[1].lower() if named else char


def words_posing(words: list[str], reserved: Iterable[str], glued_from: int) -> set[int]:
    """Which of the words (as indexes) contain, or together spell, a reserved name.

    A reserved name is found where it fills whole words, however it is broken up ("a d m i n",
    "Ada-Lovelace"), and from `glued_from` letters on also inside one word ("xXadminXx"). It is not found
    across the ends of words it does not fill: "Brad Minton" is nobody's "admin".
    """
    parts = [(index, part) for index, word in enumerate(words) for part in skeleton(word)]
    owners = [index for index, part in parts for _ in part]
    parts_of = [number for number, (_, part) in enumerate(parts) for _ in part]
    glued = "".join(part for _, part in parts)
    edges = {0, len(glued)} | {at for at in range(1, len(glued)) if parts_of[at] != parts_of[at - 1]}
    found: set[int] = set()
    for name in reserved:
        wanted = "".join(skeleton(name))
        start = glued.find(wanted) if wanted else -1
        while start >= 0:
            end = start + len(wanted)
            whole = start in edges and end in edges
            inside = len(wanted) >= glued_from and parts_of[start] == parts_of[end - 1]
            if whole or inside:
                found.update(owners[start:end])
            start = glued.find(wanted, start + 1)
    return found
