"""Who is an admin: listed, and a full, active member of the workspace. Both, always, and never by guess."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.people import AdminLists, LookupUnavailable, People, UnknownUser
from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, GRACE, HELPDESK, TEAM_ID
from bot.sandbox.server import LocalSlack


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        yield slack


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


def people(slack: LocalSlack, time: Time, **admins: Any) -> People:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
    lists = admins or {"user_ids": frozenset({ADA})}
    return People(client, AdminLists(**lists), TEAM_ID, time)


async def is_admin(who: People, user: str) -> bool:
    return (await who.person(user)).is_admin


class TestWhoIsListed:
    async def test_by_id(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time, user_ids=frozenset({ADA}))
        assert [await is_admin(who, user) for user in (ADA, GRACE, DANA)] == [True, False, False]

    @pytest.mark.parametrize("group", ["helpdesk", HELPDESK])
    async def test_by_user_group(self, slack: LocalSlack, time: Time, group: str) -> None:
        who = people(slack, time, usergroup=group)
        assert [await is_admin(who, user) for user in (ADA, GRACE, DANA)] == [False, True, False]

    async def test_by_the_address_in_the_profile(self, slack: LocalSlack, time: Time) -> None:
        slack.change_user(GRACE, email="Grace@Desk.Example")
        who = people(slack, time, emails=frozenset({"grace@desk.example"}))
        assert [await is_admin(who, user) for user in (ADA, GRACE)] == [False, True]

    async def test_an_address_that_nobody_has_makes_nobody_an_admin(self, slack: LocalSlack, time: Time) -> None:
        slack.change_user(BEN, email=None)
        who = people(slack, time, emails=frozenset({""}))
        assert not await is_admin(who, BEN)

    async def test_an_address_that_is_not_confirmed_proves_nothing(
        self, slack: LocalSlack, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ben = slack.workspace.user(BEN)
        shown = ben.to_slack(with_email=True)
        monkeypatch.setattr(type(ben), "to_slack", lambda *_, **__: shown | {"is_email_confirmed": False})
        assert not await is_admin(people(slack, time, emails=frozenset({"ben@desk.example"})), BEN)

    async def test_slacks_own_admins_are_none_of_ours(self, slack: LocalSlack, time: Time) -> None:
        slack.change_user(BEN, is_admin=True)
        assert not await is_admin(people(slack, time), BEN)


class TestWhoCanNeverBe:
    @pytest.mark.parametrize(
        "what",
        [
            {"is_restricted": True},
            {"is_ultra_restricted": True},
            {"is_stranger": True},
            {"deleted": True},
            {"is_bot": True},
            {"team_id": "T0ANOTHER1"},
        ],
    )
    @pytest.mark.parametrize("listed", ["id", "group", "email"])
    async def test_a_guest_a_bot_a_stranger_or_who_has_left(
        self, slack: LocalSlack, time: Time, what: dict[str, Any], listed: str
    ) -> None:
        slack.workspace.set_usergroup("S0ALLOFUS", "all", "All", [ADA])
        lists: dict[str, Any] = {
            "id": {"user_ids": frozenset({ADA})},
            "group": {"usergroup": "all"},
            "email": {"emails": frozenset({"ada@desk.example"})},
        }[listed]
        assert await is_admin(people(slack, time, **lists), ADA)
        slack.change_user(ADA, **what)
        assert not await is_admin(people(slack, time, **lists), ADA)

    async def test_the_bot_itself(self, slack: LocalSlack, time: Time) -> None:
        assert not await is_admin(people(slack, time, user_ids=frozenset({BOT_USER})), BOT_USER)


class TestTime:
    async def test_a_profile_is_asked_for_once_in_ten_minutes(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time)
        for seconds in (0, 300, 299):
            time.seconds += seconds
            await who.profile(DANA)
        assert len(slack.calls("users.info")) == 1
        time.seconds += 1
        slack.change_user(DANA, display_name="Dana L.")
        assert (await who.profile(DANA)).name == "Dana L."

    async def test_the_user_group_is_renewed_every_ten_minutes(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time, usergroup="helpdesk")
        assert not await is_admin(who, BEN)
        slack.workspace.set_usergroup(HELPDESK, "helpdesk", "Help desk", [BEN])
        time.seconds += 599
        assert [await is_admin(who, user) for user in (BEN, GRACE)] == [False, True]
        time.seconds += 1
        assert [await is_admin(who, user) for user in (BEN, GRACE)] == [True, False]

    async def test_a_group_that_is_renamed_stays_the_group(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time, usergroup="helpdesk")
        assert await is_admin(who, GRACE)
        slack.workspace.set_usergroup(HELPDESK, "renamed", "Help desk", [GRACE])
        time.seconds += 600
        assert await is_admin(who, GRACE)

    async def test_many_questions_at_once_ask_for_the_group_once(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time, usergroup="helpdesk")
        await asyncio.gather(*(who.person(user) for user in (DANA, BEN, GRACE) * 5))
        assert len(slack.calls("usergroups.users.list")) == 1


class TestChanges:
    """Slack's `user_change` is followed at once."""

    async def test_who_becomes_a_guest_is_no_admin_any_more(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time)
        assert await is_admin(who, ADA)
        who.changed(slack.change_user(ADA, is_restricted=True).to_slack(with_email=True))
        assert not await is_admin(who, ADA)

    async def test_a_change_that_comes_while_one_asks_is_not_overlooked(
        self, slack: LocalSlack, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        who = people(slack, time)
        asked, answer = asyncio.Event(), asyncio.Event()
        call = who._client.users_info

        async def slowly(**arguments: Any) -> Any:
            answered = await call(**arguments)
            asked.set()
            await answer.wait()
            return answered

        monkeypatch.setattr(who._client, "users_info", slowly)
        asking = asyncio.create_task(is_admin(who, ADA))
        await asked.wait()
        who.changed(slack.change_user(ADA, deleted=True).to_slack(with_email=True))
        answer.set()
        assert not await asking
        assert not await is_admin(who, ADA)

    async def test_several_who_ask_for_one_person_all_hear(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time)
        async with asyncio.timeout(5):
            assert await asyncio.gather(*(is_admin(who, ADA) for _ in range(20))) == [True] * 20

    async def test_a_change_without_a_person_harms_nothing(self, slack: LocalSlack, time: Time) -> None:
        people(slack, time).changed({})


class TestFailing:
    """A lookup that fails says so; nobody is taken for a customer, or for an admin, meanwhile."""

    @pytest.mark.parametrize(
        "kind", ["500", "502", "503", "429", "drop", "error:internal_error", "error:invalid_auth"]
    )
    @pytest.mark.parametrize("method", ["users.info", "usergroups.list", "usergroups.users.list"])
    async def test_every_failure_of_slack_raises(
        self, slack: LocalSlack, time: Time, method: str, kind: str
    ) -> None:
        who = people(slack, time, usergroup="helpdesk")
        slack.faults.add(method, kind, times=2 if kind == "drop" else 1)  # what is cut is asked again once
        with pytest.raises(LookupUnavailable):
            await who.person(GRACE)
        assert (await who.person(GRACE)).is_admin

    async def test_an_outage_raises_once_the_memory_is_too_old(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time, usergroup="helpdesk")
        assert await is_admin(who, GRACE)
        slack.outage()
        assert await is_admin(who, GRACE)
        time.seconds += 600
        with pytest.raises(LookupUnavailable):
            await who.person(GRACE)

    async def test_a_group_that_is_gone_makes_nobody_an_admin_and_holds_nobody_up(
        self, slack: LocalSlack, time: Time
    ) -> None:
        who = people(slack, time, usergroup="helpdesk")
        del slack.workspace.usergroups[HELPDESK]
        assert not (await who.person(GRACE)).is_admin

    async def test_who_does_not_exist_is_said_not_to(self, slack: LocalSlack, time: Time) -> None:
        with pytest.raises(UnknownUser):
            await people(slack, time).profile("U0NOBODY01")

    async def test_a_mention_of_who_cannot_be_looked_up_is_left_out(self, slack: LocalSlack, time: Time) -> None:
        assert await people(slack, time).names([DANA, "U0NOBODY01"]) == {DANA: "Dana Lee"}


class TestNames:
    async def test_the_display_name_goes_before_the_full_one(self, slack: LocalSlack, time: Time) -> None:
        slack.change_user(DANA, display_name="dee")
        assert (await people(slack, time).profile(DANA)).name == "dee"

    async def test_admins_met_so_far_have_their_names_to_themselves(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time)
        await asyncio.gather(who.person(ADA), who.person(DANA))
        assert who.admin_names() == ("Ada Admin",)

    async def test_so_have_admins_who_have_not_been_met(self, slack: LocalSlack, time: Time) -> None:
        listed = {"user_ids": {ADA}, "usergroup": "helpdesk", "emails": {"ben@desk.example", "gone@desk.example"}}
        who = people(slack, time, **listed)
        await who.meet_admins()
        assert set(who.admin_names()) == {"Ada Admin", "Grace Hopper", "Ben Bystander"}

    async def test_each_of_them_is_asked_for_once(self, slack: LocalSlack, time: Time) -> None:
        who = people(slack, time, user_ids=frozenset(), usergroup="", emails=frozenset({"ben@desk.example"}))
        slack.faults.add("users.lookupByEmail", "500")
        slack.faults.add("users.lookupByEmail", "500")
        for _ in range(3):
            await who.meet_admins()
        assert who.admin_names() == ("Ben Bystander",)
        asked = len(slack.calls("users.lookupByEmail"))
        await who.meet_admins()
        assert len(slack.calls("users.lookupByEmail")) == asked
