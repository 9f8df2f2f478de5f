"""The mails as they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .tables import mails


@dataclass(frozen=True, slots=True)
class StoredMail:
    """`raw` is empty once it was let go; `is_cut`: only its beginning was fetched."""

    id: int
    message_id: str
    internaldate: datetime
    is_cut: bool
    is_backfilled: bool
    raw: bytes


def mail_of(connection: Connection, mail_id: int) -> StoredMail | None:
    row = connection.execute(
        sa.select(
            mails.c.id,
            mails.c.message_id,
            mails.c.internaldate,
            mails.c.is_cut,
            mails.c.is_backfilled,
            mails.c.raw,
        ).where(mails.c.id == mail_id)
    ).first()
    if row is None:
        return None
    return StoredMail(
        row.id, row.message_id, row.internaldate, row.is_cut, row.is_backfilled, bytes(row.raw or b"")
    )
