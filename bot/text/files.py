"""Names of files made fit for every system that may keep them, and for people to read."""

from __future__ import annotations

import re

from bot.text.graphemes import boundary
from bot.text.safe import clean, is_blank, show

NAME_SIZE = 120  # characters; file systems take 255 bytes
EXTENSION_SIZE = 16
NAMELESS = "file"

# What Windows, macOS or a shell reads as something else than a letter of a name.
_UNFIT = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u2028\u2029]')
_UNSEEN = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")
_UNITS = ("bytes", "KB", "MB", "GB")


def file_name(name: str) -> str:
    """A name without folders, controls or disguise, of at most 120 characters, with its extension; never empty."""
    name = _UNSEEN.sub("", show(name) if not is_blank(clean(name)) else "")
    name = " ".join(_UNFIT.sub("_", name).split()).strip(". ")
    if is_blank(name):
        return NAMELESS
    if len(name) <= NAME_SIZE:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > EXTENSION_SIZE:
        return name[: boundary(name, NAME_SIZE)].strip(". ") or NAMELESS
    kept = stem[: boundary(stem, NAME_SIZE - len(extension) - 1)].strip(". ")
    return f"{kept or NAMELESS}.{extension}"


def file_size(size: int) -> str:
    """7 bytes, 12 KB, 3.4 MB: in steps of 1024, as people read it."""
    if size == 1:
        return "1 byte"
    amount, unit = float(size), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    shown = f"{amount:.1f}".removesuffix(".0") if unit > 1 and amount < 10 else f"{amount:.0f}"
    return f"{shown} {_UNITS[unit]}"
