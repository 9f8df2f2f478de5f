"""What a post in a case's thread is: an answer, a note, or a bystander's word."""

from __future__ import annotations

from datetime import datetime

from .events import AdminAnswered, BystanderPosted, NoteWritten
from .model import Person, PostRef, Written
from .policy import Policy
from .rules import detect_closure_near_miss, detect_closure_phrase, is_admin_message, is_note


def read_thread_post(
    author: Person, written: Written, ref: PostRef, at: datetime, customer: str, policy: Policy
) -> AdminAnswered | NoteWritten | BystanderPosted:
    """Only an admin's post is meant for the customer, unless it is marked as a note or starts by mentioning
    somebody other than the customer."""
    if not is_admin_message(author):
        return BystanderPosted(at, author, ref)
    closes = detect_closure_phrase(written.typed, policy.closure_phrase)
    to_a_colleague = written.leading_mention is not None and written.leading_mention != customer
    if is_note(written.text) or is_note(written.typed) or to_a_colleague:
        return NoteWritten(at, author, written, ref, closes=closes)
    near_miss = detect_closure_near_miss(written.typed, policy.closure_phrase)
    return AdminAnswered(at, author, written, ref, closes=closes, near_miss=near_miss)
