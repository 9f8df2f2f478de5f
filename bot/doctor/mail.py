"""The mail servers: whether they let us in, tell of new mail, and prove who writes."""

from __future__ import annotations

import aiohttp

from bot.clock import Clock
from bot.config import Settings
from bot.courier.slack import Undelivered
from bot.desk.policy import AdminCheck
from bot.mail.admins import how_admins_act
from bot.mail.imap import ImapClient, ImapGone, ImapNo, LoginRefused
from bot.mail.mailbox import reach
from bot.mail.oauth import TokenRefused, TokenSource, TokenUnavailable
from bot.mail.settings import MailboxSettings, Password
from bot.mail.timing import MailTiming
from bot.mail_parts import mail_carrier

from .findings import Finding, error, ok, warning

LISTEN = 0.2  # seconds of IDLE: that the server agrees to it is enough


async def imap(settings: Settings, session: aiohttp.ClientSession) -> list[Finding]:
    if not settings.reads_mail:
        return [ok("imap", "no mailbox is configured")]
    mailbox = settings.mailbox
    try:
        client = await reach(mailbox, MailTiming())
    except ImapGone as trouble:
        return [error("imap", f"{trouble}: check IMAP_SERVER, IMAP_PORT and IMAP_SECURITY")]
    try:
        return await _inside(client, mailbox, session)
    except (LoginRefused, TokenRefused) as trouble:
        return [
            error("imap", f"{mailbox.server} refuses the login ({trouble}): check user and password, or OAuth2")
        ]
    except (ImapGone, ImapNo, TokenUnavailable) as trouble:
        return [error("imap", f"{mailbox.server} does not let us in just now ({trouble}): try again")]
    finally:
        await client.logout()


async def _inside(client: ImapClient, mailbox: MailboxSettings, session: aiohttp.ClientSession) -> list[Finding]:
    login = mailbox.login
    if isinstance(login, Password):
        await client.login(login.user, login.password)
    else:
        await client.xoauth2(login.user, await TokenSource(login, session, Clock()).token())
    found = [ok("imap", f"{mailbox.server} lets {login.user} in")]
    try:
        await client.select(mailbox.folder)
    except ImapNo as trouble:
        return [*found, error("imap folder", f"{mailbox.folder} cannot be opened ({trouble}): check IMAP_FOLDER")]
    found.append(ok("imap folder", f"{mailbox.folder} can be opened"))
    return [*found, await _idle(client)]


async def _idle(client: ImapClient) -> Finding:
    asked = "new mail is looked for every EMAIL_POLL_INTERVAL seconds instead"
    if not client.has("IDLE"):
        return warning("imap idle", f"the server does not tell of new mail (no IDLE): {asked}")
    try:
        await client.idle(LISTEN)
    except ImapNo as trouble:
        return warning("imap idle", f"the server refuses IDLE ({trouble}): {asked}")
    return ok("imap idle", "the server tells of new mail at once")


def senders(settings: Settings) -> list[Finding]:
    """What proves that a mail is of the person in its From."""
    if not settings.reads_mail:
        return []
    if how := how_admins_act(settings):
        return [warning("sender check", how)]
    if settings.admin_check_in_force is AdminCheck.OFF:
        return [ok("sender check", "admins do not act by mail")]
    return [ok("sender check", f"believed is {settings.trust.described}")]


async def smtp(settings: Settings, session: aiohttp.ClientSession) -> list[Finding]:
    carrier = mail_carrier(settings, session, Clock(), lambda: settings)
    if carrier is None:
        if settings.reads_mail:
            return [warning("smtp", "mail is read and cannot be answered: set SMTP_SERVER")]
        return [ok("smtp", "no mail is sent")]
    try:
        async with carrier.session():
            return [ok("smtp", f"{settings.smtp_server} lets us in")]
    except Undelivered as trouble:
        return [error("smtp", f"{settings.smtp_server}: {trouble}; check SMTP_SERVER, SMTP_PORT and the login")]
