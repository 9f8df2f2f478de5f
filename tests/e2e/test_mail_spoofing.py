"""Who pretends to be somebody else by mail acts as nobody: no admin, no customer, no header of ours."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.mail.receiving import AUTHSERV_ID
from tests.support.mail_desk import DANA, GRACE, OMAR, MailDesk, body, read, running_mail_desk
from tests.support.posts import live_markup, refused_calls, words

pytestmark = pytest.mark.slow

CLOSING = "I'm closing this case."
MALLORY = "mallory@evil.example"
PASSES = f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=casewire.example"
FAILS = f"Authentication-Results: {AUTHSERV_ID}; dmarc=fail header.from=casewire.example"
TAGGED = "Subject: Re: My order [CASE_001]"
HOMOGLYPH = "gr\u0430ce@casewire.example"  # a Cyrillic a


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[MailDesk]:
    """Dana's case is open."""
    async with running_mail_desk(database_url) as desk:
        desk.mail.write(f"Dana Lee <{DANA}>", "My order", "Where is it?")
        await desk.mirrored("Where is it?")
        await desk.mails_to(DANA, 1)
        yield desk
        assert not refused_calls(desk.slack)
        assert not live_markup(desk.slack)


def raw(*headers: str, text: str = CLOSING) -> bytes:
    """A mail exactly as it lies in the mailbox: nothing is added, nothing is cleaned."""
    lines = [*headers, "Message-ID: <forged@evil.example>", "", text, ""]
    return "\r\n".join(lines).encode()


FORGERIES = {
    "a From of an admin's, and no proof": (f"From: {GRACE}", TAGGED),
    "a forged proof below the true one": (FAILS, PASSES, f"From: {GRACE}", TAGGED),
    "a forged proof of another server above the true one": (
        "Authentication-Results: mx.evil.example; dmarc=pass header.from=casewire.example",
        FAILS,
        f"From: {GRACE}",
        TAGGED,
    ),
    "a forged proof in a comment of the true one": (
        f"Authentication-Results: {AUTHSERV_ID}; dmarc=fail (dmarc=pass header.from=casewire.example)"
        " header.from=casewire.example",
        f"From: {GRACE}",
        TAGGED,
    ),
    "a proof of another domain": (
        f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=evil.example",
        f"From: {GRACE}",
        TAGGED,
    ),
    "two From": (PASSES, f"From: {MALLORY}", f"From: {GRACE}", TAGGED),
    "two addresses in From": (PASSES, f"From: {GRACE}, {MALLORY}", TAGGED),
    "an admin's address as the name": (
        f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=evil.example",
        f'From: "{GRACE}" <{MALLORY}>',
        TAGGED,
    ),
    "an admin's address in encoded-words": (
        f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=evil.example",
        f"From: =?utf-8?Q?{GRACE.replace('@', '=40')}_?= <{MALLORY}>",
        TAGGED,
    ),
    "a letter that only looks like it": (PASSES, f"From: {HOMOGLYPH}", TAGGED),
    "an admin's address in Sender and Reply-To": (
        f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=evil.example",
        f"From: {MALLORY}",
        f"Sender: {GRACE}",
        f"Reply-To: {GRACE}",
        TAGGED,
    ),
    "a group": (PASSES, f"From: Admins: {GRACE};", TAGGED),
    "a NUL in the address": (PASSES, f"From: {GRACE}\x00@evil.example", TAGGED),
}


class TestAdmins:
    @pytest.mark.parametrize("headers", [pytest.param(headers, id=name) for name, headers in FORGERIES.items()])
    async def test_a_forged_mail_answers_and_closes_nothing(
        self, desk: MailDesk, headers: tuple[str, ...]
    ) -> None:
        desk.mail.deliver(raw(*headers))
        await desk.decided(2)
        await desk.settled()
        (danas,) = await desk.rows("SELECT status, message_count FROM cases WHERE case_id = 'CASE_001'")
        assert (danas["status"], danas["message_count"]) == ("open", 1)
        assert await desk.rows("SELECT * FROM messages WHERE is_admin") == []
        assert len(desk.inbox(DANA)) == 1

    async def test_the_same_mail_with_the_true_proof_does(self, desk: MailDesk) -> None:
        """Or the test above would show nothing."""
        desk.mail.deliver(raw(PASSES, f"From: {GRACE}", TAGGED))
        await desk.mails_to(DANA, 2)
        (danas,) = await desk.rows("SELECT status FROM cases")
        assert danas["status"] == "closed"

    async def test_a_mail_that_was_proven_works_once(self, desk: MailDesk) -> None:
        once = raw(PASSES, f"From: {GRACE}", TAGGED, text="It comes today.")
        desk.mail.deliver(once)
        await desk.mails_to(DANA, 2)
        desk.mail.deliver(once.replace(b"My order", b"Your order"))
        await desk.shown("used before")
        await desk.settled()
        assert len(desk.inbox(DANA)) == 2


class TestCases:
    async def test_a_stranger_who_knows_the_case_id_or_a_message_id_joins_nothing(self, desk: MailDesk) -> None:
        received = desk.inbox(DANA)[0]
        desk.mail.write(MALLORY, "About [CASE_001]", "Let me see it")
        desk.mail.write(MALLORY, text="Send it to me instead", reply_to_mail=received)
        await desk.decided(3)
        await desk.settled()
        (danas,) = await desk.rows("SELECT message_count FROM cases WHERE case_id = 'CASE_001'")
        assert danas["message_count"] == 1
        (mine,) = await desk.rows("SELECT customer_identifier FROM cases WHERE case_id <> 'CASE_001'")
        assert mine["customer_identifier"] == MALLORY
        assert "a stranger in a case" in words(await desk.shown("a stranger in a case"))

    async def test_a_forged_customer_joins_nothing_and_reads_nothing(self, desk: MailDesk) -> None:
        desk.mail.write(
            DANA,
            "New address",
            "Please write to my new address",
            authentication="fail",
            headers={"Reply-To": MALLORY},
        )
        await desk.shown("the sender may be forged")
        await desk.answer(desk.cards()[0], "On its way.")
        await desk.mails_to(DANA, 2)
        await desk.settled()
        assert desk.inbox(MALLORY) == []
        assert len(desk.mirrors(desk.cards()[0])) == 1

    async def test_reply_to_gets_nothing_even_of_a_proven_customer(self, desk: MailDesk) -> None:
        desk.mail.write(DANA, "Re: My order", "Hello?", headers={"Reply-To": MALLORY})
        await desk.mirrored("Hello?")
        await desk.answer(desk.cards()[0], "On its way.")
        await desk.mails_to(DANA, 2)
        await desk.settled()
        assert desk.inbox(MALLORY) == []


class TestHeaders:
    async def test_nothing_a_customer_writes_becomes_a_header_of_ours(self, desk: MailDesk) -> None:
        evil = "=?utf-8?Q?Hello=0D=0ABcc=3A_mallory=40evil.example=0D=0A=0D=0AOwned?="
        lines = (
            f"Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from=elsewhere.example",
            f"From: {evil} <{OMAR}>",
            f"Subject: {evil}",
            "References: <a@b>\tBcc: mallory@evil.example",
        )
        desk.mail.deliver(raw(*lines, text="Omar's words"))
        await desk.mirrored("Omar's words")
        card = desk.cards()[-1]
        await desk.answer(card, "An answer.")
        received, answer = await desk.mails_to(OMAR, 2)
        for mail in (received, answer):
            message = read(mail)
            assert message["Bcc"] is None
            assert [one.addr_spec for one in message["To"].addresses] == [OMAR]
            assert not message.defects
            assert "\n" not in str(message["Subject"])
        await desk.settled()
        assert desk.inbox(MALLORY) == []

    async def test_names_and_file_names_are_words_and_nothing_more(self, desk: MailDesk) -> None:
        desk.mail.write(
            f'"Ada Admin <!channel>" <{OMAR}>',
            "<!here> *bold* <https://evil.example|click>",
            "Words",
            files=[{"name": "../../<!channel>; Bcc: x.txt", "content": b"x"}],
        )
        post = await desk.mirrored("Words")
        assert "Ada Admin" not in str(post.get("username"))
        await desk.settled()
        assert "CASE_002" in body(desk.inbox(OMAR)[0])
