"""Which files travel, and who is told of those that do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .effects import Effect, SayFilesNotSent, SayInThread, ThreadNotice
from .model import FileTrouble, LostFile, PostRef, ReplyTo, Written
from .policy import Policy

# A colleague may have had a reason to take a file back, and who cannot be reached cannot be told either.
_NOT_FOR_CUSTOMERS = {FileTrouble.DELETED, FileTrouble.UNREACHABLE}


def judge_files(written: Written, policy: Policy) -> Written:
    """The same words, with what is already known to stand in each file's way."""
    judged = (
        replace(file, trouble=FileTrouble.TOO_LARGE)
        if file.trouble is None and file.size > policy.file_max_bytes
        else file
        for file in written.files
    )
    return replace(written, files=tuple(judged))


def lost_files(written: Written) -> tuple[LostFile, ...]:
    return tuple(LostFile(file.id, file.name, file.trouble) for file in written.files if file.trouble is not None)


def tell_of_lost_files(
    files: tuple[LostFile, ...],
    at: datetime,
    ref: PostRef,
    *,
    reply_to: ReplyTo | None,
    answered_by: str = "",
    by_mail: bool = False,
) -> list[Effect]:
    """Both sides see it: the desk in the thread, the customer where the conversation is.

    `answered_by` is the admin whose files they are; without one they are the customer's. `by_mail`: who has no
    conversation is told by mail.
    """
    if not files:
        return []
    notice = ThreadNotice.FILES_NOT_SENT if answered_by else ThreadNotice.CUSTOMERS_FILES_NOT_SENT
    effects: list[Effect] = [SayInThread(notice, at, to=answered_by, about=ref, files=files)]
    told = tuple(file for file in files if not (answered_by and file.trouble in _NOT_FOR_CUSTOMERS))
    if told and (reply_to is not None or by_mail):
        effects.append(SayFilesNotSent(reply_to, ref, told, by_customer=not answered_by))
    return effects
