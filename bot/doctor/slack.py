"""Slack: tokens, scopes by feature, channels, admins, who reads along, and how far apart the clocks are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.advice import Setup
from bot.clock import Clock
from bot.config import Settings
from bot.courier.slack import NotSent, SlackGateway, Uncertain, Undelivered
from bot.people import LookupUnavailable, People
from bot.startup import StartError, Workspace, check_workspace
from storage import cases
from storage.looking import look

from .findings import Finding, error, ok, warning
from .machine import clock as clock_finding

# What each thing that people do with the desk needs; together they are what the manifest asks for.
FEATURES: Mapping[str, frozenset[str]] = {
    "customers' direct messages": frozenset({"im:history", "im:read", "im:write"}),
    "cases in private channels": frozenset({"groups:history", "groups:read"}),
    "cases in public channels": frozenset({"channels:history", "channels:read"}),
    "posts under the customer's name": frozenset({"chat:write", "chat:write.customize"}),
    "the slash command": frozenset({"commands"}),
    "mentions": frozenset({"app_mentions:read"}),
    "files": frozenset({"files:read", "files:write"}),
    "marks on messages": frozenset({"reactions:write"}),
    "names and admins": frozenset({"users:read"}),
    "admins by address": frozenset({"users:read.email"}),
    "admins by user group": frozenset({"usergroups:read"}),
}
AWAY = "check the network, proxies and SLACK_API_URL, and status.slack.com"
_LACKS = "the app lacks scopes"


async def tokens(slack: SlackGateway, clock: Clock) -> list[Finding]:
    """The scopes and the clock, by what auth.test answers; a refused token is told by `workspace`."""
    try:
        answer = await slack.call("auth_test")
    except Undelivered:
        return []
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return [*scopes(_text(headers.get("x-oauth-scopes"))), clock_finding(_text(headers.get("date")), clock.now())]


def scopes(granted: str | None) -> list[Finding]:
    if granted is None:
        return [warning("scopes", "Slack does not say which scopes are granted")]
    held = {scope.strip() for scope in granted.split(",")}
    return [_feature(feature, needed, held) for feature, needed in FEATURES.items()]


def _feature(feature: str, needed: frozenset[str], held: set[str]) -> Finding:
    text = f"{feature}: needs {', '.join(sorted(needed))}"
    if missing := needed - held:
        return error(
            "scopes",
            f"{text}; not granted: {', '.join(sorted(missing))}. Paste manifest.yml again into “App Manifest” of "
            "your Slack app, then reinstall it to the workspace",
        )
    return ok("scopes", f"{text}; granted")


async def workspace(settings: Settings, slack: SlackGateway) -> tuple[list[Finding], Workspace | None]:
    try:
        found = await check_workspace(settings, slack)
    except StartError as trouble:
        problems = [problem for problem in trouble.problems if not problem.startswith(_LACKS)]
        return [error("slack", problem) for problem in problems], None
    except (NotSent, Uncertain) as trouble:
        return [error("slack", f"{trouble}: {AWAY}")], None
    names = ", ".join(found.names.values())
    return [
        ok("tokens", f"both are taken by {found.url or found.team_id}, and Socket Mode is on"),
        ok("channels", f"the app is in {names}"),
        *(warning("channels", text) for text in found.warnings),
    ], found


async def people(
    settings: Settings, found: Workspace, slack: SlackGateway, client: AsyncWebClient, database_url: str | None
) -> list[Finding]:
    """Whether each admin is found, and who reads along; without a database nobody is a customer yet."""

    async def customers_among(members: list[str]) -> list[str]:
        return await look(database_url, partial(_customers, members=members)) if database_url is not None else []

    known = People(client, settings.admins, found.team_id, Clock.monotonic)
    setup = Setup(settings, found, slack, known, customers_among)
    return [
        *await _told("admins", setup.admins, "each admin in the settings is found"),
        *await _told("readers", setup.all_readers, "no customer and no guest is in the desk's channels"),
    ]


def _customers(connection: Connection, members: list[str]) -> list[str]:
    """Before the first start there is no table yet."""
    return cases.customers_among(connection, members) if sa.inspect(connection).has_table("customers") else []


async def _told(check: str, look: Callable[[], Awaitable[list[str]]], well: str) -> list[Finding]:
    try:
        texts = await look()
    except (Undelivered, LookupUnavailable, DBAPIError, OSError) as trouble:
        return [warning(check, f"this could not be looked over just now ({trouble}): try again")]
    return [warning(check, text) for text in texts] or [ok(check, well)]


def _text(value: Any) -> str | None:
    return str(value[0] if isinstance(value, list) else value) if value is not None else None
