"""Files in words: what came, what did not get across and why, and whose a posted file is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.desk.model import File, LostFile
from bot.text.files import file_size
from bot.text.safe import display_name, escape

from . import words
from .line import Line, cut, line, listed, one_line, shown_author

FILE_NAME_SIZE = 60
TYPE_SIZE = 60
CASE_ID_SIZE = 20


def came_with(files: Sequence[File]) -> Line | None:
    """Name, type and size of each; None where there is none."""
    return line(words.FILES, files=listed(_described(file) for file in files)) if files else None


def not_sent(files: Iterable[LostFile], max_bytes: int, *, detailed: bool = False) -> str:
    """Each with its reason; `detailed` adds Slack's own word for it, which says something to admins only."""
    return listed(
        words.FILE_NOT_SENT.format(name=_name(file.name), why=_why(file, max_bytes, detailed)) for file in files
    )


def file_comment(case_id: str, author: str, reserved: Iterable[str] = (), *, by_customer: bool = False) -> str:
    """What stands above a posted file: Slack parses it, so it is escaped, and names carry no sign."""
    shown = words.CUSTOMER.format(name=display_name(author, reserved)) if by_customer else shown_author(author)
    return escape(words.FILE_COMMENT.format(author=shown, case_id=one_line(case_id, CASE_ID_SIZE)))


def _described(file: File) -> str:
    facts = [cut(one_line(file.mime_type), TYPE_SIZE), file_size(file.size) if file.size else ""]
    told = words.FILE_FACTS.format(facts=", ".join(fact for fact in facts if fact)) if any(facts) else ""
    return _name(file.name) + told


def _why(file: LostFile, max_bytes: int, detailed: bool) -> str:
    why = words.FILE_TROUBLES[file.trouble].format(limit=file_size(max_bytes))
    detail = one_line(file.detail, TYPE_SIZE) if detailed else ""
    return words.FILE_WHY.format(why=why, detail=detail) if detail else why


def _name(name: str) -> str:
    return one_line(name, FILE_NAME_SIZE) or words.UNNAMED_FILE
