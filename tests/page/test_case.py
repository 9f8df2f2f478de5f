"""A customer and an admin in front of the page, through a whole case, on the bot as it is."""

import re

import pytest
from playwright.async_api import expect

from bot.sandbox.people import DANA, LOG, SUPPORT
from tests.page.browser import Office
from tests.support.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "Hello, my order 4711 has not arrived yet."


async def test_a_case_from_the_first_word_to_the_closing_line(desk: Desk, office: Office) -> None:
    dana = await office.seat(desk.slack, "dana")
    ada = await office.seat(desk.slack, "ada", at=f"#/{LOG}")

    await dana.write(QUESTION)
    await expect(dana.message("Your case is CASE_001")).to_be_visible()
    await expect(ada.page.get_by_role("link", name=re.compile(r"^support, \d+ unread"))).to_be_visible()

    await ada.go("support")
    await expect(ada.message("Case #CASE_001: Dana Lee").locator(".badge").first).to_have_text("APP")
    await expect(ada.message("replied to a thread").filter(has_text=QUESTION)).to_be_visible()
    await ada.open_thread("Case #CASE_001: Dana Lee")
    await expect(ada.reply(QUESTION).last.locator(".author")).to_have_text("Dana Lee (customer)")

    await ada.answer("Sorry, Dana! It left *this morning*.")
    sent = ada.reply("Sorry, Dana!").get_by_role("button", name="Casewire reacted with :white_check_mark:")
    await expect(sent).to_be_visible()
    answer = dana.message("Sorry, Dana!")
    await expect(answer.locator(".author")).to_have_text("Ada Admin")
    await expect(answer.locator(".badge")).to_have_text("APP")

    await ada.answer("It is there. I’m closing this case.")
    await expect(dana.message("is closed. Write again and a new case opens.")).to_be_visible()
    await expect(ada.page.get_by_role("link", name="log, 1 unread")).to_be_visible()
    await ada.go("log")
    await expect(ada.message("Case #CASE_001 closed at")).to_contain_text("by Ada Admin")


async def test_an_escalation_is_acknowledged_by_a_click_and_leads_to_its_thread(
    desk: Desk, office: Office
) -> None:
    await desk.opened(DANA, "This is urgent!")
    ada = await office.seat(desk.slack, "ada")
    await ada.go("alerts")
    alert = ada.message("Case #CASE_001 is escalated")
    await expect(alert.locator("blockquote")).to_contain_text("This is urgent!")

    await alert.get_by_role("button", name="Acknowledge").click()
    await expect(alert).to_contain_text("Acknowledged by Ada Admin")

    await alert.get_by_role("link", name="Go to the thread of CASE_001").click()
    await expect(ada.page.locator("#thread")).to_be_visible()
    await expect(ada.thread.first).to_contain_text("Case #CASE_001: Dana Lee")
    assert ada.page.url.endswith(f"#/{SUPPORT}/{desk.cards()[0]['ts']}")


async def test_edits_and_deletions_are_shown_to_everybody(desk: Desk, office: Office) -> None:
    card = await desk.opened(DANA, "It is order 4712")
    dana = await office.seat(desk.slack, "dana")
    ada = await office.seat(desk.slack, "ada", at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")

    await dana.box.press("ArrowUp")
    editor = dana.page.get_by_label("Edit message")
    await expect(editor).to_have_value("It is order 4712")
    await editor.fill("It is order 4711, sorry")
    await editor.press("Enter")
    await expect(dana.message("It is order 4711, sorry").locator(".edited")).to_have_text("(edited)")
    await expect(ada.reply("It is order 4711, sorry")).not_to_have_count(0)

    await dana.choose(dana.message("It is order 4711"), "Delete message…")
    await dana.page.get_by_role("button", name="Delete", exact=True).click()
    await expect(dana.message("It is order 4711")).to_have_count(0)
    await expect(ada.reply("deleted this message")).not_to_have_count(0)


async def test_a_reaction_is_given_and_taken_back(desk: Desk, office: Office) -> None:
    card = await desk.opened(DANA, QUESTION)
    ada = await office.seat(desk.slack, "ada", at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")
    grace = await office.seat(desk.slack, "grace", at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")
    mirror = ada.thread.last

    await mirror.hover()
    await mirror.get_by_role("button", name="Add a reaction").click()
    await ada.page.get_by_role("button", name="eyes", exact=True).click()

    seen = grace.thread.last.get_by_role("button", name="Ada Admin reacted with :eyes:")
    await expect(seen).to_have_attribute("aria-pressed", "false")
    await seen.click()
    both = ada.thread.last.get_by_role("button", name="Ada Admin, Grace Hopper reacted with :eyes:")
    await expect(both).to_have_attribute("aria-pressed", "true")
    await both.click()
    await expect(grace.thread.last.get_by_role("button", name="Grace Hopper reacted with :eyes:")).to_have_text(
        "1"
    )


async def test_a_command_is_answered_to_one_person_and_refused_in_threads(desk: Desk, office: Office) -> None:
    card = await desk.opened(DANA, QUESTION)
    ada = await office.seat(desk.slack, "ada")
    grace = await office.seat(desk.slack, "grace")
    await ada.box.type("/ca")
    await expect(ada.page.get_by_role("option", name="/case")).to_be_visible()
    await ada.box.press("Tab")
    await ada.box.type("status CASE_001")
    await ada.box.press("Enter")
    told = ada.messages.filter(has_text="Only visible to you")
    await expect(told).to_contain_text("CASE_001")
    await expect(grace.messages.filter(has_text="Only visible to you")).to_have_count(0)
    await told.get_by_role("button", name="Dismiss").click()
    await expect(told).to_have_count(0)

    await ada.write("/nonsense")
    await expect(ada.message("/nonsense is not a valid command")).to_be_visible()
    await ada.page.goto(f"{desk.slack.url}/#/{SUPPORT}/{card['ts']}/{card['ts']}")
    await ada.answer("/case close CASE_001")
    await expect(ada.reply("/case is not supported in threads. Sorry!")).to_be_visible()
    assert [row["status"] for row in await desk.rows("SELECT status FROM cases")] == ["open"]


async def test_a_note_stays_inside_and_a_broadcast_is_shown_in_the_channel(desk: Desk, office: Office) -> None:
    card = await desk.opened(DANA, QUESTION)
    dana = await office.seat(desk.slack, "dana")
    ada = await office.seat(desk.slack, "ada", at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")
    await ada.answer("// does @Grace Hopper know the courier?")
    note = ada.reply("does @Grace Hopper know")
    await expect(note.locator(".mention")).to_have_text("@Grace Hopper")
    await expect(note.get_by_role("button", name="Casewire reacted with :lock:")).to_be_visible()

    await ada.page.get_by_label("Also send to #support").check()
    await ada.answer("It arrives tomorrow.")
    await expect(dana.message("It arrives tomorrow.")).to_be_visible()
    await expect(dana.message("the courier")).to_have_count(0)
    await expect(ada.message("It arrives tomorrow.")).to_contain_text("replied to a thread: Case #CASE_001")
