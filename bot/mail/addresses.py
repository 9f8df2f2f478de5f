"""Addresses as a mail's headers give them, and who its sender is.

Read by one linear scan of the undecoded value: decoding first would let an encoded-word bring in its own commas
and angle brackets. Whoever is taken for the sender has exactly one plain address; everything else is refused
with the reason, for what a lenient reader makes of it differs from one mail server to the next.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import idna

from .charsets import decode_words
from .parsed import Address
from .structure import HEADER_BLOCK_SIZE, Field, fields_named, split_head

ADDRESSES = 500
NAME_SIZE = 200
SHOWN_SIZE = 500

_ENCODED_WORD = re.compile(r"=\?[^?]+\?[bBqQ]\?[^?]*\?=")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u00a1-\U0010ffff]+")
_ASCII_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ADDRESS_SIZE = 254  # RFC 5321, 4.5.3.1.3 less the angle brackets
# Where a quoted string or a comment stood; neither character gets here from a mail's own text.
_QUOTED_HERE, _COMMENT_HERE = "\x00", "\x01"
_WORDS_BEHIND = "Its From has words behind the address."
_COMMENT_WITHIN = "The address in its From has a comment within it."
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One entry of an address header. `spec` is what stands for the address; `trouble` why it cannot be one."""

    name: str
    spec: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    address: Address | None
    trouble: str
    shown: str


def sender_of(fields: Iterable[Field]) -> Sender:
    """Who wrote the mail: exactly one From with exactly one plain address, else nobody."""
    found = [field for field in fields if field.name == "from"]
    shown = one_of(found)
    if not found:
        return Sender(None, "It has no From.", "")
    if len(found) > 1:
        return Sender(None, f"It has {len(found)} From headers; a mail has one.", shown)
    text = found[0].text
    if any(unicodedata.category(char) == "Cc" and char != "\t" for char in text):
        return Sender(None, "Its From has control characters in it.", shown)
    boxes = mailboxes(text)
    if not boxes:
        return Sender(None, "Its From is empty.", shown)
    if len(boxes) > 1:
        return Sender(None, "Its From has more than one address.", shown)
    box = boxes[0]
    if box.trouble:
        return Sender(None, box.trouble, shown)
    address, trouble = identity(box.spec)
    return Sender(Address(address, _name(box.name)) if address else None, trouble, shown)


def sender_of_raw(raw: bytes) -> Address | None:
    """The sender, from the header block alone: a few milliseconds at most, so light enough for the event loop."""
    block, _ = split_head(raw[:HEADER_BLOCK_SIZE])
    return sender_of(fields_named(b"from", block)).address


def addresses_of(fields: Iterable[Field], *names: str) -> tuple[Address, ...]:
    """The usable addresses of these headers, each once, in order; at most 500."""
    kept: dict[str, Address] = {}
    for field in fields:
        if field.name not in names:
            continue
        for box in mailboxes(field.text):
            address = "" if box.trouble else identity(box.spec)[0]
            if address and len(kept) < ADDRESSES:
                kept.setdefault(address, Address(address, _name(box.name)))
    return tuple(kept.values())


def one_of(found: list[Field]) -> str:
    return decode_words(", ".join(field.text for field in found[:5]))[:SHOWN_SIZE]


def identity(spec: str) -> tuple[str, str]:
    """The address as an identifier, lower-cased and its domain in Unicode; or "" and the trouble with it."""
    local, at, domain = spec.rpartition("@")
    if not at or not local or not domain:
        return "", "Its From has no address."
    if "@" in local:
        return "", "The address in its From has more than one @."
    if _ENCODED_WORD.search(spec):
        return "", "The address in its From is written in encoded-words."
    if any(unicodedata.category(char) in _HIDDEN for char in spec):
        return "", "The address in its From has invisible characters or spaces in it."
    if '"' in spec or "\\" in spec:
        return "", "The address in its From has quotation marks or backslashes in it."
    if not _LOCAL.fullmatch(local):
        return "", "The address in its From has characters in it that no plain address has."
    if any(not char.isascii() and char.lower().isascii() for char in spec):
        return "", "The address in its From has characters in it that only look like letters."
    read = _domain(domain)
    if not read:
        return "", "The domain of the address in its From is none."
    address = f"{unicodedata.normalize('NFC', local).lower()}@{read}"
    return (address, "") if len(address) <= _ADDRESS_SIZE else ("", "The address in its From is too long.")


def normal_address(address: str) -> str:
    """An address from the settings as senders' addresses are written; one that is none stays as it is."""
    return identity(address)[0] or address.lower()


def _domain(domain: str) -> str:
    """The domain in Unicode and lower case (UTS 46); "" where it is none, or written with stand-ins."""
    lowered = unicodedata.normalize("NFC", domain).lower().removesuffix(".")
    if lowered.isascii() and "xn--" not in lowered:
        return lowered if all(_ASCII_LABEL.fullmatch(label) for label in lowered.split(".")) else ""
    try:
        if idna.uts46_remap(lowered, True, False) != lowered:
            return (
                ""  # full-width letters, other full stops: it would turn into a domain that is not written there
            )
        return idna.decode(idna.encode(lowered))
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        if lowered.isascii() and all(_ASCII_LABEL.fullmatch(label) for label in lowered.split(".")):
            return lowered  # an emoji, perhaps: it stays as DNS has it
        return ""


def mailboxes(text: str) -> list[Mailbox]:
    """The entries of an address header. At most 501 are read, so that one too many can be seen."""
    scan = _Scan()
    for char in text.replace(_QUOTED_HERE, " ").replace(_COMMENT_HERE, " "):
        scan.take(char)
        if len(scan.found) > ADDRESSES:
            return scan.found
    scan.end()
    return scan.found


class _Scan:
    """RFC 5322 section 3.4, character by character, without going back."""

    def __init__(self) -> None:
        self.found: list[Mailbox] = []
        self._quoted = self._escaped = False
        self._comment = 0
        self._in_group = False
        self._begin()

    def _begin(self) -> None:
        self._outside: list[str] = []  # phrase, or the bare address
        self._comments: list[str] = []
        self._angle: list[str] | None = None
        self._angle_open = False
        self._trouble = ""
        self._after = False

    def take(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
            self._add(char)
        elif char == "\\" and (self._quoted or self._comment):
            self._escaped = True
            if self._quoted and self._angle_open:
                self._add(char)
        elif self._comment:
            self._comment += {"(": 1, ")": -1}.get(char, 0)
            if self._comment:
                self._add(char)
        elif self._quoted:
            self._quoted = char != '"'
            if self._quoted or self._angle_open:
                self._add(char)
        elif char == '"':
            self._quoted = True
            if self._angle_open:
                self._add(char)
            elif self._angle is None:
                self._outside.append(_QUOTED_HERE)
            else:
                self._trouble = self._trouble or _WORDS_BEHIND
        elif char == "(":
            self._comment = 1
            if self._angle_open:
                self._trouble = self._trouble or _COMMENT_WITHIN
            else:
                self._outside.append(_COMMENT_HERE)
        elif self._angle_open:
            self._take_in_angle(char)
        else:
            self._take_outside(char)

    def _take_in_angle(self, char: str) -> None:
        if char == ">":
            self._angle_open = False
            if self._angle and self._angle[0] == "@" and ":" in self._angle:
                self._trouble = self._trouble or "The address in its From names a route."
            return
        if char == "<":
            self._trouble = self._trouble or "Its From has angle brackets within angle brackets."
        self._add(char)

    def _take_outside(self, char: str) -> None:
        if char == "<":
            if self._angle is not None:
                self._trouble = self._trouble or "Its From has more than one address."
            self._angle, self._angle_open = [], True
        elif char in ",;":
            self.end(of_group=char == ";")
        elif char == ":":
            self._in_group = True
            self._outside, self._comments = [], []
        else:
            if self._angle is not None and not char.isspace():
                self._trouble = self._trouble or _WORDS_BEHIND
            self._add(char)

    def _add(self, char: str) -> None:
        if self._comment:
            self._comments.append(char)
        elif self._angle_open and self._angle is not None:
            self._angle.append(char)
        else:
            self._outside.append(char)

    def end(self, *, of_group: bool = False) -> None:
        if self._quoted or self._comment or self._angle_open:
            self._trouble = self._trouble or "Its From has a bracket or quotation mark that is not closed."
            self._quoted, self._comment, self._angle_open = False, 0, False
        if self._in_group:
            self._trouble = self._trouble or "Its From is a group."
        phrase = "".join(self._outside)
        plain = phrase.replace(_QUOTED_HERE, "").replace(_COMMENT_HERE, "")
        if self._angle is not None:
            self.found.append(
                Mailbox(plain or "".join(self._comments), "".join(self._angle).strip(), self._trouble)
            )
        elif plain.strip() or self._in_group:
            if _COMMENT_HERE in phrase.rstrip(_COMMENT_HERE + " \t"):
                self._trouble = self._trouble or _COMMENT_WITHIN
            bare = plain.strip() if _QUOTED_HERE not in phrase else f'"{plain.strip()}'
            self.found.append(Mailbox("".join(self._comments), bare, self._trouble))
        self._in_group = self._in_group and not of_group
        self._begin()


def _name(name: str) -> str:
    return decode_words(name)[:NAME_SIZE]
