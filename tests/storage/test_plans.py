"""The queries that run all the time read what they need by their partial indexes, however much else there is.

A plan is asserted instead of a duration; on PostgreSQL the generic plan, which a pooled connection ends up with.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.sandbox.people import ADA, SUPPORT
from bot.sandbox.people import DANA as SLACK_DANA
from storage import (
    alarms,
    attention,
    cases,
    conversations,
    home_views,
    inbox,
    messages,
    outbox,
    queues,
    replays,
    reports,
    retention,
    trace,
    watch,
    wishes,
)
from storage.cases import Customer
from storage.engine import Database, engine_for, open_database
from storage.queues import Cursor, Queue
from storage.retention import Reached
from tests.conftest import DATABASES
from tests.storage.kit import NOON, after
from tests.support.mail_desk import DANA, running_mail_desk
from tests.support.posts import words

CASES = 200_000
ITEMS = 100_000
LANES = 20_000
NOON_TEXT = "2026-01-31 12:00:00.000000"  # read as UTC: so SQLite keeps it, and so the test server's clock is
LATER_TEXT = "2026-02-28 12:00:00.000000"

FILL = f"""
INSERT INTO customers (customer_identifier, display_name, created_at)
SELECT 'U' || n, 'Name', :noon FROM (NUMBERS {CASES});

INSERT INTO cases (case_id, number, customer_identifier, source, status, created_at, last_message_at,
                   due_at, waiting_since, escalated, escalated_at, thread_channel, thread_ts)
SELECT 'CASE_' || n, n, 'U' || n, 'slack', CASE WHEN n % 10 = 0 THEN 'open' ELSE 'closed' END, :noon, :noon,
       CASE WHEN n % 100 = 0 THEN (CASE WHEN n % 1000 = 0 THEN :noon ELSE :later END) END,
       CASE WHEN n % 40 = 0 THEN :noon END, n % 80 = 0, CASE WHEN n % 80 = 0 THEN :noon END,
       'CSUP', n || '.0001'
  FROM (NUMBERS {CASES});

INSERT INTO case_threads (channel, thread_ts, case_id)
SELECT 'CSUP', n || '.0001', 'CASE_' || n FROM (NUMBERS {LANES});

INSERT INTO messages (case_id, sender, is_admin, body, timestamp, source, channel, ts, thread_ts)
SELECT 'CASE_' || n, 'U' || n, FALSE, 'words', :noon, 'slack',
       CASE WHEN n % 2 = 0 THEN 'CSUP' ELSE 'D' || n END, n || '.2',
       CASE WHEN n % 2 = 0 THEN (n / 10) || '.0001' END
  FROM (NUMBERS {LANES});

INSERT INTO attachments (message_id, name, mime_type, size) SELECT id, 'photo.png', 'image/png', 1 FROM messages;

INSERT INTO attachment_chunks (attachment_id, number, data) SELECT id, 1, '' FROM attachments;

INSERT INTO file_copies (file_id, attachment_id, channel, ts) SELECT 'F' || id, id, 'CSUP', id || '.7'
  FROM attachments;

INSERT INTO post_changes (channel, ts, at) SELECT 'CSUP', n || '.9', :noon FROM (NUMBERS {LANES});

INSERT INTO case_events (case_id, kind, at, channel, ts, data)
SELECT 'CASE_' || n, 'CustomerWrote', :noon, 'CSUP', n || '.2', '{{}}' FROM (NUMBERS {LANES});

INSERT INTO alerts (alert_key, case_id, post_key, raised_at, data)
SELECT 'CASE_' || n || '/1', 'CASE_' || n, 'P' || n, :noon, '{{}}' FROM (NUMBERS {LANES});

INSERT INTO alert_posts (post_key, channel, ts) SELECT post_key, 'CALERTS', '1.1' FROM alerts;

INSERT INTO replayed_lanes (lane, checked_until) SELECT 'customer:U' || n, :noon FROM (NUMBERS {LANES});

INSERT INTO mailboxes (name, uidvalidity, last_uid, installed_at) VALUES ('INBOX', 1, {LANES}, :noon);

INSERT INTO mails (mailbox, fingerprint, message_id, internaldate, size, received_at)
SELECT 'INBOX', 'f' || n, '<' || n || '@x>', :noon, 1, :noon FROM (NUMBERS {LANES});

INSERT INTO mail_uids (mailbox, uidvalidity, uid, mail_id) SELECT 'INBOX', 1, id, id FROM mails;

INSERT INTO mail_ids (message_id, case_id, message, is_ours, kind, address, subject, "references", at)
SELECT '<' || id || '@x>', case_id, id, FALSE, 'customer', 'a@b.example', 'Hello', '[]', :noon FROM messages;

INSERT INTO held_mails (mail_id, state, why, post_key, at)
SELECT id, CASE WHEN id % 100 = 0 THEN 'held' ELSE 'accepted' END, 'failed', 'mail:' || id, :noon FROM mails;

INSERT INTO mail_posts (post_key, channel, ts) SELECT post_key, 'CSUP', id || '.3' FROM held_mails;

INSERT INTO mail_participants (case_id, address, added_by, at)
SELECT 'CASE_' || n, 'a@b.example', 'UADA', :noon FROM (NUMBERS {LANES});

INSERT INTO mail_tallies (what, address, at) SELECT 'automatic', n || '@x', :noon FROM (NUMBERS {LANES});

INSERT INTO copies (message_id, channel, ts) SELECT id, 'CSUP', id || '.5' FROM messages;

INSERT INTO inbox (key, kind, lane, at, received_at, raw, case_id, state)
SELECT 'k' || n, 'message', 'customer:U' || (n % {LANES}), :noon, :noon, '',
       CASE WHEN n > {ITEMS} THEN 'CASE_' || n END,
       CASE WHEN n % 10000 = 0 THEN 'quarantined' WHEN n > {ITEMS} THEN 'done' ELSE 'waiting' END
  FROM (NUMBERS {ITEMS + ITEMS // 2});

INSERT INTO inbox_lanes (lane, next_at)
SELECT 'customer:U' || n, CASE WHEN n % 100 = 0 THEN :noon WHEN n % 2 = 0 THEN :later END FROM (NUMBERS {LANES});

INSERT INTO outbox (dedupe_key, lane, destination, kind, payload, created_at, message_id, case_id, state)
SELECT 'k' || n, 'thread:' || (n % {LANES}), CASE WHEN n % 3 = 0 THEN 'CSUP' ELSE 'D' || (n % 1000) END,
       CASE WHEN n % 7 = 0 THEN 'card' ELSE 'mirror' END, '{{}}', :noon, n, 'CASE_' || n,
       CASE WHEN n % 10000 = 0 THEN 'parked' WHEN n > {ITEMS} THEN 'sent' ELSE 'pending' END
  FROM (NUMBERS {ITEMS + ITEMS // 2});

INSERT INTO outbox_lanes (lane, destination, priority, next_at)
SELECT 'thread:' || n, CASE WHEN n % 3 = 0 THEN 'CSUP' ELSE 'D' || (n % 1000) END, n % 2,
       CASE WHEN n % 100 = 0 THEN :noon WHEN n % 2 = 0 THEN :later END
  FROM (NUMBERS {LANES});

INSERT INTO desired (target, kind, payload, next_at)
SELECT 'card:' || n, 'card', '{{}}', CASE WHEN n % 100 = 0 THEN :noon END FROM (NUMBERS {ITEMS});

INSERT INTO home_views (person, opened_at, place, next_at)
SELECT 'U' || n, :noon, '{{"queue": "waiting", "customer": null, "page": 1, "behind": []}}',
       CASE WHEN n % 100 = 0 THEN :noon END
  FROM (NUMBERS {LANES})
"""


def fill(connection: Connection) -> None:
    postgres = connection.dialect.name == "postgresql"
    series = (
        "SELECT generate_series(1, {0}) AS n"
        if postgres
        else ("WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {0}) SELECT n FROM up")
    )
    kind = "timestamptz " if postgres else ""
    filling = FILL.replace(":noon", f"{kind}'{NOON_TEXT}'").replace(":later", f"{kind}'{LATER_TEXT}'")
    filling = re.sub(r"\(NUMBERS (\d+)\)", lambda found: f"({series.format(found[1])}) AS numbers", filling)
    for statement in filling.split(";"):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("ANALYZE")


async def filled(url: str) -> None:
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(fill)
    await engine.dispose()


@pytest.fixture(scope="module", params=[pytest.param("sqlite", marks=pytest.mark.slow), DATABASES[1]])
def large_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk in the middle of an outage, after years of use."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        url = f"sqlite:///{shutil.copyfile(template, tmp_path_factory.mktemp('large') / 'casewire.db')}"
        asyncio.run(filled(url))
        yield url
        return
    cluster = request.getfixturevalue("postgres_cluster")
    url = cluster.create_database(
        name := f"casewire_plans_{os.getpid()}", request.getfixturevalue("postgres_template")
    )
    asyncio.run(filled(url))
    yield url
    cluster.drop_database(name)


@pytest.fixture
def desk_url(large_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the same kind."""
    if large_url.startswith("sqlite"):
        yield f"sqlite:///{shutil.copyfile(request.getfixturevalue('sqlite_template'), tmp_path / 'desk.db')}"
        return
    cluster = request.getfixturevalue("postgres_cluster")
    yield cluster.create_database(
        name := f"casewire_day_{os.getpid()}", request.getfixturevalue("postgres_template")
    )
    cluster.drop_database(name)


@pytest.fixture
async def large(large_url: str) -> AsyncIterator[Database]:
    database = open_database(large_url)
    yield database
    await database.close()


async def plans(database: Database, work: Callable[[Connection], object]) -> list[str]:
    """How the database carries out each statement of a work."""
    seen: list[tuple[str, object]] = []

    def note(_connection, _cursor, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    def explain(connection: Connection) -> list[str]:
        sa.event.listen(connection, "before_cursor_execute", note)
        tried = connection.begin_nested()
        work(connection)
        tried.rollback()
        sa.event.remove(connection, "before_cursor_execute", note)
        statements = [(statement, values) for statement, values in seen if "SAVEPOINT" not in statement]
        return [_plan(connection, statement, parameters) for statement, parameters in statements]

    return await database.write(explain)


def _plan(connection: Connection, statement: str, parameters: object) -> str:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(row[3] for row in rows)
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
    count = len(parameters)
    arguments = f"({', '.join(['NULL'] * count)})" if count else ""
    connection.exec_driver_sql(f"PREPARE asked AS {statement}")
    rows = connection.exec_driver_sql(f"EXPLAIN EXECUTE asked{arguments}").scalars().all()
    connection.exec_driver_sql("DEALLOCATE asked")
    return "\n".join(rows)


async def asked_by_a_desk(url: str) -> dict[str, Sequence[object]]:
    """The statements, each once, of a desk that takes, decides, sends, escalates, corrects, closes and replays."""
    asked: dict[str, Sequence[object]] = {}

    def note(_connection, _cursor, statement: str, parameters, _context, is_many: bool) -> None:
        asked.setdefault(_shape(statement), (statement, tuple(parameters[0] if is_many else parameters)))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        await _a_desks_day(url)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return dict(one for one in asked.values() if re.match(r"(SELECT|UPDATE|DELETE|WITH)\b", one[0]))


def _shape(statement: str) -> str:
    """The statement without how many values it is given."""
    return re.sub(r"(\?|\$\d+(::[\w ]+)?)(, (\?|\$\d+(::[\w ]+)?))*", "?", statement)


async def _a_desks_day(url: str) -> None:
    async with running_mail_desk(url) as desk:
        card = await desk.opened(SLACK_DANA, "This is urgent")
        await desk.until(lambda: any("is escalated" in post["text"] for post in desk.alerts()))
        ts = await desk.write("It is the red one", SLACK_DANA)
        await desk.slack.edit(SLACK_DANA, desk.slack.dm_channel(SLACK_DANA), ts, "It is the blue one")
        await desk.until(lambda: any("blue" in words(post) for post in desk.thread(card)))
        await desk.slack.delete(SLACK_DANA, desk.slack.dm_channel(SLACK_DANA), ts)
        await desk.until(lambda: not any("blue" in words(post) for post in desk.thread(card)))
        await desk.slack.dm(SLACK_DANA, "A picture", files=[{"name": "a.png", "content": b"\x89PNG1234"}])
        await desk.until(lambda: any(post.get("files") for post in desk.thread(card)))
        await desk.answer(card, "We look into it.")
        await desk.slack.open_home(ADA)
        desk.mail.write(f"Dana Lee <{DANA}>", "My order", "Where is it?")
        await desk.mirrored("Where is it?")
        mail_card = desk.cards()[1]
        await desk.answer(mail_card, "On its way.")
        await desk.mails_to(DANA, 2)
        desk.slack.clock.advance(49 * 3600)
        await desk.until(lambda: len(desk.alerts()) >= 2)
        lost = len(desk.slack.calls("conversations.history"))
        desk.slack.hold_events()
        await desk.slack.dm(SLACK_DANA, "In the gap")
        await desk.slack.drop_sockets()
        desk.slack.sockets._held = None
        await desk.until(lambda: len(desk.slack.calls("conversations.history")) > lost)
        await desk.until(lambda: any("In the gap" in words(post) for post in desk.thread(card)))
        await desk.slack.post(ADA, SUPPORT, "I'm closing this case.", thread_ts=card["ts"])
        await desk.until(lambda: any("closed at" in line for line in desk.log_lines()))


def scans(plan: str) -> list[str]:
    """The tables that a plan reads from end to end."""
    return [
        line
        for line in plan.splitlines()
        if "Seq Scan" in line or re.match(r"SCAN (?!.* INDEX |CONST|anon_|head\d)", line)
    ]


LARGE = {
    *("customers", "cases", "case_threads", "messages", "attachments", "attachment_chunks", "file_copies"),
    *("copies", "post_changes", "case_events", "alerts", "alert_posts", "inbox", "inbox_lanes", "outbox"),
    *("outbox_lanes", "desired", "home_views", "replayed_lanes", "mails", "mail_uids", "mail_ids", "held_mails"),
    *("mail_posts", "mail_participants", "mail_tallies"),
}


def large_scans(plan: str) -> list[str]:
    """The tables that grow with use and that a plan reads from end to end."""
    return [line for line in scans(plan) if LARGE & set(re.findall(r"\w+", line))]


BEHIND = Cursor(NOON, CASES // 2)
MIDDLE = conversations.Place(CASES // 2, NOON)

WORKS: list[tuple[str, Callable[[Connection], object], list[str]]] = [
    ("ready_lanes", lambda c: inbox.ready_lanes(c, after(1), 50), ["ix_inbox_lanes_ready"]),
    ("next_wake", inbox.next_wake, ["ix_inbox_lanes_ready"]),
    ("heads", lambda c: inbox.heads(c, [f"customer:U{n}" for n in range(5)], 20), ["ix_inbox_waiting"]),
    (
        "rest_lanes",
        lambda c: inbox.rest_lanes(c, ["customer:U1", "customer:U3"], NOON, {"customer:U1": NOON}),
        ["ix_inbox_waiting"],
    ),
    ("any_received_before", lambda c: inbox.backlog(c, NOON), ["ix_inbox_oldest"]),
    (
        "take_lanes",
        lambda c: inbox.take_lanes(c, after(1), 50, after(9), "me", ["customer:U1"]),
        ["ix_inbox_lanes_ready", "pk_inbox_lanes|sqlite_autoindex_inbox_lanes_1"],
    ),
    ("suspect", lambda c: inbox.suspect(c, {"customer:U1": "a", "customer:U3": "b"}, 20), ["ix_inbox_waiting"]),
    ("outcome", lambda c: inbox.outcome(c, "k7"), ["uq_inbox_key|sqlite_autoindex_inbox_1"]),
    ("begin_attempt", lambda c: inbox.begin_attempt(c, 7, "me"), []),
    ("take_back_attempts", lambda c: inbox.take_back_attempts(c, "me"), ["ix_inbox_tried"]),
    ("quarantined", attention.quarantined, ["ix_inbox_quarantined"]),
    ("parked", attention.parked, ["ix_outbox_parked"]),
    ("way_of_case", lambda c: trace.way_of_case(c, "CASE_3"), ["ix_inbox_case", "ix_outbox_case"]),
    (
        "way_of_item",
        lambda c: trace.way_of_item(c, "k7"),
        ["uq_inbox_key|sqlite_autoindex_inbox_1", "uq_inbox_twin_key|sqlite_autoindex_inbox_2"],
    ),
    (
        "undelivered_alerts",
        lambda c: alarms.undelivered(c, "CSUP", NOON, 51),
        ["ix_outbox_lanes_(ready|due)", "ix_outbox_unsent"],
    ),
    (
        "posts_held",
        lambda c: conversations.posts_held(c, "CSUP", "3.0001", NOON),
        ["ix_messages_thread|uq_messages_post"],
    ),
    ("posts_waiting", lambda c: conversations.posts_waiting(c, "U3", NOON), ["ix_inbox_waiting"]),
    (
        "old_items",
        lambda c: retention.old_items(c, Reached(ITEMS), NOON),
        ["pk_inbox|USING INTEGER PRIMARY KEY"],
    ),
    (
        "old_mails",
        lambda c: retention.old_mails(c, Reached(mail=(NOON, 7)), after(1)),
        ["ix_mails_received_at"],
    ),
    ("unsettled_card_since", conversations.unsettled_card_since, ["ix_outbox_unsettled_cards"]),
    ("waiting_customers", lambda c: conversations.waiting_customers(c, 500), ["ix_inbox_lanes_ready"]),
    ("waiting_conversations", lambda c: conversations.waiting_page(c, MIDDLE, 100), ["ix_cases_waiting"]),
    ("open_conversations", lambda c: conversations.open_page(c, MIDDLE, 100), ["ix_cases_open"]),
    ("closed_conversations", lambda c: conversations.closed_page(c, MIDDLE, 100, NOON), ["ix_cases_closed"]),
    (
        "units_of",
        lambda c: conversations.units_of(c, [f"U{n}" for n in range(100)], NOON),
        ["ix_cases_customer|ix_cases_open|uq_cases_open_customer"],
    ),
    (
        "checked_untils",
        lambda c: replays.checked_untils(c, [f"U{n}" for n in range(100)]),
        ["pk_replayed_lanes|sqlite_autoindex_replayed_lanes_1"],
    ),
    ("has_unsettled_card", lambda c: inbox.has_unsettled_card(c, "CNONE"), ["ix_outbox_unsettled_cards"]),
    ("ready_destinations", lambda c: outbox.ready_destinations(c, after(1)), ["ix_outbox_lanes_(ready|due)"]),
    ("next_due", outbox.next_due, ["ix_outbox_lanes_due"]),
    ("next_turn", lambda c: outbox.next_turn(c, "CSUP", after(1)), ["ix_outbox_lanes_ready", "ix_outbox_unsent"]),
    ("rest_lane", lambda c: outbox.rest_lane(c, "thread:3", NOON), ["ix_outbox_unsent"]),
    ("behind", lambda c: outbox.behind(c, outbox.rows_of(c, [3])[0], 14), ["ix_outbox_unsent"]),
    ("shown_at", lambda c: messages.shown_at(c, "CSUP", "1.0"), ["ix_copies_post"]),
    ("fate_of", lambda c: outbox.fate_of(c, 7), ["ix_outbox_message"]),
    ("ready_states", lambda c: wishes.ready_states(c, after(1), 20), ["ix_desired_ready"]),
    ("next_state_due", wishes.next_state_due, ["ix_desired_ready"]),
    ("due_cases", lambda c: cases.due_cases(c, after(1), 100), ["ix_cases_due"]),
    ("longest_waiting", lambda c: reports.longest_waiting(c, 10), ["ix_cases_waiting"]),
    ("open_cases", lambda c: reports.open_cases(c, 5_010), ["ix_cases_waiting", "ix_cases_open"]),
    ("newest_cases", lambda c: reports.newest_cases(c, 10), ["uq_cases_number|sqlite_autoindex_cases_2"]),
    ("escalated_page", lambda c: queues.page(c, Queue.ESCALATED, BEHIND, 20), ["ix_cases_escalated"]),
    ("waiting_page", lambda c: queues.page(c, Queue.WAITING, BEHIND, 20), ["ix_cases_waiting"]),
    ("open_page", lambda c: queues.page(c, Queue.OPEN, BEHIND, 20), ["ix_cases_open"]),
    ("customers_page", lambda c: queues.page(c, Queue.CUSTOMER, BEHIND, 20, "U100"), ["ix_cases_customer"]),
    ("next_home", home_views.next_due, ["ix_home_views_due"]),
    ("due_homes", lambda c: home_views.take_due(c, after(1), 10, timedelta(seconds=1)), ["ix_home_views_due"]),
    (
        "rename",
        lambda c: cases.rename_customer(c, Customer("U1", "X")),
        ["pk_customers|sqlite_autoindex_customers_1"],
    ),
    (
        "backlog",
        watch.read_backlog,
        [
            "ix_inbox_oldest",
            "ix_outbox_oldest",
            "ix_desired_ready",
            "ix_inbox_quarantined",
            "ix_outbox_parked",
            "ix_held_mails_held",
            "ix_cases_waiting",
            "ix_cases_due",
        ],
    ),
    ("troubles", reports.troubles, ["ix_inbox_quarantined", "ix_outbox_parked"]),
    ("case_file", lambda c: reports.case_file(c, "CASE_100"), ["pk_cases|sqlite_autoindex_cases_1"]),
    (
        "load",
        lambda c: (
            cases.lock_customers(c, ["U1"]),
            cases.load_cases(c, ["CASE_1"]),
            cases.customers_of_cases(c, ["CASE_2"]),
        ),
        ["pk_customers|sqlite_autoindex_customers_1", "pk_cases|sqlite_autoindex_cases_1"],
    ),
]


class TestPlans:
    @pytest.mark.parametrize(("work", "indexes"), [pytest.param(*rest, id=name) for name, *rest in WORKS])
    async def test_reads_by_its_indexes(
        self, large: Database, work: Callable[[Connection], object], indexes: list[str]
    ) -> None:
        told = await plans(large, work)
        whole = "\n".join(told)
        assert [index for index in indexes if not re.search(rf"\b({index})\b", whole)] == [], whole
        assert scans(whole) == [], whole

    async def test_every_query_of_a_running_desk_reads_by_indexes(self, large: Database, desk_url: str) -> None:
        """What a desk asks while it works is written down, and asked of the large database."""
        asked = await asked_by_a_desk(desk_url)
        assert len(asked) > 100
        told = await large.read(lambda c: {one: _plan(c, one, values) for one, values in asked.items()})
        found = {one: lines for one, plan in told.items() if (lines := large_scans(plan))}
        assert found == {}

    async def test_what_is_ready_is_told_rightly(self, large: Database) -> None:
        ready = await large.read(lambda c: inbox.ready_lanes(c, after(1), 1_000))
        assert len(ready) == LANES // 100
        assert len(await large.read(lambda c: inbox.heads(c, ready[:50], 3))) == 150
        assert (
            len(await large.read(lambda c: cases.due_cases(c, NOON + timedelta(seconds=1), 1_000)))
            == CASES // 1000
        )
        assert await large.read(reports.troubles) == reports.Troubles(15, 15)
