"""Stored mails, read: for casework as what they say, for the courier file by file."""

from __future__ import annotations

import asyncio
from functools import partial

from sqlalchemy import Connection

from bot.casework.mail_prepare import Mail
from bot.people import LookupUnavailable
from storage import held_mails, mailboxes
from storage.engine import Database
from storage.mailboxes import StoredMail

from .authenticity import Trust
from .machines import OwnMail
from .parsed import WHOLE_TEXT
from .reader import MailReader, ReaderUnavailable, Unreadable


class StoredMails:
    """Reads what the mailbox task has put into the database. Raises Unreadable of a mail that cannot be read."""

    def __init__(self, database: Database, reader: MailReader, trust: Trust, own: OwnMail) -> None:
        self._database = database
        self._reader = reader
        self._trust = trust
        self._own = own
        self._wanted: dict[int, asyncio.Future[StoredMail | None]] = {}

    async def read(self, mail_id: int) -> Mail:
        return await self._parsed(await self._stored(mail_id))

    async def _parsed(self, stored: StoredMail) -> Mail:
        try:
            parsed = await self._reader.parse(stored.raw or b"", self._trust, is_cut=stored.is_cut, own=self._own)
        except ReaderUnavailable as error:
            raise LookupUnavailable(str(error)) from error
        return Mail(stored.internaldate, stored.id, parsed, stored.is_backfilled)

    async def read_held(self, held_id: int) -> Mail | None:
        """The mail that was held; None where there is none, or its bytes were let go."""

        def work(connection: Connection) -> StoredMail | None:
            held = held_mails.find(connection, held_id)
            return mailboxes.mail_of(connection, held.mail_id) if held is not None else None

        stored = await self._database.read(work)
        return await self._parsed(stored) if stored is not None and stored.raw is not None else None

    async def file(self, source: str) -> bytes:
        """The bytes of a file by its source, `mail:12:3`. Raises LookupError where there are none to be had."""
        _, mail_id, number = source.split(":")
        try:
            if number == WHOLE_TEXT:
                return (await self.read(int(mail_id))).parsed.whole_text
            stored = await self._stored(int(mail_id))
            return await self._reader.extract(stored.raw or b"", int(number))
        except Unreadable as error:
            raise LookupError(str(error)) from error

    async def _stored(self, mail_id: int) -> StoredMail:
        stored = await self._looked_up(mail_id)
        if stored is None or stored.raw is None:
            raise Unreadable(f"The bytes of mail {mail_id} are not kept any more.")
        return stored

    async def _looked_up(self, mail_id: int) -> StoredMail | None:
        """Whatever else is asked for at the same moment is read with it."""
        if (wanted := self._wanted.get(mail_id)) is None:
            wanted = self._wanted[mail_id] = asyncio.get_running_loop().create_future()
            if len(self._wanted) == 1:
                self._reading = asyncio.create_task(self._read_wanted(), name="stored-mails")
        return await asyncio.shield(wanted)

    async def _read_wanted(self) -> None:
        wanted, self._wanted = self._wanted, {}
        try:
            found = await self._database.read(partial(mailboxes.mails_of, mail_ids=list(wanted)))
        except BaseException as error:
            for future in wanted.values():
                future.set_exception(error) if isinstance(error, Exception) else future.cancel()
            if not isinstance(error, Exception):
                raise
            return
        for mail_id, future in wanted.items():
            future.set_result(found.get(mail_id))
