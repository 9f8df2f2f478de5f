"""How fast messages get from Slack's event to a decided case, as ratios within one run.

    python -m tests.bench.pipeline [--messages 600] [--postgresql URL]

The floor is what SQLite itself does on this machine: one thread, one transaction per message, the same number of
rows, `synchronous=FULL`. Everything else is measured against it in the same run, in rounds, by medians.
"""

import argparse
import asyncio
import json
import logging
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from bot.casework.batch import apply_items
from bot.casework.batch_state import Desk
from bot.casework.filing_rows import Channels
from bot.casework.intake import message_item
from bot.casework.prepare import DirectMessage
from bot.desk.model import Person, PostRef, ReplyTo, Written
from bot.desk.policy import Policy
from bot.slack_time import ts_of
from storage import inbox
from storage.engine import Database, open_database
from storage.inbox import Item
from storage.migrate import upgrade

CUSTOMERS = 50
ROUNDS = 3
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
DESK = Desk(Policy(), Channels("C0SUPPORT1", "C0ALERTS01", "C0LOGGING1"))


def event(number: int, run: int) -> dict[str, object]:
    ts = ts_of(START + timedelta(days=run, milliseconds=number))
    user = f"U{run:03d}{number % CUSTOMERS:04d}"
    text = f"message {number} of a customer who has something to say"
    return {
        "event": {
            "type": "message",
            "channel": f"D{user}",
            "channel_type": "im",
            "user": user,
            "ts": ts,
            "text": text,
        }
    }


def prepared(item: Item) -> DirectMessage:
    happened = json.loads(item.raw)["event"]
    words = Written(happened["text"], happened["text"])
    author = Person(happened["user"], happened["user"])
    channel = happened["channel"]
    return DirectMessage(item.at, author, "", words, PostRef(channel, happened["ts"]), ReplyTo(channel))


def floor(messages: int, folder: Path, run: int) -> float:
    """Messages a second that the sqlite3 module itself stores, one transaction each, six rows each."""
    connection = sqlite3.connect(folder / f"floor{run}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    for table in range(6):
        connection.execute(f"CREATE TABLE t{table} (id INTEGER PRIMARY KEY, key TEXT UNIQUE, body TEXT)")
    began = time.perf_counter()
    for number in range(messages):
        connection.execute("BEGIN IMMEDIATE")
        for table in range(6):
            connection.execute(f"INSERT INTO t{table} (key, body) VALUES (?, ?)", (f"k{number}", "x" * 60))
        connection.execute("COMMIT")
    passed = time.perf_counter() - began
    connection.close()
    return messages / passed


async def intake(database: Database, messages: int, run: int, at_once: int) -> float:
    """Events a second that are committed to the inbox, so many at a time."""
    items = [item for number in range(messages) if (item := message_item(event(number, run))) is not None]
    gate = asyncio.Semaphore(at_once)

    async def put(item: inbox.NewItem) -> None:
        async with gate:
            await database.write(lambda connection: inbox.put(connection, item, START))

    began = time.perf_counter()
    await asyncio.gather(*(put(item) for item in items))
    return messages / (time.perf_counter() - began)


async def decisions(database: Database, messages: int, batch: int) -> float:
    """Messages a second that are decided and stored, so many in one transaction."""

    def waiting(connection: object) -> list[Item]:
        lanes = inbox.ready_lanes(connection, START + timedelta(days=9999), CUSTOMERS)  # type: ignore[arg-type]
        return inbox.heads(connection, lanes, max(1, batch // CUSTOMERS))[:batch]  # type: ignore[arg-type]

    done = 0
    spent = 0.0
    while items := await database.read(waiting):
        pairs = [(item, prepared(item)) for item in items]
        began = time.perf_counter()
        await database.write(partial(apply_items, pairs=pairs, delayed={}, desk=DESK, now=START))
        spent += time.perf_counter() - began
        done += len(items)
        if done >= messages:
            break
    return done / spent


async def measure(url: str, messages: int, folder: Path) -> None:
    await asyncio.to_thread(upgrade, url)
    results: dict[str, list[float]] = {}
    for run in range(ROUNDS):
        base = await asyncio.to_thread(floor, messages, folder, run)
        results.setdefault("floor: sqlite3, a transaction per message", []).append(base)
        for at_once in (1, 8, 32):
            database = open_database(url)
            rate = await intake(database, messages, run * 10 + at_once, at_once)
            results.setdefault(f"intake, {at_once} at a time", []).append(rate / base)
            await database.close()
        database = open_database(url)
        for batch in (1, 50, 200):
            rate = await decisions(database, messages if batch > 1 else 60, batch)
            results.setdefault(f"decided, batches of {batch}", []).append(rate / base)
        await database.close()
    for name, values in results.items():
        middle = statistics.median(values)
        print(
            f"  {name:<42} {middle:8.0f}/s" if name.startswith("floor") else f"  {name:<42} {middle:8.2f} x floor"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=600)
    parser.add_argument("--postgresql", help="the URL of an empty database to measure as well")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        print(f"SQLite, {options.messages} messages, {CUSTOMERS} customers, medians of {ROUNDS} rounds")
        asyncio.run(measure(f"sqlite:///{folder}/bench.db", options.messages, Path(folder)))
        if options.postgresql:
            print("PostgreSQL, against the same floor")
            asyncio.run(measure(options.postgresql, options.messages, Path(folder)))


if __name__ == "__main__":
    main()
