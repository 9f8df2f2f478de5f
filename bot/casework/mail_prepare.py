"""Mail, prepared: read and parsed outside of any transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.desk.model import File, Letter, PostRef, Written, mail_ref
from bot.mail.parsed import WHOLE_TEXT, ParsedMail
from bot.text.safe import clean, cut_bytes
from storage.inbox import Item

from .filing_rows import BODY_BYTES

SHOWN_WHOLE = 2000  # characters
CUT_MARK = "\n… (cut here; the whole text is attached)"
WHOLE_TEXT_NAME = "whole-mail.txt"
RECIPIENTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `at` is when the mailbox got it. `is_backfilled`: it lay there before the desk was."""

    at: datetime
    mail_id: int
    parsed: ParsedMail
    is_backfilled: bool = False

    @property
    def ref(self) -> PostRef:
        return mail_ref(self.mail_id)

    @property
    def address(self) -> str:
        return self.parsed.sender.address if self.parsed.sender is not None else ""

    @property
    def name(self) -> str:
        return self.parsed.sender.name if self.parsed.sender is not None else ""

    @property
    def recipients(self) -> frozenset[str]:
        return frozenset(one.address for one in self.parsed.recipients)

    def letter(self, shown_subject: str = "") -> Letter:
        parsed = self.parsed
        return Letter(
            self.mail_id,
            parsed.message_id,
            self.address,
            self.name,
            parsed.subject,
            parsed.references,
            shown_subject,
            tuple(one.address for one in parsed.cc[:RECIPIENTS_SHOWN]),
            parsed.notes,
        )

    def written(self, shown_subject: str = "", *, history_is_known: bool = False) -> Written:
        """A customer's new words. What stands below them (a signature, a quoted mail) is shown with them if
        it is short, else the whole text is a file beside them; but not what a case knows already.
        """
        all_words = clean(self.parsed.new_words)
        words, was_cut = cut_bytes(all_words, BODY_BYTES, CUT_MARK)
        files = self._files()
        hides_text = self.parsed.hides_text and not history_is_known
        if hides_text and len(self.parsed.text) <= SHOWN_WHOLE:
            words, hides_text = clean(self.parsed.text).strip(), False
        if was_cut or hides_text:
            source, size = self.source_of(WHOLE_TEXT), len(self.parsed.whole_text)
            files += (File(source, WHOLE_TEXT_NAME, "text/plain; charset=utf-8", size, source),)
        typed = f"{shown_subject}\n{all_words}" if shown_subject else all_words
        return Written(words, typed, files)

    def answer(self) -> Written:
        """An admin's new words and nothing else: what is quoted below them may not be for the customer."""
        words = clean(self.parsed.new_words)
        return Written(words, words, self._files())

    def _files(self) -> tuple[File, ...]:
        sources = ((self.source_of(file.number), file) for file in self.parsed.files)
        return tuple(File(source, file.name, file.mime_type, file.size, source) for source, file in sources)

    def source_of(self, number: int | str) -> str:
        """What finds a file's bytes again."""
        return f"mail:{self.mail_id}:{number}"


class Mails(Protocol):
    """Reads mails. Raises what the parser raises of one that cannot be read."""

    async def read(self, mail_id: int) -> Mail: ...

    async def read_held(self, held_id: int) -> Mail | None: ...


async def read_mail(item: Item, mails: Mails) -> Mail:
    return await mails.read(int(_values(item.raw)["mail_id"]))


def mail_facts(mail: Mail) -> dict[str, Any]:
    """What was read, as it was judged by: kept for whoever asks later why."""
    parsed = mail.parsed
    return {
        "from": parsed.from_shown,
        "sender": mail.address,
        "subject": parsed.subject,
        "message_id": parsed.message_id,
        "machine": parsed.machine.value if parsed.machine is not None else None,
        "verdict": parsed.verdict.value,
        "verdict_detail": parsed.verdict_detail,
        "files": [file.name for file in parsed.files],
        "notes": list(parsed.notes),
    }


def _values(raw: bytes) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(raw)
    return values
