"""What of email is built from the settings: who sends it, from whom, and by which login."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from bot.blocks import words
from bot.clock import Clock
from bot.config import ConfigError, Settings, load_settings
from bot.courier.letters import Stationery
from bot.courier.mail import Away, MailCarrier, MailServer
from bot.courier.slack import LoginTrouble
from bot.mail.oauth import TokenRefused, TokenSource, TokenUnavailable
from bot.mail.settings import MailboxSettings, OAuth


def stationery(settings: Settings) -> Stationery:
    address, name = settings.mail_from
    return Stationery(address, name, settings.email_footer, settings.received_text, settings.file_max_bytes)


def mail_carrier(
    settings: Settings,
    session: aiohttp.ClientSession,
    clock: Clock,
    anew: Callable[[], Settings] = load_settings,
) -> MailCarrier | None:
    """What mail is sent by, if it is to be sent at all.

    Without a password of its own it logs in as the mailbox does: by OAuth2, where that does. `anew` gives the
    settings as they are by the time of a login.
    """
    if not settings.sends_mail:
        return None
    source = None
    if settings.reads_mail and not settings.smtp_password.get_secret_value():
        login = settings.mailbox.login
        source = TokenSource(login, session, clock) if isinstance(login, OAuth) else None
    server = MailServer(
        settings.smtp_server,
        settings.smtp_port,
        settings.smtp_encryption,
        sender=settings.mail_from[0],
        user=settings.smtp_login,
        password=_password_of(settings, anew),
        token=_token_of(source) if source is not None else None,
        forget_token=source.forget if source is not None else _nothing,
    )
    return MailCarrier(server, settings.emails_per_minute, clock.monotonic)


def mailbox_anew(settings: Settings) -> MailboxSettings:
    """The mailbox as the environment and `.env` have it by now; as it was, while they cannot be read."""
    try:
        found = load_settings()
    except ConfigError:
        return settings.mailbox
    return found.mailbox if found.reads_mail else settings.mailbox


def _password_of(settings: Settings, anew: Callable[[], Settings]) -> Callable[[], Awaitable[str]]:
    async def password() -> str:
        """As it is now: who mends a refused login need not restart the bot."""
        try:
            return (await asyncio.to_thread(anew)).smtp_secret or settings.smtp_secret
        except ConfigError:
            return settings.smtp_secret

    return password


def _token_of(source: TokenSource) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        try:
            return await source.token()
        except TokenRefused as error:
            raise LoginTrouble(words.MAIL_LOGIN.format(said=error)) from error
        except TokenUnavailable as error:
            raise Away(str(error)) from error

    return token


def _nothing() -> None:
    """There is no token to forget."""
