"""The clients that the sandbox's mail server is tried with: aioimaplib, and imaplib and smtplib in a thread."""

import asyncio
import contextlib
import imaplib
import smtplib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from aioimaplib import aioimaplib

from bot.sandbox.mail.server import DESK, MailServer

T = TypeVar("T")


@contextlib.asynccontextmanager
async def idle_client(mail: MailServer, *, folder: str = "INBOX") -> AsyncIterator[aioimaplib.IMAP4]:
    """aioimaplib, logged in at the desk's mailbox."""
    client = aioimaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=5)
    await client.wait_hello_from_server()
    assert (await client.login(DESK, mail.accounts.password)).result == "OK"
    assert (await client.select(folder)).result == "OK"
    try:
        yield client
    finally:
        client.protocol.transport.abort()


def uids(response: aioimaplib.Response) -> list[int]:
    return [int(uid) for uid in response.lines[0].split()]


async def with_imaplib(mail: MailServer, use: Callable[[imaplib.IMAP4], T], *, folder: str = "INBOX") -> T:
    """What `use` does with an imaplib client that is logged in, in a thread."""

    def work() -> T:
        client = imaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=5)
        try:
            client.login(DESK, mail.accounts.password)
            client.select(folder)
            return use(client)
        finally:
            client.shutdown()

    return await asyncio.to_thread(work)


async def with_smtplib(mail: MailServer, use: Callable[[smtplib.SMTP], T], *, login: bool = True) -> T:
    """What `use` does with an smtplib client, in a thread."""

    def work() -> T:
        with smtplib.SMTP("127.0.0.1", mail.smtp.port, timeout=5) as client:
            if login:
                client.login(DESK, mail.accounts.password)
            return use(client)

    return await asyncio.to_thread(work)


def letter(subject: str = "Hello", text: str = "Hello there.", **headers: str) -> bytes:
    fields = {"From": "Dana Lee <dana@customer.example>", "To": DESK, "Subject": subject, **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n{text}\r\n".encode()
