"""The mail server as the courier sees it: one connection, one mail, and an error that says what became of it."""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPSenderRefused,
)

from bot.blocks import words
from bot.ops.logging import redacted
from bot.text.safe import preview

from .letter import ascii_address, needs_utf8, one_line
from .pacing import Bucket
from .slack import LoginTrouble, NotSent, Refused, Uncertain, Undelivered

TIMEOUT = 30.0
# RFC 5321, 4.5.3.2.6 allows ten minutes for the answer to the last line; the time of handing over counts too.
DATA_TIMEOUT = 300.0
GOODBYE = 3.0
BURST = 10
ANSWER_SIZE = 300  # characters of what a server answered that people are shown

Security = Literal["tls", "starttls", "none"]
Secret = Callable[[], Awaitable[str]]

# What a server says where it wants a login, or another one (RFC 4954, 6).
_LOGIN = {530, 534, 535, 538}
_TOO_LARGE = 552
_STATUS = re.compile(r"\b([45]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class MailServer:
    """`password` and `token` (XOAUTH2) are asked at each login, so that a new one is taken without a restart.

    `forget_token` is called when the token was refused: the next one is to be a new one.
    """

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    forget_token: Callable[[], None] = lambda: None
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)


class Away(NotSent):
    """The server cannot be reached, or lets nobody in just now."""


class Session:
    """A connection that has logged in. What was sent before the last line of a mail has no effect."""

    def __init__(self, smtp: aiosmtplib.SMTP, sender: str) -> None:
        self._smtp = smtp
        self._sender = sender

    @property
    def max_size(self) -> int | None:
        """The largest mail the server takes, where it says so (RFC 1870)."""
        said = (self._smtp.esmtp_extensions.get("size") or "").split()
        return int(said[0]) or None if said and said[0].isdecimal() else None

    @property
    def takes_utf8(self) -> bool:
        return self._smtp.supports_extension("smtputf8")

    async def send(self, to: str, data: bytes) -> None:
        """Hand a mail over. Raises NotSent, Refused, LoginTrouble, or Uncertain where the last answer was lost."""
        sender, recipient = ascii_address(self._sender), ascii_address(to)
        utf8 = needs_utf8(recipient) or needs_utf8(sender)
        if utf8 and not self.takes_utf8:
            raise Refused(words.MAIL_NO_UTF8)
        options = ["SMTPUTF8"] if utf8 else []
        if self.max_size is not None:
            options.append(f"SIZE={len(data)}")
        with _before_data():
            await self._smtp.mail(sender, options=options, encoding="utf-8" if utf8 else "ascii")
            await self._smtp.rcpt(recipient, encoding="utf-8" if utf8 else "ascii")
        try:
            await self._smtp.data(data, timeout=DATA_TIMEOUT)
        except SMTPResponseException as error:
            raise _answered(error) from error
        except (SMTPException, OSError, TimeoutError) as error:
            raise Uncertain(f"the mail server's answer was lost ({type(error).__name__})") from error


class MailCarrier:
    """Connects, logs in and out, for each mail anew; paced, since providers count mails a minute."""

    def __init__(
        self, server: MailServer, per_minute: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._server = server
        self._bucket = Bucket(per_minute / 60, min(BURST, max(1.0, per_minute)), monotonic)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A session for one mail, when it is its turn. Raises Away or LoginTrouble."""
        await self._bucket.take()
        smtp = await self._connected()
        try:
            yield Session(smtp, self._server.sender)
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                await smtp.quit(timeout=GOODBYE)
        finally:
            smtp.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        server = self._server
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=server.tls if server.security != "none" else None,
            local_hostname=ascii_address(server.sender).rpartition("@")[2],
            timeout=TIMEOUT,
        )
        try:
            await smtp.connect()
            await self._login(smtp)
        except SMTPAuthenticationError as error:
            smtp.close()
            server.forget_token()
            if error.code < 500:
                raise Away(_said(error)) from error
            raise LoginTrouble(words.MAIL_LOGIN.format(said=_said(error))) from error
        except SMTPResponseException as error:
            smtp.close()
            raise _at_the_door(error) from error
        except (OSError, TimeoutError) as error:
            smtp.close()
            if _is_certificate(error):
                raise LoginTrouble(words.MAIL_CERTIFICATE.format(host=server.host)) from error
            raise Away(words.MAIL_AWAY.format(why=type(error).__name__)) from error
        except SMTPException as error:  # no STARTTLS, no login, or none of a kind that we know
            smtp.close()
            raise LoginTrouble(words.MAIL_UNFIT.format(why=_short(error.message))) from error
        except BaseException:
            smtp.close()
            raise
        return smtp

    async def _login(self, smtp: aiosmtplib.SMTP) -> None:
        server = self._server
        await smtp.ehlo()
        if server.token is not None:
            await smtp.auth_xoauth2(server.user, await server.token())
        elif server.user:
            await smtp.login(server.user, await server.password() if server.password is not None else "")


@contextlib.contextmanager
def _before_data() -> Iterator[None]:
    """Nothing is handed over yet: whatever goes wrong, the mail has certainly not gone."""
    try:
        yield
    except SMTPResponseException as error:
        raise _answered(error) from error
    except SMTPException as error:
        raise NotSent(_short(error.message)) from error
    except (OSError, TimeoutError, UnicodeError) as error:
        raise NotSent(words.MAIL_AWAY.format(why=type(error).__name__)) from error


def _answered(error: SMTPResponseException) -> Undelivered:
    """What a server's "no" means: 4xx for now, 5xx for ever, or that it wants a login first (RFC 5321, 4.2.1)."""
    if error.code in _LOGIN:
        return LoginTrouble(words.MAIL_LOGIN.format(said=_said(error)))
    if not 500 <= error.code < 600:
        return NotSent(_said(error))
    if isinstance(error, SMTPSenderRefused):
        return Refused(words.MAIL_REASON.format(reason=words.MAIL_SENDER, said=_said(error)))
    return Refused(_in_plain_words(error))


def _at_the_door(error: SMTPResponseException) -> Undelivered:
    """A server that does not want us now may later: 554 at the greeting is how many say "too busy"."""
    if error.code in _LOGIN:
        return LoginTrouble(words.MAIL_LOGIN.format(said=_said(error)))
    return Away(_said(error))


def _in_plain_words(error: SMTPResponseException) -> str:
    found = _STATUS.search(error.message)
    status = found[1] if found else ""
    reason = words.MAIL_REASONS.get(status[2:]) or words.MAIL_REASONS.get(status[2:].rpartition(".")[0] + ".")
    if reason is None and error.code == _TOO_LARGE:
        reason = words.MAIL_REASONS["3.4"]
    return words.MAIL_REASON.format(reason=reason or words.MAIL_REFUSED, said=_said(error))


def _said(error: SMTPResponseException) -> str:
    return _short(f"{error.code} {error.message}")


def _short(text: str) -> str:
    return preview(redacted(one_line(text)) or "-", ANSWER_SIZE)


def _is_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
