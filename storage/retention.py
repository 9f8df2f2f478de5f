"""What is old enough is let go of, a little at a time: raw forms first, then the content of closed cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from . import erase, erasures
from .mailboxes import KIND as MAIL
from .tables import cases, customers, held_mails, inbox, mails

ITEMS_AT_ONCE = 500
MAILS_AT_ONCE = 50
CASES_AT_ONCE = 10


Moment = tuple[datetime, int]
T = TypeVar("T", int, Moment)


@dataclass(slots=True)
class Reached:
    """How far this process has looked, so that what was let go of is not looked through each time."""

    item: int = 0
    mail: Moment | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """A page of what is old: of these, what is to be let go of, and where the next page begins (None: nowhere)."""

    ids: list[int]
    end: T | None


def old_items(connection: Connection, reached: Reached, before: datetime) -> Look[int]:
    """Decided items received before that moment that have their raw form still. A mail's is its number only.

    Items are numbered as they come in: a page of which none is old is the last, however many come after it.
    """
    goes = sa.and_(inbox.c.state.in_(("done", "ignored")), inbox.c.kind != MAIL, sa.func.length(inbox.c.raw) > 0)
    rows = connection.execute(
        sa.select(inbox.c.id, inbox.c.received_at, goes.label("goes"))
        .where(inbox.c.id > reached.item)
        .order_by(inbox.c.id)
        .limit(ITEMS_AT_ONCE)
    )
    old = [row for row in rows if row.received_at < before]
    return Look([row.id for row in old if row.goes], old[-1].id if old else None)


def let_items_go(connection: Connection, ids: list[int]) -> None:
    connection.execute(sa.update(inbox).where(inbox.c.id.in_(ids)).values(raw=b""))


def old_mails(connection: Connection, reached: Reached, before: datetime) -> Look[Moment]:
    """Mails received before that moment, raw still; not those that wait for a decision or for an operator."""
    has_raw = mails.c.raw.is_not(None).label("has_raw")
    statement = sa.select(mails.c.id, mails.c.received_at, has_raw).where(mails.c.received_at < before)
    if reached.mail is not None:
        at, number = reached.mail
        # The first half alone is what an index finds; the second is about those of the same moment.
        later = sa.or_(mails.c.received_at > at, mails.c.id > number)
        statement = statement.where(mails.c.received_at >= at, later)
    rows = connection.execute(statement.order_by(mails.c.received_at, mails.c.id).limit(MAILS_AT_ONCE)).all()
    goes = _decided(connection, [row.id for row in rows if row.has_raw])
    return Look(goes, (rows[-1].received_at, rows[-1].id) if rows else None)


def _decided(connection: Connection, mail_ids: list[int]) -> list[int]:
    if not mail_ids:
        return []
    undecided = sa.exists().where(held_mails.c.mail_id == mails.c.id, held_mails.c.state.in_(("held", "listed")))
    key = MAIL + ":" + mails.c.mailbox + ":" + mails.c.fingerprint
    waits = sa.exists().where(inbox.c.key == key, inbox.c.state.in_(("waiting", "quarantined")))
    statement = sa.select(mails.c.id).where(mails.c.id.in_(mail_ids), ~undecided, ~waits)
    return list(connection.execute(statement.order_by(mails.c.id)).scalars())


def let_mails_go(connection: Connection, ids: list[int]) -> None:
    connection.execute(sa.update(mails).where(mails.c.id.in_(ids)).values(raw=None))


def old_cases(connection: Connection, reached: Reached, before: datetime) -> list[tuple[str, datetime]]:
    """Cases that were closed before that moment, the oldest first; not those that are erased already."""
    statement = sa.select(cases.c.case_id, cases.c.closed_at).where(
        sa.text("cases.closed_at IS NOT NULL"),
        cases.c.closed_at < before,
        cases.c.status == "closed",
        cases.c.customer_identifier.not_like(f"{erasures.PSEUDONYM}%"),
    )
    if reached.closed_at is not None:
        statement = statement.where(cases.c.closed_at >= reached.closed_at)
    rows = connection.execute(statement.order_by(cases.c.closed_at, cases.c.number).limit(CASES_AT_ONCE))
    return [(row.case_id, row.closed_at) for row in rows]


def let_case_go(connection: Connection, case_id: str, now: datetime) -> None:
    """As erasing does; whose last case it was is no customer any more."""
    customer = connection.execute(
        sa.select(cases.c.customer_identifier).where(cases.c.case_id == case_id, cases.c.status == "closed")
    ).scalar_one_or_none()
    if customer is None:
        return  # reopened meanwhile
    erase.erase_case(connection, case_id, now)
    left = sa.exists().where(cases.c.customer_identifier == customers.c.customer_identifier)
    connection.execute(sa.delete(customers).where(customers.c.customer_identifier == customer, ~left))
