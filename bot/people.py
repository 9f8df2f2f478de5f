"""Who is who in the workspace: names, and who is an admin. Looked up in Slack, cached with an age."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk.model import Person
from bot.slack_refusals import LOGIN, error_word
from bot.text.safe import clean

log = structlog.get_logger(__name__)

MAX_AGE = 600.0
MAX_PEOPLE = 20_000
# Longer than a lane waits between two lookups (Casework), so that trouble shows for as long as it lasts.
TROUBLE_SHOWS = 60.0


class LookupUnavailable(Exception):
    """Slack could not say who somebody is just now. The item waits; nobody is taken for anything."""


class UnknownGroup(Exception):
    """Slack says that there is no such user group."""


class UnknownUser(Exception):
    """Slack says that there is no such user."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A member as Slack knows them. `is_full_member`: active, of this workspace, no guest, no bot."""

    id: str
    name: str
    handle: str
    email: str
    is_bot: bool
    is_active: bool
    is_full_member: bool


@dataclass(frozen=True, slots=True)
class AdminLists:
    """Who may act on cases, as configured. `usergroup` is an id (S…) or a handle."""

    user_ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    usergroup: str = ""


@dataclass(slots=True)
class _Aged:
    value: Any
    at: float


class People:
    """Answers for `MAX_AGE` seconds from memory. Raises LookupUnavailable when Slack does not answer."""

    def __init__(
        self,
        client: AsyncWebClient,
        admins: AdminLists,
        team_id: str,
        monotonic: Callable[[], float],
        max_age: float = MAX_AGE,
    ) -> None:
        self._client = client
        self._admins = admins
        self._team_id = team_id
        self._monotonic = monotonic
        self._max_age = max_age
        self._profiles: dict[str, _Aged] = {}
        self._group: _Aged | None = None
        self._group_id = ""
        self._asking: dict[str, object] = {}
        self._admin_names: set[str] = set()
        self._asked_for: set[str] = set()
        self._group_lock = asyncio.Lock()
        self._trouble: _Aged | None = None

    async def profile(self, user_id: str) -> Profile:
        """Raises UnknownUser when Slack knows nobody of that id."""
        while True:
            known = self._profiles.get(user_id)
            if known is not None and self._fresh(known):
                profile: Profile = known.value
                return profile
            question = self._asking.setdefault(user_id, object())
            try:
                user = (await self._call("users_info", user=user_id))["user"]
            except (LookupUnavailable, UnknownUser):
                if self._asking.get(user_id) is question:
                    del self._asking[user_id]
                raise
            if self._asking.get(user_id) is question:
                del self._asking[user_id]
                self._keep(_as_profile(user, self._team_id))
            # Else it changed meanwhile, and the answer may be of before the change.

    async def person(self, user_id: str) -> Person:
        profile = await self.profile(user_id)
        return Person(profile.id, profile.name, await self.is_admin(profile))

    async def is_admin(self, profile: Profile) -> bool:
        """Listed as an admin, and a full, active member of this workspace: both, always."""
        if not profile.is_full_member or not await self._is_listed(profile):
            return False
        self._admin_names.add(profile.name)
        return True

    async def _is_listed(self, profile: Profile) -> bool:
        if profile.id in self._admins.user_ids:
            return True
        if profile.email and profile.email.lower() in self._admins.emails:
            return True
        return bool(self._admins.usergroup) and profile.id in await self.usergroup_members()

    async def usergroup_members(self) -> frozenset[str]:
        """The members of ADMIN_SLACK_USERGROUP, asked anew every ten minutes."""
        if not self._admins.usergroup:
            return frozenset()
        async with self._group_lock:
            if self._group is None or not self._fresh(self._group):
                self._group = _Aged(await self._asked_members(), self._monotonic())
            members: frozenset[str] = self._group.value
            return members

    async def _asked_members(self) -> frozenset[str]:
        """A group that was dissolved while we run has no members: nobody's message waits for it to come back."""
        try:
            group_id = await self._usergroup_id(self._admins.usergroup)
            answer = await self._call("usergroups_users_list", usergroup=group_id)
        except UnknownGroup as error:
            log.error("ADMIN_SLACK_USERGROUP is gone", action="no_usergroup", error=str(error))
            return frozenset()
        return frozenset(answer["users"])

    async def why_gone(self, user_id: str) -> str | None:
        """Slack's word for why this person reads nothing any more, or None."""
        try:
            profile = await self.profile(user_id)
        except UnknownUser:
            return "user_not_found"
        return None if profile.is_active else "user_disabled"

    async def names(self, user_ids: Iterable[str]) -> dict[str, str]:
        """Names for mentions. Who cannot be looked up is left out: no message waits for a mention."""
        names: dict[str, str] = {}
        for user_id in user_ids:
            try:
                names[user_id] = (await self.profile(user_id)).name
            except (LookupUnavailable, UnknownUser):
                continue
        return names

    async def meet_admins(self) -> None:
        """Learn the names of the admins not met yet, so that no customer is shown under one. Best effort."""
        try:
            listed = self._admins.user_ids | self._admins.emails | await self.usergroup_members()
        except LookupUnavailable:
            return
        new = listed - self._asked_for
        self._asked_for |= new
        await asyncio.gather(*(self._meet(who) for who in sorted(new)))

    async def _meet(self, who: str) -> None:
        """`who` is a member's id or an address."""
        try:
            user_id = (await self._call("users_lookupByEmail", email=who))["user"]["id"] if "@" in who else who
            await self.is_admin(await self.profile(str(user_id)))
        except LookupUnavailable:
            self._asked_for.discard(who)
        except UnknownUser:
            return

    @property
    def login_trouble(self) -> str | None:
        """Slack's word for refusing our token or right in a lookup: nobody new can be heard meanwhile."""
        if self._trouble is None or self._monotonic() - self._trouble.at > TROUBLE_SHOWS:
            return None
        return str(self._trouble.value)

    def admin_names(self) -> tuple[str, ...]:
        """Names that no customer may be shown under: those of the admins met so far."""
        return tuple(sorted(self._admin_names))

    def changed(self, user: Mapping[str, Any]) -> None:
        """Slack told of a change (`user_change`): it is asked anew, so that names and rights follow at once."""
        user_id = str(user.get("id"))
        self._profiles.pop(user_id, None)
        self._asking.pop(user_id, None)

    async def _usergroup_id(self, name: str) -> str:
        """Asked once: a group that is renamed later stays the same group."""
        if self._group_id:
            return self._group_id
        answer = await self._call("usergroups_list")
        for group in answer["usergroups"]:
            if name in {group.get("id"), group.get("handle")}:
                self._group_id = str(group["id"])
                return self._group_id
        raise UnknownGroup(f"there is no user group {name!r} in the workspace")

    async def _call(self, method: str, **arguments: Any) -> Any:
        try:
            async with asyncio.timeout(10):
                answer = await getattr(self._client, method)(**arguments)
        except SlackApiError as error:
            reason = error_word(error) or "no readable answer"
            if reason in LOGIN:
                self._note_trouble(method, reason)
            if reason in {"user_not_found", "users_not_found", "user_not_visible"}:
                whom = arguments.get("user") or arguments.get("email")
                raise UnknownUser(f"Slack knows no user {whom}") from error
            if reason in {"no_such_subteam", "subteam_not_found"}:
                raise UnknownGroup(f"{method}: {reason}") from error
            raise LookupUnavailable(f"{method}: {reason}") from error
        except Exception as error:  # any transport failure: the lookup is repeated, never guessed
            raise LookupUnavailable(f"{method}: {type(error).__name__}: {error}") from error
        self._trouble = None
        return answer

    def _note_trouble(self, method: str, reason: str) -> None:
        if self.login_trouble is None:
            log.error("Slack refuses our token or right", action="paused", method=method, error=reason)
        self._trouble = _Aged(reason, self._monotonic())

    def _fresh(self, aged: _Aged) -> bool:
        return self._monotonic() - aged.at < self._max_age

    def _keep(self, profile: Profile) -> None:
        if len(self._profiles) >= MAX_PEOPLE:
            self._profiles.clear()
        self._profiles[profile.id] = _Aged(profile, self._monotonic())


def _as_profile(user: Mapping[str, Any], team_id: str) -> Profile:
    profile = user.get("profile") or {}
    name = profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name")
    is_bot = bool(user.get("is_bot")) or user.get("id") in {"USLACKBOT", "USLACK"}
    is_active = not user.get("deleted", False)
    guest = bool(user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_stranger"))
    teams = {user.get("team_id"), *(user.get("enterprise_user") or {}).get("teams", ())}
    return Profile(
        id=str(user["id"]),
        name=clean(str(name or user["id"])),
        handle=clean(str(user.get("name") or "")),
        # An address that its owner has not confirmed proves nothing.
        email=str(profile.get("email") or "") if user.get("is_email_confirmed", True) else "",
        is_bot=is_bot,
        is_active=is_active,
        is_full_member=is_active and not is_bot and not guest and team_id in teams,
    )
