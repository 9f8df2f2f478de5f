"""All checks, in the order in which somebody would mend what they find."""

from __future__ import annotations

import asyncio

import aiohttp
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.config import Settings, misspelt_names
from bot.courier.slack import SlackGateway

from . import machine, mail, slack
from .findings import Finding, Level, ok, warning

READ_TIMEOUT = 15


async def examine(settings: Settings) -> list[Finding]:
    """Changes nothing, and may run beside the bot."""
    found = [machine.python(), *(warning("settings", text) for text in misspelt_names())]
    found += [ok("settings", "all are usable"), machine.disk(settings.database_url)]
    database = await machine.database(settings.database_url)
    found += database
    async with aiohttp.ClientSession() as session:
        has_desk = any(one.check == "schema" and one.level is not Level.ERROR for one in database)
        at_slack, imap, smtp = await asyncio.gather(
            _slack(settings, session, has_desk=has_desk),
            mail.imap(settings, session),
            mail.smtp(settings, session),
        )
    return [*found, *at_slack, *imap, *mail.senders(settings), *smtp]


async def _slack(settings: Settings, session: aiohttp.ClientSession, *, has_desk: bool) -> list[Finding]:
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        timeout=READ_TIMEOUT,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
    )
    gateway = SlackGateway(client)
    found = await slack.tokens(gateway, Clock())
    more, workspace = await slack.workspace(settings, gateway)
    found += more
    if workspace is None:
        return found
    return found + await slack.people(
        settings, workspace, gateway, client, settings.database_url if has_desk else None
    )
