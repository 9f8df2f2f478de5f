"""The page is readable and reachable: dark and light, at 1280 and at 800 pixels, for eyes and for screen readers."""

import pytest
from playwright.async_api import expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.people import ADA, BEN, GRACE, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.page.apps import App, button, form, home, section
from tests.page.browser import Office
from tests.page.looking import flaws

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


async def furnished(slack: LocalSlack, web: AsyncWebClient) -> str:
    """A channel with everything in it that is drawn differently; the root of its thread."""
    buttons = [
        button("a", "Acknowledge", style="primary"),
        button("c", "Close", style="danger"),
        button("g", "Go"),
    ]
    card = await web.chat_postMessage(
        channel=SUPPORT,
        text="Case #CASE_001",
        blocks=[
            {"type": "header", "text": {"type": "plain_text", "text": "Case #CASE_001: Dana Lee"}},
            section(f"*Status:* open, see <https://shop.example|the order> and <@{GRACE}> or <!here>"),
            section(">Where is my parcel?\n`DHX-77` and ```track 0034```"),
            {"type": "actions", "elements": buttons},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "Work in this case's thread."}]},
        ],
    )
    root: str = card["ts"]
    await slack.post(ADA, SUPPORT, "Sorry! It left *this* _morning_ ~yesterday~.", thread_ts=root)
    long = "W" * 300 + " https://shop.example/" + "a" * 300
    last = await slack.post(
        BEN, SUPPORT, long, thread_ts=root, files=[{"name": "x" * 120 + ".txt", "content": "1"}]
    )
    await slack.react(GRACE, SUPPORT, last, "eyes")
    await slack.react(ADA, SUPPORT, last, "white_check_mark")
    told = await slack.post(GRACE, SUPPORT, "Edited, and for <@U0ADAADM01>")
    await slack.edit(GRACE, SUPPORT, told, "Edited, and for <@U0ADAADM01>, twice")
    await web.chat_postEphemeral(channel=SUPPORT, user=ADA, text="Nothing is escalated.")
    await web.views_publish(user_id=ADA, view=home())
    slack.faults.add("chat.postMessage", "lost_answer", times=3)
    return root


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
async def test_everything_can_be_read_and_has_a_name(
    slack: LocalSlack, app: App, office: Office, scheme: str, width: int
) -> None:
    root = await furnished(slack, app.web)
    nobody = await office.seat(slack, "", width=width, scheme=scheme)
    await expect(nobody.page.get_by_role("dialog")).to_be_visible()
    assert await flaws(nobody.page) == []

    ada = await office.seat(slack, "ada", width=width, scheme=scheme, at=f"#/{SUPPORT}")
    page = ada.page
    await expect(ada.message("Nothing is escalated.")).to_be_visible()
    await ada.message("twice").hover()
    assert await flaws(page) == []

    await ada.open_thread("Case #CASE_001")
    await expect(ada.page.locator("#conversation")).to_be_visible(visible=width > 1000)
    panel = await ada.backstage()
    assert await flaws(page) == []
    if width < 1000:
        await panel.get_by_role("button", name="Controls").click()
        assert await flaws(page) == []
    await expect(panel.get_by_label("Faults still to come")).to_be_visible()
    await page.keyboard.press("Escape")

    await ada.choose(ada.thread.last, "Delete message…")
    assert await flaws(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Keys").click()
    assert await flaws(page) == []
    await page.keyboard.press("Escape")

    await page.goto(f"{slack.url}/#/home")
    await expect(page.get_by_role("heading", name="The desk")).to_be_visible()
    assert await flaws(page) == []
    await app.web.views_open(trigger_id=slack.api.interactions.new_trigger(ADA), view=form())
    await page.get_by_role("dialog", name="New case").get_by_role("button", name="Open it").click()
    await expect(page.get_by_text("Please complete this required field.")).to_have_count(2)
    assert await flaws(page) == []
    assert root


async def test_the_audit_sees_what_is_wrong(slack: LocalSlack, office: Office) -> None:
    ada = await office.seat(slack, "ada")
    await ada.page.evaluate(
        """() => {
          const bad = document.createElement("button");
          bad.id = "top";
          bad.style.cssText = "position: absolute; top: 2000px; color: #888; background: #777; width: 9px; padding: 0";
          const pale = bad.cloneNode();
          pale.textContent = "pale";
          document.body.append(bad, pale);
        }"""
    )
    found = "; ".join(await flaws(ada.page))
    for flaw in ("contrast 1.2", "no name", "small, 9x", "the same id twice: top", "scrolls as a whole"):
        assert flaw in found


async def test_the_theme_follows_the_system_until_somebody_chooses(slack: LocalSlack, office: Office) -> None:
    async def ground() -> str:
        return str(await ada.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    ada = await office.seat(slack, "ada", scheme="dark")
    theme = ada.page.get_by_role("button", name="Theme")
    assert await ground() == "rgb(26, 29, 33)"
    await ada.page.emulate_media(color_scheme="light")
    assert await ground() == "rgb(255, 255, 255)"
    await theme.click()
    await theme.click()
    await expect(theme).to_have_accessible_name("Theme: dark. Change it")
    assert await ground() == "rgb(26, 29, 33)"
    await ada.page.reload()
    await expect(theme).to_have_accessible_name("Theme: dark. Change it")


async def test_the_thread_stands_beside_the_channel_or_over_it(
    slack: LocalSlack, app: App, office: Office
) -> None:
    root = (await app.web.chat_postMessage(channel=SUPPORT, text="Case #CASE_001"))["ts"]
    ada = await office.seat(slack, "ada", at=f"#/{SUPPORT}/{root}/{root}")
    channel, thread = ada.page.locator("#conversation"), ada.page.locator("#thread")
    await expect(thread).to_be_visible()
    left, right = await channel.bounding_box(), await thread.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] == right["x"]
    assert right["x"] + right["width"] == 1280

    await ada.page.set_viewport_size({"width": 800, "height": 700})
    await expect(channel).to_be_hidden()
    await ada.page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()
    await expect(channel).to_be_visible()
