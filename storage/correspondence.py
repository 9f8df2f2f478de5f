"""The mails of cases by their Message-IDs, in and out: what a mail refers to, and what refers to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import Row
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
    add_mails(connection, [mail])


def add_mails(connection: Connection, mails: Sequence[CaseMail]) -> None:
    """As `add_mail`, for many at once, in their order."""
    if not mails:
        return
    wanted: dict[tuple[str, str], CaseMail] = {}
    for mail in mails:
        wanted.setdefault((mail.message_id, mail.case_id), mail)
    columns = (mail_ids.c.message_id, mail_ids.c.case_id)
    noted = connection.execute(sa.select(*columns).where(sa.tuple_(*columns).in_(sorted(wanted))))
    known = {(row.message_id, row.case_id) for row in noted}
    rows = [_row(mail) for key, mail in wanted.items() if key not in known]
    if rows:
        connection.execute(sa.insert(mail_ids), rows)


def _row(mail: CaseMail) -> Row:
    return {
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


@dataclass(frozen=True, slots=True)
class MailId:
    """Whose Message-ID it is: a mail of a case, and the message it carries, if any."""

    message_id: str
    case_id: str
    kind: MailKind
    message: int | None
    address: str


def find_ids(connection: Connection, message_ids: Iterable[str]) -> list[MailId]:
    """Those of the given Message-IDs that mails of cases bear."""
    wanted = sorted(set(message_ids))
    if not wanted:
        return []
    columns = (mail_ids.c.message_id, mail_ids.c.case_id, mail_ids.c.kind, mail_ids.c.message, mail_ids.c.address)
    rows = connection.execute(sa.select(*columns).where(mail_ids.c.message_id.in_(wanted)).order_by(mail_ids.c.id))
    return [MailId(*row) for row in rows]


def subject_of(connection: Connection, message: int) -> str:
    """The subject of the mail that carried a message, or ''."""
    found = connection.execute(
        sa.select(mail_ids.c.subject).where(mail_ids.c.message == message).order_by(mail_ids.c.id).limit(1)
    ).scalar_one_or_none()
    return found or ""


def subjects_of_case(connection: Connection, case_id: str) -> list[str]:
    """The subjects that people's mails of the case bore, newest last; of a very long case the newest only."""
    rows = connection.execute(
        sa.select(mail_ids.c.subject)
        .where(mail_ids.c.case_id == case_id, mail_ids.c.is_ours.is_(False))
        .order_by(mail_ids.c.case_id, mail_ids.c.id.desc())
        .limit(LOOKED_AT)
    )
    return list(reversed(list(rows.scalars())))
