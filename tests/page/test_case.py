"""A customer and an admin in front of the page, through a whole case, on the bot as it is."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.sandbox.people import ADA, ALERTS, DANA, LOG, SUPPORT
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


async def test_what_is_written_during_an_outage_arrives_after_it(desk: Desk, office: Office) -> None:
    dana = await office.seat(desk.slack, "dana")
    ada = await office.seat(desk.slack, "ada")
    panel = await ada.backstage()
    row = panel.locator("tbody tr").filter(has_text=QUESTION)

    await panel.get_by_role("switch").check()
    await expect(panel.get_by_text("0 Socket Mode connections")).to_be_visible()
    await dana.write(QUESTION)
    await expect(row.locator(".stage.done")).to_have_count(0)
    await expect(row).to_be_visible()

    await panel.get_by_role("switch").uncheck()
    await panel.get_by_role("button", name="Redeliver").click()
    await expect(ada.message("Case #CASE_001: Dana Lee")).to_be_visible()
    await expect(row.locator(".stage.done")).to_have_count(5)  # received, stored, decided, queued, sent
    await expect(dana.message("Your case is CASE_001")).to_be_visible()


async def test_a_lost_answer_is_shown_in_the_message_s_way_and_nothing_is_posted_twice(
    desk: Desk, office: Office
) -> None:
    card = await desk.opened(DANA, QUESTION)
    ada = await office.seat(desk.slack, "ada", at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")
    panel = await ada.backstage()
    await panel.get_by_label("What goes wrong").select_option("lost_answer")
    await panel.get_by_role("button", name="Add", exact=True).click()
    await expect(panel.get_by_label("Faults still to come")).to_contain_text("chat.postMessage, once")

    await ada.answer("It is on its way.")

    await expect(panel.get_by_label("Faults still to come")).to_be_hidden()
    await expect(ada.reply("It is on its way.").locator(".reaction")).to_be_visible()
    assert sum("It is on its way." in post["text"] for post in desk.inbox_of(DANA)) == 1
    await panel.get_by_label("Filter the messages").fill("on its way")
    await expect(panel.locator("tbody tr")).to_have_count(1)
    await panel.get_by_label("Filter the messages").fill("no such words")
    await expect(panel.get_by_text("Nothing matches the filter.")).to_be_visible()


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


async def test_forty_eight_hours_pass_at_a_click(desk: Desk, office: Office) -> None:
    await desk.opened(DANA, QUESTION)
    ada = await office.seat(desk.slack, "ada", at=f"#/{ALERTS}")
    panel = await ada.backstage()

    await panel.get_by_role("button", name="+ 48 h").click()

    await expect(panel.locator(".now")).to_contain_text("(+48 h)")
    await expect(ada.message("Nothing was written for 48 h")).to_be_visible()


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
    await expect(seen.or_(grace.thread.last.get_by_role("button", name="Grace Hopper reacted"))).to_have_text(
        "👀1"
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


async def test_files_are_attached_shown_and_downloaded(desk: Desk, office: Office, tmp_path: Path) -> None:
    await desk.opened(DANA, QUESTION)
    (tmp_path / "receipt.txt").write_text("Total 49 EUR")
    dana = await office.seat(desk.slack, "dana")
    await dana.page.locator("#conversation input[type=file]").set_input_files(tmp_path / "receipt.txt")
    await expect(dana.page.get_by_role("list", name="Attached files")).to_contain_text("receipt.txt")

    await dana.write("Here it is")

    link = dana.message("Here it is").get_by_role("link", name="Download receipt.txt")
    async with dana.page.expect_download() as download:
        await link.click()
    saved = await (await download.value).path()
    assert await asyncio.to_thread(Path(saved).read_text) == "Total 49 EUR"


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
