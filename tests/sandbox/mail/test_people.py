"""What people write, what a provider adds, and what comes back by itself."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from bot.sandbox.errors import WaitTimeout
from bot.sandbox.mail.receiving import claimed, received
from bot.sandbox.mail.server import DESK, MailServer
from bot.sandbox.mail.store import Mail
from tests.sandbox.mail.clients import letter, with_smtplib

DANA = "dana@customer.example"
NOW = datetime(2026, 2, 3, 10, 30, tzinfo=UTC)


def read(mail: Mail | None) -> EmailMessage:
    assert mail is not None
    message = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


class TestWriting:
    async def test_a_mail_reaches_the_desk_and_stays_with_its_author(self, mail: MailServer) -> None:
        got = mail.write(
            f"Dana Lee <{DANA}>",
            "My örder",
            "Where is it?\n",
            files=[{"name": "receipt.txt", "content": "4711\n"}, {"name": "ä.bin", "content": b"\0\1"}],
            internaldate=NOW,
        )
        message = read(got)
        assert (message["From"], message["To"], message["Subject"]) == (f"Dana Lee <{DANA}>", DESK, "My örder")
        assert message.get_body().get_content().strip() == "Where is it?"
        files = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
        assert files == {"receipt.txt": b"4711\n", "ä.bin": b"\0\1"}
        assert message["Authentication-Results"] == "mx.casewire.example; dmarc=pass header.from=customer.example"
        assert got in mail.mailbox(DESK).inbox
        assert got.internaldate == NOW
        assert len(mail.mailbox(DANA).sent) == 1

    async def test_an_answer_refers_to_what_it_answers(self, mail: MailServer) -> None:
        first = mail.write(DANA, "Hello", "Hi", headers={"References": "<0@x>"})
        second = mail.write("omar@customer.example", text="And me", reply_to_mail=first, to=f"{DESK}, {DANA}")
        message = read(second)
        assert message["Subject"] == "Re: Hello"
        assert message["In-Reply-To"] == read(first)["Message-ID"]
        assert message["References"] == f"<0@x> {read(first)['Message-ID']}"
        assert len(mail.mailbox(DANA).inbox) == 1

    async def test_a_domain_in_another_alphabet(self, mail: MailServer) -> None:
        got = mail.write("Jörg <jörg@bücher.example>", "Grüße", "Hallo")
        assert got is not None
        assert "From: Jörg <jörg@bücher.example>".encode() in got.raw
        assert "header.from=bücher.example".encode() in got.raw

    async def test_waiting_for_a_mail_tells_what_was_there_instead(self, mail: MailServer) -> None:
        mail.write(DANA, "Hello")
        with pytest.raises(WaitTimeout, match="Hello"):
            await mail.wait_for_mail(DESK, lambda one: b"Subject: Bye" in one.raw, timeout=0.01)


class TestReceiving:
    def taken(self, raw: bytes) -> bytes:
        return received(raw, return_path=DANA, recipient=DESK, authentication="fail", at=NOW)

    async def test_who_claims_to_have_been_checked_here_is_not_believed(self) -> None:
        forged = (
            b"Return-Path: <x@x>\nAuthentication-Results: mx.casewire.example; dmarc=pass\n"
            b"AUTHENTICATION-Results:\n (so) MX.casewire.example 1;\n dmarc=pass\n"
            b"Authentication-Results: mx.casewire.example.evil; dmarc=pass\n"
            b"Authentication-Results: other.example; dmarc=pass\n"
            b"From: Dana <dana@customer.example>\n\nAuthentication-Results: mx.casewire.example; dmarc=pass\n"
        )
        head, _, body = self.taken(forged).partition(b"\r\n\r\n")
        results = message_from_bytes(head).get_all("Authentication-Results")
        assert results == [
            "mx.casewire.example; dmarc=fail header.from=customer.example",
            "mx.casewire.example.evil; dmarc=pass",
            "other.example; dmarc=pass",
        ]
        assert message_from_bytes(head).get_all("Return-Path") == [f"<{DANA}>"]
        assert body == b"Authentication-Results: mx.casewire.example; dmarc=pass\r\n"

    @pytest.mark.parametrize(
        "raw", [b"", b"no header", b"\n\nbody", b"Broken line\nFrom: x\n\nbody", b"From\xff: a@b\n\n"]
    )
    async def test_whatever_it_is_stays_below_what_is_added(self, raw: bytes) -> None:
        taken = self.taken(raw)
        assert taken.startswith(b"Return-Path: ")
        assert taken.replace(b"\r\n", b"\n").rstrip(b"\n").endswith(raw.rstrip(b"\n"))

    async def test_what_a_file_says_of_itself(self) -> None:
        assert claimed(letter()) is None
        assert claimed(letter(Authentication_Results="mx.casewire.example; dmarc=fail")) == "fail"
        assert claimed(letter(Authentication_Results="mx.casewire.example; spf=pass")) == "none"
        assert claimed(letter(Authentication_Results="mx.other.example; dmarc=fail")) is None


class TestComingBack:
    async def test_a_bounce_names_the_mail_that_did_not_arrive(self, mail: MailServer) -> None:
        mail.make_bounce(DANA)
        sent = letter("Re: Hello", From=DESK, To=DANA, Message_ID="<answer@casewire.example>")
        await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], sent))
        assert mail.mailbox(DANA).inbox == []
        (got,) = mail.mailbox(DESK).inbox
        report = read(got)
        assert report.get_content_type() == "multipart/report"
        assert report.get_param("report-type") == "delivery-status"
        words, status, original = report.iter_parts()
        assert "550 5.1.1 No such user here" in words.get_content()
        per_recipient = status.get_payload()[1]
        assert per_recipient["Final-Recipient"] == f"rfc822; {DANA}"
        assert (per_recipient["Action"], per_recipient["Status"]) == ("failed", "5.1.1")
        assert "Message-ID: <answer@casewire.example>" in original.get_content()
        assert got.return_path == ""
        mail.make_bounce(DANA, None)
        await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], sent))
        assert len(mail.mailbox(DANA).inbox) == 1

    async def test_a_bounce_does_not_bounce(self, mail: MailServer) -> None:
        mail.make_bounce(DANA)
        mail.make_bounce(DESK)
        await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], letter(From=DESK)))
        assert mail.mailbox(DESK).inbox == mail.mailbox(DANA).inbox == []

    async def test_who_is_away_answers_each_mail_but_no_other_machine_of_the_kind(self, mail: MailServer) -> None:
        mail.make_absent(DANA, "Back on Monday.")
        mail.make_absent(DESK)
        sent = letter("Re: Hello", From=DESK, To=DANA, Message_ID="<answer@casewire.example>")
        for _ in range(2):
            await with_smtplib(mail, lambda client: client.sendmail(DESK, [DANA], sent))
        replies = mail.mailbox(DESK).inbox
        assert len(replies) == 2
        reply = read(replies[0])
        assert reply["Auto-Submitted"] == "auto-replied"
        assert reply["Subject"] == "Automatic reply: Re: Hello"
        assert reply["In-Reply-To"] == "<answer@casewire.example>"
        assert replies[0].return_path == ""
        assert reply.get_content().strip() == "Back on Monday."
        assert len(mail.mailbox(DANA).inbox) == 2
