"""A connection to an IMAP server that either answers or is known to be gone.

aioimaplib 2.0 does not notice lost connections, waits for ever for some answers, recurses once per line, and
cannot be used again after a timeout. Here each call ends within a time; whatever goes wrong on the way aborts the
connection, and a new one is made.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import re
import ssl
from collections.abc import Coroutine, Iterator
from typing import Any

from aioimaplib import aioimaplib as lib

from bot.mail.responses import Lines, folder_name, quoted
from bot.mail.timing import MailTiming

# It logs what is sent and received, an OAuth2 token among it.
logging.getLogger("aioimaplib").setLevel(logging.WARNING)
logging.getLogger(lib.__name__).setLevel(logging.WARNING)

LINE_MOST = 8 * 1024**2
LITERAL_MOST = 256 * 1024**2
# Of a refused login (RFC 5530): it may be taken later.
_EXISTS = re.compile(rb"\* (\d{1,10}) EXISTS$", re.IGNORECASE)
_EXPUNGE = re.compile(rb"\* \d{1,10} EXPUNGE$", re.IGNORECASE)
_FOR_NOW = re.compile(rb"\[(?:UNAVAILABLE|INUSE|SERVERBUG|LIMIT)\b|too many", re.IGNORECASE)


class ImapGone(Exception):
    """The connection is lost, silent or talks nonsense: it was aborted, and a new one is needed."""


class ImapNo(Exception):
    """The server answered NO or BAD; the connection is as it was."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class LoginRefused(Exception):
    """The server does not take user and password, or token."""


class _Fetch(lib.FetchCommand):  # type: ignore[misc]
    """The library's goes through all lines again for each; this one keeps count."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._depth = 0
        super().__init__(*args, **options)

    def append_to_resp(self, line: bytes | bytearray, result: str = "Pending") -> None:
        super().append_to_resp(line, result=result)
        if isinstance(line, bytes):
            if self.FETCH_MESSAGE_DATA_RE.match(line):
                self._depth = 0
            self._depth += line.count(b"(") - line.count(b")")

    def wait_data(self) -> bool:
        return bool(self.wait_literal_data()) or self._depth != 0


class _Protocol(lib.IMAP4ClientProtocol):  # type: ignore[misc]
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lost: asyncio.Future[str] = loop.create_future()
        self.heard = loop.time()
        self.exists = 0
        self.has_grown = False
        super().__init__(loop, self._on_lost)

    def _on_lost(self, error: Exception | None) -> None:
        self.give_up(str(error) if error else "the server closed it")

    def give_up(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)

    async def welcome(self, command: bytes) -> None:
        try:
            await super().welcome(command)
        except lib.AioImapException:
            self.give_up(f"it greets with {command[:200].decode('utf-8', 'replace')!r}")

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        try:
            super().data_received(data)
        except Exception as error:  # any answer may break the library; asyncio would only log it
            self.give_up(f"the server's answer is not understood ({type(error).__name__})")
            self.transport.abort()

    def _handle_responses(self, data: bytes, line_handler: Any, current_cmd: Any = None) -> None:
        """As the library's, in a loop instead of a recursion per line."""
        command = current_cmd
        while data:
            if command is not None and command.wait_literal_data():
                data = command.append_literal_data(data)
                if command.wait_literal_data():
                    raise lib.IncompleteRead(command)
                continue
            line, ended, rest = data.partition(lib.CRLF)
            if not ended:
                if len(data) > LINE_MOST:
                    raise lib.Abort("a line without an end")
                raise lib.IncompleteRead(command, data)
            command = self._after_line(line, line_handler(line, command))
            data = rest
        if self.pending_sync_command is not None:
            self.pending_sync_command.flush()
        if command is not None and command.wait_data():
            raise lib.IncompleteRead(command)

    def _untagged_response(self, line: bytes) -> Any:
        """Keeps count of the mails, whatever the server was asked when it told of them."""
        told = line.rstrip()
        if found := _EXISTS.match(told):
            exists = int(found[1])
            self.has_grown = self.has_grown or exists > self.exists
            self.exists = exists
        elif _EXPUNGE.match(told):
            self.exists = max(self.exists - 1, 0)
        return super()._untagged_response(line)

    @staticmethod
    def _after_line(line: bytes, command: Any) -> Any:
        """The command that what follows belongs to, if any."""
        if announced := lib.literal_data_re.match(line):
            size = int(announced.group("size"))
            if size > LITERAL_MOST:
                raise lib.Abort("a literal too large to hold")
            command = command or lib.Command("NIL", "unused")
            command.begin_literal_data(size)
            return command
        return command if command is not None and command.wait_data() else None

    def _continuation(self, line: bytes) -> None:
        """A refused token is explained first: the server goes on only after an empty answer."""
        waiting = self.pending_sync_command
        if waiting is not None and waiting.name == "AUTHENTICATE":
            self.transport.write(lib.CRLF)
        else:
            super()._continuation(line)


class ImapClient:
    """One connection, made by `connect`. After ImapGone, or a cancellation, it is closed and of no more use."""

    def __init__(self, protocol: _Protocol, timing: MailTiming) -> None:
        self._protocol = protocol
        self._timing = timing

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        timing: MailTiming,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
    ) -> ImapClient:
        """Connected and greeted, encrypted as asked. Raises ImapGone."""
        loop = asyncio.get_running_loop()
        protocol = _Protocol(loop)
        client = cls(protocol, timing)
        try:
            async with asyncio.timeout(timing.connecting):
                await loop.create_connection(lambda: protocol, host, port, ssl=tls)
            await client._call(protocol.wait("AUTH|NONAUTH"), timing.connecting)
            if starttls is not None:
                await client._start_tls(starttls, host)
        except TimeoutError:
            client.abort()
            raise ImapGone(f"{host} does not answer within {timing.connecting:g} s") from None
        except OSError as error:
            client.abort()
            raise ImapGone(_reason(host, error)) from error
        except BaseException:
            client.abort()
            raise
        return client

    def has(self, capability: str) -> bool:
        return capability in self._protocol.capabilities

    def abort(self) -> None:
        """Close it at once, and whatever waits on it."""
        for task in list(self._protocol.tasks):
            task.cancel()
        if self._protocol.transport is not None:
            self._protocol.transport.abort()
        self._protocol.give_up("it was closed")

    # what is asked of a server

    async def login(self, user: str, password: str) -> None:
        """Raises LoginRefused, ImapNo for a refusal that may pass, or ImapGone."""
        if self.has("LOGINDISABLED"):
            raise LoginRefused(
                "it takes no password on this connection (LOGINDISABLED); encryption may be missing"
            )
        await self._log_in("LOGIN", quoted(user), quoted(password))

    async def xoauth2(self, user: str, token: str) -> None:
        """Raises as `login` does."""
        initial = base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()
        await self._log_in("AUTHENTICATE", "XOAUTH2", initial)

    async def select(self, folder: str) -> Lines:
        lines = await self._command("SELECT", folder_name(folder))
        self._protocol.state = lib.SELECTED
        return lines

    async def search(self, *criteria: str) -> Lines:
        self._protocol.has_grown = False
        return await self._command("SEARCH", *criteria, prefix="UID")

    async def fetch(self, uids: str, parts: str) -> Lines:
        protocol = self._protocol
        command = _Fetch(protocol.new_tag(), uids, parts, prefix="UID", loop=protocol.loop)
        return await self._answer(protocol.execute(command))

    async def add_flag(self, uids: str, flag: str) -> None:
        await self._command("STORE", uids, "+FLAGS.SILENT", f"({flag})", prefix="UID", untagged="FETCH")

    async def move(self, uids: str, folder: str) -> None:
        await self._command("MOVE", uids, folder_name(folder), prefix="UID")

    async def noop(self) -> None:
        await self._command("NOOP")

    async def logout(self) -> None:
        """Say goodbye, and close."""
        with contextlib.suppress(ImapGone, ImapNo):
            await self._command("LOGOUT", patience=2.0)
        self.abort()

    async def idle(self, seconds: float) -> bool:
        """Whether the server told of something within so many seconds. Raises ImapNo where it does not IDLE.

        Of what it told in another answer, after the last search, it does not tell again in IDLE.
        That a connection is half open shows here at the latest: by the missing answer to DONE.
        """
        protocol = self._protocol
        if protocol.has_grown:
            return True
        queue = protocol.idle_queue
        while not queue.empty():
            queue.get_nowait()
        protocol._idle_event.clear()
        command = lib.IdleCommand(protocol.new_tag(), queue, loop=protocol.loop)
        idle: asyncio.Future[Any] = asyncio.ensure_future(protocol.execute(command))
        begun = asyncio.ensure_future(protocol._idle_event.wait())
        told = asyncio.ensure_future(queue.get())
        try:
            with self._ending_at_trouble():
                await self._first_of({idle, begun}, self._timing.quiet)
                if not begun.done():
                    _lines_of(idle.result())
                    raise ImapGone("the server ended IDLE before it began")
                heard = await self._first_of({idle, told}, seconds, silence_is_loss=False)
                if not idle.done():
                    protocol.send("DONE")
                await self._first_of({idle}, self._timing.done_answer)
                _lines_of(idle.result())
                return heard
        finally:
            _dispose(idle, begun, told)

    # how it is asked

    async def _log_in(self, name: str, *arguments: str) -> None:
        try:
            await self._command(name, *arguments)
        except ImapNo as refusal:
            if _FOR_NOW.search(refusal.text.encode()):
                raise
            raise LoginRefused(refusal.text) from None
        self._protocol.state = lib.AUTH
        await self._call(self._protocol.capability())

    async def _command(
        self,
        name: str,
        *arguments: str,
        prefix: str = "",
        untagged: str | None = None,
        patience: float | None = None,
    ) -> Lines:
        protocol = self._protocol
        command = lib.Command(
            name,
            protocol.new_tag(),
            *arguments,
            prefix=prefix or None,
            untagged_resp_name=untagged,
            loop=protocol.loop,
        )
        return await self._answer(protocol.execute(command), patience)

    async def _answer(self, asked: Coroutine[Any, Any, Any], patience: float | None = None) -> Lines:
        return _lines_of(await self._call(asked, patience))

    async def _call(self, asked: Coroutine[Any, Any, Any], patience: float | None = None) -> Any:
        """The result. A loss, a silence, a cancellation or an error of the library ends the connection."""
        task: asyncio.Future[Any] = asyncio.ensure_future(asked)
        try:
            with self._ending_at_trouble():
                await self._first_of({task}, patience or self._timing.quiet)
                return task.result()
        finally:
            _dispose(task)

    @contextlib.contextmanager
    def _ending_at_trouble(self) -> Iterator[None]:
        """A connection is used no more once a call on it ended otherwise than by an answer, were it a "no"."""
        try:
            yield
        except ImapNo:
            raise
        except lib.AioImapException as error:
            self.abort()
            raise ImapGone(f"the server's answer is not understood ({error})") from error
        except BaseException:
            self.abort()
            raise

    async def _first_of(
        self, tasks: set[asyncio.Future[Any]], patience: float, *, silence_is_loss: bool = True
    ) -> bool:
        """Wait until one of them is done; False after a silence that is none. Raises ImapGone.

        While bytes arrive (a large mail on a slow line) the server is not silent.
        """
        protocol, loop = self._protocol, self._protocol.loop
        began = loop.time()
        until = began + patience
        while True:
            await asyncio.wait(
                {*tasks, protocol.lost}, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            if any(task.done() for task in tasks):
                return True
            if protocol.lost.done():
                raise ImapGone(f"the connection is lost ({protocol.lost.result()})")
            if not silence_is_loss:
                if loop.time() >= until:
                    return False
                continue
            until = min(max(began, protocol.heard) + patience, began + self._timing.longest)
            if loop.time() >= until:
                raise ImapGone(f"the server is silent for {patience:g} s")

    async def _start_tls(self, context: ssl.SSLContext, host: str) -> None:
        protocol = self._protocol
        if protocol.state != lib.NONAUTH:  # a greeting that claims a login, to keep us from encrypting
            raise ImapGone("the server greets without a login, before encryption")
        try:
            await self._command("STARTTLS")
        except ImapNo as refusal:
            raise ImapGone(f"the server does not do STARTTLS: {refusal}") from None
        if protocol.incomplete_line:
            raise ImapGone("the server sends more before encryption begins")
        protocol.capabilities = set()
        async with asyncio.timeout(self._timing.connecting):
            protocol.transport = await protocol.loop.start_tls(
                protocol.transport, protocol, context, server_hostname=host
            )
        await self._call(protocol.capability())


def _lines_of(response: Any) -> Lines:
    lines: Lines = response.lines
    if response.result != "OK":
        text = bytes(lines[-1]).decode("utf-8", "replace") if lines else ""
        raise ImapNo(re.sub(r"[\x00-\x1f\x7f]+", " ", f"{response.result} {text}")[:300])
    return lines


def _dispose(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def _reason(host: str, error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {host} is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"{host} cannot be spoken to by TLS: {error.reason or error}"
    return f"{host} cannot be reached: {error.strerror or error}"
