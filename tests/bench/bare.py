"""The floor of the mail backlog: fetch 100 at a time, parse (compat32), one row and one commit each.

`python -m tests.bench.bare PORT DATABASE_URL COUNT`; says how many seconds it took.
"""

from __future__ import annotations

import asyncio
import email
import imaplib
import sqlite3
import sys
import time
from collections.abc import Callable
from email.message import Message
from typing import Any

import asyncpg

from storage.urls import driver_url
from tests.support.dovecot import PASSWORD, USER

TABLE = "CREATE TABLE bare (id {serial} PRIMARY KEY, message_id TEXT UNIQUE, sender TEXT, subject TEXT, body TEXT)"
INSERT = "INSERT INTO bare (message_id, sender, subject, body) VALUES ({}) ON CONFLICT DO NOTHING"


def main() -> None:
    port, url, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if url.startswith("sqlite"):
        with_sqlite(port, str(driver_url(url).database), count)
    else:
        asyncio.run(with_postgres(port, url, count))


def with_sqlite(port: int, path: str, count: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(TABLE.format(serial="INTEGER"))

    def keep(row: tuple[str, ...]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT.format("?, ?, ?, ?"), row)
        connection.execute("COMMIT")

    _told(port, count, lambda rows: [keep(row) for row in rows])
    connection.close()


async def with_postgres(port: int, url: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(TABLE.format(serial="BIGSERIAL"))
    began, kept = time.perf_counter(), 0
    box = _opened(port)
    while kept < count:
        for row in _fetched(box, kept + 1):
            await connection.execute(INSERT.format("$1, $2, $3, $4"), *row)
            kept += 1
    print(time.perf_counter() - began)
    await connection.close()


def _told(port: int, count: int, keep: Callable[[list[tuple[str, ...]]], Any]) -> None:
    began, kept = time.perf_counter(), 0
    box = _opened(port)
    while kept < count:
        rows = _fetched(box, kept + 1)
        keep(rows)
        kept += len(rows)
    print(time.perf_counter() - began)


def _opened(port: int) -> imaplib.IMAP4:
    box = imaplib.IMAP4("127.0.0.1", port)
    box.login(USER, PASSWORD)
    box.select("INBOX", readonly=True)
    return box


def _fetched(box: imaplib.IMAP4, first: int) -> list[tuple[str, ...]]:
    _, parts = box.fetch(f"{first}:{first + 99}", "(UID BODY.PEEK[])")
    return [_row(email.message_from_bytes(part[1])) for part in parts if isinstance(part, tuple)]


def _row(mail: Message) -> tuple[str, ...]:
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    return str(mail["Message-ID"]), str(mail["From"]), str(mail["Subject"]), body.decode()


if __name__ == "__main__":
    main()
