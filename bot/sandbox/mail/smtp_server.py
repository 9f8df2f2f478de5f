"""The SMTP server on loopback: submission for who logs in, and what comes from elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session

from bot.sandbox.mail.accounts import Accounts, read_xoauth2
from bot.sandbox.mail.faults import MailFaults
from bot.sandbox.mail.listener import HOST, Listener
from bot.sandbox.mail.receiving import AUTHSERV_ID, DOMAIN

LARGEST = 64 * 1024 * 1024
NOBODY = "<>"
"""Stands for the empty return path: for aiosmtpd an empty one is none."""

Handed = Callable[[bytes, str, list[str], str | None], None]
"""Takes a mail: its bytes, return path, recipients, and who was logged in."""


class SmtpServer(Listener):
    """Hands each mail that it accepts to `handed`."""

    def __init__(self, accounts: Accounts, faults: MailFaults, handed: Handed) -> None:
        super().__init__()
        self._accounts, self._faults, self._handed = accounts, faults, handed
        self.connections: set[SmtpConnection] = set()

    async def _listen(self) -> asyncio.Server:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns there of its own doings
        return await asyncio.get_running_loop().create_server(self._connection, HOST, self.port)

    async def drop(self) -> None:
        """Cut every connection."""
        connections = list(self.connections)
        for connection in connections:
            connection.cut()
        await asyncio.gather(*(connection.ended() for connection in connections))

    def _connection(self) -> SmtpConnection:
        return SmtpConnection(self, self._faults, _Handler(self._accounts, self._faults, self._handed))


class SmtpConnection(SMTP):
    """One connection; what it says waits while the network is stalled."""

    def __init__(self, server: SmtpServer, faults: MailFaults, handler: _Handler) -> None:
        super().__init__(
            handler,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=AUTHSERV_ID,
            ident="Casewire sandbox",
            auth_require_tls=False,
            authenticator=handler.authenticated,
            loop=asyncio.get_running_loop(),
        )
        self._owner, self._faults = server, faults
        self._is_greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It begins."""
        super().connection_made(transport)
        self._owner.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._owner.connections.discard(self)
        super().connection_lost(error)

    def cut(self) -> None:
        """Drop it at once."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    async def ended(self) -> None:
        """Return when nothing of it is left."""
        if self._handler_coroutine is not None:
            await asyncio.gather(self._handler_coroutine, return_exceptions=True)

    async def push(self, status: Any) -> None:
        """Say something to the client."""
        await self._faults.gate.passed()
        if not self._is_greeted:
            self._is_greeted = True
            match self._faults.take("smtp", "CONNECT"):
                case "drop" | "lost_answer":
                    await cut_off(self)
                case str() as said:
                    await super().push(said)
                    await cut_off(self)
                case None:
                    pass
        await super().push(status)


async def cut_off(connection: SMTP) -> None:
    """Drop the connection; does not return, for its end cancels whoever serves it."""
    if isinstance(connection.transport, asyncio.Transport):
        connection.transport.abort()
    await asyncio.Event().wait()


class _Handler:
    """What happens at each command."""

    def __init__(self, accounts: Accounts, faults: MailFaults, handed: Handed) -> None:
        self._accounts, self._faults, self._handed = accounts, faults, handed
        self._user: str | None = None

    def authenticated(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Whether this login is right."""
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        user, password = data.login.decode("utf-8", "replace"), data.password.decode("utf-8", "replace")
        return self._login(user, self._accounts.by_password(user, password))

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """Log in with a token."""
        given: Any = args[1] if len(args) > 1 else None
        if given is None:
            await server.push("334 ")
            given = (await server._reader.readline()).strip()
        try:
            user, token = read_xoauth2(given)
        except ValueError:
            return AuthResult(success=False, handled=False)
        return self._login(user, self._accounts.by_token(user, token))

    async def handle_AUTH(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, args: list[str]
    ) -> Any:
        """A fault may hit it; else it goes on as usual."""
        return await self._fault(server, "AUTH") or MISSING

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The desk's own addresses are for who is logged in."""
        if fault := await self._fault(server, "MAIL"):
            return fault
        if self._user is None and address.lower().endswith(f"@{DOMAIN}"):
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address or NOBODY
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Everybody has a mailbox here."""
        if fault := await self._fault(server, "RCPT"):
            return fault
        if "@" not in address:
            return "550 5.1.3 That is no address"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The mail as a whole."""
        fault = self._faults.take("smtp", "DATA")
        if fault is not None and fault != "lost_answer":
            return await self._failed(server, fault)
        await self._faults.gate.passed()
        raw = envelope.original_content or b""
        return_path = "" if envelope.mail_from in (None, NOBODY) else str(envelope.mail_from)
        self._handed(raw, return_path, [str(address) for address in envelope.rcpt_tos], self._user)
        if fault == "lost_answer":
            await cut_off(server)
        return "250 2.0.0 Accepted"

    async def _fault(self, server: SMTP, command: str) -> str | None:
        await self._faults.gate.passed()
        fault = self._faults.take("smtp", command)
        return None if fault is None else await self._failed(server, fault)

    async def _failed(self, server: SMTP, fault: str) -> str:
        if fault in ("drop", "lost_answer"):
            await cut_off(server)
        return fault

    def _login(self, user: str, right: bool) -> AuthResult:
        self._user = user if right else None
        return AuthResult(success=right, handled=False, auth_data=user)
