"""Every mail in samples/emails is played by one command into the sandbox's mailboxes."""

import asyncio
import re
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.sandbox.mail.server import DESK, MailServer
from bot.sandbox.server import LocalSlack

SAMPLES = Path(__file__).parents[2] / "samples"
FILES = sorted((SAMPLES / "emails").glob("*.eml"))
PLAIN = SAMPLES / "emails" / "hello.eml"
DANA = "dana@customer.example"


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(with_mail=True) as slack:
        yield slack


@pytest.fixture
def mail(slack: LocalSlack) -> MailServer:
    assert slack.mail is not None
    return slack.mail


async def play(slack: LocalSlack, path: Path, *more: str, status: int = 0) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["play", str(path), "--to", slack.url, *more])
    assert result.exit_code == status, result.output
    return result.output


def test_what_is_listed_is_there() -> None:
    listed = re.findall(r"^\| `([\w-]+\.eml)`", (SAMPLES / "README.md").read_text(encoding="utf-8"), re.M)
    assert set(listed) <= {path.name for path in FILES}
    assert listed


@pytest.mark.parametrize(
    ("path", "author"),
    [pytest.param(path, message_from_bytes(path.read_bytes())["From"], id=path.stem) for path in FILES],
)
async def test_a_sample_lands_in_the_desks_mailbox(
    slack: LocalSlack, mail: MailServer, path: Path, author: str
) -> None:
    mail.write(DESK, "An answer", "Here it is.", to=author)
    assert DESK in await play(slack, path)
    (got,) = mail.mailbox(DESK).inbox
    assert got.raw.startswith(b"Return-Path: ")


async def test_it_can_be_played_again(slack: LocalSlack, mail: MailServer) -> None:
    assert await play(slack, PLAIN) == f"Played: mail by {DANA} to {DESK}\n"
    await play(slack, PLAIN)
    ids = {message_from_bytes(one.raw)["Message-ID"] for one in mail.mailbox(DESK).inbox}
    assert len(ids) == 2
    assert "<hello@customer.example>" not in ids
    assert b"Date: Tue, 03 Feb 2026" not in mail.mailbox(DESK).inbox[0].raw


async def test_an_answer_refers_to_the_newest_mail_from_the_desk(slack: LocalSlack, mail: MailServer) -> None:
    reply = SAMPLES / "emails" / "reply.eml"
    assert "has no mail from the desk yet" in await play(slack, reply, status=2)
    for subject in ("First", "Second"):
        answer = mail.write(DESK, subject, to=DANA)
    assert answer is not None
    newest = message_from_bytes(answer.raw)["Message-ID"]
    await play(slack, reply)
    got = message_from_bytes(mail.mailbox(DESK).inbox[0].raw)
    assert (got["In-Reply-To"], got["References"]) == (newest, newest)


@pytest.mark.parametrize(
    ("claimed", "option", "verdict"),
    [
        ("", [], "pass"),
        ("", ["--authentication", "fail"], "fail"),
        ("Authentication-Results: mx.casewire.example; dmarc=fail\n", [], "fail"),
        ("Authentication-Results: mx.casewire.example; dmarc=fail\n", ["--authentication", "none"], "none"),
        ("Authentication-Results: mx.other.example; dmarc=fail\n", [], "pass"),
    ],
)
async def test_whether_its_sender_is_proven_is_said_by_the_option_or_the_file(
    slack: LocalSlack, mail: MailServer, tmp_path: Path, claimed: str, option: list[str], verdict: str
) -> None:
    path = tmp_path / "MAIL.EML"
    path.write_text(claimed + PLAIN.read_text())
    await play(slack, path, *option)
    (got,) = mail.mailbox(DESK).inbox
    results = message_from_bytes(got.raw).get_all("Authentication-Results")
    assert results[0] == f"mx.casewire.example; dmarc={verdict} header.from=customer.example"


async def test_what_is_no_mail_is_refused(slack: LocalSlack, tmp_path: Path) -> None:
    path = tmp_path / "note.eml"
    path.write_text("Dear all,\n")
    assert "it has no From" in await play(slack, path, status=2)


async def test_a_bounce_keeps_its_empty_return_path(slack: LocalSlack, mail: MailServer, tmp_path: Path) -> None:
    path = tmp_path / "bounce.eml"
    path.write_text("Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: support@casewire.example\n\nSorry\n")
    await play(slack, path)
    assert mail.mailbox(DESK).inbox[0].return_path == ""


async def test_a_sandbox_without_mail_says_so() -> None:
    async with LocalSlack() as slack:
        assert "started without mail" in await play(slack, PLAIN, status=2)
