"""The picture in the README. `make screenshot` puts it there; a test run only proves that it can be taken."""

import os
import struct
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.sandbox.people import DANA, GRACE, SUPPORT
from bot.sandbox.run import bot_on
from bot.sandbox.server import LocalSlack
from tests.page.browser import Office
from tests.support.desk import Desk, settings_for

ROOT = Path(__file__).parents[2]
SIZE = (1280, 900)


@pytest.mark.asyncio(loop_scope="session")
async def test_the_readmes_picture_shows_a_case_at_work(slack: LocalSlack, office: Office, tmp_path: Path) -> None:
    wanted = os.environ.get("SCREENSHOT")
    path = ROOT / wanted if wanted else tmp_path / "sandbox.png"
    async with bot_on(slack, tmp_path) as bot:
        await bot.healthy()
        desk = Desk(slack, settings_for(slack, f"sqlite:///{tmp_path}/unused.db"))
        card = await desk.opened(DANA, "Hello, my order 4711 has not arrived yet. Do you know where it is?")
        await desk.answer(card, "Sorry, Dana! It left *this morning* and arrives tomorrow.")
        await slack.post(GRACE, SUPPORT, "// the courier had a strike", thread_ts=card["ts"])
        await desk.write("Thank you, tomorrow is fine.")
        ada = await office.seat(slack, "ada", *SIZE, at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")
        panel = await ada.backstage()
        await expect(panel.get_by_text("The bot is running.")).to_be_visible()
        await expect(ada.reply("tomorrow is fine")).to_be_visible()
        await expect(ada.reply("the courier had a strike").locator(".reaction")).to_be_visible()
        for row in ("my order 4711", "this morning", "tomorrow is fine"):
            sent = panel.locator("tbody tr").filter(has_text=row).locator("td.stage").last
            await expect(sent.locator(".tick")).to_be_visible()
        await expect(ada.message("Case #CASE_001").first).to_contain_text("Messages: 3")

        await ada.page.screenshot(path=path, animations="disabled", caret="hide")

    assert size_of(path) == SIZE


def test_the_readme_shows_it() -> None:
    assert "(docs/sandbox.png)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert size_of(ROOT / "docs" / "sandbox.png") == SIZE


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height, from the header of a PNG."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height
