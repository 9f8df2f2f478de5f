"""One mail read: from its bytes to what is known of it. Pure; its cost is bounded by limits, its errors by notes.

In the bot it runs in a child process (see reader.py); nothing here waits for or touches the outside.
"""

from __future__ import annotations

import hashlib
import re

from bot.text.safe import show

from .addresses import addresses_of, sender_of
from .authenticity import Trust, judge
from .bodies import Bodies, files_of, read_bodies
from .charsets import decode_words
from .machines import OwnMail, bounce_of, machine_of, message_ids
from .parsed import Machine, ParsedMail
from .structure import Parsing, Part

SUBJECT_SIZE = 500  # characters
REFERENCES = 100

_TAG = re.compile(r"\bCASE[_-](\d{3,9})\b", re.IGNORECASE)
_BARE_ID = re.compile(r"[!-;=?-~]{1,490}@[!-;=?-~]{1,490}")


class NoSuchFile(LookupError):
    """The mail has no file of that number."""


def read_mail(raw: bytes, trust: Trust, own: OwnMail, *, is_cut: bool = False) -> ParsedMail:
    """What the mail says. No bytes make this raise."""
    parsing = Parsing()
    root = parsing.read(raw)
    sender = sender_of(root.fields)
    address = sender.address.address if sender.address else ""
    subject = _subject(root)
    bodies = _bodies(root)
    machine = machine_of(root, address, subject, bodies.methods, own)
    judgement = judge(root.fields, address, trust)
    notes = [*parsing.notes, *bodies.notes]
    if is_cut:
        notes.insert(0, "The mail was too large to be fetched whole; only its beginning was read.")
    return ParsedMail(
        message_id=_message_id(root, raw),
        sender=sender.address,
        trouble_with_sender=sender.trouble,
        from_shown=sender.shown,
        recipients=addresses_of(root.fields, "to", "cc"),
        cc=addresses_of(root.fields, "cc"),
        reply_to=addresses_of(root.fields, "reply-to"),
        subject=subject,
        references=_references(root),
        tags=tuple(dict.fromkeys(f"CASE_{int(number):03d}" for number in _TAG.findall(subject))),
        new_words=_shown(bodies.new_words),
        text=_shown(bodies.text),
        files=tuple(bodies.files),
        machine=machine,
        bounce=bounce_of(root) if machine is Machine.BOUNCE else None,
        verdict=judgement.verdict,
        verdict_detail=judgement.detail,
        is_spam=root.first("x-spam-flag").strip().lower().startswith("yes"),
        notes=tuple(dict.fromkeys(notes)),
    )


def read_file(raw: bytes, number: int) -> bytes:
    """The bytes of a file that `read_mail` found. Raises NoSuchFile."""
    files = files_of(Parsing().read(raw))
    if not 0 <= number < len(files):
        raise NoSuchFile(f"the mail has no file {number}")
    return files[number].content()


def _bodies(root: Part) -> Bodies:
    try:
        return read_bodies(root)
    except MemoryError:
        raise
    except Exception as error:  # what a part holds is anybody's making: the rest of the mail is still read
        return Bodies(
            notes=[f"The text could not be read ({type(error).__name__}); it is only in the mail itself."]
        )


def _shown(text: str) -> str:
    """No control and nothing that reorders; "" stays ""."""
    return show(text) if text.strip() else ""


def _subject(root: Part) -> str:
    subject = decode_words(root.first("subject"))
    return subject if len(subject) <= SUBJECT_SIZE else f"{subject[:SUBJECT_SIZE]}…"


def _message_id(root: Part, raw: bytes) -> str:
    """The mail's own; else one made of its bytes, so that the same mail has the same one whenever it is read."""
    written = root.first("message-id")
    if found := message_ids(written):
        return found[0]
    if bare := _BARE_ID.fullmatch(written.strip()):
        return f"<{bare[0]}>"
    return f"<{hashlib.sha256(raw).hexdigest()[:40]}@no-message-id.invalid>"


def _references(root: Part) -> tuple[str, ...]:
    answered = [each for text in root.all("in-reply-to") for each in message_ids(text)]
    thread = [each for text in root.all("references") for each in message_ids(text)]
    return tuple(dict.fromkeys([*answered, *reversed(thread)]))[:REFERENCES]
