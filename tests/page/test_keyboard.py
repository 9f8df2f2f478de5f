"""The page without a mouse: a whole case, and every surface is entered and left with keys."""

import asyncio

import pytest
from playwright.async_api import expect

from bot.sandbox.people import ADA, DANA, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.page.apps import App, form
from tests.page.browser import Office, Person
from tests.support.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "Hello, my order 4711 has not arrived yet."


async def become(person: Person, steps: int) -> None:
    """Somebody of those the page offers: the first has the focus."""
    await expect(person.page.get_by_role("dialog")).to_contain_text("Who are you in this tab?")
    for _ in range(steps):
        await person.page.keyboard.press("Tab")
    await person.page.keyboard.press("Enter")
    await expect(person.box).to_be_focused()


async def test_a_whole_case_without_a_mouse(desk: Desk, office: Office) -> None:
    dana, ada = await office.seat(desk.slack, ""), await office.seat(desk.slack, "")
    await become(dana, 0)
    await become(ada, 2)  # after Dana and Omar
    await dana.page.keyboard.type(QUESTION)
    await dana.page.keyboard.press("Enter")
    await expect(ada.message("replied to a thread").filter(has_text=QUESTION)).to_be_visible()

    keyboard = ada.page.keyboard
    await keyboard.press("Shift+F6")
    await expect(ada.messages.last).to_be_focused()
    await keyboard.press("Home")
    await expect(ada.messages.first).to_be_focused()
    await keyboard.press("Enter")
    await expect(ada.reply_box).to_be_focused()
    await keyboard.type("Sorry, Dana!")
    await keyboard.press("Shift+Enter")
    await keyboard.type("It left this morning")
    await keyboard.press("Enter")
    mine = ada.reply("It left this morning")
    await expect(mine.get_by_role("button", name=":white_check_mark:")).to_be_visible()
    await keyboard.press("ArrowUp")
    await expect(ada.page.get_by_label("Edit message")).to_be_focused()
    await keyboard.press("End")
    await keyboard.type(", by courier")
    await keyboard.press("Enter")
    await expect(dana.message("It left this morning, by courier")).to_be_visible()
    await expect(mine).to_be_focused()

    await keyboard.press("r")
    await expect(ada.page.get_by_role("dialog", name="Add a reaction").get_by_role("button").first).to_be_focused()
    await ada.page.get_by_label("Name of an emoji").press("Enter")
    await ada.page.get_by_label("Name of an emoji").fill("eyes")
    await keyboard.press("Enter")
    await expect(mine.get_by_role("button", name="Ada Admin reacted with :eyes:")).to_be_visible()

    await keyboard.press("F6")
    await expect(ada.reply_box).to_be_focused()
    await keyboard.type("I'm closing this case.")
    await keyboard.press("Enter")
    await expect(dana.message("is closed. Write again and a new case opens.")).to_be_visible()
    await keyboard.press("Escape")
    await expect(ada.page.locator("#thread")).to_be_hidden()
    await expect(ada.messages.first).to_be_focused()

    await keyboard.press("Shift+F6")
    await expect(ada.page.get_by_role("link", name="support", exact=False)).to_be_focused()
    await keyboard.press("ArrowDown")
    await keyboard.press("ArrowDown")
    await keyboard.press("Enter")
    await expect(ada.message("Case #CASE_001 closed at")).to_contain_text("by Ada Admin")
    assert [post["text"] for post in desk.slack.messages(LOG)] == desk.log_lines()
    assert {post.get("user") for post in desk.slack.messages(SUPPORT, desk.cards()[0]["ts"])} >= {ADA}


async def test_menus_dialogs_and_backstage_are_left_to_where_one_came_from(
    slack: LocalSlack, app: App, office: Office
) -> None:
    await slack.post(ADA, SUPPORT, "A note of my own")
    ada = await office.seat(slack, "ada")
    page, keyboard = ada.page, ada.page.keyboard
    await expect(ada.box).to_be_focused()
    await keyboard.press("Shift+F6")
    mine = ada.message("A note of my own")
    await expect(mine).to_be_focused()

    await keyboard.press("m")
    await expect(page.get_by_role("menuitem", name="Copy link")).to_be_focused()
    await keyboard.press("End")
    await expect(page.get_by_role("menuitem", name="Delete message…")).to_be_focused()
    await keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(mine.get_by_role("button", name="More actions")).to_be_focused()
    await keyboard.press("Enter")
    await keyboard.press("End")
    await keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Delete message")).to_be_visible()
    await keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(mine).to_be_visible()

    await keyboard.press("Control+.")
    panel = page.locator("#panel")
    await expect(panel.get_by_role("button", name="Close backstage (Esc)")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(panel.locator(".now")).to_contain_text("(+1 h)")
    await keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(page.get_by_role("button", name="Backstage")).to_be_focused()

    trigger = slack.api.interactions.new_trigger(ADA)
    await app.web.views_open(trigger_id=trigger, view=form())
    await expect(page.get_by_label("Customer")).to_be_focused()
    await keyboard.type("Dana")
    await keyboard.press("Tab")
    await keyboard.type("Good morning")
    await keyboard.press("Tab")
    await keyboard.press("Space")
    submitted = asyncio.create_task(app.told("interactive"))
    for _ in range(3):
        await keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Open it")).to_be_focused()
    await keyboard.press("Enter")
    values = (await submitted)["view"]["state"]["values"]
    assert values["customer"]["who"]["selected_user"] == DANA
    assert values["words"]["text"]["value"] == "Good morning"
    await expect(page.get_by_role("button", name="Backstage")).to_be_focused()
