"""What is limited by mail: automatic mails to an address, and cases opened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from .tables import mail_tallies

What = Literal["automatic", "case"]
KEPT = timedelta(days=2)


def count(connection: Connection, what: What, since: datetime, address: str | None = None) -> int:
    """How often since then, to (or by) one address or to all."""
    statement = (
        sa.select(sa.func.count())
        .select_from(mail_tallies)
        .where(mail_tallies.c.what == what, mail_tallies.c.at > since)
    )
    if address is not None:
        statement = statement.where(mail_tallies.c.address == address)
    return int(connection.execute(statement).scalar_one())


def add(connection: Connection, what: What, address: str, at: datetime) -> None:
    connection.execute(sa.delete(mail_tallies).where(mail_tallies.c.what == what, mail_tallies.c.at < at - KEPT))
    connection.execute(sa.insert(mail_tallies).values(what=what, address=address, at=at))
