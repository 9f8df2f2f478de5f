"""The sandbox's mail server, treated as badly as the real one: each mail once, in order per customer."""

import asyncio
import os
import random
from collections.abc import AsyncIterator

import pytest

from bot.mail.settings import Password
from bot.sandbox.mail.server import MailServer
from storage.engine import Database, open_database
from tests.support.dovecot import mail
from tests.support.reading import again, mailbox_settings, message_ids, name, read_by_now, reading

pytestmark = pytest.mark.slow

TIMING = again(idle=0.5, quiet=1.0, done_answer=0.5, connecting=1.0)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


async def away(server: MailServer) -> None:
    await server.away()
    await server.back()


async def stalled(server: MailServer) -> None:
    server.stall()
    await asyncio.sleep(1.5)  # longer than the client is patient
    server.stall(False)


async def dropped(server: MailServer) -> None:
    await server.drop()


async def renumbered(server: MailServer) -> None:
    await server.renumber()


@pytest.mark.parametrize("fault", [away, stalled, dropped, renumbered])
async def test_each_mail_is_read_once_and_in_order_through(database: Database, fault) -> None:
    seed = int(os.environ.get("CASEWIRE_SEED") or random.SystemRandom().randrange(10**6))
    print(f"seed {seed}")
    dice = random.Random(seed)
    async with MailServer() as server:
        login = Password(server.desk, server.accounts.password)
        settings = mailbox_settings(server.imap.port, login=login)
        async with reading(database, settings, timing=TIMING) as running:
            await running.flows()
            count = 0
            for _ in range(3):
                for _ in range(10):
                    server.deliver(mail(count))
                    count += 1
                    await asyncio.sleep(dice.uniform(0, 0.05))
                await fault(server)
                server.deliver(mail(count))
                count += 1
                await read_by_now(database, count)
            await running.flows()
            assert await message_ids(database) == [name(number) for number in range(count)]
