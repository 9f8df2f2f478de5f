"""The inbox: every incoming item, raw, under its unique key, in the lane of the customer it concerns."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from . import erasures
from .sql import insert_into
from .tables import alerts, case_threads, cases, inbox, inbox_lanes, outbox

WAITING = sa.text("inbox.state = 'waiting'")
# The lanes of a round are asked for so many together: one statement serves for nearly any number of them.
LANES_TOGETHER = 10
NO_LANE = ""
UNSENT = sa.text("outbox.state IN ('pending', 'sending', 'uncertain')")


@dataclass(frozen=True, slots=True)
class About:
    """What an arriving item is about, from which its lane follows; or the lane itself."""

    customer: str | None = None
    thread: tuple[str, str] | None = None
    case_id: str | None = None
    alert_key: str | None = None
    person: str | None = None
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class NewItem:
    """`at` is when it was written (Slack's ts); `twin_key` catches one gesture that arrives as two."""

    key: str
    kind: str
    about: About
    at: datetime
    raw: bytes
    twin_key: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    key: str
    kind: str
    lane: str
    at: datetime
    received_at: datetime
    raw: bytes
    attempts: int
    tell_late: bool


def put(connection: Connection, item: NewItem, now: datetime) -> bool:
    """Keep an item. False when it was there already, was erased, or is about no case (chatter elsewhere)."""
    return put_all(connection, [item], now)[0]


def put_all(connection: Connection, items: Sequence[NewItem], now: datetime) -> list[bool]:
    """As `put`, for many at once, in the order in which they came."""
    if not items:
        return []
    lanes = {about: _lane(connection, about) for about in dict.fromkeys(item.about for item in items)}
    rows = [
        {
            "key": item.key,
            "twin_key": item.twin_key,
            "kind": item.kind,
            "lane": lane,
            "at": item.at,
            "received_at": now,
            "raw": item.raw,
        }
        for item in _without_erased(connection, items)
        if (lane := lanes[item.about]) is not None
    ]
    if not rows:
        return [False] * len(items)
    new = {row.key: row.lane for row in connection.execute(_put(connection.dialect.name), rows)}
    wake(connection, new.values(), now)
    return [new.pop(item.key, None) is not None for item in items]


@cache
def _put(dialect: str) -> Any:
    return insert_into(dialect, inbox).on_conflict_do_nothing().returning(inbox.c.key, inbox.c.lane)


def _without_erased(connection: Connection, items: Sequence[NewItem]) -> Sequence[NewItem]:
    if not erasures.is_any(connection):
        return items
    hashes = [set(erasures.hashes_of(connection, erasures.names_of(item.key, item.twin_key))) for item in items]
    gone = erasures.erased_among(connection, set().union(*hashes))
    return [item for item, known in zip(items, hashes, strict=True) if not known & gone]


def try_to_keep(connection: Connection) -> None:
    """Do what `put` does, and leave nothing behind: whether it can be done shows."""
    now = datetime.now(UTC)
    trial = {"key": f"trial:{uuid.uuid4()}", "kind": "trial", "lane": "trial", "at": now, "received_at": now}
    connection.execute(sa.insert(inbox).values(raw=b"", **trial))
    connection.execute(sa.delete(inbox).where(inbox.c.key == trial["key"]))


def wake(connection: Connection, lanes: Iterable[str], at: datetime) -> None:
    """Have the lanes looked at by `at` at the latest."""
    rows = [{"lane": lane, "next_at": at} for lane in sorted(set(lanes))]
    if rows:
        connection.execute(_wake(connection.dialect.name), rows)


@cache
def _wake(dialect: str) -> Any:
    insert = insert_into(dialect, inbox_lanes)
    earlier = sa.case(
        (
            sa.or_(inbox_lanes.c.next_at.is_(None), inbox_lanes.c.next_at > insert.excluded.next_at),
            insert.excluded.next_at,
        ),
        else_=inbox_lanes.c.next_at,
    )
    return insert.on_conflict_do_update(index_elements=["lane"], set_={"next_at": earlier})


def _lane(connection: Connection, about: About) -> str | None:
    if about.lane is not None:
        return about.lane
    if about.customer is not None:
        return customer_lane(about.customer)
    customer: str | None = None
    if about.thread is not None:
        customer = customer_of_thread(connection, *about.thread)
        if customer is None:
            if has_unsettled_card(connection, about.thread[0]):
                return f"thread:{about.thread[0]}:{about.thread[1]}"
            # Asked again, since the card may have been settled between the two looks above.
            customer = customer_of_thread(connection, *about.thread)
            if customer is None:
                return None
    elif about.case_id is not None:
        customer = customer_of_case(connection, about.case_id)
    elif about.alert_key is not None:
        found = connection.execute(
            sa.select(cases.c.customer_identifier)
            .join(alerts, alerts.c.case_id == cases.c.case_id)
            .where(alerts.c.alert_key == about.alert_key)
        ).scalar_one_or_none()
        customer = found
    return customer_lane(customer) if customer is not None else f"person:{about.person}"


def customer_lane(customer: str) -> str:
    return f"customer:{customer}"


def customer_of_thread(connection: Connection, channel: str, thread_ts: str) -> str | None:
    return connection.execute(
        sa.select(cases.c.customer_identifier)
        .join(case_threads, case_threads.c.case_id == cases.c.case_id)
        .where(case_threads.c.channel == channel, case_threads.c.thread_ts == thread_ts)
    ).scalar_one_or_none()


def customer_of_case(connection: Connection, case_id: str) -> str | None:
    return connection.execute(
        sa.select(cases.c.customer_identifier).where(cases.c.case_id == case_id)
    ).scalar_one_or_none()


def has_unsettled_card(connection: Connection, channel: str) -> bool:
    """Whether a card may already stand in the channel without our knowing its ts yet."""
    statement = sa.select(
        sa.exists().where(outbox.c.destination == channel, sa.text("outbox.kind = 'card'"), UNSENT)
    )
    return bool(connection.execute(statement).scalar_one())


def ready_lanes(connection: Connection, now: datetime, limit: int) -> list[str]:
    statement = (
        sa.select(inbox_lanes.c.lane)
        .where(sa.text("inbox_lanes.next_at IS NOT NULL"), inbox_lanes.c.next_at <= now)
        .order_by(inbox_lanes.c.next_at)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


@dataclass(frozen=True, slots=True)
class Taken:
    """Lanes taken for a while; `left_behind`: those that another process had and did not give back, and which."""

    lanes: tuple[str, ...]
    left_behind: Mapping[str, str] = field(default_factory=dict)


def take_lanes(
    connection: Connection, now: datetime, limit: int, until: datetime, owner: str, kept: Collection[str] = ()
) -> Taken:
    """Take ready lanes for a while, and keep those already taken: no other process works on them before `until`.

    It saves work twice done; that a decision is made once is seen to by `lock_lanes` and `still_waiting`.
    """
    statement = (
        sa.select(inbox_lanes)
        .where(sa.text("inbox_lanes.next_at IS NOT NULL"), inbox_lanes.c.next_at <= now)
        .order_by(inbox_lanes.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ready = connection.execute(statement).all()
    of_others = [row for row in ready if row.taken_by not in (None, owner)]
    in_use = {row.lane for row in of_others if row.taken_until > now}
    lanes = tuple(dict.fromkeys([*kept, *(row.lane for row in ready if row.lane not in in_use)]))
    if lanes:
        connection.execute(
            sa.update(inbox_lanes)
            .where(inbox_lanes.c.lane.in_(sorted(lanes)))
            .values(next_at=until, taken_by=owner, taken_until=until)
        )
    if in_use:  # something arrived in them: whoever works on them finds it, or who takes them over
        connection.execute(
            sa.update(inbox_lanes)
            .where(inbox_lanes.c.lane.in_(sorted(in_use - set(lanes))))
            .values(next_at=inbox_lanes.c.taken_until)
        )
    return Taken(lanes, {row.lane: row.taken_by for row in of_others if row.lane not in in_use})


def not_given_back(connection: Connection, lanes: Collection[str], owner: str) -> set[str]:
    """Those of the lanes that the owner has still: somebody else had them locked when they were to be rested."""
    statement = sa.select(inbox_lanes.c.lane).where(
        inbox_lanes.c.lane.in_(sorted(lanes)), inbox_lanes.c.taken_by == owner
    )
    return set(connection.execute(statement).scalars())


def suspect(connection: Connection, left_behind: Mapping[str, str], per_lane: int) -> None:
    """The first items of lanes that were left behind count as tried once, by whom left them: one of them may have
    ended that process. `left_behind`: the process by lane.
    """
    tried: dict[str, list[int]] = {}
    for item in heads(connection, sorted(left_behind), per_lane):
        if not item.attempts:
            tried.setdefault(left_behind[item.lane], []).append(item.id)
    for owner, ids in tried.items():
        statement = sa.update(inbox).where(inbox.c.id.in_(ids), WAITING)
        connection.execute(statement.values(attempts=1, tried_by=_named(owner)))


def next_wake(connection: Connection) -> datetime | None:
    earliest: datetime | None = connection.execute(
        sa.select(sa.func.min(inbox_lanes.c.next_at)).where(sa.text("inbox_lanes.next_at IS NOT NULL"))
    ).scalar_one()
    return earliest


def heads(connection: Connection, lanes: Sequence[str], per_lane: int) -> list[Item]:
    """The first items of each lane, in the order of writing: the same few of each, however long one is."""
    if not lanes:
        return []
    asked = [*lanes, *[NO_LANE] * (-len(lanes) % LANES_TOGETHER)]
    statement = _heads(len(asked), per_lane)
    rows = connection.execute(statement, {f"lane{number}": lane for number, lane in enumerate(asked)})
    return [Item(*row) for row in rows]


@cache
def _heads(lanes: int, per_lane: int) -> sa.TextualSelect:
    """Written out: SQLAlchemy takes longer to put so many parts together than the database to run them."""
    columns = ("id", "key", "kind", "lane", "at", "received_at", "raw", "attempts", "tell_late")
    names = ", ".join(f"inbox.{name}" for name in columns)
    each = (
        f"SELECT * FROM (SELECT {names} FROM inbox WHERE inbox.lane = :lane{number} AND {WAITING}"  # noqa: S608
        f" ORDER BY inbox.at, inbox.id LIMIT {per_lane}) AS head{number}"
        for number in range(lanes)
    )
    return sa.text(" UNION ALL ".join(each)).columns(*(inbox.c[name] for name in columns))


def lock_lanes(connection: Connection, lanes: Sequence[str]) -> list[str]:
    """Lock the lanes that no other process is working on (on SQLite there is no other)."""
    statement = (
        sa.select(inbox_lanes.c.lane)
        .where(inbox_lanes.c.lane.in_(sorted(lanes)))
        .order_by(inbox_lanes.c.lane)
        .with_for_update(skip_locked=True)
    )
    return list(connection.execute(statement).scalars())


def still_waiting(connection: Connection, ids: Sequence[int]) -> dict[int, bool]:
    """The items of `ids` that wait for a decision still, each with whether somebody asked to be told late."""
    statement = sa.select(inbox.c.id, inbox.c.tell_late).where(inbox.c.id.in_(ids), WAITING)
    # Locked, or who asks to be told just now would be promised what this decision no longer sees.
    statement = statement.order_by(inbox.c.id).with_for_update()
    return {row.id: row.tell_late for row in connection.execute(statement)}


@dataclass(frozen=True, slots=True)
class Done:
    id: int
    state: str = "done"
    case_id: str | None = None
    facts: Mapping[str, Any] | None = None
    outcome: Mapping[str, Any] | None = None
    error: str | None = None


def mark(connection: Connection, done: Sequence[Done], now: datetime) -> None:
    if not done:
        return
    statement = (
        sa.update(inbox)
        .where(inbox.c.id == sa.bindparam("b_id"))
        .values(
            state=sa.bindparam("b_state"),
            case_id=sa.bindparam("b_case_id"),
            facts=sa.bindparam("b_facts"),
            outcome=sa.bindparam("b_outcome"),
            error=sa.bindparam("b_error"),
            done_at=now,
        )
    )
    connection.execute(
        statement,
        [
            {
                "b_id": one.id,
                "b_state": one.state,
                "b_case_id": one.case_id,
                "b_facts": one.facts,
                "b_outcome": one.outcome,
                "b_error": one.error,
            }
            for one in done
        ],
    )


def rest_lanes(
    connection: Connection, lanes: Sequence[str], now: datetime, delayed: Mapping[str, datetime]
) -> None:
    """After a round over locked lanes: look again at once where items wait, later where a lookup failed."""
    if not lanes:
        return
    more = sa.select(inbox.c.id).where(inbox.c.lane == inbox_lanes.c.lane, WAITING).exists()
    connection.execute(
        sa.update(inbox_lanes)
        .where(inbox_lanes.c.lane.in_(sorted(lanes)))
        .values(
            next_at=sa.case((more, sa.bindparam("b_now", now, type_=inbox_lanes.c.next_at.type)), else_=None),
            taken_by=None,
            taken_until=None,
        )
    )
    if not delayed:
        return
    connection.execute(
        sa.update(inbox_lanes)
        .where(inbox_lanes.c.lane == sa.bindparam("b_lane"), inbox_lanes.c.next_at.is_not(None))
        .values(next_at=sa.bindparam("b_until")),
        [{"b_lane": lane, "b_until": until} for lane, until in sorted(delayed.items())],
    )


def begin_attempt(connection: Connection, item_id: int, owner: str) -> int:
    """Note that a waiting item is about to be tried alone by this process, which counts once however often it is
    noted; how many tries there were by now, 0 when it waits no more.
    """
    tried = _tried(owner)
    statement = (
        sa.update(inbox)
        .where(inbox.c.id == item_id, WAITING)
        .values(
            attempts=inbox.c.attempts + sa.case((tried, 0), else_=1),
            tried_by=sa.case((tried, inbox.c.tried_by), else_=inbox.c.tried_by + _named(owner)),
        )
        .returning(inbox.c.attempts)
    )
    return int(connection.execute(statement).scalar_one_or_none() or 0)


def take_back_attempts(connection: Connection, owner: str, ids: Collection[int] | None = None) -> None:
    """The tries of this process, of these items or of all, ended without a verdict and without ending it: they do
    not count."""
    statement = sa.update(inbox).where(WAITING, sa.text("inbox.tried_by <> ''"), _tried(owner))
    if ids is not None:
        statement = statement.where(inbox.c.id.in_(sorted(ids)))
    connection.execute(statement.values(attempts=inbox.c.attempts - 1, tried_by=_without(owner)))


def count_attempt(connection: Connection, item_id: int, error: str, owner: str) -> int:
    """Note that a waiting item failed by itself, in a try that may be noted already; how often it has by now.

    0 when it waits no more.
    """
    statement = (
        sa.update(inbox)
        .where(inbox.c.id == item_id, WAITING)
        .values(
            attempts=inbox.c.attempts + sa.case((_tried(owner), 0), else_=1), tried_by=_without(owner), error=error
        )
        .returning(inbox.c.attempts)
    )
    return int(connection.execute(statement).scalar_one_or_none() or 0)


def _named(owner: str) -> str:
    return f"{owner} "


def _without(owner: str) -> sa.Function[str]:
    return sa.func.replace(inbox.c.tried_by, _named(owner), "")


def _tried(owner: str) -> sa.ColumnElement[bool]:
    return _without(owner) != inbox.c.tried_by


def written_at(connection: Connection, key: str) -> datetime | None:
    """When that was written which came as this item."""
    found: datetime | None = connection.execute(sa.select(inbox.c.at).where(inbox.c.key == key)).scalar()
    return found


def outcome(connection: Connection, key: str) -> tuple[str, dict[str, Any] | None] | None:
    """State and outcome of an item, or None when there is no such key."""
    row = connection.execute(sa.select(inbox.c.state, inbox.c.outcome).where(inbox.c.key == key)).first()
    return (row.state, row.outcome) if row is not None else None


def ask_to_be_told(connection: Connection, key: str) -> bool:
    """Have the outcome sent later. False when it is there already."""
    statement = sa.update(inbox).where(inbox.c.key == key, WAITING).values(tell_late=True).returning(inbox.c.id)
    return connection.execute(statement).first() is not None


def backlog(connection: Connection, before: datetime) -> bool:
    """Whether anything received before that moment still waits for a decision."""
    # The oldest is the first entry of an index; whether any is older might be looked for in all that wait.
    oldest: datetime | None = connection.execute(
        sa.select(sa.func.min(inbox.c.received_at)).where(WAITING)
    ).scalar_one()
    return oldest is not None and oldest < before
