"""A restored desk holds still and says so; resumed, it reads what was written since, and sends nothing twice."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.app import Bot, Stopped
from bot.sandbox.people import ALERTS, DANA, OMAR
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
    connection.close()
    before = seen(desk, card)
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
    assert [post["ts"] for post in desk.cards()] == [card["ts"], new_card["ts"]], "its card is the case's still"
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


def seen(desk: Desk, card: Any) -> tuple[int, int]:
    """How many posts Dana has of us, and how many stand in the thread."""
    return len(desk.inbox_of(DANA)), len(desk.thread(card))
