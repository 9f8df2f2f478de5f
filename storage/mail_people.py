"""Who may write by mail: the participants of cases, and the addresses that are blocked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import admin_mails, blocked_addresses, mail_participants


@dataclass(frozen=True, slots=True)
class Blocked:
    address: str
    blocked_by: str
    at: datetime


def participants_of(connection: Connection, case_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """The addresses accepted into each case, beside its customer's."""
    wanted = sorted(set(case_ids))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(mail_participants.c.case_id, mail_participants.c.address).where(
            mail_participants.c.case_id.in_(wanted)
        )
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.case_id, set()).add(row.address)
    return {case_id: frozenset(addresses) for case_id, addresses in found.items()}


def add_participant(connection: Connection, case_id: str, address: str, by: str, at: datetime) -> None:
    connection.execute(
        insert_for(connection, mail_participants)
        .values(case_id=case_id, address=address, added_by=by, at=at)
        .on_conflict_do_nothing()
    )


def block(connection: Connection, address: str, by: str, at: datetime) -> bool:
    """False when the address was blocked already."""
    statement = (
        insert_for(connection, blocked_addresses)
        .values(address=address, blocked_by=by, at=at)
        .on_conflict_do_nothing()
        .returning(blocked_addresses.c.address)
    )
    return connection.execute(statement).first() is not None


def unblock(connection: Connection, address: str) -> bool:
    """False when it was not blocked."""
    statement = (
        sa.delete(blocked_addresses)
        .where(blocked_addresses.c.address == address)
        .returning(blocked_addresses.c.address)
    )
    return connection.execute(statement).first() is not None


def blocked(connection: Connection) -> list[Blocked]:
    """All of them, by address."""
    rows = connection.execute(sa.select(blocked_addresses).order_by(blocked_addresses.c.address))
    return [Blocked(row.address, row.blocked_by, row.at) for row in rows]


def blocked_among(connection: Connection, addresses: Iterable[str]) -> frozenset[str]:
    wanted = sorted(set(addresses))
    if not wanted:
        return frozenset()
    rows = connection.execute(
        sa.select(blocked_addresses.c.address).where(blocked_addresses.c.address.in_(wanted))
    )
    return frozenset(rows.scalars())


def used_before(connection: Connection, message_id: str) -> bool:
    """Whether an admin acted by a mail of that Message-ID."""
    known = sa.exists().where(admin_mails.c.message_id == message_id)
    return bool(connection.execute(sa.select(known)).scalar_one())


def use_once(connection: Connection, message_id: str, at: datetime) -> bool:
    """Let an admin act by this mail. False when one of that Message-ID was used before."""
    statement = (
        insert_for(connection, admin_mails)
        .values(message_id=message_id, at=at)
        .on_conflict_do_nothing()
        .returning(admin_mails.c.message_id)
    )
    return connection.execute(statement).first() is not None
