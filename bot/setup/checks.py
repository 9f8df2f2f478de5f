"""Each step's answers tried on the real thing: what the doctor would find, and no more than was asked about."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.advice import Setup
from bot.clock import Clock
from bot.config import Settings
from bot.courier.slack import NotSent, SlackGateway, Uncertain, Undelivered
from bot.doctor import machine, mail
from bot.doctor import slack as doctor_slack
from bot.doctor.examine import READ_TIMEOUT
from bot.doctor.findings import Finding, error, ok, warning
from bot.people import LookupUnavailable, People
from bot.startup import channel_warnings, check_same_app, check_socket_mode, find_channel, identity_of, named


async def slack_app(settings: Settings) -> list[Finding]:
    async with _at_slack(settings) as (slack, _):
        problems: list[str] = []
        try:
            identity = await identity_of(slack, problems)
            await check_socket_mode(slack, settings.slack_app_token.get_secret_value(), problems)
            if identity is not None:
                await check_same_app(slack, settings, identity, problems)
        except (NotSent, Uncertain) as trouble:
            return [_away(trouble)]
    if problems or identity is None:
        return [error("tokens", problem) for problem in problems]
    where = identity.get("url") or identity.get("team") or identity["team_id"]
    return [ok("tokens", f"both are taken by {where}, and Socket Mode is on")]


async def channels(settings: Settings) -> list[Finding]:
    async with _at_slack(settings) as (slack, _):
        problems: list[str] = []
        try:
            found = [await find_channel(slack, *each, problems) for each in settings.channels.items()]
        except (NotSent, Uncertain) as trouble:
            return [_away(trouble)]
    if problems:
        return [error("channels", problem) for problem in problems]
    unique = {str(channel["id"]): channel for channel in found}
    names = ", ".join(named(channel) for channel in unique.values())
    return [
        ok("channels", f"the app is in {names}"),
        *(warning("channels", text) for channel in unique.values() for text in channel_warnings(channel)),
    ]


async def admins(settings: Settings) -> list[Finding]:
    async with _at_slack(settings) as (slack, client):
        found, workspace = await doctor_slack.workspace(settings, slack)
        if workspace is None:
            return found
        people = People(client, settings.admins, workspace.team_id, Clock.monotonic)
        try:
            problems = await Setup(settings, workspace, slack, people, _no_customers).admins()
        except (Undelivered, LookupUnavailable) as trouble:
            return [_away(trouble)]
    return [error("admins", problem) for problem in problems] or [ok("admins", "each is found")]


async def database(settings: Settings) -> list[Finding]:
    return await machine.database(settings.database_url)


async def mailbox(settings: Settings) -> list[Finding]:
    async with aiohttp.ClientSession() as session:
        return [*await mail.imap(settings, session), *mail.senders(settings)]


async def sending(settings: Settings) -> list[Finding]:
    async with aiohttp.ClientSession() as session:
        return await mail.smtp(settings, session)


@contextlib.asynccontextmanager
async def _at_slack(settings: Settings) -> AsyncIterator[tuple[SlackGateway, AsyncWebClient]]:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            timeout=READ_TIMEOUT,
        )
        yield SlackGateway(client), client


async def _no_customers(_members: list[str]) -> list[str]:
    """Who reads along is the doctor's to look at."""
    return []


def _away(trouble: Exception) -> Finding:
    return error("slack", f"{trouble}: {doctor_slack.AWAY}")
