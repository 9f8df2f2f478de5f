"""Servers that do less than they should: what is read all the same, and who is told."""

import re

from storage.engine import Database
from tests.support.dovecot import mail
from tests.support.reading import again, mailbox_settings, message_ids, name, read_by_now, reading, rows
from tests.support.scripted_imap import Session, scripted


class Box:
    """A mailbox that a scripted server shows; `spoilt` are UIDs that it cannot hand over."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.spoilt: dict[int, str] = {}  # "no" or "hang up"
        self.forgotten: dict[int, int] = {}  # how often a UID is still left out of an answer

    def deliver(self, *numbers: int) -> None:
        for number in numbers:
            self.mails[number] = mail(number)

    async def search(self, session: Session, tag: str, rest: str) -> None:
        wanted = re.search(r"UID (\d+):\*", rest)
        first = int(wanted[1]) if wanted else 0
        found = [uid for uid in self.mails if uid >= first] or list(self.mails)[-1:]
        if rest.endswith("UID *"):
            found = list(self.mails)[-1:]
        if rest.endswith("UNSEEN"):
            found = []
        await session.say("* SEARCH " + " ".join(map(str, found)), f"{tag} OK done")

    async def fetch(self, session: Session, tag: str, rest: str) -> None:
        for uid in self._asked(rest):
            raw = self.mails.get(uid)
            if self.forgotten.get(uid):
                self.forgotten[uid] -= 1
                continue
            if raw is None:
                continue
            if "BODY" not in rest:
                date = '"31-Jan-2026 12:00:00 +0000"'
                await session.say(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw)} INTERNALDATE {date})")
                continue
            if self.spoilt.get(uid) == "no":
                await session.say(f"{tag} NO [SERVERBUG] it is broken")
                return
            if self.spoilt.get(uid) == "hang up":
                session.close()
                return
            await session.say(f"* {uid} FETCH (UID {uid} BODY[] {{{len(raw)}}}")
            session.writer.write(raw + b")\r\n")
        await session.say(f"{tag} OK done")

    def _asked(self, rest: str) -> list[int]:
        found: list[int] = []
        for part in rest.split()[2].split(","):
            first, _, last = part.partition(":")
            found += range(int(first), int(last or first) + 1)
        return found


class TestASpoiltMail:
    async def test_that_is_refused_is_set_aside_told_of_and_read_when_it_is_mended(
        self, database: Database
    ) -> None:
        box = Box()
        async with scripted(search=box.search, fetch=box.fetch) as imap:
            async with reading(database, mailbox_settings(imap.port)) as running:
                await running.flows()
            box.spoilt[3] = "no"
            box.deliver(*range(1, 6))
            timing = again(idle=0.1, compare=0.1, set_aside=0.5)
            async with reading(database, mailbox_settings(imap.port), timing=timing) as running:
                assert sorted(await read_by_now(database, 4)) == [name(1), name(2), name(4), name(5)]
                await running.until(lambda: running.troubles)
                assert "UID 3" in running.troubles[0]
                box.spoilt.clear()
                assert len(await read_by_now(database, 5)) == 5
                assert len(running.troubles) == 1

    async def test_that_ends_each_connection_does_not_keep_the_others(self, database: Database) -> None:
        box = Box()
        async with scripted(search=box.search, fetch=box.fetch) as imap:
            async with reading(database, mailbox_settings(imap.port)) as running:
                await running.flows()
            box.spoilt[2] = "hang up"
            box.deliver(*range(1, 5))
            async with reading(database, mailbox_settings(imap.port), timing=again(set_aside=60)) as running:
                assert sorted(await read_by_now(database, 3)) == [name(1), name(3), name(4)]
                await running.flows()
                assert "UID 2" in running.troubles[0]


class TestAMissingMail:
    async def test_that_one_answer_left_out_is_asked_for_again(self, database: Database) -> None:
        box = Box()
        async with (
            scripted(search=box.search, fetch=box.fetch) as imap,
            reading(database, mailbox_settings(imap.port), timing=again(idle=0.2)) as running,
        ):
            await running.flows()
            box.forgotten[2] = 1
            box.deliver(1, 2, 3)
            assert await read_by_now(database, 3) == [name(1), name(2), name(3)]

    async def test_that_no_answer_has_is_recorded_as_gone(self, database: Database) -> None:
        box = Box()
        async with (
            scripted(search=box.search, fetch=box.fetch) as imap,
            reading(database, mailbox_settings(imap.port), timing=again(idle=0.2)) as running,
        ):
            await running.flows()
            box.forgotten[2] = 2
            box.deliver(1, 2, 3)
            await read_by_now(database, 2)
            await running.flows()
        gone = await rows(database, "SELECT uid FROM mail_uids WHERE mail_id IS NULL")
        assert gone == [{"uid": 2}]
        assert await message_ids(database) == [name(1), name(3)]


class TestNews:
    async def test_a_server_without_idle_is_asked(self, database: Database) -> None:
        box = Box()

        async def capability(session: Session, tag: str, _rest: str) -> None:
            await session.say("* CAPABILITY IMAP4rev1", f"{tag} OK done")

        async with scripted(search=box.search, fetch=box.fetch, capability=capability) as imap:
            async with reading(database, mailbox_settings(imap.port)) as running:
                await running.flows()
                box.deliver(1)
                assert await read_by_now(database, 1) == [name(1)]
            assert not any("IDLE" in line for line in imap.asked)

    async def test_a_server_that_refuses_idle_is_asked(self, database: Database) -> None:
        box = Box()

        async def idle(session: Session, tag: str, _rest: str) -> None:
            await session.say(f"{tag} NO not for you")

        async with scripted(search=box.search, fetch=box.fetch, idle=idle) as imap:
            async with reading(database, mailbox_settings(imap.port)) as running:
                await running.flows()
                box.deliver(1)
                assert await read_by_now(database, 1) == [name(1)]
                assert running.mailbox.status.polls
            assert sum(line.endswith("IDLE") for line in imap.asked) == 1

    async def test_a_server_that_tells_of_nothing_is_asked_after_three_rounds(self, database: Database) -> None:
        box = Box()

        async def mute(session: Session, tag: str, _rest: str) -> None:
            await session.say("+ idling")
            assert await session.line() == "DONE"
            await session.say(f"{tag} OK done")

        async with scripted(search=box.search, fetch=box.fetch, idle=mute) as imap:
            timing = again(idle=0.2, compare=60.0)
            async with reading(database, mailbox_settings(imap.port), timing=timing) as running:
                await running.flows()
                for number in range(1, 4):
                    assert not running.mailbox.status.polls
                    box.deliver(number)
                    await read_by_now(database, number)
                await running.until(lambda: running.mailbox.status.polls)
                box.deliver(4)
                assert await read_by_now(database, 4) == [name(number) for number in range(1, 5)]
