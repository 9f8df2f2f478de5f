"""The IMAP server on loopback: it listens, keeps its connections, and can be away."""

from __future__ import annotations

import asyncio

from bot.sandbox.mail.accounts import Accounts
from bot.sandbox.mail.faults import MailFaults
from bot.sandbox.mail.imap_session import ImapSession
from bot.sandbox.mail.listener import HOST, Listener
from bot.sandbox.mail.store import Folder, MailStore

LINE_LIMIT = 1024 * 1024
CAPABILITIES = ("IDLE", "MOVE", "UIDPLUS", "UNSELECT", "SASL-IR", "LITERAL+", "ID")


class ImapServer(Listener):
    """`capabilities` may be changed: what is not among them is not understood."""

    def __init__(self, store: MailStore, accounts: Accounts, faults: MailFaults) -> None:
        super().__init__()
        self._store, self._accounts, self._faults = store, accounts, faults
        self.capabilities = set(CAPABILITIES)
        self.sessions: dict[ImapSession, asyncio.Task[None]] = {}

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, HOST, self.port, limit=LINE_LIMIT)

    async def drop(self, folder: Folder | None = None) -> None:
        """Cut every connection, or those that have a folder selected."""
        sessions = {session: task for session, task in self.sessions.items() if folder in (None, session.folder)}
        for session, task in sessions.items():
            session.cut()
            task.cancel()
        await asyncio.gather(*sessions.values(), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = ImapSession(reader, writer, self._store, self._accounts, self._faults, self.capabilities)
        task = asyncio.ensure_future(session.run())
        self.sessions[session] = task
        task.add_done_callback(lambda _: self._ended(session))
        self._store.bell.ring()  # the page shows how many there are

    def _ended(self, session: ImapSession) -> None:
        self.sessions.pop(session, None)
        self._store.bell.ring()
