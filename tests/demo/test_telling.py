"""The narration says what was recorded, and what people write cannot reach the terminal as control characters."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.reading import shown
from bot.demo.telling import Teller, Told, Voice
from bot.sandbox.mail.server import DESK
from bot.sandbox.people import ADA, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.sandbox.mail.clients import with_smtplib


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        yield slack


def tale(slack: LocalSlack) -> list[Told]:
    teller = Teller(slack.workspace)
    return [told for record in slack.traffic if (told := teller.tell(record))]


def words(told: Told) -> str:
    return " / ".join(row.text for row in told.rows)


async def test_a_customers_message_is_told_as_theirs(slack: LocalSlack) -> None:
    await slack.dm(DANA, "Where is <@U0ADAADM01>?")
    [told] = tale(slack)
    assert (told.who, told.where, words(told)) == ("Dana", "Casewire", "Where is @Ada Admin?")


async def test_an_update_tells_only_what_has_changed(slack: LocalSlack) -> None:
    def card(status: str) -> dict[str, object]:
        facts = [{"type": "text", "text": f"Status: {status}\nMessages: 1"}]
        section = {"type": "rich_text_section", "elements": facts}
        title = {"type": "plain_text", "text": "Case #CASE_001: Dana Lee"}
        return {
            "blocks": [{"type": "header", "text": title}, {"type": "rich_text", "elements": [section]}],
            "channel": SUPPORT,
        }

    answer = {"ok": True, "channel": SUPPORT, "ts": "1.000001"}
    slack.traffic.add(0.0, "from_bot", "call:chat.postMessage", args=card("open"), answer=answer)
    slack.traffic.add(0.0, "from_bot", "call:chat.update", args=card("closed"), answer=answer)
    slack.traffic.add(0.0, "person", "post", user=ADA, channel=SUPPORT, text="Thank you", thread_ts="1.000001")
    _, updated, posted = tale(slack)
    assert words(updated) == "Case #CASE_001: Dana Lee / → Status: closed"
    assert (posted.who, posted.where) == ("Ada", "CASE_001")


async def test_a_refused_call_is_told(slack: LocalSlack) -> None:
    failed = {"ok": False, "error": "channel_not_found"}
    slack.traffic.add(0.0, "from_bot", "call:chat.postMessage", args={"channel": "C1"}, answer=failed)
    [told] = tale(slack)
    assert words(told) == "chat.postMessage was refused: channel_not_found"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert shown("a\x1b[2Jb\u202ec\r\nd\x00") == "a [2Jb c d"


def test_long_texts_are_cut_with_their_length() -> None:
    assert shown("x" * 40_000).endswith("… (40,000 characters)")


async def test_mail_is_told_by_its_subject_and_words_without_what_it_quotes() -> None:
    async with LocalSlack(with_mail=True) as slack:
        assert slack.mail is not None
        slack.mail.write("dana@customer.example", "My order", "Where is it?\n\nOn Tue, Ada wrote:\n> quoted")
        slack.mail.write("ada@desk.example", "Re: My order", "Here")
        slack.mail.write("Mia Chen <mia@shop.example>", "", "\x1b[31mred\n-- \nMia")
        slack.mail.make_bounce("mia@shop.example", "550 5.1.1 Gone")
        raw = b"From: support@casewire.example\r\nSubject: Re: My order\r\n\r\nOn its way."
        send = lambda client: client.sendmail(DESK, ["dana@customer.example", "mia@shop.example"], raw)  # noqa: E731
        await with_smtplib(slack.mail, send)
        dana, ada, mia, bot, bounced = tale(slack)
    assert (dana.voice, dana.who, dana.where) == (Voice.CUSTOMER, "Dana", "mail")
    assert words(dana) == "Mail: My order / Where is it?"
    assert (ada.voice, ada.who) == (Voice.DESK, "Ada")
    assert (mia.who, words(mia)) == ("Mia", "Mail: without subject / [31mred")
    assert (bot.who, bot.where, words(bot)) == ("Casewire", "Dana, Mia", "Mail: Re: My order / On its way.")
    assert words(bounced) == "A mail to mia@shop.example bounced: 550 5.1.1 Gone"
