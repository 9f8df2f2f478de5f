"""Erasing one customer: case by case, then whatever else names the person, in small steps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from . import erase, outbox, wishes
from .engine import Database
from .erase import ErasedItem, LivesOn
from .inbox import customer_lane
from .tables import (
    blocked_addresses,
    cases,
    customers,
    held_mails,
    home_views,
    inbox,
    inbox_lanes,
    leases,
    mail_ids,
    mail_participants,
    mail_tallies,
    messages,
    outbox_lanes,
    replayed_lanes,
)
from .tables import outbox as outbox_table

ROWS_PER_SWEEP = 5000


@dataclass(slots=True)
class Person:
    """Whom to erase: by the identifier, and by the names and the DM that stand for it here and there."""

    identifier: str
    names: set[str] = field(default_factory=set)
    case_ids: list[str] = field(default_factory=list)
    is_blocked: bool = False
    held: int = 0
    dms: set[str] = field(default_factory=set)

    @property
    def lanes(self) -> list[str]:
        return [customer_lane(self.identifier), f"person:{self.identifier}"]


@dataclass(frozen=True, slots=True)
class Step:
    """So far: `done` of `total` steps."""

    done: int
    total: int


def find_person(connection: Connection, identifier: str) -> Person | None:
    """What there is of a customer, or of somebody whose mail no case took; None when there is nothing."""
    person = Person(identifier)
    row = connection.execute(sa.select(customers).where(customers.c.customer_identifier == identifier)).first()
    if row is not None:
        person.names = {name for name in (row.display_name, row.handle) if name}
    of_person = cases.c.customer_identifier == identifier
    rows = connection.execute(
        sa.select(cases.c.case_id, cases.c.reply_channel).where(of_person).order_by(cases.c.number)
    )
    for case in rows:
        person.case_ids.append(case.case_id)
        if case.reply_channel is not None and case.reply_channel.startswith("D"):
            person.dms.add(case.reply_channel)
    count = sa.select(sa.func.count()).select_from(held_mails).where(held_mails.c.sender == identifier)
    person.held = int(connection.execute(count).scalar_one())
    person.is_blocked = _has(connection, blocked_addresses, blocked_addresses.c.address == identifier)
    known = (
        row is not None
        or person.held
        or person.is_blocked
        or _has(connection, mail_participants, mail_participants.c.address == identifier)
        or _has(connection, inbox_lanes, inbox_lanes.c.lane.in_(person.lanes))
    )
    return person if known else None


async def erase_person(
    database: Database, person: Person, now: Callable[[], datetime], lives_on: LivesOn, *, delete_posts: bool
) -> AsyncIterator[Step]:
    """Step by step, each a transaction: whoever is interrupted goes on by beginning anew. Fills `lives_on`."""
    sweeps = [
        (inbox, partial(_sweep_inbox, person=person, delete_posts=delete_posts)),
        (outbox_table, partial(_sweep_outbox, person=person)),
    ]
    last = {table.name: await database.read(partial(_last, table=table)) for table, _ in sweeps}
    total = len(person.case_ids) + sum(-(-number // ROWS_PER_SWEEP) for number in last.values()) + 1
    done = 0
    for case_id in person.case_ids:
        work = partial(erase.erase_case, case_id=case_id, now=now(), delete_posts=delete_posts)
        lives_on.add(await database.write(work))
        done += 1
        yield Step(done, total)
    person.dms |= lives_on.dms
    for table, sweep in sweeps:
        for after in range(0, last[table.name], ROWS_PER_SWEEP):
            lives_on.add(await database.write(partial(sweep, after=after, now=now())))
            person.dms |= lives_on.dms
            done += 1
            yield Step(done, total)
    rest = partial(_erase_rest, person=person, now=now(), delete_posts=delete_posts)
    lives_on.add(await database.write(rest))
    yield Step(total, total)


def _sweep_inbox(connection: Connection, person: Person, after: int, now: datetime, delete_posts: bool) -> LivesOn:
    """What the person wrote or was asked about, whether a case came of it or not."""
    window = sa.and_(inbox.c.id > after, inbox.c.id <= after + ROWS_PER_SWEEP)
    items = erase.items_of(connection, sa.and_(window, inbox.c.lane.in_(person.lanes)))
    if not items:
        return LivesOn()
    found = _erase_mails(connection, person, {one.mail_id for one in items if one.mail_id}, now, delete_posts)
    pseudonym = erase.stand_in(connection, person.identifier, now)
    erase.erase_items(connection, items, pseudonym, now)
    found.dms = _dms_of(items)
    return found


def _sweep_outbox(connection: Connection, person: Person, after: int, now: datetime) -> LivesOn:
    """What is about no case and names the person all the same: a reply to an admin, a trouble that was told."""
    window = sa.and_(outbox_table.c.id > after, outbox_table.c.id <= after + ROWS_PER_SWEEP)
    places = sorted({person.identifier, *person.dms})
    payload = sa.cast(outbox_table.c.payload, sa.Text)
    # As JSON has them, whole: a short name must not be found within other words.
    named = [payload.contains(json.dumps(name), autoescape=True) for name in sorted({*places, *person.names})]
    keys = (outbox_table.c.dedupe_key, outbox_table.c.item_key)
    keyed = [key.contains(place, autoescape=True) for key in keys for place in places]
    in_keys = [payload.contains(f":{place}:", autoescape=True) for place in places]
    condition = sa.or_(outbox_table.c.destination.in_(places), *named, *keyed, *in_keys)
    erase.erase_outbox(connection, sa.and_(window, outbox_table.c.lane != erase.GONE, condition), now)
    return LivesOn()


def _erase_rest(connection: Connection, person: Person, now: datetime, delete_posts: bool) -> LivesOn:
    identifier = person.identifier
    held = set(
        connection.execute(sa.select(held_mails.c.mail_id).where(held_mails.c.sender == identifier)).scalars()
    )
    found = _erase_mails(connection, person, held, now, delete_posts)
    _erase_from_others_cases(connection, person, now)
    ways = [f"{kind}{dm}" for dm in sorted(person.dms) for kind in ("", outbox.FILES)]
    named: list[tuple[Table, sa.ColumnElement[bool]]] = [
        (blocked_addresses, blocked_addresses.c.address == identifier),
        (mail_tallies, mail_tallies.c.address == identifier),
        (replayed_lanes, replayed_lanes.c.lane == identifier),
        (inbox_lanes, inbox_lanes.c.lane.in_(person.lanes)),
        (outbox_lanes, outbox_lanes.c.destination.in_([*ways, identifier])),
        (leases, leases.c.name.in_([f"channel:{way}" for way in [*sorted(person.dms), identifier]])),
    ]
    for table, condition in named:
        connection.execute(sa.delete(table).where(condition))
    for row in connection.execute(sa.select(home_views.c.person, home_views.c.place)).all():
        if identifier in json.dumps(row.place, ensure_ascii=False):
            connection.execute(sa.delete(home_views).where(home_views.c.person == row.person))
    left = sa.exists().where(cases.c.customer_identifier == customers.c.customer_identifier)
    connection.execute(sa.delete(customers).where(customers.c.customer_identifier == identifier, ~left))
    return found


def _erase_mails(
    connection: Connection, person: Person, numbers: set[int], now: datetime, delete_posts: bool
) -> LivesOn:
    found = LivesOn()
    if not numbers:
        return found
    wished = erase.held_posts(connection, numbers, found, now)
    pseudonym = erase.stand_in(connection, person.identifier, now)
    found.mails = erase.erase_mails(connection, numbers, pseudonym, now)
    wishes.want(connection, wished)
    if delete_posts:
        wishes.want(connection, erase.deletions(found, now))
    return found


def _erase_from_others_cases(connection: Connection, person: Person, now: datetime) -> None:
    """Where the person took part in somebody else's case, the words go, and the posts that show them follow."""
    identifier = person.identifier
    joined = sa.select(mail_participants.c.case_id).where(mail_participants.c.address == identifier)
    case_ids = list(connection.execute(joined).scalars())
    if not case_ids:
        return
    written = sa.and_(messages.c.case_id.in_(case_ids), messages.c.sender == identifier)
    rows = connection.execute(sa.select(messages.c.id, messages.c.case_id).where(written)).all()
    pseudonym = erase.stand_in(connection, identifier, now)
    erase.erase_messages(connection, messages.c.id.in_([row.id for row in rows]), pseudonym, keep_copies=True)
    connection.execute(
        sa.update(messages).where(messages.c.id.in_([row.id for row in rows])).values(deleted_at=now)
    )
    wishes.want(connection, [wishes.copies_wish(row.id, row.case_id, now) for row in rows])
    connection.execute(
        sa.delete(mail_ids).where(mail_ids.c.case_id.in_(case_ids), mail_ids.c.address == identifier)
    )
    connection.execute(sa.delete(mail_participants).where(mail_participants.c.address == identifier))


def _dms_of(items: list[ErasedItem]) -> set[str]:
    places = [one.key.split(":") for one in items]
    return {
        place[1]
        for place in places
        if len(place) > 2 and place[0] in {"post", "edit", "delete"} and place[1][:1] == "D"
    }


def _has(connection: Connection, table: Table, condition: sa.ColumnElement[bool]) -> bool:
    return bool(
        connection.execute(
            sa.select(sa.exists(sa.select(sa.literal(1)).select_from(table).where(condition)))
        ).scalar_one()
    )


def _last(connection: Connection, table: Table) -> int:
    return int(connection.execute(sa.select(sa.func.max(table.c.id))).scalar_one() or 0)
