"""The carrier against a real SMTP server: what became of a mail is never guessed."""

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import pytest

from bot.courier.mail import ANSWER_SIZE, Away, MailCarrier, MailServer
from bot.courier.slack import LoginTrouble, NotSent, Refused, Uncertain, Undelivered
from bot.ops import logging as ops_logging
from tests.support.smtp import LOGIN, Certificate, ScriptedSmtp, make_certificate

DATA = b"From: <support@desk.example>\r\nSubject: x\r\n\r\n.one dot\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def carrier(smtp: ScriptedSmtp, *, per_minute: float = 60_000, **changed: Any) -> MailCarrier:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": smtp.port, "security": "none", "sender": LOGIN[0]}
    return MailCarrier(MailServer(**(given | changed)), per_minute)


def login(password: str = LOGIN[1]) -> dict[str, Any]:
    async def ask() -> str:
        return password

    return {"user": LOGIN[0], "password": ask}


async def send(carrier: MailCarrier, to: str = "dana@example.com") -> None:
    async with carrier.session() as session:
        await session.send(to, DATA)


async def trouble(carrier: MailCarrier, to: str = "dana@example.com") -> Undelivered:
    with pytest.raises(Undelivered) as raised:
        await send(carrier, to)
    return raised.value


class TestTaken:
    async def test_a_mail_arrives_as_it_was_written(self, smtp: ScriptedSmtp) -> None:
        await send(carrier(smtp))
        (taken,) = smtp.taken
        assert (taken.sender, taken.to, taken.data) == (LOGIN[0], ["dana@example.com"], DATA)

    async def test_a_domain_in_other_letters_goes_in_those_of_the_dns(self, smtp: ScriptedSmtp) -> None:
        await send(carrier(smtp), "dana@bücher.example")
        assert smtp.taken[0].to == ["dana@xn--bcher-kva.example"]

    async def test_letters_before_the_at_need_a_server_that_takes_them(self, smtp: ScriptedSmtp) -> None:
        await send(carrier(smtp), "dänä@example.com")
        assert smtp.taken[0].to == ["dänä@example.com"]
        smtp.utf8 = False
        assert type(await trouble(carrier(smtp), "dänä@example.com")) is Refused

    async def test_the_size_the_server_takes_is_known(self, smtp: ScriptedSmtp) -> None:
        smtp.size_limit = 1234
        async with carrier(smtp).session() as session:
            assert session.max_size == 1234


class TestSecrets:
    @pytest.fixture(autouse=True)
    def hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ops_logging, "_known", None)
        ops_logging.hide(["kept-from-all-eyes"])

    @pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
    async def test_what_a_server_quotes_back_is_left_out_and_not_cut_in_half(
        self, smtp: ScriptedSmtp, verb: str
    ) -> None:
        for before, seen in (("no:", "550 5.7.8 no: (secret) is wrong"), ("x" * (ANSWER_SIZE - 20), "x")):
            smtp.answers[verb] = [f"550 5.7.8 {before} kept-from-all-eyes is wrong"]
            said = str(await trouble(carrier(smtp)))
            assert "kept" not in said
            assert seen in said

    def test_so_it_is_in_whatever_is_not_delivered(self) -> None:
        assert str(Refused("xoxb-1-2 and kept-from-all-eyes")) == "(token) and (secret)"


class TestRefusals:
    @pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ("450 4.2.1 greylisted, come back", NotSent),
            ("421 4.3.2 shutting down", NotSent),
            ("550 5.7.1 no", Refused),
            ("530 5.7.0 log in first", LoginTrouble),
        ],
    )
    async def test_each_answer_means_what_the_rfc_says(
        self, smtp: ScriptedSmtp, verb: str, answer: str, kind: type[Undelivered]
    ) -> None:
        smtp.answers[verb] = [answer]
        error = await trouble(carrier(smtp))
        assert type(error) is kind
        assert answer.split(" ", 2)[2] in str(error), "people see what the server said"
        assert not smtp.taken

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ("550 5.1.1 User unknown", "there is no such mailbox"),
            ("552 5.2.2 Over quota", "the mailbox is full"),
            ("552 too big", "too large for the mail server"),
            ("554 5.7.1 Spam", "refused by a rule"),
            ("554 go away", "did not take it"),
        ],
    )
    async def test_the_reason_is_in_plain_words(self, smtp: ScriptedSmtp, answer: str, words: str) -> None:
        smtp.answers["RCPT"] = [answer]
        assert words in str(await trouble(carrier(smtp)))

    async def test_a_sender_that_may_not_send_names_the_setting(self, smtp: ScriptedSmtp) -> None:
        smtp.answers["MAIL"] = ["553 5.7.1 not yours"]
        assert "EMAIL_FROM" in str(await trouble(carrier(smtp)))

    async def test_a_server_that_breaks_off_before_the_data_has_taken_nothing(self, smtp: ScriptedSmtp) -> None:
        async with carrier(smtp).session() as session:
            session._smtp.transport.abort()
            with pytest.raises(NotSent):
                await session.send("dana@example.com", DATA)

    async def test_a_server_that_breaks_off_after_the_data_may_have_it(self, smtp: ScriptedSmtp) -> None:
        smtp.cut = 1
        assert type(await trouble(carrier(smtp))) is Uncertain
        assert len(smtp.taken) == 1


class TestLogin:
    async def test_user_and_password_are_given(self, smtp: ScriptedSmtp) -> None:
        smtp.needs_login = True
        await send(carrier(smtp, **login()))
        assert smtp.logins[0] == LOGIN

    async def test_a_refused_login_is_the_operators_to_mend(self, smtp: ScriptedSmtp) -> None:
        smtp.needs_login = True
        error = await trouble(carrier(smtp, **login("wrong")))
        assert type(error) is LoginTrouble
        assert "SMTP_PASSWORD" in str(error)
        assert "wrong" not in str(error)

    async def test_the_password_is_asked_for_at_each_login(self, smtp: ScriptedSmtp) -> None:
        smtp.needs_login = True
        passwords = ["wrong", "right"]

        async def ask() -> str:
            return passwords.pop(0)

        mail = carrier(smtp, user=LOGIN[0], password=ask)
        assert type(await trouble(mail)) is LoginTrouble
        await send(mail)
        assert len(smtp.taken) == 1

    async def test_a_server_without_login_where_one_is_set_is_the_operators_to_mend(
        self, smtp: ScriptedSmtp
    ) -> None:
        assert type(await trouble(carrier(smtp, **login()))) is LoginTrouble

    async def test_a_token_is_asked_for_and_sent_as_xoauth2(self) -> None:
        lines: list[bytes] = []
        over = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answers = {b"EHLO": b"250-hi\r\n250 AUTH XOAUTH2\r\n", b"AUTH": b"235 ok\r\n"}
            writer.write(b"220 hi\r\n")
            while line := await reader.readline():
                lines.append(line)
                writer.write(answers.get(line[:4].upper(), b"250 ok\r\n"))
            writer.close()
            await writer.wait_closed()
            over.set()

        async def token() -> str:
            return "a-token"

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            smtp = ScriptedSmtp(port=server.sockets[0].getsockname()[1])
            async with carrier(smtp, user=LOGIN[0], token=token).session():
                pass
            await over.wait()
        (sent,) = [line.split()[2] for line in lines if line.startswith(b"AUTH XOAUTH2")]
        assert base64.b64decode(sent) == f"user={LOGIN[0]}\x01auth=Bearer a-token\x01\x01".encode()


class TestConnecting:
    async def test_a_server_that_is_away_is_waited_for(self, smtp: ScriptedSmtp) -> None:
        await smtp.stop()
        assert type(await trouble(carrier(smtp))) is Away

    @pytest.mark.parametrize("security", ["tls", "starttls"])
    async def test_tls_is_spoken_with_a_certificate_that_is_trusted(
        self, certificate: Certificate, security: str
    ) -> None:
        async with ScriptedSmtp(tls=certificate.server, starttls=security == "starttls") as smtp:
            await send(carrier(smtp, host="localhost", security=security, tls=certificate.client))
            assert len(smtp.taken) == 1

    @pytest.mark.parametrize("security", ["tls", "starttls"])
    async def test_a_certificate_that_nobody_vouches_for_is_the_operators_to_mend(
        self, certificate: Certificate, security: str
    ) -> None:
        async with ScriptedSmtp(tls=certificate.server, starttls=security == "starttls") as smtp:
            error = await trouble(carrier(smtp, host="localhost", security=security))
        assert type(error) is LoginTrouble
        assert "certificate" in str(error)
        assert not smtp.taken

    async def test_a_certificate_of_another_host_is_not_taken(self, tmp_path: Path) -> None:
        other = make_certificate(tmp_path, "elsewhere.example")
        async with ScriptedSmtp(tls=other.server) as smtp:
            error = await trouble(carrier(smtp, host="localhost", security="tls", tls=other.client))
        assert type(error) is LoginTrouble

    async def test_without_starttls_nothing_goes_in_the_clear(self, smtp: ScriptedSmtp) -> None:
        error = await trouble(carrier(smtp, security="starttls", **login()))
        assert type(error) is LoginTrouble
        assert not smtp.logins
        assert not smtp.taken

    async def test_mails_beyond_the_first_few_are_paced(self, smtp: ScriptedSmtp) -> None:
        mail = carrier(smtp, per_minute=600)
        began = time.monotonic()
        for _ in range(13):  # ten at once, then one in 0.1 s
            await send(mail)
        assert time.monotonic() - began > 0.25
