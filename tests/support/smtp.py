"""A real SMTP server (aiosmtpd) that does as a test tells it: refuses, delays, takes mail and breaks off."""

import asyncio
import email
import email.policy
import shutil
import ssl
import subprocess
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

LOGIN = ("support@desk.example", "right")


def by_mail(server: "ScriptedSmtp", **changed: Any) -> dict[str, Any]:
    """The settings of a desk that sends its mail through the server."""
    given = {
        "smtp_server": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_security": "none",
        "email_from": "Help Desk <support@desk.example>",
        "emails_per_minute": 6000,
    }
    return given | changed


@dataclass
class Taken:
    sender: str
    to: list[str]
    data: bytes

    @property
    def mail(self) -> EmailMessage:
        return email.message_from_bytes(self.data, policy=email.policy.default)  # type: ignore[return-value]

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.mail.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


class _Protocol(SMTP):
    """Remembers the sockets' transports: asyncio lets go of one under TLS before it is closed."""

    raw: list[Any]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = getattr(transport, "_ssl_protocol", None)
        self.raw.append(tls._transport if tls is not None else transport)
        super().connection_made(transport)


@dataclass
class ScriptedSmtp:
    """`answers` holds what it says next to each verb (MAIL, RCPT, DATA), the usual once they are used up.

    `cut` is how many of the next mails it takes without an answer. `password` is the right one.
    """

    password: str = LOGIN[1]
    needs_login: bool = False
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    utf8: bool = True
    size_limit: int = 33_554_432
    cut: int = 0
    answers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    taken: list[Taken] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _protocols: list[_Protocol] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        immediate = self.tls if not self.starttls else None
        self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port, ssl=immediate)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for protocol in self._protocols:
            for transport in protocol.raw:
                transport.abort()
        handling = [task for protocol in self._protocols if (task := protocol._handler_coroutine) is not None]
        for task in handling:
            task.cancel()
        if handling:
            await asyncio.wait(handling, timeout=5)
        for _ in range(10):  # a transport takes a few turns of the loop to close, one under TLS some more
            await asyncio.sleep(0)
        self._protocols.clear()

    async def until(self, count: int, timeout: float = 20) -> list[Taken]:
        """What was taken, once it is that many mails."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)
        return self.taken

    def _protocol(self) -> _Protocol:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a login in the clear is unsafe
            protocol = _Protocol(
                self,
                data_size_limit=self.size_limit,
                enable_SMTPUTF8=self.utf8,
                tls_context=self.tls if self.starttls else None,
                authenticator=self._authenticate if self.needs_login else None,
                auth_required=self.needs_login,
                auth_require_tls=False,
                hostname="smtp.test",
                loop=asyncio.get_running_loop(),
            )
        protocol.raw = []
        self._protocols.append(protocol)
        return protocol

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (LOGIN[0], self.password), handled=False)

    def _next(self, verb: str) -> str | None:
        self.said.append(verb)
        return self.answers[verb].pop(0) if self.answers[verb] else None

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if (answer := self._next("MAIL")) is not None:
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if (answer := self._next("RCPT")) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        if (answer := self._next("DATA")) is not None:
            return answer
        async with self._changed:
            self.taken.append(Taken(envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.content)))
            self._changed.notify_all()
        if self.cut:
            self.cut -= 1
            assert server.transport is not None
            server.transport.abort()
        return "250 2.0.0 taken"


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path

    @property
    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context

    @property
    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.cert))


def make_certificate(folder: Path, host: str = "localhost") -> Certificate:
    """A self-signed certificate for a host, valid for a day."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.fail("openssl is needed to test TLS")
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    command = [
        *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
        *("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"),
        *("-keyout", str(made.key), "-out", str(made.cert)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return made
