"""Files in the page: what people attach arrives whole, and what the app uploads can be downloaded."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from bot.sandbox.people import ADA, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.page.apps import App
from tests.page.browser import Office, Person

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100"
    "18dd8db00000000049454e44ae426082"
)


async def downloaded(person: Person, message: Locator, name: str) -> bytes:
    async with person.page.expect_download() as download:
        await message.get_by_role("link", name=f"Download {name}").click()
    path = await (await download.value).path()
    return await asyncio.to_thread(Path(path).read_bytes)


async def test_a_customer_sends_a_file_by_direct_message(
    slack: LocalSlack, app: App, office: Office, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 8_000  # 2 MB of no text at all
    (tmp_path / "scan <1> & “2”.bin").write_bytes(content)
    (tmp_path / "photo.png").write_bytes(PICTURE)
    dana = await office.seat(slack, "dana")
    picker = dana.page.locator("#conversation input[type=file]")
    await picker.set_input_files([tmp_path / "scan <1> & “2”.bin", tmp_path / "photo.png"])
    chips = dana.page.get_by_role("list", name="Attached files")
    await expect(chips.get_by_role("listitem")).to_have_count(2)
    await chips.get_by_role("button", name="Remove photo.png").click()
    await expect(chips.get_by_role("listitem")).to_have_count(1)
    await picker.set_input_files(tmp_path / "photo.png")

    await dana.write("Here is the scan")

    message = dana.message("Here is the scan")
    await expect(message.locator(".file-name")).to_have_text(
        ["scan <1> & “2”.binBIN, 2.0 MB", "photo.pngPNG, 69 bytes"]
    )
    await expect(message.locator("img")).to_have_js_property("naturalWidth", 1)
    event = await app.socket.event()
    assert event["subtype"] == "file_share"
    assert [file["size"] for file in event["files"]] == [len(content), len(PICTURE)]
    assert await downloaded(dana, message, "scan <1> & “2”.bin") == content


async def test_an_admin_drops_a_file_into_a_thread_without_a_word(
    slack: LocalSlack, app: App, office: Office
) -> None:
    card = await app.web.chat_postMessage(channel=SUPPORT, text="Case #CASE_001")
    root = card["ts"]
    ada = await office.seat(slack, "ada", at=f"#/{SUPPORT}/{root}/{root}")
    await expect(ada.reply_box).to_be_focused()
    await ada.page.evaluate(
        """() => {
          const carried = new DataTransfer();
          carried.items.add(new File(["Total 49 EUR"], "invoice.txt", { type: "text/plain" }));
          document.querySelector("#thread").dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }"""
    )
    await ada.page.locator("#thread").get_by_role("button", name="Send").click()

    reply = ada.reply("invoice.txt")
    await expect(reply.locator(".file-name")).to_have_text("invoice.txtTXT, 12 bytes")
    assert await downloaded(ada, reply, "invoice.txt") == b"Total 49 EUR"
    [posted] = [post for post in slack.messages(SUPPORT, root) if post.get("files")]
    assert (posted["user"], posted["files"][0]["name"]) == (ADA, "invoice.txt")


async def test_what_the_app_uploads_is_shown_and_downloaded(slack: LocalSlack, app: App, office: Office) -> None:
    dana = await office.seat(slack, "dana")
    page = b"<!doctype html><script>document.title = 'run'</script>"
    await app.web.files_upload_v2(
        channel=slack.dm_channel(DANA), filename="label.html", content=page, initial_comment="Your label"
    )
    message = dana.message("Your label")
    await expect(message.locator(".file-name strong")).to_have_text("label.html")
    assert await downloaded(dana, message, "label.html") == page
    address = await message.get_by_role("link", name="Download label.html").get_attribute("href")
    answer = await dana.page.request.get(f"{slack.url}{address}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]
