"""Desired states: what the outside should show (cards, alerts, copies, reactions), one row per target; the newest
wish for it wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import desired


@dataclass(frozen=True, slots=True)
class Desired:
    """A state the outside should show: one row per target, the newest wish wins."""

    target: str
    kind: str
    case_id: str | None
    payload: dict[str, Any]
    applied: Any
    revision: int
    failures: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A state the target should show, by `at` at the latest."""

    target: str
    kind: str
    at: datetime
    case_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


def want(connection: Connection, wished: Sequence[Wish]) -> None:
    """Take wishes in, in their order: each replaces what was wished for its target, the earliest time stays."""
    newest: dict[str, Wish] = {}
    for wish in wished:
        known = newest.get(wish.target)
        newest[wish.target] = replace(wish, at=min(known.at, wish.at)) if known is not None else wish
    if not newest:
        return
    insert = insert_for(connection, desired)
    earlier = sa.case(
        (
            sa.or_(desired.c.next_at.is_(None), desired.c.next_at > insert.excluded.next_at),
            insert.excluded.next_at,
        ),
        else_=desired.c.next_at,
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["target"],
            set_={
                "payload": insert.excluded.payload,
                "revision": desired.c.revision + 1,
                "next_at": earlier,
                "failures": 0,
            },
        ),
        [
            {
                "target": wish.target,
                "kind": wish.kind,
                "case_id": wish.case_id,
                "payload": dict(wish.payload),
                "next_at": wish.at,
            }
            for _, wish in sorted(newest.items())
        ],
    )


def card_wish(case_id: str, at: datetime) -> Wish:
    """Have the card show how its case stands."""
    return Wish(f"card:{case_id}", "card", at, case_id)


def alert_wish(post_key: str, at: datetime) -> Wish:
    """Have the post that shows an alert, or many, say how things stand."""
    return Wish(f"alert:{post_key}", "alert", at, payload={"post_key": post_key})


def copies_wish(message_id: int, case_id: str, at: datetime) -> Wish:
    """Have the posts that show a message follow what it says now."""
    return Wish(f"copies:{message_id}", "copies", at, case_id, {"message_id": message_id})


def mark_wish(channel: str, ts: str, state: str, at: datetime) -> Wish:
    """Have the post at `ts` carry the reaction of that state, and no other of ours."""
    return Wish(f"mark:{channel}:{ts}", "mark", at, payload={"channel": channel, "ts": ts, "state": state})


def want_mark(connection: Connection, channel: str, ts: str, state: str, at: datetime) -> None:
    want(connection, [mark_wish(channel, ts, state, at)])


def ready_states(connection: Connection, now: datetime, limit: int) -> list[Desired]:
    columns = [desired.c[name] for name in Desired.__dataclass_fields__]
    statement = (
        sa.select(*columns)
        .where(sa.text("desired.next_at IS NOT NULL"), desired.c.next_at <= now)
        .order_by(desired.c.next_at)
        .limit(limit)
    )
    return [Desired(**row._mapping) for row in connection.execute(statement)]


def next_state_due(connection: Connection) -> datetime | None:
    due: datetime | None = connection.execute(
        sa.select(sa.func.min(desired.c.next_at)).where(sa.text("desired.next_at IS NOT NULL"))
    ).scalar_one()
    return due


def applied(connection: Connection, state: Desired, shown: Any) -> None:
    """The target shows `shown` now; unless something newer was wished meanwhile, it may rest."""
    connection.execute(
        sa.update(desired)
        .where(desired.c.target == state.target)
        .values(
            applied=shown,
            failures=0,
            error=None,
            next_at=sa.case((desired.c.revision == state.revision, None), else_=desired.c.next_at),
        )
    )


def forget(connection: Connection, state: Desired) -> None:
    """The target is gone: nothing is to be shown there any more."""
    connection.execute(sa.delete(desired).where(desired.c.target == state.target))


def shown(connection: Connection, target: str, what: str) -> None:
    """The target was just posted as `what`: a wish for the same need not be brought again."""
    connection.execute(sa.update(desired).where(desired.c.target == target).values(applied=what))


def delay_state(connection: Connection, state: Desired, until: datetime | None, error: str) -> None:
    """Try again later, or (with None) not until it is wished for anew: a wish made meanwhile keeps its time."""
    connection.execute(
        sa.update(desired)
        .where(desired.c.target == state.target, desired.c.revision == state.revision)
        .values(next_at=until, failures=desired.c.failures + 1, error=error)
    )
