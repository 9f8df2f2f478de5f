"""What an operator should know of a desk that runs: who reads along, and which admins in the settings are none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from bot.clock import Clock
from bot.config import Settings, misspelt_names
from bot.courier.reports import start_warning_row
from bot.courier.slack import NotSent, Refused, SlackGateway, Uncertain, Undelivered
from bot.people import LookupUnavailable, People, Profile, UnknownUser
from bot.startup import Workspace, channel_members
from storage import cases, outbox
from storage.engine import Database
from storage.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

AGAIN = 60.0
LOOKED_UP = 200
# Slack allows about a hundred lookups a minute: after a few at once, messages come first.
AT_ONCE, PAUSE = 40, 1.0


class Advice:
    """Found out beside the work, at every start and when somebody joins a channel of the desk; said in the log,
    and to the alerting channel once a day."""

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        slack: SlackGateway,
        people: People,
        database: Database,
        clock: Clock,
    ) -> None:
        self._workspace = workspace
        self._look = Setup(settings, workspace, slack, people, self._customers_among)
        self._database = database
        self._clock = clock
        self._joined = asyncio.Event()
        self.on_outbox: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Look the setup over, and who reads along again whenever that may have changed, until cancelled.

        Waits for Slack and the database without limit.
        """
        await self._until_said(self._setup)
        while True:
            await self._joined.wait()
            self._joined.clear()
            await self._until_said(self._look.all_readers)

    def look_again(self) -> None:
        """Somebody joined a channel of the desk."""
        self._joined.set()

    async def _until_said(self, find: Callable[[], Awaitable[list[str]]]) -> None:
        while True:
            try:
                return await self._say(await find())
            except (Undelivered, LookupUnavailable, DatabaseUnavailable) as error:
                log.info("the setup cannot be looked over just now", action="waiting", error=str(error))
            await asyncio.sleep(AGAIN)

    async def _say(self, texts: list[str]) -> None:
        for text in texts:
            log.warning(text, action="start_warning")
        now = self._clock.now()
        rows = [start_warning_row(text, self._workspace.channels.alerting, now) for text in texts]
        await self._database.write(partial(outbox.enqueue, rows=rows, now=now))
        if rows:
            self.on_outbox()

    async def _customers_among(self, members: list[str]) -> list[str]:
        return await self._database.read(partial(cases.customers_among, identifiers=members))

    async def _setup(self) -> list[str]:
        texts = [*self._workspace.warnings, *misspelt_names()]
        texts += await self._look.admins()
        return texts + await self._look.all_readers()


class Setup:
    """Looks over who may act and who reads along. `customers_among`: which of some people are customers."""

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        slack: SlackGateway,
        people: People,
        customers_among: Callable[[list[str]], Awaitable[list[str]]],
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._slack = slack
        self._people = people
        self._customers_among = customers_among
        self._looked_up = 0

    async def all_readers(self) -> list[str]:
        self._looked_up = 0
        texts = []
        for channel, name in self._workspace.names.items():
            texts += await self._readers(channel, name)
        return texts

    async def admins(self) -> list[str]:
        """The configured admins who cannot act."""
        texts = []
        for user_id in self._settings.admin_slack_users:
            profile = await self._profile(user_id)
            if profile is None:
                texts.append(f"ADMIN_SLACK_USERS names {user_id}, whom this workspace does not know")
            elif not profile.is_full_member:
                texts.append(
                    f"ADMIN_SLACK_USERS names {profile.name} ({user_id}), who is no full, active member of this "
                    "workspace and so cannot be an admin"
                )
        for address in self._settings.admin_emails:
            try:
                await self._slack.call("users_lookupByEmail", email=address)
            except Refused:
                texts.append(f"ADMIN_EMAILS names {address}, which no active member has in their profile")
        return texts

    async def _readers(self, channel: str, name: str) -> list[str]:
        """Customers and guests among those who read a channel of the desk."""
        try:
            members = await channel_members(self._slack, channel)
        except (NotSent, Uncertain):
            raise
        except Undelivered as error:
            return [f"Slack does not show who is in channel {name} ({error})"]
        texts = []
        customers = await self._customers_among(members)
        if customers:
            texts.append(f"customers are in channel {name} and read along: {_some(customers)}")
        left = LOOKED_UP - self._looked_up
        profiles = [await self._profile(user_id) for user_id in members[:left]]
        guests = [who.name for who in profiles if who is not None and _is_outsider(who)]
        if guests:
            texts.append(
                f"guests or people of another organisation are in channel {name} and read along: {_some(guests)}"
            )
        if len(members) > left:
            texts.append(
                f"channel {name} has {len(members)} members, too many to look for guests among them: all of them "
                "read along"
            )
        return texts

    async def _profile(self, user_id: str) -> Profile | None:
        self._looked_up += 1
        if self._looked_up > AT_ONCE:
            await asyncio.sleep(PAUSE)
        try:
            return await self._people.profile(user_id)
        except UnknownUser:
            return None


def _is_outsider(profile: Profile) -> bool:
    return profile.is_active and not profile.is_bot and not profile.is_full_member


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
