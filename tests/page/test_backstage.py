"""Backstage: the clock, what goes wrong with Slack and with the bot, and the way of each message through it."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from bot.sandbox.people import ALERTS, DANA, SUPPORT
from bot.sandbox.run import bot_on
from bot.sandbox.server import LocalSlack
from tests.page.browser import Office
from tests.support.desk import Desk

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

QUESTION = "Hello, my order 4711 has not arrived yet."
STAGES = ["Received", "Stored", "Decided", "Queued", "Sent"]


def way(panel: Locator, words: str) -> Locator:
    """The row of the message that says this."""
    return panel.locator("tbody tr").filter(has_text=words)


async def reached(row: Locator, stages: list[str]) -> None:
    """Exactly these stages."""
    for index, name in enumerate(STAGES):
        stage, done = expect(row.locator("td.stage").nth(index)), re.compile(r"\bdone\b")
        await (stage.to_have_class(done) if name in stages else stage.not_to_have_class(done))


async def test_a_message_is_followed_from_received_to_sent(desk: Desk, office: Office) -> None:
    ada = await office.seat(desk.slack, "ada")
    panel = await ada.backstage()
    await expect(panel.get_by_text("Nothing has been written yet.")).to_be_visible()
    await desk.opened(DANA, QUESTION)

    row = way(panel, QUESTION)
    await reached(row, STAGES)
    await expect(row.locator("td.stage").last).to_contain_text("4 of 4")  # card, first reply, words, notice
    await expect(row).to_contain_text("Dana Lee")

    await desk.slack.post("U0ADAADM01", SUPPORT, "// a note", thread_ts=desk.cards()[0]["ts"])
    note = way(panel, "// a note")
    await expect(note.locator(".emoji")).to_have_attribute("title", ":lock:")
    await expect(note.locator("td.stage").nth(3)).to_have_text("nothing yet·")
    await note.get_by_role("link").click()
    await expect(ada.thread.filter(has_text="a note")).to_be_focused()


async def test_what_is_written_during_an_outage_arrives_after_it(desk: Desk, office: Office) -> None:
    desk.slack.retry_schedule = (60.0, 60.0)  # Slack's patience, not that of other tests
    dana = await office.seat(desk.slack, "dana")
    ada = await office.seat(desk.slack, "ada")
    panel = await ada.backstage()

    await panel.get_by_role("switch").check()
    await expect(panel.get_by_text("0 Socket Mode connections")).to_be_visible()
    await dana.write(QUESTION)
    await expect(panel.get_by_text("1 event not acknowledged")).to_be_visible()
    await reached(way(panel, QUESTION), [])

    await panel.get_by_role("switch").uncheck()
    await expect(panel.get_by_text("1 Socket Mode connection,")).to_be_visible()
    await panel.get_by_role("button", name="Redeliver").click()
    await expect(ada.message("Case #CASE_001: Dana Lee").first).to_be_visible()
    await reached(way(panel, QUESTION), STAGES)
    await expect(way(panel, QUESTION).locator("td.stage").first).to_contain_text("attempt 2")
    await expect(dana.message("Your case is CASE_001")).to_be_visible()


async def test_an_answer_waits_out_an_outage_that_begins_after_it_was_queued(desk: Desk, office: Office) -> None:
    card = await desk.opened(DANA, QUESTION)
    ada = await office.seat(desk.slack, "ada", at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")
    panel = await ada.backstage()
    await expect(panel.get_by_label("Faults still to come")).to_be_hidden()
    await panel.get_by_label("What goes wrong").select_option("500")
    await panel.get_by_label("How often").select_option("until cleared")
    await panel.get_by_role("button", name="Add", exact=True).click()
    await expect(panel.get_by_label("Faults still to come")).to_have_text(
        "500, internal error: chat.postMessage, until cleared"
    )

    await ada.answer("It is on its way.")
    row = way(panel, "It is on its way.")
    await expect(row.locator(".warn")).to_be_visible()
    await reached(row, STAGES[:4])

    await panel.get_by_role("button", name="Clear").click()
    await reached(row, STAGES)
    await expect(row.locator(".past")).to_contain_text("overcome")
    await expect(ada.reply("It is on its way.").get_by_role("button", name=":white_check_mark:")).to_be_visible()
    assert sum("It is on its way." in post["text"] for post in desk.inbox_of(DANA)) == 1


async def test_a_lost_answer_is_overcome_and_nothing_is_posted_twice(desk: Desk, office: Office) -> None:
    card = await desk.opened(DANA, QUESTION)
    await desk.until(lambda: desk.inbox_of(DANA))
    ada = await office.seat(desk.slack, "ada", at=f"#/{SUPPORT}/{card['ts']}/{card['ts']}")
    panel = await ada.backstage()
    await panel.get_by_label("What goes wrong").select_option("lost_answer")
    await panel.get_by_role("button", name="Add", exact=True).click()
    await expect(panel.get_by_label("Faults still to come")).to_have_text(
        "answer lost after the effect: chat.postMessage, once"
    )

    await ada.answer("It is on its way.")

    await expect(panel.get_by_label("Faults still to come")).to_be_hidden()
    row = way(panel, "It is on its way.")
    await expect(row.locator(".past")).to_be_visible()
    await reached(row, STAGES)
    await expect(ada.reply("It is on its way.").get_by_role("button", name=":white_check_mark:")).to_be_visible()
    assert sum("It is on its way." in post["text"] for post in desk.inbox_of(DANA)) == 1
    await panel.get_by_label("Filter the messages").fill("on its way")
    await expect(panel.locator("tbody tr")).to_have_count(1)
    await panel.get_by_label("Filter the messages").fill("no such words")
    await expect(panel.get_by_text("Nothing matches the filter.")).to_be_visible()


async def test_dropped_sockets_and_lost_acknowledgements_lose_nothing(desk: Desk, office: Office) -> None:
    dana = await office.seat(desk.slack, "dana")
    ada = await office.seat(desk.slack, "ada")
    panel = await ada.backstage()
    await expect(panel.get_by_text("1 Socket Mode connection.")).to_be_visible()
    before = len(desk.slack.traffic.of("hello"))
    await panel.get_by_role("button", name="Drop sockets").click()
    await desk.until(lambda: len(desk.slack.traffic.of("hello")) > before)

    desk.slack.ack_deadline = 0.3
    await panel.get_by_role("button", name="Lose an ack").click()
    await dana.write(QUESTION)
    row = way(panel, QUESTION)
    await reached(row, STAGES)
    await expect(row.locator(".past")).to_contain_text("not acknowledged")
    assert len(desk.mirrors(desk.cards()[0])) == 1


async def test_forty_eight_hours_pass_at_a_click(desk: Desk, office: Office) -> None:
    await desk.opened(DANA, QUESTION)
    ada = await office.seat(desk.slack, "ada", at=f"#/{ALERTS}")
    panel = await ada.backstage()

    await panel.get_by_role("button", name="+ 48 h").click()

    await expect(panel.locator(".now")).to_contain_text("(+48 h)")
    await expect(ada.message("Nothing was written for 48 h")).to_be_visible()


async def test_a_killed_bot_loses_nothing_and_goes_on_after_a_restart(
    slack: LocalSlack, office: Office, tmp_path: Path
) -> None:
    slack.retry_schedule = (60.0, 60.0)
    async with bot_on(slack, tmp_path):
        dana = await office.seat(slack, "dana")
        ada = await office.seat(slack, "ada")
        panel = await ada.backstage()
        await expect(panel.get_by_text("1 Socket Mode connection.")).to_be_visible()
        await expect(panel.get_by_text("The bot is running.")).to_be_visible()

        await panel.get_by_role("button", name="Kill").click()
        await expect(panel.get_by_text("The bot is killed.")).to_be_visible()
        await expect(panel.get_by_role("button", name="Kill")).to_be_disabled()
        await dana.write(QUESTION)
        await expect(panel.get_by_text("1 event not acknowledged")).to_be_visible()

        await panel.get_by_role("button", name="Restart").click()
        await expect(panel.get_by_text("The bot is running.")).to_be_visible()
        await expect(panel.get_by_text("1 Socket Mode connection,")).to_be_visible()
        await panel.get_by_role("button", name="Redeliver").click()
        await expect(dana.message("Your case is CASE_001")).to_be_visible()
        await reached(way(panel, QUESTION), STAGES)


async def test_a_page_finds_back_after_the_sandbox_was_away(office: Office) -> None:
    async with LocalSlack() as first:
        ada = await office.seat(first, "ada")
        port = first.port
    await expect(ada.page.get_by_text("The local Slack does not answer. Trying again…")).to_be_visible()
    async with LocalSlack(port) as again:
        await again.post("U0GRACEH01", SUPPORT, "Back again")
        await expect(ada.message("Back again")).to_be_visible()
        await expect(ada.page.locator("#banner")).to_be_hidden()
