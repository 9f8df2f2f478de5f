"""Customers and their cases: loaded with their rows locked, stored set-wise, and counted as they change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.desk.model import Case, CaseStatus, ReplyTo, Source

from .sql import Row, insert_for
from .tables import case_events, case_threads, cases, counters, customers

CASE_NUMBER = "case_number"
_SAME = {field.name for field in fields(Case)} - {"customer", "reply_to", "source", "status"}


@dataclass(frozen=True, slots=True)
class Customer:
    identifier: str
    display_name: str
    handle: str = ""
    current_case_id: str | None = None


@dataclass(frozen=True, slots=True)
class CaseThread:
    """Where a case stands in the support channel."""

    channel: str
    thread_ts: str


def case_id_of(number: int) -> str:
    return f"CASE_{number:03d}"


def number_of(case_id: str) -> int:
    return int(case_id.removeprefix("CASE_"))


def lock_customers(connection: Connection, identifiers: Iterable[str]) -> dict[str, Customer]:
    """Lock the customers' rows, in one order for all, before their cases."""
    wanted = sorted(set(identifiers))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(customers)
        .where(customers.c.customer_identifier.in_(wanted))
        .order_by(customers.c.customer_identifier)
        .with_for_update()
    )
    return {
        row.customer_identifier: Customer(
            row.customer_identifier, row.display_name, row.handle, row.current_case_id
        )
        for row in rows
    }


def add_customers(connection: Connection, found: Sequence[Customer], now: datetime) -> None:
    """Make sure the customers have rows; the names of known ones are brought up to date."""
    if not found:
        return
    rows = [
        {
            "customer_identifier": one.identifier,
            "display_name": one.display_name,
            "handle": one.handle,
            "created_at": now,
        }
        for one in sorted(found, key=lambda one: one.identifier)
    ]
    insert = insert_for(connection, customers)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["customer_identifier"],
            set_={"display_name": insert.excluded.display_name, "handle": insert.excluded.handle},
        ),
        rows,
    )


def rename_customer(connection: Connection, customer: Customer) -> str | None:
    """Take a known customer's new name over; the case whose card shows it, None where nothing has changed."""
    return connection.execute(
        sa.update(customers)
        .where(
            customers.c.customer_identifier == customer.identifier,
            sa.or_(
                customers.c.display_name != customer.display_name,
                customers.c.handle != customer.handle,
            ),
        )
        .values(display_name=customer.display_name, handle=customer.handle)
        .returning(customers.c.current_case_id)
    ).scalar_one_or_none()


def set_current_cases(connection: Connection, current: Mapping[str, str]) -> None:
    if not current:
        return
    connection.execute(
        sa.update(customers)
        .where(customers.c.customer_identifier == sa.bindparam("b_customer"))
        .values(current_case_id=sa.bindparam("b_case_id")),
        [{"b_customer": customer, "b_case_id": case_id} for customer, case_id in sorted(current.items())],
    )


def customers_of_cases(connection: Connection, case_ids: Iterable[str]) -> dict[str, str]:
    wanted = sorted(set(case_ids))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(cases.c.case_id, cases.c.customer_identifier).where(cases.c.case_id.in_(wanted))
    )
    return {row.case_id: row.customer_identifier for row in rows}


def cases_of_threads(connection: Connection, threads: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Which case each thread belongs to, by (channel, thread_ts)."""
    wanted = sorted(set(threads))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(case_threads).where(sa.tuple_(case_threads.c.channel, case_threads.c.thread_ts).in_(wanted))
    )
    return {(row.channel, row.thread_ts): row.case_id for row in rows}


def load_cases(connection: Connection, case_ids: Iterable[str]) -> dict[str, Case]:
    """Lock and load cases; the customers' rows must be locked before."""
    wanted = sorted(set(case_ids))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(cases).where(cases.c.case_id.in_(wanted)).order_by(cases.c.case_id).with_for_update()
    )
    return {row.case_id: case_from_row(row) for row in rows}


def find_customer(connection: Connection, identifier: str) -> Customer | None:
    row = connection.execute(sa.select(customers).where(customers.c.customer_identifier == identifier)).first()
    if row is None:
        return None
    return Customer(row.customer_identifier, row.display_name, row.handle, row.current_case_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose a case is, and whether it is open."""

    customer: str
    is_open: bool


def standings(connection: Connection, case_ids: Iterable[str]) -> dict[str, Standing]:
    wanted = sorted(set(case_ids))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(cases.c.case_id, cases.c.customer_identifier, cases.c.status).where(cases.c.case_id.in_(wanted))
    )
    return {row.case_id: Standing(row.customer_identifier, row.status == "open") for row in rows}


def open_cases_of(connection: Connection, identifiers: Iterable[str]) -> dict[str, str]:
    """The open case of each of the given people who has one."""
    wanted = sorted(set(identifiers))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(cases.c.customer_identifier, cases.c.case_id).where(
            sa.text("cases.status = 'open'"), cases.c.customer_identifier.in_(wanted)
        )
    )
    return {row.customer_identifier: row.case_id for row in rows}


def names_of(connection: Connection, identifiers: Iterable[str]) -> dict[str, str]:
    """The names of those of the given people who are customers."""
    wanted = sorted(set(identifiers))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(customers.c.customer_identifier, customers.c.display_name).where(
            customers.c.customer_identifier.in_(wanted)
        )
    )
    return {row.customer_identifier: row.display_name for row in rows}


def threads_of(connection: Connection, case_ids: Iterable[str]) -> dict[str, CaseThread]:
    """Where the cases stand; those whose card is not posted yet are left out."""
    wanted = sorted(set(case_ids))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(cases.c.case_id, cases.c.thread_channel, cases.c.thread_ts).where(
            cases.c.case_id.in_(wanted), cases.c.thread_ts.is_not(None)
        )
    )
    return {row.case_id: CaseThread(row.thread_channel, row.thread_ts) for row in rows}


def set_thread(connection: Connection, case_id: str, channel: str, thread_ts: str) -> None:
    """The card stands at `thread_ts`; earlier threads of the case stay known."""
    connection.execute(
        insert_for(connection, case_threads)
        .values(channel=channel, thread_ts=thread_ts, case_id=case_id)
        .on_conflict_do_nothing()
    )
    connection.execute(
        sa.update(cases).where(cases.c.case_id == case_id).values(thread_channel=channel, thread_ts=thread_ts)
    )


def draw_numbers(connection: Connection, how_many: int) -> range:
    """The next case numbers: gapless, since they are drawn in the transaction that stores the cases."""
    last = _add(connection, CASE_NUMBER, how_many)
    return range(last - how_many + 1, last + 1)


def insert_cases(connection: Connection, new: Sequence[tuple[int, Case]]) -> None:
    if new:
        connection.execute(sa.insert(cases), [case_values(case) | {"number": number} for number, case in new])


def update_cases(connection: Connection, changed: Sequence[Case]) -> None:
    if not changed:
        return
    rows = [case_values(case) for case in sorted(changed, key=lambda case: case.case_id)]
    columns = [name for name in rows[0] if name != "case_id"]
    statement = (
        sa.update(cases)
        .where(cases.c.case_id == sa.bindparam("b_case_id"))
        .values({name: sa.bindparam(f"b_{name}") for name in columns})
    )
    connection.execute(statement, [{f"b_{name}": value for name, value in row.items()} for row in rows])


def record_events(connection: Connection, rows: Sequence[Row]) -> None:
    """Add to the audit log: rows of case_id, kind, at, actor, channel, ts, data."""
    if rows:
        connection.execute(sa.insert(case_events), list(rows))


def find_event(connection: Connection, case_id: str, kind: str, channel: str, ts: str) -> Row | None:
    row = connection.execute(
        sa.select(case_events)
        .where(
            case_events.c.channel == channel,
            case_events.c.ts == ts,
            case_events.c.case_id == case_id,
            case_events.c.kind == kind,
        )
        .order_by(case_events.c.id.desc())
        .limit(1)
    ).first()
    return dict(row._mapping) if row is not None else None


def customers_among(connection: Connection, identifiers: Iterable[str]) -> list[str]:
    """The names of those of the given people who are customers."""
    rows = connection.execute(
        sa.select(customers.c.display_name).where(customers.c.customer_identifier.in_(sorted(set(identifiers))))
    )
    return sorted(rows.scalars())


def due_cases(connection: Connection, now: datetime, limit: int) -> list[str]:
    statement = (
        sa.select(cases.c.case_id)
        .where(sa.text("cases.due_at IS NOT NULL"), cases.c.due_at < now)
        .order_by(cases.c.due_at)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def tally(case: Case | None) -> Counter[str]:
    """What one case adds to the desk's counters."""
    if case is None:
        return Counter()
    counts = Counter({"open" if case.is_open else "closed": 1})
    if case.is_open and case.escalated:
        counts["escalated"] += 1
    if case.is_open and case.waiting_since is not None:
        counts["waiting"] += 1
    return counts


def change_counters(connection: Connection, change: Mapping[str, int]) -> None:
    for name in sorted(change):
        if change[name]:
            _add(connection, name, change[name])


def read_counters(connection: Connection) -> dict[str, int]:
    return {row.name: row.value for row in connection.execute(sa.select(counters))}


def _add(connection: Connection, name: str, amount: int) -> int:
    insert = insert_for(connection, counters).values(name=name, value=amount)
    return int(
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["name"], set_={"value": counters.c.value + insert.excluded.value}
            ).returning(counters.c.value)
        ).scalar_one()
    )


def case_from_row(row: Any) -> Case:
    same = {name: getattr(row, name) for name in _SAME}
    reply_to = ReplyTo(row.reply_channel, row.reply_thread_ts) if row.reply_channel is not None else None
    return Case(
        customer=row.customer_identifier,
        source=Source(row.source),
        status=CaseStatus(row.status),
        reply_to=reply_to,
        **same,
    )


def case_values(case: Case) -> Row:
    values: Row = {name: getattr(case, name) for name in _SAME}
    return values | {
        "customer_identifier": case.customer,
        "source": case.source.value,
        "status": case.status.value,
        "due_at": case.due_at,
        "reply_channel": case.reply_to.channel if case.reply_to else None,
        "reply_thread_ts": case.reply_to.thread_ts if case.reply_to else None,
    }
