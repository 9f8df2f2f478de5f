"""Whatever becomes of the mail server, the network or the reading process: each mail once, in order per customer."""

import asyncio
import contextlib
import os
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.engine import Database, open_database
from tests.support.dovecot import Dovecot, mail
from tests.support.hanging import way_to
from tests.support.process import ROOT
from tests.support.reading import (
    again,
    mailbox_settings,
    message_ids,
    name,
    read_by_now,
    reading,
    rows,
)

pytestmark = pytest.mark.slow

SENDERS = [f"customer{number}@customer.example" for number in range(5)]
PATIENT = 90.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.close()


def a_seed() -> int:
    """CASEWIRE_SEED repeats an earlier run."""
    seed = int(os.environ.get("CASEWIRE_SEED") or random.SystemRandom().randrange(10**6))
    print(f"seed {seed}")
    return seed


class Post:
    """Mails of several customers, and in which order each of them wrote."""

    def __init__(self, server: Dovecot, seed: int) -> None:
        self.server = server
        self.dice = random.Random(seed)
        self.written: dict[str, list[str]] = defaultdict(list)
        self.count = 0

    def write(self) -> None:
        sender = self.dice.choice(SENDERS)
        self.written[f"customer:{sender}"].append(name(self.count))
        body = "word " * self.dice.choice([1, 10, 2000])
        self.server.deliver(mail(self.count, sender, body=body))
        self.count += 1

    async def run(self, mails: int, seconds: float) -> None:
        for _ in range(mails):
            self.write()
            await asyncio.sleep(self.dice.uniform(0, 2 * seconds / mails))

    async def check(self, database: Database) -> None:
        """All of it is read, once, in the order of writing."""
        await read_by_now(database, self.count, PATIENT)
        assert len(await message_ids(database)) == self.count
        mails = await rows(
            database,
            "SELECT i.lane, m.message_id FROM inbox i JOIN mails m ON i.key = 'mail:' || m.mailbox || ':' || m.fingerprint"
            " ORDER BY i.at, i.id",
        )
        read: dict[str, list[str]] = defaultdict(list)
        for row in mails:
            read[row["lane"]].append(row["message_id"])
        assert read == self.written
        assert await rows(database, "SELECT uid FROM mail_uids WHERE mail_id IS NULL") == []


class TestTheServer:
    async def test_is_killed_and_started_again_at_random_moments(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        post = Post(dovecot, a_seed())
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            writing = asyncio.create_task(post.run(60, 4.0))
            for _ in range(4):
                await asyncio.sleep(post.dice.uniform(0.1, 1.0))  # the random moment
                await dovecot.kill()
                await asyncio.sleep(post.dice.uniform(0, 0.3))
                await dovecot.start()
            await writing
            await post.check(database)
            assert running.mailbox.status.counts.losses >= 2
            assert running.mailbox.status.counts.set_aside == 0

    @pytest.mark.slow
    async def test_is_killed_ten_times_among_a_thousand_mails(self, database: Database, dovecot: Dovecot) -> None:
        post = Post(dovecot, a_seed())
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            writing = asyncio.create_task(post.run(1000, 15.0))
            for _ in range(10):
                await asyncio.sleep(post.dice.uniform(0.1, 2.0))
                await dovecot.kill()
                await asyncio.sleep(post.dice.uniform(0, 0.5))
                await dovecot.start()
            await writing
            await post.check(database)

    async def test_numbers_its_mails_anew(self, database: Database, dovecot: Dovecot) -> None:
        old = datetime.now(UTC) - timedelta(days=1)
        for number in range(500, 530):
            dovecot.deliver(mail(number), old, seen=True)
        post = Post(dovecot, a_seed())
        async with reading(database, mailbox_settings(dovecot.port), timing=again(compare=0.5)) as running:
            await running.flows()
            for _ in range(20):
                post.write()
            await read_by_now(database, 20)
            for validity in (4711, 4712):
                for _ in range(5):
                    post.write()
                await dovecot.renumber(validity)
                await read_by_now(database, post.count)
                post.write()
                await read_by_now(database, post.count)
            looks = running.mailbox.status.counts.looks
            await running.until(lambda: running.mailbox.status.counts.looks > looks + 2)
            assert sorted(await message_ids(database)) == sorted(name(number) for number in range(post.count))
        [state] = await rows(database, "SELECT uidvalidity FROM mailboxes")
        assert state["uidvalidity"] == 4712

    async def test_tells_of_three_thousand_deletions_at_once(self, database: Database, dovecot: Dovecot) -> None:
        old = datetime.now(UTC) - timedelta(days=30)
        for number in range(1000, 4000):
            dovecot.deliver(mail(number), old, seen=True)
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            await dovecot.expunge("all")
            dovecot.deliver(mail(1))
            assert await read_by_now(database, 1) == [name(1)]
            assert running.mailbox.status.counts.losses == 0

    async def test_loses_mails_before_they_are_read(self, database: Database, dovecot: Dovecot) -> None:
        """Somebody deletes by hand what was not read yet: what is left is read."""
        post = Post(dovecot, a_seed())
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
        for _ in range(30):
            post.write()
        for path in dovecot.files()[::3]:
            path.unlink()
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await read_by_now(database, 20)
            await running.flows()
            assert len(await message_ids(database)) == 20


class TestTheNetwork:
    async def test_swallows_every_byte_for_a_while(self, database: Database, dovecot: Dovecot) -> None:
        post = Post(dovecot, a_seed())
        timing = again(idle=0.5, quiet=1.0, done_answer=0.5, connecting=1.0)
        async with (
            way_to(dovecot.port) as way,
            reading(database, mailbox_settings(way.port), timing=timing) as running,
        ):
            await running.flows()
            for _ in range(3):
                losses = running.mailbox.status.counts.losses
                writing = asyncio.create_task(post.run(10, 0.5))
                await asyncio.sleep(post.dice.uniform(0, 0.5))  # the random moment
                way.hang()
                await running.until(lambda before=losses: running.mailbox.status.counts.losses > before)
                way.flow()
                await writing
                await read_by_now(database, post.count)
            await post.check(database)


class TestTheReader:
    async def test_is_killed_while_it_reads(self, database: Database, database_url: str, dovecot: Dovecot) -> None:
        await killed_while_reading(database, database_url, dovecot, mails=60, kills=2)

    @pytest.mark.slow
    async def test_is_killed_eight_times_among_a_thousand_mails(
        self, database: Database, database_url: str, dovecot: Dovecot
    ) -> None:
        await killed_while_reading(database, database_url, dovecot, mails=1000, kills=8)

    async def test_ends_at_once_when_it_is_told_to(self, database: Database, dovecot: Dovecot) -> None:
        await database.write(lambda connection: None)  # its own tasks run by now
        before = asyncio.all_tasks()
        async with asyncio.timeout(15):
            async with reading(database, mailbox_settings(dovecot.port)) as running:
                await running.flows()
            left = asyncio.all_tasks() - before
        assert left == set()


async def killed_while_reading(
    database: Database, database_url: str, dovecot: Dovecot, *, mails: int, kills: int
) -> None:
    post = Post(dovecot, a_seed())
    async with reader(database_url, dovecot.port) as process:
        await process.stdout.readline()  # it reads: from now on each mail is new
    for _ in range(mails // 2):
        post.write()
    writing = asyncio.create_task(post.run(mails - post.count, kills * 2.0))
    for _ in range(kills):
        async with reader(database_url, dovecot.port):
            before = len(await message_ids(database))
            with contextlib.suppress(AssertionError):
                await read_by_now(database, before + 1, 10.0)
            await asyncio.sleep(post.dice.uniform(0, 0.3))  # the random moment
    await writing
    async with reader(database_url, dovecot.port):
        await post.check(database)


@contextlib.asynccontextmanager
async def reader(database_url: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that reads the mailbox, and is killed -9 at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.mail_reader", database_url, str(port)),
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(ROOT))},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
