"""Mail that no case has taken: held for an admin's decision, listed in a digest, or only shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import held_mails, mail_posts

State = Literal["held", "listed", "shown", "accepted", "opened", "blocked", "set_aside"]
HELD = sa.text("held_mails.state = 'held'")
DUE = sa.text("held_mails.alert_at IS NOT NULL")
UNDECIDED = ("held", "listed")


@dataclass(frozen=True, slots=True)
class HeldMail:
    """`case_id` is the case it would go into; `post_key` names the post that shows it, alone or among others.

    `keyword` is the urgent word in it, if any. At `alert_at` it has waited too long for its decision.
    """

    mail_id: int
    state: State
    why: str
    post_key: str
    at: datetime
    sender: str = ""
    sender_shown: str = ""
    subject: str = ""
    excerpt: str = ""
    verdict: str = ""
    verdict_detail: str = ""
    keyword: str = ""
    case_id: str | None = None
    alert_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str = ""
    decided_case_id: str | None = None
    id: int = 0

    @property
    def is_undecided(self) -> bool:
        return self.state in UNDECIDED


_COLUMNS = [held_mails.c[field.name] for field in fields(HeldMail)]


def hold(connection: Connection, mail: HeldMail) -> int | None:
    """Keep it; its number, or None when that mail is here already."""
    values = {field.name: getattr(mail, field.name) for field in fields(HeldMail) if field.name != "id"}
    statement = insert_for(connection, held_mails).values(values).on_conflict_do_nothing()
    number = connection.execute(statement.returning(held_mails.c.id)).scalar_one_or_none()
    return int(number) if number is not None else None


def find(connection: Connection, held_id: int) -> HeldMail | None:
    return _one(connection, sa.select(*_COLUMNS).where(held_mails.c.id == held_id))


def lock(connection: Connection, held_id: int) -> HeldMail | None:
    """As it stands, and stays until the transaction ends: of two clicks the second sees the first."""
    return _one(connection, sa.select(*_COLUMNS).where(held_mails.c.id == held_id).with_for_update())


def on_post(connection: Connection, post_key: str) -> list[HeldMail]:
    rows = connection.execute(
        sa.select(*_COLUMNS).where(held_mails.c.post_key == post_key).order_by(held_mails.c.id)
    )
    return [HeldMail(**row._mapping) for row in rows]


def decide(
    connection: Connection, held_id: int, state: State, by: str, at: datetime, case_id: str | None = None
) -> None:
    connection.execute(
        sa.update(held_mails)
        .where(held_mails.c.id == held_id)
        .values(state=state, decided_by=by, decided_at=at, decided_case_id=case_id, alert_at=None)
    )


def count_held(connection: Connection) -> int:
    statement = sa.select(sa.func.count()).where(HELD).select_from(held_mails)
    return int(connection.execute(statement).scalar_one())


def is_any_overdue(connection: Connection, now: datetime) -> bool:
    """Whether a mail was held too long for a decision, and nobody told of it yet."""
    statement = sa.select(sa.exists().where(DUE, held_mails.c.alert_at <= now))
    return bool(connection.execute(statement).scalar_one())


def overdue(connection: Connection, now: datetime, limit: int) -> list[HeldMail]:
    """Those that have waited too long, the longest first; locked, so that one process tells of each."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(DUE, held_mails.c.alert_at <= now)
        .order_by(held_mails.c.alert_at, held_mails.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [HeldMail(**row._mapping) for row in rows]


def alerted(connection: Connection, held_ids: Sequence[int]) -> None:
    """It was told that they wait: it is not told again."""
    connection.execute(sa.update(held_mails).where(held_mails.c.id.in_(held_ids)).values(alert_at=None))


def set_post(connection: Connection, post_key: str, channel: str, ts: str) -> None:
    insert = insert_for(connection, mail_posts).values(post_key=post_key, channel=channel, ts=ts)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["post_key"], set_={"channel": insert.excluded.channel, "ts": insert.excluded.ts}
        )
    )


def find_post(connection: Connection, post_key: str) -> tuple[str, str] | None:
    """Channel and ts of the post, once it stands."""
    row = connection.execute(sa.select(mail_posts).where(mail_posts.c.post_key == post_key)).first()
    return (row.channel, row.ts) if row is not None else None


def _one(connection: Connection, statement: sa.Select[Any]) -> HeldMail | None:
    row = connection.execute(statement).first()
    return HeldMail(**row._mapping) if row is not None else None
