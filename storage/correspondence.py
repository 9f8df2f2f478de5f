"""The mails of cases by their Message-IDs, in and out: what a mail refers to, and what refers to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from .tables import mail_ids

MailKind = Literal["customer", "admin", "answer", "notice"]
LOOKED_AT = 500  # mails of a case; a longer one refers to its newest


@dataclass(frozen=True, slots=True)
class CaseMail:
    """`message` is the id of what it says in the case, if anything; `references` are newest first."""

    message_id: str
    case_id: str
    kind: MailKind
    address: str
    subject: str
    at: datetime
    message: int | None = None
    name: str = ""
    references: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        return self.kind in {"answer", "notice"}


def add_mail(connection: Connection, mail: CaseMail) -> None:
    """Note a mail of a case; one that is noted already stays as it is."""
    known = sa.exists().where(mail_ids.c.message_id == mail.message_id, mail_ids.c.case_id == mail.case_id)
    if connection.execute(sa.select(known)).scalar_one():
        return
    values = {
        "message_id": mail.message_id,
        "case_id": mail.case_id,
        "message": mail.message,
        "is_ours": mail.is_ours,
        "kind": mail.kind,
        "address": mail.address,
        "name": mail.name,
        "subject": mail.subject,
        "references": list(mail.references),
        "at": mail.at,
    }
    connection.execute(sa.insert(mail_ids).values(values))


def mails_of(connection: Connection, case_id: str) -> Sequence[CaseMail]:
    """The case's mails, the newest last; of a very long case the newest only."""
    rows = connection.execute(
        sa.select(mail_ids)
        .where(mail_ids.c.case_id == case_id)
        .order_by(mail_ids.c.case_id, mail_ids.c.id.desc())
        .limit(LOOKED_AT)
    ).all()
    return [
        CaseMail(
            row.message_id,
            row.case_id,
            row.kind,
            row.address,
            row.subject,
            row.at,
            row.message,
            row.name,
            tuple(row.references),
        )
        for row in reversed(rows)
    ]
