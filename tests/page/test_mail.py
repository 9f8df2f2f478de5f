"""The mailbox on the page: written as anybody, proven or not; what came back is read, with files and headers."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from bot.sandbox.mail.server import DESK, MailServer
from bot.sandbox.mail.store import Mail
from bot.sandbox.server import LocalSlack
from tests.page.browser import Office, Person
from tests.page.looking import flaws

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

DANA = "dana@customer.example"
PICTURE = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\6\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0"
    b"\5\0\1\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82"
)


@pytest_asyncio.fixture(loop_scope="session")
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(with_mail=True) as slack:
        yield slack


@pytest.fixture
def mail(slack: LocalSlack) -> MailServer:
    assert slack.mail is not None
    return slack.mail


def entries(person: Person) -> Locator:
    return person.page.locator(".mail-list a")


def letters(person: Person) -> Locator:
    return person.page.locator(".letter")


def desk_answers(mail: MailServer, first: Mail | None, text: str) -> None:
    mail.write(f"Casewire <{DESK}>", text=text, to=DANA, reply_to_mail=first, html=f"<p>{text}</p>")


async def test_a_customer_writes_with_a_file_and_the_answer_joins_the_conversation(
    slack: LocalSlack, mail: MailServer, office: Office, tmp_path: Path
) -> None:
    path = tmp_path / "receipt.txt"
    await asyncio.to_thread(path.write_text, "4711\n")
    dana = await office.seat(slack, "dana")
    await dana.go("Mailbox")
    await expect(dana.page.get_by_text("There is no mail here yet.")).to_be_visible()
    await dana.page.get_by_role("button", name="New mail").click()
    await expect(dana.page.get_by_label("From", exact=True)).to_have_value(f"Dana Lee <{DANA}>")
    await expect(dana.page.get_by_label("Subject")).to_be_focused()
    await dana.page.get_by_label("Subject").fill("My order")
    await dana.page.get_by_label("Words of the mail").fill("Where is it?\n\nDana")
    await dana.page.locator(".mail-writer input[type=file]").set_input_files(path)
    await dana.page.get_by_role("button", name="Send mail").click()

    await expect(letters(dana)).to_have_count(1)
    await expect(dana.page.get_by_role("heading", name="My order")).to_be_visible()
    first = mail.mailbox(DESK).inbox[0]
    message = message_from_bytes(first.raw, policy=policy.default)
    (file,) = message.iter_attachments()
    assert (message["From"], message["Subject"]) == (f"Dana Lee <{DANA}>", "My order")
    assert (file.get_filename(), file.get_content()) == ("receipt.txt", "4711\n")
    assert "dmarc=pass" in message["Authentication-Results"]

    desk_answers(mail, first, "It left this morning.\n\nDana wrote:\n> Where is it?")
    answer = letters(dana).last
    await expect(answer).to_contain_text("It left this morning.")
    await expect(answer).to_contain_text("sender proven")
    await expect(answer.get_by_text("Where is it?")).to_be_hidden()
    await answer.get_by_text("Quoted text").click()
    await expect(answer.get_by_text("Where is it?")).to_be_visible()
    await expect(entries(dana)).to_have_count(1)

    await expect(dana.page.get_by_label("Subject")).to_have_value("Re: My order")
    await dana.page.get_by_label("Words of the mail").fill("Thank you!")
    await dana.page.get_by_label("Words of the mail").press("Control+Enter")
    await expect(letters(dana)).to_have_count(3)
    reply = message_from_bytes(mail.mailbox(DESK).inbox[1].raw)
    assert reply["In-Reply-To"] == message_from_bytes(mail.mailbox(DANA).inbox[0].raw)["Message-ID"]
    assert "\n> It left this morning.\n" in reply.get_payload().replace("\r\n", "\n")
    await expect(letters(dana).last.get_by_text("It left this morning.")).to_be_hidden()
    await expect(dana.page.get_by_label("Words of the mail")).to_have_value("")

    desk_answers(mail, mail.mailbox(DESK).inbox[1], "You are welcome.")
    await expect(letters(dana)).to_have_count(4)
    await dana.page.get_by_label("Quote it below").uncheck()
    await dana.page.get_by_label("Words of the mail").fill("Bye!")
    await dana.page.get_by_role("button", name="Send mail").click()
    await slack.wait_for(lambda: len(mail.mailbox(DESK).inbox) == 3)
    assert message_from_bytes(mail.mailbox(DESK).inbox[2].raw).get_payload().strip() == "Bye!"


async def test_unread_mail_is_counted_until_it_is_looked_at(
    slack: LocalSlack, mail: MailServer, office: Office
) -> None:
    dana = await office.seat(slack, "dana")
    await expect(dana.page.get_by_role("link", name="Mailbox", exact=True)).to_be_visible()
    mail.write(DESK, "Your case", "Is CASE_001", to=DANA)
    await expect(dana.page.get_by_role("link", name="Mailbox, 1 unread")).to_be_visible()
    await expect(dana.page.locator("#announcer")).to_contain_text(f"New mail from {DESK}: Your case")
    await dana.go("Mailbox")
    await expect(entries(dana).first).to_have_accessible_name(f"Unread: {DESK}: Your case")
    await entries(dana).first.click()
    await expect(letters(dana)).to_contain_text("Is CASE_001")
    await expect(dana.page.get_by_role("link", name="Mailbox", exact=True)).to_be_visible()
    await slack.wait_for(lambda: mail.mailbox(DANA).inbox[0].flags == {"\\Seen"})
    await dana.page.reload()
    await expect(entries(dana).first).to_have_accessible_name(f"{DESK}: Your case")


async def test_a_forged_mail_is_written_and_the_desks_mailbox_shows_it_unmarked(
    slack: LocalSlack, mail: MailServer, office: Office
) -> None:
    dana = await office.seat(slack, "dana", at="#/mail/new")
    await dana.page.get_by_label("From", exact=True).fill("Ada Admin <ada@desk.example>")
    await dana.page.get_by_label("Subject").fill("Close it")
    await dana.page.get_by_label("The receiving server").select_option("fail")
    await dana.page.get_by_role("button", name="Send mail").click()
    await slack.wait_for(lambda: mail.mailbox(DESK).inbox)
    got = mail.mailbox(DESK).inbox[0]
    assert b"dmarc=fail header.from=desk.example" in got.raw

    await dana.page.get_by_label("Mailbox of").select_option(DESK)
    await entries(dana).first.click()
    await expect(letters(dana)).to_contain_text("sender not proven: DMARC failed")
    await expect(dana.page.get_by_label("To", exact=True)).to_have_value("ada@desk.example")
    assert got.flags == set()


async def test_headers_html_and_source_are_shown_on_demand(
    slack: LocalSlack, mail: MailServer, office: Office
) -> None:
    picture = {"name": "dot.png", "content": PICTURE}
    got = mail.write(DESK, "Hello", "Hi <b>there</b>", to=DANA, html="<b>Hi</b>", files=[picture])
    dana = await office.seat(slack, "dana", at=f"#/mail/{got.number if got else ''}")
    letter = letters(dana).first
    await expect(letter.get_by_text("Hi <b>there</b>")).to_be_visible()
    await expect(letter.locator(".file img")).to_have_js_property("naturalWidth", 1)
    await expect(letter.locator(".mail-headers")).to_be_hidden()
    await letter.get_by_role("button", name="Headers").click()
    await expect(letter.locator(".mail-headers")).to_contain_text("Return-Path: <support@casewire.example>")
    async with dana.page.expect_popup() as opening:
        await letter.get_by_role("link", name="HTML").click()
    html = await opening.value
    await expect(html.locator("b")).to_have_text("Hi")
    await html.close()
    async with dana.page.expect_popup() as opening:
        await letter.get_by_role("link", name="Source").click()
    source = await opening.value
    await expect(source.locator("body")).to_contain_text("Message-ID:")
    await source.close()


async def test_an_address_is_made_to_bounce_and_to_be_away(
    slack: LocalSlack, mail: MailServer, office: Office
) -> None:
    dana = await office.seat(slack, "dana", at="#/mail")
    await dana.page.get_by_role("switch", name="bounces").check()
    await slack.wait_for(lambda: mail.faults.bouncing == {DANA: "550 5.1.1 No such user here"})
    await dana.page.get_by_role("switch", name="bounces").uncheck()
    await dana.page.get_by_role("switch", name="out of office").check()
    await slack.wait_for(lambda: mail.faults.bouncing == {} and DANA in mail.faults.out_of_office)
    mail.write(DESK, "Hello", "Hi", to=DANA)
    await dana.page.get_by_label("Mailbox of").select_option(DESK)
    await expect(dana.page.get_by_role("group", name="Mail to this address")).to_be_hidden()
    await entries(dana).first.click()
    await expect(letters(dana).last).to_contain_text("automatic reply")


async def test_backstage_makes_mail_go_wrong(slack: LocalSlack, mail: MailServer, office: Office) -> None:
    ada = await office.seat(slack, "ada")
    panel = await ada.backstage()
    await panel.get_by_role("switch", name="neither IMAP nor SMTP").check()
    await slack.wait_for(lambda: mail.is_away)
    await panel.get_by_label("Trouble with mail", exact=True).select_option(label="SMTP: 550, no such user")
    await panel.get_by_role("button", name="Add fault").click()
    await expect(panel.get_by_label("Trouble with mail to come")).to_have_text("SMTP: 550, no such user, once")
    await panel.get_by_role("button", name="Clear mail faults").click()
    await slack.wait_for(lambda: not mail.is_away and not mail.faults.pending)
    await expect(panel.get_by_label("Trouble with mail to come")).to_be_hidden()


async def test_without_mail_there_is_no_mailbox(office: Office) -> None:
    async with LocalSlack() as slack:
        ada = await office.seat(slack, "ada", at="#/mail")
        await expect(ada.page.locator("#conversation")).to_be_visible()
        await expect(ada.page.locator("#sidebar")).not_to_contain_text("Mailbox")
        panel = await ada.backstage()
        await expect(panel.get_by_text("Mail goes wrong")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
async def test_everything_can_be_read_and_has_a_name(
    slack: LocalSlack, mail: MailServer, office: Office, scheme: str, width: int
) -> None:
    file = {"name": "x" * 120 + ".txt", "content": "1"}
    first = mail.write(f"Dana Lee <{DANA}>", "W" * 200, "https://shop.example/" + "a" * 300, files=[file])
    desk_answers(mail, first, "It left this morning.\n\nDana wrote:\n> Where is it?")
    mail.write(
        "x" * 60 + "@shop.example", "Offers", "", to=DANA, cc="omar@customer.example", authentication="none"
    )
    dana = await office.seat(slack, "dana", width=width, scheme=scheme, at="#/mail")
    await expect(entries(dana)).to_have_count(2)
    assert await flaws(dana.page) == []
    for entry, count in (("Offers", 1), ("WWW", 2)):
        await entries(dana).filter(has_text=entry).click()
        await expect(letters(dana)).to_have_count(count)
        await letters(dana).last.get_by_role("button", name="Headers").click()
        await expect(letters(dana).last.locator(".mail-headers")).to_be_visible()
        await letters(dana).last.get_by_text("Quoted text").click() if count == 2 else None
        assert await flaws(dana.page) == []
        if width < 1000:
            await expect(entries(dana).first).to_be_hidden()
            await dana.page.get_by_role("button", name="Back to the conversations").click()
    await dana.page.get_by_role("button", name="New mail").click()
    assert await flaws(dana.page) == []
    panel = await dana.backstage()
    if width < 1000:
        await panel.get_by_role("button", name="Controls").click()
    await panel.get_by_role("button", name="Add fault").click()
    await expect(panel.get_by_label("Trouble with mail to come")).to_be_visible()
    assert await flaws(dana.page) == []
