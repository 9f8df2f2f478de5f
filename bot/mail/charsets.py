"""Bytes to text: what the mail declares if it holds true, else UTF-8, else what it looks like; never an error."""

from __future__ import annotations

import codecs
import re
from base64 import b64decode
from binascii import a2b_qp
from itertools import groupby

from bot.text.safe import clean

_SAMPLE = 32 * 1024  # bytes; what is looked at to guess a charset
_MOSTLY_RIGHT = 200  # characters to one that cannot be read: the declaration is true, and a byte was damaged
_ALIASES = {
    # Mailers name the smaller set and use the larger one.
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "chinesebig5": "big5hkscs", "big5": "big5hkscs",
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "euc-kr": "cp949", "x-windows-949": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext", "x-euc-jp": "euc_jp",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "iso8859-1": "cp1252", "ascii": "utf-8",
    "us-ascii": "utf-8", "ansi_x3.4-1968": "utf-8", "7bit": "utf-8", "8bit": "utf-8",
    "iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "iso-8859-9": "cp1254", "windows-874": "cp874",
    "tis-620": "cp874", "iso-8859-11": "cp874", "x-mac-roman": "mac_roman", "macintosh": "mac_roman",
    "utf8mb4": "utf-8", "utf-8-bom": "utf-8-sig", "unicode-1-1-utf-8": "utf-8", "unicode-1-1-utf-7": "utf-7",
    "unicode": "utf-16", "x-user-defined": "", "unknown-8bit": "", "x-unknown": "", "default": "", "unknown": "",
}  # fmt: skip
# Python's own encodings that no mail is written in; some of them take quadratic time.
_NOT_FOR_MAIL = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
_ISO_2022_JP = re.compile(rb"\x1b(?:\$[@B]|\([BJ])")
_WORD = re.compile(r"=\?([!-<>@-~]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")


def decode(data: bytes, declared: str = "") -> str:
    """The text of the bytes, cleaned: no NUL, no control but newline and tab, no lone surrogate."""
    return clean(_decode(data, declared)).removeprefix("\ufeff")


def decode_words(text: str) -> str:
    """A header's text with its encoded-words (RFC 2047) read, in one line.

    Neighbouring words of one charset are joined as bytes first: many mailers cut in the middle of a character.
    """
    pieces: list[tuple[str, bytes | str]] = []
    end = 0
    for word in _WORD.finditer(text):
        between = text[end : word.start()]
        if between and not (pieces and pieces[-1][0] and between.isspace()):
            pieces.append(("", between))
        pieces.append((word[1].partition("*")[0].lower() + " ", _word_bytes(word[2], word[3])))
        end = word.end()
    pieces.append(("", text[end:]))
    shown: list[str] = []
    for charset, group in groupby(pieces, key=lambda piece: piece[0]):
        parts = [part for _, part in group]
        if charset:
            shown.append(_decode(b"".join(part for part in parts if isinstance(part, bytes)), charset.strip()))
        else:
            shown.extend(part for part in parts if isinstance(part, str))
    return one_line("".join(shown))


def one_line(text: str) -> str:
    """The text with no control, no character that reorders or hides, and single spaces for every line end."""
    return " ".join(_UNSEEN.sub("", clean(text.replace("\x00", ""))).split())


_UNSEEN = re.compile(
    "[\x80-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u061c\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def _decode(data: bytes, declared: str) -> str:
    named = _codec(declared)
    if _ISO_2022_JP.search(data) and named in ("", "utf-8"):
        named = "iso2022_jp_ext"
    if named:
        text = data.decode(named, "replace")
        if text.count("\ufffd") * _MOSTLY_RIGHT <= len(text):
            return text
    try:
        return data.decode()
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    if text.count("\ufffd") * _MOSTLY_RIGHT <= len(text):
        return text
    return data.decode(_guess(data) or "cp1252", "replace")


def _codec(declared: str) -> str:
    """Python's name for a declared charset; "" where there is none to use."""
    name = declared.strip().strip("\"'").lower().removeprefix("charset=").strip("\"' ;").partition(";")[0][:60]
    name = _ALIASES.get(name, name)
    try:
        found = codecs.lookup(name).name if name else ""
        b"a".decode(found or "utf-8", "replace")  # refuses those that do not give text, as zlib
    except (LookupError, ValueError, TypeError):
        return ""
    return "" if found.replace("-", "_") in _NOT_FOR_MAIL else found


def _guess(data: bytes) -> str:
    # Loaded here because few mails need it and it is large.
    from charset_normalizer import from_bytes

    try:
        best = from_bytes(data[:_SAMPLE], chunk_size=2048).best()
    except Exception:
        return ""
    return best.encoding if best else ""


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    try:
        if encoding in "qQ":
            return a2b_qp(raw, header=True)
        return b64decode(raw + b"=" * (-len(raw) % 4))
    except ValueError:
        return raw
