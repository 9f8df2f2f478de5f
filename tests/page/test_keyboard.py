"""The page without a mouse: a whole case, and every surface is entered and left with keys."""

import pytest
from playwright.async_api import expect

from bot.sandbox.people import ADA, DANA, SUPPORT
from tests.page.browser import Office
from tests.support.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "Hello, my order 4711 has not arrived yet."


async def test_a_whole_case_without_a_mouse(desk: Desk, office: Office) -> None:
    await desk.opened(DANA, QUESTION)
    ada = await office.seat(desk.slack, "", at="")
    keyboard = ada.page.keyboard
    await expect(ada.page.get_by_role("dialog")).to_contain_text("Who are you in this tab?")
    for _ in range(2):
        await keyboard.press("Tab")  # Dana has the focus, then Omar, then Ada
    await keyboard.press("Enter")
    await expect(ada.box).to_be_focused()

    await keyboard.press("Shift+F6")
    await expect(ada.messages.last).to_be_focused()
    await keyboard.press("Home")
    await expect(ada.messages.first).to_be_focused()
    await keyboard.press("Enter")
    await expect(ada.reply_box).to_be_focused()
    await keyboard.type("Typed")
    await keyboard.press("Shift+Enter")
    await keyboard.type("in two lines")
    await keyboard.press("Enter")
    await expect(ada.reply("in two lines").locator(".reaction")).to_be_visible()
    await keyboard.press("Escape")
    await expect(ada.page.locator("#thread")).to_be_hidden()
    await expect(ada.messages.first).to_be_focused()

    await keyboard.press("m")
    await expect(ada.page.get_by_role("menuitem", name="Copy link")).to_be_focused()
    await keyboard.press("Escape")
    await expect(ada.page.get_by_role("menu")).to_have_count(0)
    await keyboard.press("Control+.")
    await expect(ada.page.locator("#panel")).to_be_visible()
    await keyboard.press("Escape")
    await expect(ada.page.locator("#panel")).to_be_hidden()
    assert any("Typed\nin two lines" in post["text"] for post in desk.slack.messages(desk.slack.dm_channel(DANA)))
    assert ADA in {post.get("user") for post in desk.slack.messages(SUPPORT, desk.cards()[0]["ts"])}
