"""A restored desk holds still and says so; resumed, it reads what was written since, and sends nothing twice."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.app import Bot, Stopped
from bot.sandbox.people import ALERTS, BEN, DANA, OMAR
from storage.cases import CASE_NUMBER
from tests.support.desk import Desk
from tests.support.keeping import command
from tests.support.posts import words
from tests.support.running import health
from tests.support.stream import settled


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_desk_goes_on_from_a_backup_that_was_made_while_it_ran(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", desk.settings.database_url)
    card = await desk.opened(DANA, "before the backup")
    await desk.answer(card, "answered before the backup")
    await settled(desk)
    backup = str(tmp_path / "desk.backup")
    assert (await command("backup", backup)).exit_code == 0
    after = await desk.answer(card, "answered after the backup")
    await desk.slack.dm(DANA, "written after the backup")
    await desk.until(lambda: any("written after" in words(post) for post in desk.mirrors(card)))
    new_card = await desk.opened(OMAR, "opened after the backup")
    urgent = await desk.opened(BEN, "URGENT: after the backup")
    await desk.until(desk.alerts)
    await settled(desk)
    await desk.stop()

    restored = tmp_path / "restored.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{restored}")
    done = await command("restore", backup)
    assert done.exit_code == 0, done.output
    with sqlite3.connect(restored) as connection:
        # As if the card's answer had got lost when the backup was made.
        connection.execute("UPDATE outbox SET state = 'uncertain' WHERE kind = 'thread_intro'")
        connection.execute("UPDATE outbox_lanes SET next_at = '2020-01-01' WHERE lane LIKE 'thread%'")
        take_a_number(connection)
    connection.close()
    before = seen(desk, card)
    alerts = [post["ts"] for post in desk.alerts()]
    of_the_new_case = len(desk.inbox_of(OMAR)), len(desk.thread(new_card))
    await desk.move(f"sqlite:///{restored}")
    stop = asyncio.Event()
    bot = Bot(desk.settings, stop)
    running = asyncio.create_task(bot.run())
    await desk.until(lambda: any("The desk is paused" in words(post) for post in desk.slack.messages(ALERTS)))
    status, body = await health(bot)
    assert status == 503
    assert body["services"] == {
        "database": "connected",
        "email_listener": "stopped",
        "scheduler": "stopped",
        "slack": "stopped",
    }
    assert "paused" in body["note"]
    assert "casewire resume" in body["note"]
    await desk.slack.dm(DANA, "written while it was paused")
    refused = await command("resume")
    assert refused.exit_code == 2
    assert "stop it first" in refused.output
    stop.set()
    with contextlib.suppress(Stopped):
        await asyncio.wait_for(running, 10)

    assert (await command("resume")).exit_code == 0
    await desk.start()
    await desk.until(lambda: any("while it was paused" in words(post) for post in desk.mirrors(card)))
    await settled(desk)
    assert seen(desk, card) == (before[0], before[1] + 1)
    assert (len(desk.inbox_of(OMAR)), len(desk.thread(new_card))) == of_the_new_case
    cards = {post["ts"]: words(post) for post in desk.cards()}
    assert list(cards) == [card["ts"], new_card["ts"], urgent["ts"]], "its card is the case's still"
    numbered = await desk.rows("SELECT case_id, thread_ts FROM cases WHERE thread_ts IS NOT NULL ORDER BY number")
    assert [case["case_id"] for case in numbered] == ["CASE_001", "CASE_003", "CASE_004"]
    assert all(case["case_id"] in cards[case["thread_ts"]] for case in numbered)
    assert "CASE_004" in words(desk.alerts()[0])
    assert [post["ts"] for post in desk.alerts() if "URGENT" in words(post)] == alerts
    again = await desk.answer(new_card, "And life goes on")
    await settled(desk)
    assert desk.marks(again) == {"white_check_mark"}
    assert desk.marks(after) == {"white_check_mark"}
    rows = await desk.rows("SELECT body, delivery FROM messages WHERE is_admin ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        ("answered before the backup", "sent"),
        ("answered after the backup", "sent"),
        ("And life goes on", "sent"),
    ]


def take_a_number(connection: sqlite3.Connection) -> None:
    """As if CASE_002 were another's here: what was opened after the backup gets other numbers than it had."""
    connection.execute("UPDATE counters SET value = 2 WHERE value = 1 AND name = ?", [CASE_NUMBER])
    connection.row_factory = sqlite3.Row
    for table, changed in (
        ("customers", {"customer_identifier": "mia@customer.example"}),
        (
            "cases",
            {
                "customer_identifier": "mia@customer.example",
                "case_id": "CASE_002",
                "number": 2,
                "status": "closed",
                "thread_channel": None,
                "thread_ts": None,
            },
        ),
    ):
        row = dict(connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()) | changed
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def seen(desk: Desk, card: Any) -> tuple[int, int]:
    """How many posts Dana has of us, and how many stand in the thread."""
    return len(desk.inbox_of(DANA)), len(desk.thread(card))
