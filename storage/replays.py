"""How far Slack's history was compared with what we hold, by customer, and which gap is being made good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .inbox import customer_lane
from .sql import insert_for
from .tables import replay_state, replayed_lanes

_ONLY = "slack"


@dataclass(frozen=True, slots=True)
class ReplayState:
    """Everything written before `complete_until` was compared. `alive_at` is when we last were connected.

    While there is a gap (`gap_at` is when it began to be noticed), what arrives waits for its customer's replay,
    but not longer than `hold_until`.
    """

    complete_until: datetime
    alive_at: datetime
    gap_at: datetime | None = None
    hold_until: datetime | None = None


def begin(connection: Connection, now: datetime) -> ReplayState:
    """The state, made at the first start: what was written before is nobody's business."""
    connection.execute(
        insert_for(connection, replay_state)
        .values(name=_ONLY, complete_until=now, alive_at=now)
        .on_conflict_do_nothing()
    )
    return read_state(connection)


def read_state(connection: Connection) -> ReplayState:
    row = connection.execute(sa.select(replay_state).where(replay_state.c.name == _ONLY)).one()
    return ReplayState(row.complete_until, row.alive_at, row.gap_at, row.hold_until)


def open_gap(connection: Connection, at: datetime, hold_until: datetime) -> None:
    """From now on what arrives may have predecessors that are missing. An open gap keeps its beginning.

    Whoever was compared before this one began is compared anew.
    """
    connection.execute(sa.delete(replayed_lanes).where(replayed_lanes.c.checked_until < at))
    connection.execute(
        sa.update(replay_state).values(
            gap_at=sa.func.coalesce(
                replay_state.c.gap_at, sa.bindparam("b_at", at, type_=replay_state.c.gap_at.type)
            ),
            hold_until=hold_until,
        )
    )


def close_gap(connection: Connection, complete_until: datetime, now: datetime, known: ReplayState) -> None:
    """All was compared that was written before `complete_until`.

    `known` is how it stood when that was begun: a gap that another process has noticed since stays open.
    """
    noticed_since = replay_state.c.hold_until.is_distinct_from(
        sa.bindparam("b_known", known.hold_until, type_=replay_state.c.hold_until.type)
    )
    connection.execute(
        sa.update(replay_state).values(
            complete_until=complete_until,
            alive_at=now,
            gap_at=sa.case((noticed_since, replay_state.c.gap_at), else_=None),
            hold_until=sa.case((noticed_since, replay_state.c.hold_until), else_=None),
        )
    )
    connection.execute(sa.delete(replayed_lanes).where(replayed_lanes.c.checked_until < complete_until))


def alive(connection: Connection, now: datetime) -> None:
    connection.execute(sa.update(replay_state).values(alive_at=now))


def checked(connection: Connection, customer: str, until: datetime) -> None:
    """The customer's conversations were compared up to that moment."""
    insert = insert_for(connection, replayed_lanes).values(lane=customer_lane(customer), checked_until=until)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["lane"], set_={"checked_until": insert.excluded.checked_until}
        )
    )


def checked_untils(connection: Connection, customers: Sequence[str]) -> dict[str, datetime]:
    """How far each of these few was compared, of those that were since the last whole replay."""
    lanes = {customer_lane(one): one for one in customers}
    if not lanes:
        return {}
    rows = connection.execute(sa.select(replayed_lanes).where(replayed_lanes.c.lane.in_(sorted(lanes))))
    return {lanes[row.lane]: row.checked_until for row in rows}


def held_lanes(connection: Connection, lanes: Sequence[str], now: datetime) -> tuple[datetime | None, set[str]]:
    """Since when there is a gap, and which of the lanes wait for their replay."""
    state = connection.execute(sa.select(replay_state.c.gap_at, replay_state.c.hold_until)).first()
    if state is None or state.gap_at is None or state.hold_until is None or now >= state.hold_until:
        return None, set()
    done = sa.select(replayed_lanes.c.lane).where(
        replayed_lanes.c.lane.in_(list(lanes)), replayed_lanes.c.checked_until >= state.gap_at
    )
    return state.gap_at, {lane for lane in lanes if lane.startswith("customer:")} - set(
        connection.execute(done).scalars()
    )
