"""Home, modals, shortcuts and answers, as any app may show them; what people do there reaches the app."""

import asyncio

import pytest
from playwright.async_api import expect

from bot.sandbox.people import ADA, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.page.apps import App, button, form, home, plain, section
from tests.page.browser import Office

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


async def test_the_home_tab_is_shown_and_followed_while_it_is_open(
    slack: LocalSlack, app: App, office: Office
) -> None:
    ada = await office.seat(slack, "ada", at="#/home")
    assert (await app.socket.event())["type"] == "app_home_opened"
    await expect(ada.page.get_by_role("tabpanel", name="Home")).to_contain_text("has published no Home tab")

    await app.web.views_publish(user_id=ADA, view=home())
    tab = ada.page.get_by_role("tabpanel", name="Home")
    await expect(tab.get_by_role("heading", name="The desk")).to_be_visible()
    await expect(tab.locator(".fields p").first).to_have_text("Open2")
    await expect(tab.locator("hr")).to_have_count(1)

    chosen = asyncio.create_task(app.told("interactive"))
    await tab.get_by_role("combobox", name="Which cases").select_option("Escalated")
    [action] = (await chosen)["actions"]
    assert (action["action_id"], action["selected_option"]["value"]) == ("which", "escalated")

    looked = asyncio.create_task(app.told("interactive"))
    await tab.get_by_role("button", name="Look").click()
    assert (await looked)["view"]["type"] == "home"
    await app.web.views_publish(user_id=ADA, view=home(count=7))
    await expect(tab.locator(".fields p").first).to_have_text("Open7")
    await expect(tab.get_by_role("button", name="Look")).to_be_focused()

    await ada.page.get_by_role("tab", name="Home").press("ArrowRight")
    await expect(ada.page.get_by_role("tab", name="Messages")).to_be_focused()


async def test_nobody_sees_the_home_tab_of_another(slack: LocalSlack, app: App, office: Office) -> None:
    await app.web.views_publish(user_id=ADA, view=home())
    dana = await office.seat(slack, "dana", at="#/home")
    await expect(dana.page.get_by_role("tabpanel", name="Home")).to_contain_text("has published no Home tab")


async def test_a_modal_is_filled_in_refused_mended_and_submitted(
    slack: LocalSlack, app: App, office: Office
) -> None:
    ada = await office.seat(slack, "ada")
    opened = asyncio.create_task(app.told("slash_commands"))
    await ada.write("/case new")
    trigger = (await opened)["trigger_id"]
    await app.web.views_open(trigger_id=trigger, view=form())

    dialog = ada.page.get_by_role("dialog", name="New case")
    await expect(dialog.get_by_label("Customer")).to_be_focused()
    await dialog.get_by_role("button", name="Open it").click()
    await expect(dialog.get_by_text("Please complete this required field.")).to_have_count(2)
    await expect(dialog.get_by_label("Customer")).to_be_focused()

    await dialog.get_by_label("Customer").select_option("Dana Lee")
    await dialog.get_by_label("First message").fill("Hello, Dana")
    await dialog.get_by_label("With an alert").check()
    errors = {"response_action": "errors", "errors": {"customer": "Dana has an open case."}}
    refused = asyncio.create_task(app.told("interactive", errors))
    await dialog.get_by_role("button", name="Open it").click()
    await refused
    await expect(dialog.get_by_text("Dana has an open case.")).to_be_visible()
    await expect(dialog.get_by_role("alert")).to_have_count(1)
    await expect(dialog.get_by_label("First message")).to_have_value("Hello, Dana")

    await dialog.get_by_label("Customer").select_option("Omar Sy")
    taken = asyncio.create_task(app.told("interactive"))
    await dialog.get_by_role("button", name="Open it").click()
    values = (await taken)["view"]["state"]["values"]
    assert values["customer"]["who"]["selected_user"] == "U0OMARSY01"
    assert values["words"]["text"]["value"] == "Hello, Dana"
    assert [one["value"] for one in values["how"]["ways"]["selected_options"]] == ["alert"]
    await expect(dialog).to_be_hidden()
    await expect(ada.box).to_be_focused()


async def test_a_modal_is_left_with_escape(slack: LocalSlack, app: App, office: Office) -> None:
    ada = await office.seat(slack, "ada")
    trigger = slack.api.interactions.new_trigger(ADA)
    await app.web.views_open(trigger_id=trigger, view=form() | {"notify_on_close": True})
    await expect(ada.page.get_by_role("dialog", name="New case")).to_be_visible()

    closed = asyncio.create_task(app.told("interactive"))
    await ada.page.keyboard.press("Escape")
    assert (await closed)["type"] == "view_closed"
    await expect(ada.page.get_by_role("dialog", name="New case")).to_be_hidden()


async def test_a_message_shortcut_tells_the_app_which_message(slack: LocalSlack, app: App, office: Office) -> None:
    ts = await slack.post(ADA, SUPPORT, "A customer called about order 4711")
    ada = await office.seat(slack, "ada")
    asked = asyncio.create_task(app.told("interactive"))
    await ada.choose(ada.message("A customer called"), "Open a case from this message")
    payload = await asked
    assert (payload["type"], payload["callback_id"]) == ("message_action", "case_from_message")
    assert payload["message"]["ts"] == ts

    panel = await ada.backstage()
    row = panel.locator("tbody tr").filter(has_text="Open a case from this message")
    await expect(row.locator(".stage.done")).to_have_count(2)  # received and answered


async def test_a_button_that_asks_first_does_nothing_until_confirmed(
    slack: LocalSlack, app: App, office: Office
) -> None:
    sure = {
        "title": plain("Close the case?"),
        "text": plain("The customer is told."),
        "confirm": plain("Close it"),
        "deny": plain("Leave it open"),
        "style": "danger",
    }
    card = [
        section("*CASE_001*"),
        {"type": "actions", "block_id": "b", "elements": [button("close", "Close", style="danger", confirm=sure)]},
    ]
    await app.web.chat_postMessage(channel=SUPPORT, text="CASE_001", blocks=card)
    ada = await office.seat(slack, "ada")
    close = ada.message("CASE_001").get_by_role("button", name="Close")

    await close.click()
    dialog = ada.page.get_by_role("dialog", name="Close the case?")
    await expect(dialog).to_contain_text("The customer is told.")
    await ada.page.keyboard.press("Escape")
    await expect(close).to_be_focused()
    assert not slack.traffic.of("click")

    clicked = asyncio.create_task(app.told("interactive"))
    await close.click()
    await dialog.get_by_role("button", name="Close it").click()
    payload = await clicked
    assert payload["actions"][0]["action_id"] == "close"
    await app.web.chat_update(
        channel=SUPPORT,
        ts=payload["message"]["ts"],
        text="CASE_001, closed",
        blocks=[section("*CASE_001*, closed")],
    )
    await expect(ada.message("CASE_001")).to_contain_text("closed")


async def test_who_is_in_a_channel_can_be_seen(slack: LocalSlack, app: App, office: Office) -> None:
    ada = await office.seat(slack, "ada")
    await ada.page.get_by_role("button", name="4 members").press("Enter")
    members = ada.page.get_by_role("dialog", name="Members of #support")
    await expect(members.get_by_role("listitem")).to_have_text(
        ["CasewireApp", "AAAda AdminAdmin", "GHGrace HopperAdmin", "BBBen BystanderBystander"]
    )
    await ada.page.keyboard.press("Escape")
    await expect(ada.page.get_by_role("button", name="4 members")).to_be_focused()

    slack.kick("U0CASEWIRE", SUPPORT)
    await expect(ada.page.get_by_role("button", name="3 members")).to_be_visible()
    await expect(ada.page.get_by_text("Casewire is not in this channel")).to_be_visible()
    slack.archive(SUPPORT, ADA)
    await expect(ada.box).to_be_disabled()
    await expect(ada.box).to_have_attribute("placeholder", "This channel is archived")


async def test_what_the_app_does_not_answer_is_said_to_the_person(slack: LocalSlack, office: Office) -> None:
    ada = await office.seat(slack, "ada")
    await ada.write("/case status")
    await expect(ada.message("/case failed with the error “dispatch_failed”")).to_be_visible()


async def test_unread_marks_come_and_go(slack: LocalSlack, app: App, office: Office) -> None:
    dm = slack.dm_channel(DANA)
    ada = await office.seat(slack, "ada", at="#/home")
    root = await slack.post("U0GRACEH01", SUPPORT, "Does anybody know the courier?")
    support = ada.page.get_by_role("link", name="support, 1 unread")
    await expect(support).to_be_visible()
    await expect(ada.page).to_have_title("(1) Ada Admin, Casewire sandbox")

    await support.click()
    await expect(ada.page.get_by_role("link", name="support", exact=True)).to_be_visible()
    await slack.post("U0GRACEH01", SUPPORT, "I do", thread_ts=root)
    await expect(ada.page.get_by_role("link", name="support, 1 new in threads")).to_be_visible()
    await expect(ada.message("anybody know the courier").locator(".pill")).to_have_text("1 new")
    await ada.open_thread("anybody know the courier")
    await expect(ada.page.get_by_role("link", name="support", exact=True)).to_be_visible()
    await expect(ada.page).to_have_title("Ada Admin, Casewire sandbox")

    await app.web.chat_postMessage(channel=dm, text="For Dana alone")
    await expect(ada.page).to_have_title("Ada Admin, Casewire sandbox")
    assert await ada.page.locator("#announcer").inner_text() == (
        "New message in #support from Grace Hopper: Does anybody know the courier?\n"
        "New message in a thread in #support from Grace Hopper: I do"
    )
