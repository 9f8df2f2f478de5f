"""The mailbox's task: connected for ever, told of new mail by IDLE, and in any case looking for itself.

https://www.rfc-editor.org/rfc/rfc2177: what a server tells while IDLE is a hint; the search after it is the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from functools import partial

import structlog

from bot.clock import Clock
from bot.mail import responses
from bot.mail.imap import ImapClient, ImapGone, ImapNo, LoginRefused
from bot.mail.intake import Intake
from bot.mail.oauth import TokenRefused, TokenSource, TokenUnavailable
from bot.mail.settings import MailboxSettings, OAuth, Password, Security
from bot.mail.status import MailStatus
from bot.mail.timing import MailTiming
from storage import leases
from storage.engine import Database
from storage.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

SILENT_ROUNDS = 3
WATCHED_EVERY = 1.0

REFUSED = (
    "the mail server {server} refuses the login of {user} ({why}), so no email is read. Give it the right "
    "{settings}; it is tried again every {minutes:g} min, with what the settings hold by then"
)
NOT_FLOWING = "no email has been read from {address} since {since} ({why}). It is tried again and again"
FLOWS = "email is read from {address} again; what came meanwhile is read as well"

Tokens = Callable[[OAuth], TokenSource]


class Mailbox:
    """Reads one folder for all processes on the database: one at a time does (a lease), the others stand by."""

    def __init__(
        self,
        database: Database,
        settings: MailboxSettings,
        clock: Clock,
        *,
        owner: str,
        tokens: Tokens,
        read_settings: Callable[[], MailboxSettings] | None = None,
        timing: MailTiming | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._read_settings = read_settings or (lambda: settings)
        self._clock = clock
        self._owner = owner
        self._lease = f"mailbox:{settings.name}"
        self._tokens = tokens
        self._token: TokenSource | None = None
        self._timing = timing or MailTiming()
        self._tls = tls
        self._held_until = -math.inf
        self.status = MailStatus()
        self._intake = Intake(database, settings, self.status, clock, self._timing)
        self._compared = -math.inf
        self._intake.on_progress = self._flows
        self.on_trouble: Callable[[str], None] = _nobody
        self.on_well: Callable[[str], None] = _nobody
        self._intake.on_trouble = self._tell

    def listen(
        self,
        *,
        on_mail: Callable[[], None],
        on_trouble: Callable[[str], None],
        on_warning: Callable[[str], None],
        on_well: Callable[[str], None],
        on_lag: Callable[[float], None],
    ) -> None:
        """Who is told: of new items in the inbox; of trouble, of advice, and that all is well again, in words; and
        how many seconds after its arrival a mail was kept."""
        self._intake.on_mail, self._intake.on_lag = on_mail, on_lag
        self._intake.on_warning = on_warning
        self.on_trouble, self.on_well = on_trouble, on_well

    async def run(self) -> None:
        """Until cancelled. Whatever is out of reach is tried again."""
        while True:
            try:
                if await self._hold():
                    await self._lead()
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            self.status.is_reader = False
            await asyncio.sleep(self._timing.lease_renewal)

    async def release(self) -> None:
        """Let another process read at once: this one stops."""
        with contextlib.suppress(DatabaseUnavailable):
            await self._database.write(partial(leases.give_up, name=self._lease, owner=self._owner))

    # one process at a time

    async def _hold(self) -> bool:
        asked = self._clock.monotonic()
        lasting = timedelta(seconds=self._timing.lease)
        held = await self._database.write(
            partial(leases.hold, name=self._lease, owner=self._owner, lasting=lasting)
        )
        if held is not None:
            self._held_until = asked + self._timing.lease - self._timing.lease_renewal
        return held is not None

    async def _lead(self) -> None:
        """Read as long as the lease is ours."""
        self.status.is_reader = True
        self._down("it is being connected to")
        parts = [asyncio.create_task(part()) for part in (self._sessions, self._keep_lease, self._watch)]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            self.status.is_reader = False

    async def _keep_lease(self) -> None:
        """Ends when the lease is lost, or can no longer be known to be ours."""
        while True:
            await asyncio.sleep(self._timing.lease_renewal)
            try:
                if not await self._hold():
                    log.warning("another process reads the mailbox now", action="mail_standby")
                    return
            except DatabaseUnavailable:
                if self._clock.monotonic() >= self._held_until:
                    return

    # connections, one after the other

    async def _sessions(self) -> None:
        failures = 0
        while True:
            connected: float | None = None
            try:
                client = await self._connected()
                connected = self._clock.monotonic()
                try:
                    await self._serve(client)
                finally:
                    client.abort()
            except DatabaseUnavailable as error:
                log.warning("the database is away; mail waits in the mailbox", action="waiting", error=str(error))
                pause = self._timing.database_pause
            except (LoginRefused, TokenRefused) as error:
                self._refused(str(error))
                pause = self._timing.login_pause
            except (ImapGone, ImapNo, TokenUnavailable) as error:
                if connected is not None and self._clock.monotonic() - connected >= self._timing.healthy:
                    failures = 0
                failures += 1
                pause = self._pause(failures)
                self.status.counts.losses += 1
                self._down(str(error))
                log.warning("the mailbox is out of reach", action="mail_away", error=str(error), again_in=pause)
            else:
                pause = 0.0
            await asyncio.sleep(pause)

    def _pause(self, failures: int) -> float:
        most = min(self._timing.again_most, self._timing.again_first * 2 ** min(failures - 1, 10))
        return float(most * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)

    async def _connected(self) -> ImapClient:
        """A client that is logged in. Raises LoginRefused, TokenRefused, and what passes by itself."""
        login = await self._fresh_login()
        client = await reach(self._settings, self._timing, self._tls)
        try:
            if isinstance(login, Password):
                await client.login(login.user, login.password)
            else:
                await self._log_in_by_token(client, login)
        except BaseException:
            client.abort()
            raise
        self.status.counts.connections += 1
        return client

    async def _log_in_by_token(self, client: ImapClient, login: OAuth) -> None:
        """A token that is refused may have been withdrawn: it is had anew, and tried once more."""
        if self._token is None or self._token.credentials != login:
            self._token = self._tokens(login)
        try:
            await client.xoauth2(login.user, await self._token.token())
        except LoginRefused:
            self._token.forget()
            await client.xoauth2(login.user, await self._token.token())

    async def _fresh_login(self) -> Password | OAuth:
        """Who we are, read anew once it was refused: somebody may have put it right."""
        if self.status.login_trouble is not None:
            given = await asyncio.to_thread(self._read_settings)
            self._settings = replace(self._settings, login=given.login)
        return self._settings.login

    async def _serve(self, client: ImapClient) -> None:
        """Until the connection is lost."""
        uidvalidity = await self._opened(client)
        await self._intake.begin(client, uidvalidity)
        await self._intake.catch_up(client, uidvalidity)
        await self._compare(client, uidvalidity)
        self._flows()
        log.info("the mailbox is read", action="mail_connected", idle=client.has("IDLE"))
        silent = 0
        while True:
            told = await self._wait_for_news(client)
            found = await self._intake.catch_up(client, uidvalidity)
            self._flows()
            silent = silent + 1 if found and told is False else 0 if told else silent
            if silent >= SILENT_ROUNDS and not self.status.polls:
                self.status.polls = True
                log.warning("the server does not tell of new mail; it is asked from now on", action="mail_polls")
            if self._clock.monotonic() - self._compared >= self._timing.compare:
                # Opened anew: a server may go on showing a folder as it was before somebody restored it.
                if await self._opened(client) != uidvalidity:
                    raise ImapGone("the mailbox was numbered anew")
                await self._compare(client, uidvalidity)

    async def _opened(self, client: ImapClient) -> int:
        uidvalidity = responses.uidvalidity(await client.select(self._settings.folder))
        if uidvalidity is None:
            raise ImapGone("the server gives its folder no UIDVALIDITY")
        return uidvalidity

    async def _compare(self, client: ImapClient, uidvalidity: int) -> None:
        await self._intake.compare(client, uidvalidity)
        self._compared = self._clock.monotonic()

    async def _wait_for_news(self, client: ImapClient) -> bool | None:
        """True: the server told of something. False: it had the time to. None: it was not asked to."""
        if client.has("IDLE") and not self.status.polls:
            left = self._compared + self._timing.compare - self._clock.monotonic()
            try:
                told = await client.idle(min(self._timing.idle, max(left, 0.1)))
            except ImapNo as refusal:
                self.status.polls = True
                log.warning("the server refuses IDLE; it is asked", action="mail_polls", error=str(refusal))
            else:
                self.status.counts.idle_rounds += 1
                return told
        await asyncio.sleep(self._settings.poll_interval)
        await client.noop()
        return None

    # what is told

    def _tell(self, words: str) -> None:
        self.on_trouble(words)

    def _flows(self) -> None:
        if self.status.up(self._clock.now()):
            words = FLOWS.format(address=self._settings.address)
            log.info(words, action="mail_flows")
            self.on_well(words)

    def _down(self, reason: str) -> None:
        self.status.down(reason, self._clock.monotonic(), self._clock.now())

    def _refused(self, why: str) -> None:
        self.status.counts.refusals += 1
        self._down(f"the login is refused: {why}")
        login = self._settings.login
        words = REFUSED.format(
            server=self._settings.server,
            user=login.user,
            why=why,
            settings="IMAP_USER and IMAP_PASSWORD" if isinstance(login, Password) else "EMAIL_OAUTH_* values",
            minutes=self._timing.login_pause / 60,
        )
        log.error(words, action="mail_refused")
        if self.status.login_trouble is None:
            self.on_trouble(words)
        self.status.login_trouble = why

    async def _watch(self) -> None:
        """Tell once when no mail has flowed for too long, whatever the connection hangs on."""
        alert = self._settings.down_alert
        while True:
            await asyncio.sleep(min(WATCHED_EVERY, alert / 4))
            status = self.status
            if status.down_since is None or status.told or status.login_trouble is not None:
                continue
            if self._clock.monotonic() - status.down_since >= alert and status.down_at is not None:
                status.told = True
                words = NOT_FLOWING.format(
                    address=self._settings.address,
                    since=f"{status.down_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
                    why=status.reason,
                )
                log.error(words, action="mail_down")
                self.on_trouble(words)


def _nobody(_words: str) -> None:
    """Until somebody listens."""


async def reach(
    settings: MailboxSettings, timing: MailTiming, context: ssl.SSLContext | None = None
) -> ImapClient:
    """A connection to the mailbox's server, encrypted as the settings say; nobody is logged in yet."""
    encrypted = settings.security is not Security.NONE
    context = (context or await asyncio.to_thread(ssl.create_default_context)) if encrypted else None
    return await ImapClient.connect(
        settings.server,
        settings.port,
        timing,
        tls=context if settings.security is Security.TLS else None,
        starttls=context if settings.security is Security.STARTTLS else None,
    )
