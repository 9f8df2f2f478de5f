"""From the tree of parts to one text and a list of files."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field

from bot.text.files import file_name
from bot.text.safe import is_blank

from . import calendars
from .charsets import decode, decode_words
from .parsed import MailFile
from .quotes import new_words
from .structure import Part, read_fields, split_head

TEXT_SIZE = 1024 * 1024  # characters
_NAMES = {"message/rfc822": "mail.eml", "text/calendar": "invite.ics", "application/ms-tnef": "winmail.dat"}
_SEALED = {"application/pkcs7-mime": "S/MIME", "application/x-pkcs7-mime": "S/MIME", "multipart/encrypted": "PGP"}


@dataclass(frozen=True, slots=True)
class _Words:
    """One text of the mail: plain, or HTML still to be converted."""

    text: str
    is_html: bool = False
    is_calendar: bool = False


@dataclass
class Bodies:
    """What stands in a mail. `leaves[n]` is the part of the file with number n."""

    text: str = ""
    new_words: str = ""
    files: list[MailFile] = field(default_factory=list)
    leaves: list[Part] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)  # of calendar parts
    notes: list[str] = field(default_factory=list)


def read_bodies(root: Part) -> Bodies:
    bodies = Bodies()
    words = _collect(root, bodies, is_root=True)
    texts: list[str] = []
    news: list[str] = []
    for each in words:
        whole, new = _from_html(each.text, bodies) if each.is_html else (each.text, "")
        texts.append(whole.strip("\n"))
        news.append(new or new_words(whole))
    bodies.text = _join(texts)
    # One text is the usual mail. Where files stand between texts, only the first can be above a quote.
    bodies.new_words = _join(news)
    if is_blank(bodies.new_words):
        bodies.new_words = bodies.text
    if len(bodies.text) > TEXT_SIZE:
        bodies.notes.append("The text is longer than 1 MiB; the rest is only in the mail itself.")
    bodies.text, bodies.new_words = bodies.text[:TEXT_SIZE], bodies.new_words[:TEXT_SIZE]
    return bodies


def files_of(root: Part) -> list[Part]:
    """The parts that are files, in the order of their numbers."""
    bodies = Bodies()
    _collect(root, bodies, is_root=True)
    return bodies.leaves


def _join(texts: list[str]) -> str:
    return "\n\n".join(text for text in texts if not is_blank(text)).strip("\n")


def _collect(part: Part, bodies: Bodies, *, is_root: bool = False) -> list[_Words]:
    kind = part.mime_type
    if kind in _SEALED:
        bodies.notes.append(f"The mail is packed with {_SEALED[kind]}; what is inside cannot be read here.")
    if part.parts:
        if kind == "multipart/alternative":
            return _best([_collect(each, bodies) for each in part.parts])
        return [words for each in part.parts for words in _collect(each, bodies)]
    if kind.startswith("multipart/"):
        text = _text(part, "text/plain")
        return [_Words(text)] if not is_blank(text) else []
    if kind == "text/calendar":
        text = _text(part, kind)
        bodies.methods.append(calendars.method_of(text))
        _keep(part, bodies)
        return [_Words(calendars.summary_of(text), is_calendar=True)]
    if _is_text(part, is_root=is_root):
        text = _text(part, kind)
        if kind == "text/plain" and part.parameter("format").lower() == "flowed":
            text = _unflow(text, delete_space=part.parameter("delsp").lower() == "yes")
        return [_Words(text, is_html=kind == "text/html")]
    if kind == "application/ms-tnef":
        bodies.notes.append("winmail.dat is Outlook's own package; files may be inside it.")
    _keep(part, bodies)
    return []


def _is_text(part: Part, *, is_root: bool) -> bool:
    kind = part.mime_type
    if kind not in ("text/plain", "text/html", "text/enriched", "text/markdown"):
        return False
    return not part.is_attachment and (is_root or not _name(part))


def _best(choices: list[list[_Words]]) -> list[_Words]:
    """Of the alternatives, the first with plain words; else the first with any. A calendar's summary joins."""
    calendar = [each for words in choices for each in words if each.is_calendar]
    texts = [[each for each in words if not each.is_calendar] for words in choices]
    said = [words for words in texts if any(not is_blank(each.text) for each in words)]
    plain = (words for words in said if not any(each.is_html for each in words))
    return [*(next(plain, None) or next(iter(said), [])), *calendar]


def _text(part: Part, kind: str) -> str:
    charset = part.parameter("charset")
    content = part.content()
    return decode(content, charset or ("utf-8" if kind == "text/calendar" else ""))


def _from_html(html: str, bodies: Bodies) -> tuple[str, str]:
    # Loaded here because it is large and a plain mail does without it.
    from . import html as converter

    if len(html) > converter.HTML_SIZE:
        bodies.notes.append("The HTML is longer than 1 MiB; the rest is only in the mail itself.")
    new = converter.to_new_words(html)
    return converter.to_text(html), "" if is_blank(new) else new_words(new)


def _unflow(text: str, *, delete_space: bool) -> str:
    """Lines that end in a space go on in the next (RFC 3676), quoted ones excepted."""
    shown: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        is_quoted = line.startswith(">")
        line = line.removeprefix(" ")  # noqa: PLW2901 space-stuffed
        if goes_on and not is_quoted and line != "-- ":
            shown[-1] = (shown[-1][:-1] if delete_space else shown[-1]) + line
        else:
            shown.append(line)
        goes_on = line.endswith(" ") and line != "-- " and not is_quoted
    return "\n".join(shown)


def _keep(part: Part, bodies: Bodies) -> None:
    name = _name(part)
    kind = part.mime_type
    if not name:
        name = _NAMES.get(kind) or f"file{mimetypes.guess_extension(kind) or ''}"
        if kind == "message/rfc822":
            subject = decode_words(_subject_within(part))
            name = f"{subject[:80]}.eml" if subject else name
    bodies.files.append(
        MailFile(
            number=len(bodies.leaves),
            name=file_name(name),
            mime_type=kind[:100],
            size=len(part.content()),
            inline=part.is_inline and not part.is_attachment,
        )
    )
    bodies.leaves.append(part)


def _name(part: Part) -> str:
    return decode_words(part.raw_file_name[:1000])


def _subject_within(part: Part) -> str:
    fields, _ = read_fields(split_head(part.content())[0])
    return next((each.text for each in fields if each.name == "subject"), "")
