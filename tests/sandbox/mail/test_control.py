"""Mail through the control API: what people and demos do, and what a browser gets to see."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox.client import SandboxClient, SandboxError
from bot.sandbox.mail.server import DESK
from bot.sandbox.people import ADA
from bot.sandbox.server import LocalSlack
from tests.sandbox.mail.clients import letter, with_imaplib, with_smtplib

DANA = "dana@customer.example"


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(with_mail=True) as slack:
        yield slack


@pytest.fixture
async def remote(slack: LocalSlack) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(slack.url) as client:
        yield client


async def test_a_conversation_is_written_and_seen_in_the_state(slack: LocalSlack, remote: SandboxClient) -> None:
    file = {"name": "receipt.txt", "content": b"4711\n"}
    first = await remote.write_mail(f"Dana Lee <{DANA}>", "Order", "Where is it?", files=[file])
    await remote.write_mail(DESK, text="On its way", to=DANA, answered=first, authentication="none")
    state = (await remote.state())["mail"]
    (received,) = state[DESK]["INBOX"]
    assert received["from"] == [{"name": "Dana Lee", "address": DANA}]
    assert (received["subject"], received["text"], received["verdict"]) == ("Order", "Where is it?", "pass")
    assert received["files"] == [{"number": 0, "name": "receipt.txt", "mimetype": "text/plain", "size": 5}]
    (answer,), (sent,) = state[DANA]["INBOX"], state[DANA]["Sent"]
    assert (answer["subject"], answer["verdict"]) == ("Re: Order", "none")
    assert answer["thread"] == sent["thread"]
    assert (answer["seen"], sent["seen"]) == (False, True)
    await remote.mail_trouble("seen", number=answer["number"])
    assert (await remote.state())["mail"][DANA]["INBOX"][0]["seen"]
    written = slack.traffic.of("mail_written")
    assert [(record.direction, record.detail["subject"]) for record in written] == [
        ("person", "Order"),
        ("person", "Re: Order"),
    ]


async def test_what_the_bot_sends_is_noted_as_its_own(slack: LocalSlack) -> None:
    assert slack.mail is not None
    await with_smtplib(slack.mail, lambda client: client.sendmail(DESK, [DANA], letter("Hi", From=DESK, To=DANA)))
    (record,) = slack.traffic.of("mail_sent")
    assert (record.direction, record.detail["subject"], record.detail["to"]) == ("from_bot", "Hi", [DANA])


async def test_times_in_mailboxes_follow_the_clock(slack: LocalSlack, remote: SandboxClient) -> None:
    now = await remote.advance(48 * 3600)
    number = await remote.write_mail(DANA, "Later")
    assert slack.mail is not None
    assert number is not None
    assert abs(slack.mail.store.find(number)[0].internaldate.timestamp() - now) < 5


async def test_what_goes_wrong_can_be_chosen(slack: LocalSlack, remote: SandboxClient) -> None:
    mail = slack.mail
    assert mail is not None
    await remote.mail_trouble("faults", protocol="smtp", command="rcpt", kind="450 4.2.1 Busy", times=2)
    assert [vars(fault) for fault in mail.faults.pending] == [
        {"protocol": "smtp", "command": "RCPT", "kind": "450 4.2.1 Busy", "times": 2}
    ]
    await remote.mail_trouble("outage", on=True)
    assert mail.is_away
    await remote.mail_trouble("outage", on=False)
    await remote.mail_trouble("stall", on=True)
    assert mail.faults.gate.closed
    await remote.mail_trouble("logins", refused=True)
    await remote.mail_trouble("pushes", withheld=True)
    await remote.mail_trouble("bounce", address=DANA)
    await remote.mail_trouble("absent", address="omar@customer.example", text="Away")
    assert mail.faults.out_of_office == {"omar@customer.example": "Away"}
    assert await remote.write_mail(ADA, "Hello", to=DANA) is None
    await remote.mail_trouble("faults", clear=True)
    assert mail.faults.pending == []
    assert mail.faults.bouncing == {}
    assert not mail.faults.logins_refused
    assert not mail.faults.gate.closed
    before = mail.mailbox(DESK).folder("INBOX").uidvalidity
    await remote.mail_trouble("renumber")
    await remote.mail_trouble("drop")
    assert mail.mailbox(DESK).folder("INBOX").uidvalidity == before + 1
    assert await with_imaplib(mail, lambda client: client.noop()[0]) == "OK"


@pytest.mark.parametrize(
    ("verb", "body", "reason"),
    [
        ("faults", {"protocol": "pop3"}, "protocol must be imap or smtp"),
        ("faults", {"protocol": "imap", "kind": "421 no"}, "unknown fault kind"),
        ("seen", {"number": 7}, "there is no mail 7"),
        ("write", {"sender": DANA, "authentication": "perhaps"}, "authentication must be one of"),
        ("write", {"sender": DANA, "answered": 7}, "there is no mail 7"),
        ("play", {"content_base64": "%%%"}, "(?i)base64"),
    ],
)
async def test_nonsense_is_refused(remote: SandboxClient, verb: str, body: dict[str, object], reason: str) -> None:
    with pytest.raises(SandboxError, match=reason):
        await remote.mail_trouble(verb, **body)


async def test_without_mail_it_says_so(http: aiohttp.ClientSession) -> None:
    async with LocalSlack() as slack, SandboxClient(slack.url) as client:
        assert "IMAP_SERVER" not in slack.environment
        assert (await client.state())["mail"] is None
        with pytest.raises(SandboxError, match="started without mail"):
            await client.write_mail(DANA, "Hello")
        async with http.get(f"{slack.url}/sandbox/mail/1") as answer:
            assert answer.status == 404


class TestInABrowser:
    async def test_headers_source_and_files_are_given_and_nothing_runs(
        self, slack: LocalSlack, http: aiohttp.ClientSession
    ) -> None:
        assert slack.mail is not None
        got = slack.mail.write(
            DANA,
            "Order",
            "Hi",
            html="<script>alert(1)</script><b>Hi</b>",
            files=[{"name": "evil.html", "content": "<script>alert(1)</script>"}],
        )
        assert got is not None
        at = f"{slack.url}/sandbox/mail/{got.number}"
        async with http.get(at) as answer:
            names = [name for name, _ in (await answer.json())["headers"]]
        assert names[:4] == ["Return-Path", "Received", "Authentication-Results", "From"]
        async with http.get(f"{at}/raw") as answer:
            assert await answer.read() == got.raw
            assert answer.content_type == "text/plain"
        async with http.get(f"{at}/html") as answer:
            assert "<b>Hi</b>" in await answer.text()
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "sandbox" in answer.headers["Content-Security-Policy"]
        async with http.get(f"{at}/file/0/evil.html") as answer:
            assert answer.content_type == "application/octet-stream"
            assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''evil.html"
        for missing in (f"{at}/file/1/x", f"{slack.url}/sandbox/mail/99/raw"):
            async with http.get(missing) as answer:
                assert answer.status == 404

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\xff\xfe\x00",
            b"Subject: =?utf-8?b?!!!?=\r\nFrom: =?x?q?y?= <\xe4@b>\r\n\r\nwords",
            b"Content-Type: text/plain; charset=klingon\r\n\r\nw\xf6rds",
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/alternative\r\n\r\n",
            b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
            + b"--x\r\nContent-Type: message/rfc822\r\n\r\n" * 2000,
            b"To: \"\r\nFrom: (c):\r\nContent-Disposition: attachment; filename*0*=x''%ff\r\n\r\nwords",
        ],
    )
    async def test_a_broken_mail_is_shown_as_far_as_it_goes(
        self, slack: LocalSlack, remote: SandboxClient, raw: bytes
    ) -> None:
        assert slack.mail is not None
        slack.mail.deliver(raw)
        (shown,) = (await remote.state())["mail"][DESK]["INBOX"]
        assert isinstance(shown["text"], str)
        assert shown["thread"] == shown["number"]
