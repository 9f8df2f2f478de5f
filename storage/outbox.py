"""The outbox: what must reach the outside, as rows in lanes; what happened, not how to show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import outbox, outbox_lanes

UNSENT = sa.text("outbox.state IN ('pending', 'sending', 'uncertain')")

FILES = "files:"  # before the channel: files have a way of their own, so that a large one holds up no words

MAIL = "mail"  # the destination of what goes to a customer by mail

URGENT = 0  # alerts and answers: somebody waits
USUAL = 1


@dataclass(frozen=True, slots=True)
class NewRow:
    """`destination` is the Slack channel, `FILES` and the channel, or `MAIL`; rows of one `lane` are sent in the
    order of their ids. `item_key` is that of the item the row follows from, where there is one.
    """

    dedupe_key: str
    lane: str
    destination: str
    kind: str
    case_id: str | None = None
    message_id: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    priority: int = USUAL
    item_key: str | None = None


def channel_of(destination: str) -> str:
    """The channel of Slack behind a destination, or the person whose DM it is."""
    return destination.removeprefix(FILES)


def new_card(case_id: str, channel: str, instead_of: str) -> NewRow:
    """A card in place of one that is gone, or was refused. Not in the thread's lane, which waits for it."""
    return NewRow(f"card:{case_id}:after:{instead_of}", f"card:{case_id}", channel, "card", case_id)


def new_intro(case_id: str, channel: str, instead_of: str) -> NewRow:
    """What stands first under a new card."""
    return NewRow(f"intro:{case_id}:after:{instead_of}", f"card:{case_id}", channel, "thread_intro", case_id)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    dedupe_key: str
    lane: str
    destination: str
    kind: str
    case_id: str | None
    message_id: int | None
    payload: dict[str, Any]
    state: str
    attempts: int
    looks: int
    created_at: datetime
    first_attempt_at: datetime | None
    failures: int
    item_key: str | None = None

    @property
    def channel(self) -> str:
        """Where the row goes in Slack: a channel, or a person's DM."""
        return channel_of(self.destination)


def way_of(row: OutboxRow) -> dict[str, Any]:
    """By what the log lines on a row's way are found."""
    return {"row": row.id, "case_id": row.case_id, "item": row.item_key, "message": row.message_id}


_COLUMNS = [outbox.c[name] for name in OutboxRow.__dataclass_fields__ if name != "failures"]


def enqueue(connection: Connection, rows: Sequence[NewRow], now: datetime) -> dict[str, int]:
    """Add rows in order; the new ones' ids by dedupe key. A row whose key is there already is dropped."""
    if not rows:
        return {}
    values = [
        {
            "dedupe_key": row.dedupe_key,
            "lane": row.lane,
            "destination": row.destination,
            "kind": row.kind,
            "case_id": row.case_id,
            "message_id": row.message_id,
            "payload": dict(row.payload),
            "item_key": row.item_key,
            "created_at": now,
        }
        for row in rows
    ]
    insert = insert_for(connection, outbox).on_conflict_do_nothing()
    added = connection.execute(insert.returning(outbox.c.dedupe_key, outbox.c.id), values).all()
    lanes = {row.lane: row for row in rows}
    lane_insert = insert_for(connection, outbox_lanes)
    connection.execute(
        lane_insert.on_conflict_do_update(
            index_elements=["lane"],
            # A lane that backs off keeps its time: a newer row must not hurry it.
            set_={
                "next_at": sa.func.coalesce(outbox_lanes.c.next_at, lane_insert.excluded.next_at),
                "destination": lane_insert.excluded.destination,
            },
        ),
        [
            {"lane": lane, "destination": row.destination, "priority": row.priority, "next_at": now}
            for lane, row in sorted(lanes.items())
        ],
    )
    return {row.dedupe_key: row.id for row in added}


def ready_destinations(connection: Connection, now: datetime) -> list[str]:
    statement = (
        sa.select(outbox_lanes.c.destination)
        .where(sa.text("outbox_lanes.next_at IS NOT NULL"), outbox_lanes.c.next_at <= now)
        .distinct()
    )
    return list(connection.execute(statement).scalars())


def next_due(connection: Connection) -> datetime | None:
    """When a lane is next due, if any row waits at all."""
    due: datetime | None = connection.execute(
        sa.select(sa.func.min(outbox_lanes.c.next_at)).where(sa.text("outbox_lanes.next_at IS NOT NULL"))
    ).scalar_one()
    return due


@dataclass(frozen=True, slots=True)
class Due:
    """The destinations that something may go to now, and when a lane is next due, if any row waits at all."""

    destinations: tuple[str, ...]
    next_at: datetime | None


def look(connection: Connection, now: datetime) -> Due:
    next_at = next_due(connection)
    is_due = next_at is not None and next_at <= now
    return Due(tuple(ready_destinations(connection, now)) if is_due else (), next_at)


@dataclass(frozen=True, slots=True)
class Turn:
    """A lane whose turn it is, and its first unsent row; None where nothing is left in it."""

    lane: str
    row: OutboxRow | None


def next_turn(connection: Connection, destination: str, now: datetime) -> Turn | None:
    """The lane of this destination whose turn it is: urgent ones first, then the one that waits longest."""
    lane = connection.execute(
        sa.select(outbox_lanes.c.lane, outbox_lanes.c.failures)
        .where(
            outbox_lanes.c.destination == destination,
            sa.text("outbox_lanes.next_at IS NOT NULL"),
            outbox_lanes.c.next_at <= now,
        )
        .order_by(outbox_lanes.c.priority, outbox_lanes.c.next_at)
        .limit(1)
    ).first()
    if lane is None:
        return None
    row = connection.execute(
        sa.select(*_COLUMNS).where(outbox.c.lane == lane.lane, UNSENT).order_by(outbox.c.id).limit(1)
    ).first()
    return Turn(lane.lane, OutboxRow(**row._mapping, failures=lane.failures) if row is not None else None)


def behind(connection: Connection, row: OutboxRow, limit: int) -> list[OutboxRow]:
    """The unsent rows that follow this one in its lane, in their order."""
    statement = sa.select(*_COLUMNS).where(outbox.c.lane == row.lane, outbox.c.id > row.id, UNSENT)
    rows = connection.execute(statement.order_by(outbox.c.id).limit(limit))
    return [OutboxRow(**found._mapping, failures=row.failures) for found in rows]


def rows_of(connection: Connection, row_ids: Sequence[int]) -> list[OutboxRow]:
    if not row_ids:
        return []
    rows = connection.execute(sa.select(*_COLUMNS).where(outbox.c.id.in_(row_ids)).order_by(outbox.c.id))
    return [OutboxRow(**found._mapping, failures=0) for found in rows]


def payload_of(connection: Connection, row_id: int) -> dict[str, Any]:
    payload: dict[str, Any] = connection.execute(
        sa.select(outbox.c.payload).where(outbox.c.id == row_id)
    ).scalar_one()
    return dict(payload)


def set_payload(connection: Connection, row_id: int, payload: Mapping[str, Any]) -> None:
    connection.execute(sa.update(outbox).where(outbox.c.id == row_id).values(payload=dict(payload)))


def rest_lane(connection: Connection, lane: str, now: datetime) -> None:
    """Have the lane's next row looked at, or let the lane sleep when there is none."""
    connection.execute(sa.select(outbox_lanes.c.lane).where(outbox_lanes.c.lane == lane).with_for_update())
    more = connection.execute(sa.select(sa.exists().where(outbox.c.lane == lane, UNSENT))).scalar_one()
    connection.execute(
        sa.update(outbox_lanes)
        .where(outbox_lanes.c.lane == lane)
        .values(next_at=now if more else None, failures=0)
    )


def hurry(connection: Connection, destination: str, now: datetime) -> None:
    """A destination can be used again: its lanes need not sit out their back-off."""
    connection.execute(
        sa.update(outbox_lanes)
        .where(outbox_lanes.c.destination == destination, sa.text("outbox_lanes.next_at IS NOT NULL"))
        .values(next_at=now, failures=0)
    )


def delay_destination(connection: Connection, destination: str, until: datetime) -> None:
    """Nothing can go there for now: its lanes wait, without that counting towards their back-off."""
    connection.execute(
        sa.update(outbox_lanes)
        .where(
            outbox_lanes.c.destination == destination,
            sa.text("outbox_lanes.next_at IS NOT NULL"),
            outbox_lanes.c.next_at < until,
        )
        .values(next_at=until)
    )


def delay_lane(connection: Connection, lane: str, until: datetime, *, failed: bool = True) -> None:
    """Try the lane again later; `failed` counts towards its back-off."""
    connection.execute(
        sa.update(outbox_lanes)
        .where(outbox_lanes.c.lane == lane)
        .values(next_at=until, failures=outbox_lanes.c.failures + (1 if failed else 0))
    )


def card_is_on_its_way(connection: Connection, case_id: str, channel: str) -> bool:
    """Whether a card of the case is still to be posted."""
    unsent = sa.exists().where(
        outbox.c.destination == channel, sa.text("outbox.kind = 'card'"), UNSENT, outbox.c.case_id == case_id
    )
    return bool(connection.execute(sa.select(unsent)).scalar_one())


def start_attempt(connection: Connection, row_id: int, now: datetime) -> None:
    """Committed before the call goes out: a row found `sending` after a crash is uncertain."""
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == row_id)
        .values(
            state="sending",
            attempts=outbox.c.attempts + 1,
            looks=0,
            first_attempt_at=sa.func.coalesce(
                outbox.c.first_attempt_at, sa.bindparam("b_now", now, type_=outbox.c.first_attempt_at.type)
            ),
        )
    )


def start_mail(connection: Connection, row: OutboxRow, lost: int, now: datetime) -> None:
    """`start_attempt` of a mail: how often its outcome got lost before is on disk while it is under way."""
    count_lost(connection, row, lost)
    start_attempt(connection, row.id, now)


def count_lost(connection: Connection, row: OutboxRow, lost: int) -> None:
    """What became of a mail got lost, for the `lost`th time."""
    set_payload(connection, row.id, row.payload | {"lost": lost})


def has_left(connection: Connection, message_id: int) -> bool:
    """Whether the mail with that message went, or may have: nothing can change it any more."""
    left = sa.exists().where(
        outbox.c.message_id == message_id,
        outbox.c.destination == MAIL,
        outbox.c.state.in_(("sending", "uncertain", "sent")),
    )
    return bool(connection.execute(sa.select(left)).scalar_one())


def start_completing(connection: Connection, row: OutboxRow, file_id: str, now: datetime) -> None:
    """`start_attempt` of a file: the id under which Slack knows the upload must be on disk before it is shared."""
    set_payload(connection, row.id, row.payload | {"file_id": file_id})
    start_attempt(connection, row.id, now)


def forget_upload(connection: Connection, row: OutboxRow) -> None:
    """Slack no longer knows the upload: the next attempt uploads anew."""
    set_payload(connection, row.id, {name: value for name, value in row.payload.items() if name != "file_id"})


def set_state(
    connection: Connection, row_id: int, state: str, error: str | None = None, *, looked: bool = False
) -> None:
    values: dict[str, Any] = {"state": state, "error": error}
    if looked:
        values["looks"] = outbox.c.looks + 1
    connection.execute(sa.update(outbox).where(outbox.c.id == row_id).values(values))


def finish(
    connection: Connection,
    row_id: int,
    state: str,
    now: datetime,
    ts: str | None = None,
    error: str | None = None,
) -> None:
    connection.execute(
        sa.update(outbox).where(outbox.c.id == row_id).values(state=state, result_ts=ts, done_at=now, error=error)
    )


def payloads_of(connection: Connection, message_id: int) -> dict[int, dict[str, Any]]:
    """What the posts of a message were sent with, by part."""
    copied = outbox.c.kind.in_(("mirror", "answer"))
    rows = connection.execute(
        sa.select(outbox.c.payload).where(outbox.c.message_id == message_id, copied)
    ).scalars()
    return {int(payload["part"]): payload for payload in rows if "part" in payload}


def file_lane(message_id: int) -> str:
    return f"files:{message_id}"


def hurry_files(connection: Connection, message_id: int, now: datetime) -> None:
    """The words of a message have gone: its files may follow at once."""
    connection.execute(
        sa.update(outbox_lanes)
        .where(outbox_lanes.c.lane == file_lane(message_id), sa.text("outbox_lanes.next_at IS NOT NULL"))
        .values(next_at=now, failures=0)
    )


@dataclass(frozen=True, slots=True)
class Fate:
    """How the rows of a message fared: what waits of its words and its files, and what arrived of each."""

    words_waiting: int
    words_sent: int
    words_parked: int
    files_waiting: int
    files_sent: int
    mails_sent: int = 0


def fate_of(connection: Connection, message_id: int) -> Fate:
    rows = connection.execute(
        sa.select(outbox.c.kind, outbox.c.state, outbox.c.destination, sa.func.count())
        .where(outbox.c.message_id == message_id, outbox.c.kind.in_(("mirror", "answer", "file")))
        .group_by(outbox.c.kind, outbox.c.state, outbox.c.destination)
    )
    counts: dict[tuple[str, str], int] = {}
    for kind, state, destination, count in rows:
        what = "files" if kind == "file" else "words"
        how = state if state in {"sent", "parked", "dropped"} else "waiting"
        counts[what, how] = counts.get((what, how), 0) + count
        if destination == MAIL:
            counts["mails", how] = counts.get(("mails", how), 0) + count
    return Fate(
        words_waiting=counts.get(("words", "waiting"), 0),
        words_sent=counts.get(("words", "sent"), 0),
        words_parked=counts.get(("words", "parked"), 0),
        files_waiting=counts.get(("files", "waiting"), 0),
        files_sent=counts.get(("files", "sent"), 0),
        mails_sent=counts.get(("mails", "sent"), 0),
    )
