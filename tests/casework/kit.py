"""Casework without Slack: events in Slack's shape, people who are simply known, and one call that decides all."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.casework.batch import apply_items
from bot.casework.batch_state import Desk
from bot.casework.filing_rows import Channels
from bot.casework.intake import Request, Verb, message_item, request_item
from bot.casework.prepare import Prepared, prepare
from bot.casework.taking import take_unheld
from bot.clock import Clock
from bot.desk.model import Person
from bot.desk.policy import Policy
from bot.people import LookupUnavailable, Profile, UnknownUser
from bot.slack_time import ts_of
from storage import cases, inbox, outbox
from storage.engine import Database
from storage.inbox import Item, NewItem

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CHANNELS = Channels("CSUP", "CALERT", "CLOG")
DESK = Desk(Policy(), CHANNELS)
ADA = "UADA"
NAMES = {ADA: "Ada Admin", "UGRACE": "Grace Admin", "UBEN": "Ben"}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def ts(seconds: float) -> str:
    return ts_of(after(seconds))


def body(**event: Any) -> dict[str, Any]:
    return {"event": {"type": "message", **event}}


def dm(seconds: float, text: str = "Hello", user: str = "U1", **more: Any) -> dict[str, Any]:
    told = {"channel": f"D{user}", "channel_type": "im", "user": user, "text": text, "ts": ts(seconds)}
    return body(**(told | more))


def reply(seconds: float, root: str, text: str, user: str = ADA, **more: Any) -> dict[str, Any]:
    """A post in a thread of the support channel."""
    return body(
        channel="CSUP", channel_type="channel", user=user, text=text, ts=ts(seconds), thread_ts=root, **more
    )


def edit(of: dict[str, Any], text: str, at: float) -> dict[str, Any]:
    event = of["event"]
    message = event | {"text": text, "edited": {"user": event["user"], "ts": ts(at)}}
    kept = {name: event[name] for name in ("channel", "channel_type")}
    return body(subtype="message_changed", message=message, previous_message=event, ts=ts(at), hidden=True, **kept)


def deletion(of: dict[str, Any], at: float) -> dict[str, Any]:
    event = of["event"]
    kept = {name: event[name] for name in ("channel", "channel_type")}
    return body(
        subtype="message_deleted",
        deleted_ts=event["ts"],
        previous_message=event,
        event_ts=ts(at),
        hidden=True,
        **kept,
    )


def asks(seconds: float, verb: Verb, target: str, user: str = ADA, gesture: str = "", text: str = "") -> NewItem:
    return request_item(Request(verb, user, target, text), gesture or f"{verb}-{seconds}", after(seconds))


class KnownPeople:
    """Everybody is known; a test may make the lookup of somebody fail."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.unknown: set[str] = set()
        self.asked: list[str] = []

    async def profile(self, user_id: str) -> Profile:
        self.asked.append(user_id)
        if user_id in self.away:
            raise LookupUnavailable("users.info: timeout")
        if user_id in self.unknown:
            raise UnknownUser(f"Slack knows no user {user_id}")
        name = NAMES.get(user_id, f"Name of {user_id}")
        is_bot = user_id.startswith("UBOT")
        return Profile(
            user_id, name, user_id.lower(), "", is_bot=is_bot, is_active=True, is_full_member=not is_bot
        )

    async def is_admin(self, profile: Profile) -> bool:
        return profile.id in {ADA, "UGRACE"}

    async def person(self, user_id: str) -> Person:
        profile = await self.profile(user_id)
        return Person(profile.id, profile.name, await self.is_admin(profile))

    async def meet_admins(self) -> None:
        """They are known already."""

    async def names(self, user_ids: Iterable[str]) -> dict[str, str]:
        return {user_id: NAMES.get(user_id, user_id) for user_id in user_ids}


class StoppedClock(Clock):
    """Shows what a test sets."""

    def __init__(self, at: datetime = NOON) -> None:
        super().__init__()
        self.at = at

    def now(self) -> datetime:
        return self.at


def put_all(connection: Connection, items: Iterable[NewItem | dict[str, Any]], now: datetime = NOON) -> list[bool]:
    """Keep items, or the items of Slack's events."""
    made = [one if isinstance(one, NewItem) else message_item(one) for one in items]
    return [inbox.put(connection, one, now) for one in made if one is not None]


def prepared(item: Item) -> Prepared:
    """`prepare` with people who answer at once never waits."""
    running = prepare(item, KnownPeople())  # type: ignore[arg-type]
    try:
        running.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("preparing waited for something")


def decide_all(connection: Connection, now: datetime = NOON, desk: Desk = DESK) -> list[str]:
    """Decide whatever waits in ready lanes, in batches as the worker makes them; the keys decided."""
    decided: list[str] = []
    while items := take_unheld(connection, now)[0]:
        keys = apply_items(connection, [(item, prepared(item)) for item in items], {}, desk, now)
        if not keys:
            break
        decided += keys
    return decided


async def happen(
    database: Database, *events: NewItem | dict[str, Any], now: datetime = NOON, desk: Desk = DESK
) -> list[str]:
    """Things arrive together and are decided together."""

    def work(connection: Connection) -> list[str]:
        put_all(connection, events, now)
        return decide_all(connection, now, desk)

    return await database.write(work)


def settle_cards(connection: Connection, now: datetime = NOON) -> dict[str, str]:
    """Post every card that waits, as the courier would; where each case stands."""
    rows = connection.execute(
        sa.text("SELECT id, case_id FROM outbox WHERE kind = 'card' AND state = 'pending' ORDER BY id")
    ).all()
    for row_id, case_id in rows:
        thread_ts = f"{case_id.removeprefix('CASE_')}.000001"
        outbox.finish(connection, row_id, "sent", now, thread_ts)
        cases.set_thread(connection, case_id, "CSUP", thread_ts)
    return roots(connection)


def roots(connection: Connection) -> dict[str, str]:
    rows = connection.execute(sa.text("SELECT case_id, thread_ts FROM cases WHERE thread_ts IS NOT NULL"))
    return {row.case_id: row.thread_ts for row in rows}


async def opened(database: Database, user: str = "U1", text: str = "Hello", seconds: float = 0) -> str:
    """A customer has written, and the card stands: the ts of the thread."""
    await happen(database, dm(seconds, text, user))
    await database.write(settle_cards)
    (root,) = await column(
        database,
        "SELECT thread_ts FROM cases WHERE customer_identifier = :user AND status = 'open'",
        user=user,
    )
    return root


async def rows(database: Database, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    return await database.read(lambda c: [tuple(row) for row in c.execute(sa.text(statement), values)])


async def column(database: Database, statement: str, **values: Any) -> list[Any]:
    return [row[0] for row in await rows(database, statement, **values)]


def faults(connection: Connection) -> list[str]:
    """What is wrong with what a desk has stored: nothing, always."""
    told: list[str] = []

    def expect_none(words: str, statement: str) -> None:
        found = [tuple(row) for row in connection.execute(sa.text(statement))]
        if found:
            told.append(f"{words}: {found[:5]}")

    expect_none(
        "more than one open case",
        "SELECT customer_identifier FROM cases WHERE status = 'open'"
        " GROUP BY customer_identifier HAVING count(*) > 1",
    )
    expect_none(
        "a message count that is not the count of messages",
        "SELECT case_id, message_count FROM cases WHERE message_count <>"
        " (SELECT count(*) FROM messages WHERE messages.case_id = cases.case_id)",
    )
    expect_none(
        "a closed case that is due", "SELECT case_id FROM cases WHERE status = 'closed' AND due_at IS NOT NULL"
    )
    expect_none(
        "an open case that is nobody's current one",
        "SELECT case_id FROM cases WHERE status = 'open' AND NOT EXISTS"
        " (SELECT 1 FROM customers WHERE current_case_id = cases.case_id)",
    )
    expect_none(
        "a customer's decided message that is not exactly one message",
        "SELECT key FROM inbox WHERE state = 'done' AND kind = 'message' AND key LIKE 'post:DU%' AND 1 <>"
        " (SELECT count(*) FROM messages WHERE 'post:' || channel || ':' || ts = inbox.key)",
    )
    expect_none(
        "a message without the row that passes it on",
        "SELECT id FROM messages WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message_id = messages.id)",
    )
    expect_none(
        "a lane that sleeps over a waiting item",
        "SELECT lane FROM inbox_lanes WHERE next_at IS NULL AND EXISTS"
        " (SELECT 1 FROM inbox WHERE inbox.lane = inbox_lanes.lane AND state = 'waiting')",
    )
    expect_none(
        "a lane that sleeps over an unsent row",
        "SELECT lane FROM outbox_lanes WHERE next_at IS NULL AND EXISTS"
        " (SELECT 1 FROM outbox WHERE outbox.lane = outbox_lanes.lane AND state = 'pending')",
    )
    numbers = list(connection.execute(sa.text("SELECT number FROM cases ORDER BY number")).scalars())
    if numbers != list(range(1, len(numbers) + 1)):
        told.append(f"case numbers with gaps: {numbers}")
    told += _miscounts(connection)
    return told


def _miscounts(connection: Connection) -> Sequence[str]:
    recount = connection.execute(
        sa.text(
            "SELECT count(CASE WHEN status = 'open' THEN 1 END) AS open,"
            " count(CASE WHEN status = 'closed' THEN 1 END) AS closed,"
            " count(CASE WHEN status = 'open' AND escalated THEN 1 END) AS escalated,"
            " count(CASE WHEN status = 'open' AND waiting_since IS NOT NULL THEN 1 END) AS waiting,"
            " count(*) AS case_number FROM cases"
        )
    ).one()
    counted = cases.read_counters(connection)
    return [
        f"{name}: counted {counted.get(name, 0)}, there are {value}"
        for name, value in recount._mapping.items()
        if counted.get(name, 0) != value
    ]
