"""Databases of desks that have been at work for years: so many cases, and messages on each.

Made by the database itself, a statement for a table. What the code keeps beside cases (counters, each customer's
current case) is kept here, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time

import asyncpg

from bot.sandbox.people import ADA, SUPPORT
from storage.urls import driver_url

SILENCE = 48 * 3600
CLOSED_FOR = 60 * 24 * 3600
ESCALATED_EVERY = 50

# An open case began up to eleven hours ago, and a message of it was written every minute: the customer's, an answer in turn.
# The newest is an answer where the case's number is odd, if there is more than one.
_ANSWERED = "({each} > 1 AND n % 2 = 1)"

FILL = """
INSERT INTO customers (customer_identifier, display_name, handle, current_case_id, created_at)
SELECT {customer}, 'Customer ' || n, 'customer' || n, {case_id}, {began} FROM {cases};

INSERT INTO cases (case_id, number, customer_identifier, source, status, created_at, last_message_at, message_count,
                   escalated, escalated_at, closed_at, closed_by, closings, reply_channel, unanswered, waiting_since,
                   last_customer_at, last_answer_at, last_answer_by, last_answer_from,
                   silence_due_at, due_at, thread_channel, thread_ts)
SELECT {case_id}, n, {customer}, 'slack', CASE WHEN {open} THEN 'open' ELSE 'closed' END, {began}, {last}, {each},
       {escalated}, CASE WHEN {escalated} THEN {last} END,
       CASE WHEN {open} THEN NULL ELSE {closed_at} END, CASE WHEN {open} THEN NULL ELSE '{ada}' END,
       CASE WHEN {open} THEN 0 ELSE 1 END, 'DFILL' || n,
       CASE WHEN {open} AND NOT {answered} THEN 1 ELSE 0 END,
       CASE WHEN {open} AND NOT {answered} THEN {last} END,
       CASE WHEN {answered} THEN {third_last} ELSE {last} END,
       CASE WHEN {answered} THEN {last} WHEN {each} > 1 THEN {second_last} END,
       CASE WHEN {each} > 1 THEN 'Ada Admin' END, CASE WHEN {each} > 1 THEN '{support}' END,
       CASE WHEN {open} AND NOT {escalated} THEN {due} END, CASE WHEN {open} AND NOT {escalated} THEN {due} END,
       '{support}', {epoch_text} || '.' || {padded}
  FROM {cases};

INSERT INTO case_threads (channel, thread_ts, case_id)
SELECT thread_channel, thread_ts, case_id FROM cases;

INSERT INTO messages (case_id, sender, sender_name, is_admin, body, timestamp, source, channel, ts, delivery)
SELECT {case_id}, CASE WHEN {by_admin} THEN '{ada}' ELSE {customer} END,
       CASE WHEN {by_admin} THEN 'Ada Admin' ELSE 'Customer ' || n END, {by_admin},
       'Message ' || k || ' of a case about an order that is late, with what people write of such things.',
       {written}, 'slack', 'DFILL' || n, ({began_epoch} + 60 * k) || '.' || {padded_k},
       CASE WHEN {by_admin} THEN 'sent' END
  FROM (SELECT 1 + m % {count} AS n, 1 + m / {count} AS k FROM {messages}) AS written;

INSERT INTO case_events (case_id, kind, at, actor, data)
SELECT case_id, 'CustomerWrote', created_at, customer_identifier, '{{}}' FROM cases;

INSERT INTO counters (name, value)
SELECT 'open', count(*) FROM cases WHERE status = 'open'
UNION ALL SELECT 'closed', count(*) FROM cases WHERE status = 'closed'
UNION ALL SELECT 'escalated', count(*) FROM cases WHERE status = 'open' AND escalated
UNION ALL SELECT 'waiting', count(*) FROM cases WHERE status = 'open' AND waiting_since IS NOT NULL
UNION ALL SELECT 'case_number', max(number) FROM cases
"""


async def fill(url: str, cases: int, *, open_every: int = 1, each: int = 1) -> None:
    """`open_every`: one case in so many is open; `each`: messages on a case, 1 or an odd number."""
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite":
        statements = _statements(cases, open_every, each, postgres=False)
        await asyncio.to_thread(_fill_sqlite, str(parsed.database), statements)
        return
    connection = await asyncpg.connect(url)
    try:
        # What refers to what is right by construction: it need not be looked up millions of times.
        await connection.execute("SET session_replication_role = replica; SET work_mem = '256MB'")
        async with connection.transaction():
            for statement in _statements(cases, open_every, each, postgres=True):
                await connection.execute(statement)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _fill_sqlite(path: str, statements: list[str]) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _statements(cases: int, open_every: int, each: int, *, postgres: bool) -> list[str]:
    epoch = int(time.time()) - 11 * 3600

    # What is closed was closed two months ago.
    began = f"({epoch} + n % 36000 - CASE WHEN n % {open_every} = 0 THEN 0 ELSE {CLOSED_FOR} END)"

    def at(seconds: str) -> str:
        if postgres:
            return f"to_timestamp({began} + {seconds})"
        return f"(strftime('%Y-%m-%d %H:%M:%f', {began} + {seconds}, 'unixepoch') || '000')"

    def numbers(first: int, last: int, name: str) -> str:
        if postgres:
            return f"generate_series({first}, {last}) AS {name}"
        return (
            f"(WITH RECURSIVE up({name}) AS (SELECT {first} UNION ALL SELECT {name} + 1 FROM up "
            f"WHERE {name} < {last}) SELECT {name} FROM up) AS numbers"
        )

    def padded(number: str, digits: int) -> str:
        return f"lpad(({number})::text, {digits}, '0')" if postgres else f"printf('%0{digits}d', {number})"

    words = {
        "cases": numbers(1, cases, "n"),
        "messages": numbers(0, cases * each - 1, "m"),
        "count": cases,
        "each": each,
        "customer": f"'UFILL' || {padded('n', 8)}",
        # At least three digits.
        "case_id": f"'CASE_' || (CASE WHEN n < 1000 THEN {padded('n', 3)} ELSE {'n::text' if postgres else 'n'} END)",
        "open": f"(n % {open_every} = 0)",
        "escalated": f"(n % {open_every} = 0 AND n % {ESCALATED_EVERY} = 0)",
        "answered": _ANSWERED.format(each=each),
        "began": at("60"),
        "last": at(str(60 * each)),
        "second_last": at(str(60 * (each - 1))),
        "third_last": at(str(60 * max(1, each - 2))),
        "due": at(str(60 * each + SILENCE)),
        "closed_at": at(str(60 * each + 1)),
        "by_admin": f"(k % 2 = 0 OR (k = {each} AND {_ANSWERED.format(each=each)}))",
        "written": at("60 * k"),
        "began_epoch": began,
        "epoch_text": f"'{epoch}'",
        "padded": padded("n", 7),
        "padded_k": padded("n % 1000000", 6),
        "ada": ADA,
        "support": SUPPORT,
    }
    return [statement.format(**words) for statement in FILL.split(";\n")]
