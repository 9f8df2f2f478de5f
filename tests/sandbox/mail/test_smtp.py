"""The SMTP server as smtplib and aiosmtplib see it."""

import asyncio
import smtplib

import aiosmtplib
import pytest

from bot.sandbox.mail.server import DESK, MailServer
from tests.sandbox.mail.clients import letter, with_smtplib

DANA = "dana@customer.example"


def to_dana(subject: str = "Re: Hello", text: str = "An answer.") -> bytes:
    return letter(subject, text, From=f"Support <{DESK}>", To=DANA, Message_ID="<answer@casewire.example>")


async def test_a_mail_lands_with_each_recipient(mail: MailServer) -> None:
    text = ".a dot\r\n..two\r\nÄ and ünïcode"
    sent = to_dana(text=text)
    refused = await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA, "omar@customer.example"], sent))
    assert refused == {}
    for address in (DANA, "omar@customer.example"):
        (got,) = mail.mailbox(address).inbox
        assert got.raw.endswith(sent)
        assert got.return_path == DESK
        assert got.raw.startswith(
            b"Return-Path: <support@casewire.example>\r\nReceived: from casewire.example by "
        )
    assert mail.mailbox(DESK).inbox == []


async def test_aiosmtplib_sends_and_a_wrong_password_is_told(mail: MailServer) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=mail.smtp.port, start_tls=False, timeout=5) as client:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused:
            await client.login(DESK, "guess")
        assert refused.value.code == 535
        await client.login(DESK, mail.accounts.password)
        await client.sendmail(DESK, DANA, to_dana())
    assert (await mail.wait_for_mail(DANA)).raw.endswith(to_dana())


async def test_login_and_token(mail: MailServer) -> None:
    def by_login(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo()
        client.user, client.password = DESK, mail.accounts.password
        return client.auth("LOGIN", client.auth_login)

    assert (await with_smtplib(mail, by_login, login=False))[0] == 235

    async def token() -> str:
        return mail.accounts.access_token

    client = aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=mail.smtp.port,
        start_tls=False,
        timeout=5,
        username=DESK,
        oauth_token_generator=token,
    )
    async with client:
        await client.sendmail(DESK, DANA, to_dana())
    assert len(mail.mailbox(DANA).inbox) == 1


async def test_the_desks_address_is_for_who_is_logged_in(mail: MailServer) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], to_dana()), login=False)
    assert refused.value.smtp_code == 530


@pytest.mark.parametrize(
    ("login", "sender", "verdict"), [(True, DESK, b"pass"), (True, DANA, b"fail"), (False, DANA, b"none")]
)
async def test_dmarc_passes_for_the_domain_that_is_logged_in(
    mail: MailServer, login: bool, sender: str, verdict: bytes
) -> None:
    raw = letter(From=sender)
    await with_smtplib(mail, lambda client: client.sendmail(sender, [DESK], raw), login=login)
    assert b"; dmarc=" + verdict + b" header.from=" in mail.mailbox(DESK).inbox[0].raw


async def test_the_empty_return_path_is_one(mail: MailServer) -> None:
    await with_smtplib(mail, lambda client: client.sendmail("", [DANA], to_dana()))
    assert mail.mailbox(DANA).inbox[0].return_path == ""
    assert mail.mailbox(DANA).inbox[0].raw.startswith(b"Return-Path: <>\r\n")


class TestGoingWrong:
    @pytest.mark.parametrize(
        ("command", "error"),
        [
            ("AUTH", smtplib.SMTPAuthenticationError),
            ("MAIL", smtplib.SMTPSenderRefused),
            ("RCPT", smtplib.SMTPRecipientsRefused),
            ("DATA", smtplib.SMTPDataError),
        ],
    )
    async def test_a_command_is_refused_for_now(
        self, mail: MailServer, command: str, error: type[smtplib.SMTPException]
    ) -> None:
        mechanisms = 2 if command == "AUTH" else 1  # smtplib tries them all
        mail.faults.add("smtp", command, "451 4.7.1 Try again later", times=mechanisms)
        with pytest.raises(error, match="Try again later"):
            await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], to_dana()))
        assert mail.mailbox(DANA).inbox == []
        await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], to_dana()))
        assert len(mail.mailbox(DANA).inbox) == 1

    @pytest.mark.parametrize(("kind", "arrived"), [("drop", 0), ("lost_answer", 1)])
    async def test_the_connection_is_cut_before_the_answer_to_data(
        self, mail: MailServer, kind: str, arrived: int
    ) -> None:
        mail.faults.add("smtp", "DATA", kind)
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], to_dana()))
        assert len(mail.mailbox(DANA).inbox) == arrived

    async def test_busy_from_the_first_word(self, mail: MailServer) -> None:
        mail.faults.add("smtp", "CONNECT", "421 4.3.2 Too many connections")
        with pytest.raises((smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected)):
            await with_smtplib(mail, lambda client: client.noop())

    async def test_logins_are_refused_until_they_are_not(self, mail: MailServer) -> None:
        mail.refuse_logins()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await with_smtplib(mail, lambda client: client.noop())
        mail.refuse_logins(False)
        assert (await with_smtplib(mail, lambda client: client.noop()))[0] == 250

    async def test_away_and_back(self, mail: MailServer) -> None:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=mail.smtp.port, start_tls=False, timeout=5
        ) as client:
            await mail.away()
            with pytest.raises(aiosmtplib.SMTPServerDisconnected):
                await client.noop()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", mail.smtp.port)
            await mail.back()
        assert (await with_smtplib(mail, lambda client: client.noop()))[0] == 250

    async def test_stalled_nothing_is_said(self, mail: MailServer) -> None:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=mail.smtp.port, start_tls=False, timeout=5
        ) as client:
            await client.login(DESK, mail.accounts.password)
            mail.stall()
            sending = asyncio.ensure_future(client.sendmail(DESK, DANA, to_dana()))
            done, _ = await asyncio.wait([sending], timeout=0.1)
            assert not done
            assert mail.mailbox(DANA).inbox == []
            mail.stall(False)
            await sending
        assert len(mail.mailbox(DANA).inbox) == 1
