"""The same script leaves the same rows on SQLite and on PostgreSQL."""

import asyncio
import json
import random
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.casework.batch import apply_due
from bot.casework.intake import Verb
from storage import inbox
from storage.engine import open_database
from storage.tables import metadata
from tests.casework.kit import (
    DESK,
    after,
    asks,
    decide_all,
    deletion,
    dm,
    edit,
    put_all,
    reply,
    roots,
    settle_cards,
)

TEXTS = ["Hello", "It is urgent!", "Ünïcödé \U0001f469\u200d\U0001f4bb", "x" * 12_000, "'; DROP TABLE cases; --"]
POSTS = ["Here you are", "I'm closing this case.", "// inside", "Thank you, closing this case"]


def script(seed: int, steps: int) -> list[tuple[str, list[Any], datetime]]:
    """What happens, by kind; posts name a case by its number, since threads are not known yet."""
    chance, seconds, sent = random.Random(seed), 0.0, [dm(0)]
    told: list[tuple[str, list[Any], datetime]] = []
    for _ in range(steps):
        events: list[Any] = []
        for _ in range(chance.randint(1, 5)):
            seconds += chance.choice([1, 20, 4_000])
            case = f"CASE_{chance.randint(1, 8):03d}"
            match chance.randint(0, 9):
                case 0 | 1 | 2 | 3:
                    event = dm(seconds, chance.choice(TEXTS), f"U{chance.randint(1, 5)}")
                    sent.append(event)
                case 4:
                    event = chance.choice(sent)
                case 5:
                    event = edit(chance.choice(sent), chance.choice(TEXTS), seconds)
                case 6:
                    event = deletion(chance.choice(sent), seconds)
                case 7:
                    event = asks(seconds, chance.choice([Verb.CLOSE, Verb.REOPEN, Verb.ESCALATE]), case)
                case _:
                    event = (seconds, case, chance.choice(POSTS))
            events.append(event)
        told.append((chance.choice(["decide", "decide", "decide", "settle", "due"]), events, after(seconds)))
    return told


def step(connection: Connection, kind: str, events: list[Any], now: datetime) -> None:
    standing = roots(connection)
    for event in events:
        if isinstance(event, tuple):
            seconds, case, text = event
            if case in standing:
                put_all(connection, [reply(seconds, standing[case], text)], now)
        else:
            put_all(connection, [event], now)
    inbox.wake(connection, list(connection.execute(sa.text("SELECT lane FROM inbox_lanes")).scalars()), now)
    decide_all(connection, now)
    if kind == "settle":
        settle_cards(connection, now)
    elif kind == "due":
        apply_due(connection, DESK, now, 5)


# Drawn by each database in its own way: a conflict costs PostgreSQL a number, SQLite gives a freed one again.
# A secret is random in each of them.
DRAWN = {"inbox.id", "outbox.id", "attachments.id", "attachment_chunks.attachment_id", "secrets.value"}


def everything(connection: Connection) -> dict[str, list[str]]:
    """Every row of every table, but for numbers that mean nothing; outbox rows in the order of their lanes."""
    told = {}
    for name, table in sorted(metadata.tables.items()):
        columns = [column for column in table.columns if str(column) not in DRAWN]
        told[name] = sorted(json.dumps([*map(repr, row)]) for row in connection.execute(sa.select(*columns)))
    ordered = sa.text("SELECT lane, dedupe_key FROM outbox ORDER BY lane, id")
    told["order of the outbox"] = [f"{lane}: {key}" for lane, key in connection.execute(ordered)]
    return told


async def played(url: str, told: list[tuple[str, list[Any], datetime]]) -> dict[str, list[str]]:
    database = open_database(url)
    for kind, events, now in told:
        await database.write(lambda c, kind=kind, events=events, now=now: step(c, kind, events, now))
    result = await database.read(everything)
    await database.close()
    return result


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_the_same_script_gives_the_same_rows(
    seed: int, database_url: str, sqlite_template: Path, tmp_path: Path
) -> None:
    told = script(seed, 40 * seed)
    on_sqlite = asyncio.run(played(f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'desk.db')}", told))
    on_postgres = asyncio.run(played(database_url, told))
    assert min(len(on_sqlite[name]) for name in ("cases", "messages", "alerts", "attachments", "desired")) > 3
    different = {
        name: [row[:300] for row in sorted({*rows} ^ {*on_postgres[name]})]
        for name, rows in on_sqlite.items()
        if rows != on_postgres[name]
    }
    assert different == {}
