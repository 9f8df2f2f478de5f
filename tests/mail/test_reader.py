"""The process that reads mails: it serves, it is killed when it must be, and the next mail is read."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bot.mail import child
from bot.mail.authenticity import trust_of
from bot.mail.machines import OwnMail
from bot.mail.parsed import ParsedMail
from bot.mail.reader import MailReader, ReaderUnavailable, Unreadable

TRUST = trust_of("imap.gmail.com", "")
OWN = OwnMail(frozenset({"support@casewire.example"}), "token")
PLAIN = b"From: Grace <grace@example.org>\r\nMessage-ID: <1@example.org>\r\nSubject: Hello\r\n\r\nIt does not print.\r\n"
WITH_FILE = (
    b"From: grace@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nSee the file.\r\n"
    b"--b\r\nContent-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"AAECAw==\r\n--b--\r\n"
)


async def send_what_ends_it(process: asyncio.subprocess.Process, *frames: bytes) -> None:
    """A request longer than any memory: the process ends, as a broken interpreter would."""
    assert process.stdin is not None
    process.stdin.write(b"\xff" * child.LENGTH.size)
    await process.stdin.drain()


def environment_of(pid: int | None) -> bytes:
    path = Path(f"/proc/{pid}/environ")
    if not path.exists():
        pytest.skip("this system does not show a process's environment")
    return path.read_bytes()


async def parse(reader: MailReader, raw: bytes = PLAIN) -> ParsedMail:
    return await reader.parse(raw, TRUST, is_cut=False, own=OWN)


async def test_a_mail_is_read_and_its_file_is_fetched() -> None:
    async with MailReader() as reader:
        mail = await parse(reader, WITH_FILE)
        assert (mail.text, mail.files[0].name, mail.files[0].size) == ("See the file.", "a.bin", 4)
        assert await reader.extract(WITH_FILE, 0) == b"\x00\x01\x02\x03"


async def test_a_file_that_is_not_there_is_said_to_be_unreadable() -> None:
    async with MailReader() as reader:
        with pytest.raises(Unreadable, match="no file 7"):
            await reader.extract(WITH_FILE, 7)
        assert (await parse(reader)).subject == "Hello"


async def test_no_process_is_started_before_the_first_mail_and_none_is_left_behind() -> None:
    async with MailReader() as reader:
        assert reader.pid is None
        await parse(reader)
        pid = reader.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_one_process_serves_all_mails_and_callers_wait_for_their_turn() -> None:
    async with MailReader() as reader:
        await parse(reader)
        pid = reader.pid
        raws = [b"From: grace@example.org\nSubject: %d\n\nx" % number for number in range(20)]
        mails = await asyncio.gather(*(parse(reader, raw) for raw in raws))
        assert [mail.subject for mail in mails] == [str(number) for number in range(20)]
        assert reader.pid == pid


async def test_a_process_killed_while_it_waits_is_started_anew() -> None:
    async with MailReader() as reader:
        await parse(reader)
        first = reader.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert (await parse(reader)).subject == "Hello"
        assert reader.pid != first


async def test_a_mail_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    async with MailReader() as reader:
        await parse(reader)
        pid = reader.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # as good as a mail without an end
        reader._time_limit = 0.3
        with pytest.raises(Unreadable, match="longer than"):
            await parse(reader)
        reader._time_limit = 20
        assert (await parse(reader)).subject == "Hello"


async def test_a_mail_over_which_the_process_dies_is_tried_twice_and_then_unreadable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with MailReader() as reader:
        await parse(reader)
        with monkeypatch.context() as changed:
            changed.setattr("bot.mail.reader._send", send_what_ends_it)
            with pytest.raises(Unreadable, match="twice"):
                await parse(reader)
        assert (await parse(reader)).subject == "Hello"


async def test_a_mail_that_needs_more_memory_than_allowed_is_unreadable_and_the_next_is_read() -> None:
    async with MailReader() as reader:
        raw = b"From: grace@example.org\nContent-Transfer-Encoding: base64\n\n" + b"QUJD" * (32 * 1024 * 1024)
        with pytest.raises(Unreadable, match="512 MB"):
            await parse(reader, raw)
        assert (await parse(reader)).subject == "Hello"


async def test_a_caller_who_gives_up_leaves_no_half_answer_to_the_next() -> None:
    async with MailReader() as reader:
        await parse(reader)
        asked = asyncio.create_task(parse(reader, WITH_FILE))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await parse(reader)).subject == "Hello"


async def test_who_waits_for_a_mail_while_the_reader_closes_is_told_and_no_process_is_left() -> None:
    reader = MailReader()
    await parse(reader)
    pid = reader.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(parse(reader)) for _ in range(3)]
    await asyncio.sleep(0)  # the first is being served, the others queue
    await reader.close()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, ReaderUnavailable)
    assert reader.pid is None


async def test_a_process_that_does_not_start_is_no_mails_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async with MailReader() as reader:
        with monkeypatch.context() as changed:
            changed.setattr("sys.executable", "/no/such/python")
            with pytest.raises(ReaderUnavailable, match="does not start"):
                await parse(reader)
            changed.setattr("sys.executable", "/bin/true")
            with pytest.raises(ReaderUnavailable, match="does not start"):
                await parse(reader)
        assert (await parse(reader)).subject == "Hello"


async def test_the_process_has_no_secret_of_the_bots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", "not for the child")
    async with MailReader() as reader:
        await parse(reader)
        environment = await asyncio.to_thread(environment_of, reader.pid)
    assert b"IMAP_PASSWORD" not in environment
