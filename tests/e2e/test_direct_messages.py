"""Who is an admin: listed, and a full, active member. An admin's direct message opens nothing."""

import time
from typing import Any

import pytest

from bot.clock import Clock
from bot.sandbox.people import ADA, BEN, DANA, GRACE, HELPDESK, OMAR, SUPPORT
from tests.support.desk import Desk, running_desk
from tests.support.posts import words


class TestAnAdminsDirectMessage:
    async def test_it_opens_nothing_and_is_answered_with_a_hint(self, desk: Desk) -> None:
        for admin in (ADA, GRACE):  # listed, and of the user group
            await desk.slack.dm(admin, "Is this thing on?")
            (hint,) = await desk.until(lambda admin=admin: desk.inbox_of(admin))
            assert "opens no case" in words(hint)
            assert "from another account" in words(hint)
            assert f"<#{SUPPORT}>" in words(hint)
        await desk.opened(DANA)
        assert len(desk.cards()) == 1
        (row,) = await desk.rows("SELECT customer_identifier FROM cases")
        assert row["customer_identifier"] == DANA

    async def test_the_hint_comes_where_it_was_written(self, desk: Desk) -> None:
        await desk.slack.dm(ADA, "Hello?")
        (hint,) = await desk.until(lambda: desk.inbox_of(ADA))
        await desk.slack.dm(ADA, "And here?", thread_ts=hint["ts"])
        dm = desk.slack.dm_channel(ADA)
        await desk.until(lambda: len(desk.slack.messages(dm, hint["ts"])) == 3)

    async def test_it_never_shows_under_urgent_words_either(self, desk: Desk) -> None:
        await desk.slack.dm(ADA, "urgent emergency")
        await desk.until(lambda: desk.inbox_of(ADA))
        await desk.opened(DANA)
        assert desk.alerts() == []


class TestWhoIsAnAdmin:
    async def test_by_the_address_in_the_profile_in_any_case(self, database_url: str) -> None:
        by_email = {"admin_slack_users": (), "admin_slack_usergroup": "", "admin_emails": ("ADA@desk.example",)}
        async with running_desk(database_url, **by_email) as desk:
            card = await desk.opened()
            await desk.answer(card, "Hello", ADA)
            ts = await desk.slack.post(GRACE, SUPPORT, "Me too", thread_ts=card["ts"])
            await desk.until(lambda: desk.marks(ts) == {"lock"})

    async def test_who_is_listed_but_no_full_member_is_none(self, desk: Desk) -> None:
        card = await desk.opened()
        lacks: list[dict[str, Any]] = [
            {"is_restricted": True},
            {"is_ultra_restricted": True},
            {"is_stranger": True, "team_id": "T0ELSEWHER"},
            {"team_id": "T0ELSEWHER"},
        ]
        whole = {name: getattr(desk.slack.workspace.user(ADA), name) for lack in lacks for name in lack}
        for lack in lacks:
            desk.slack.change_user(ADA, **(whole | lack))
            ts = await desk.slack.post(ADA, SUPPORT, "I'm closing this case.", thread_ts=card["ts"])
            await desk.until(lambda ts=ts: desk.marks(ts) == {"lock"})
        await desk.answer(card, "Good morning", GRACE)
        assert desk.log_lines() == []
        assert [post["username"] for post in desk.inbox_of(DANA) if post.get("username")] == ["Grace Hopper"]

    async def test_who_was_deactivated_before_the_post_is_looked_at_is_none(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.hold_events()
        ts = await desk.slack.post(ADA, SUPPORT, "My last words", thread_ts=card["ts"])
        desk.slack.change_user(ADA, deleted=True)
        desk.slack.release_events()
        await desk.until(lambda: desk.marks(ts) == {"lock"})

    async def test_a_listed_app_is_none(self, database_url: str) -> None:
        async with running_desk(database_url, admin_slack_users=(ADA, "U0OTHERBOT")) as desk:
            desk.slack.add_user("U0OTHERBOT", "other", "Other App", is_bot=True)
            desk.slack.invite("U0OTHERBOT", SUPPORT)
            card = await desk.opened()
            ts = await desk.slack.post("U0OTHERBOT", SUPPORT, "I'm closing this case.", thread_ts=card["ts"])
            await desk.answer(card, "Hello")
            assert desk.marks(ts) == set()
            assert desk.log_lines() == []

    async def test_rights_taken_away_are_gone_with_the_next_post(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "Hello")
        desk.slack.change_user(ADA, is_restricted=True)
        ts = await desk.slack.post(ADA, SUPPORT, "Hello again", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})

    async def test_the_user_group_is_asked_anew_after_ten_minutes(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        passed = [0.0]
        monkeypatch.setattr(Clock, "monotonic", staticmethod(lambda: time.monotonic() + passed[0]))
        async with running_desk(database_url) as desk:
            card = await desk.opened()
            await desk.answer(card, "Hello", GRACE)
            desk.slack.set_usergroup(HELPDESK, "helpdesk", [BEN])
            await desk.answer(card, "Still here", GRACE)
            passed[0] = 601.0
            ts = await desk.slack.post(GRACE, SUPPORT, "And now?", thread_ts=card["ts"])
            await desk.until(lambda: desk.marks(ts) == {"lock"})
            await desk.answer(card, "I am new here", BEN)

    async def test_an_unanswered_lookup_makes_nobody_anything(self, database_url: str) -> None:
        async with running_desk(database_url, admin_emails=("late@desk.example",)) as desk:
            card = await desk.opened()
            await desk.opened(OMAR)
            desk.slack.faults.add("users.info", "503", times=None)
            # He comes when the desk has met its admins: nothing has asked about him yet.
            desk.slack.add_user("U0LATE0001", "late", "Lars Late", email="late@desk.example")
            desk.slack.invite("U0LATE0001", SUPPORT)
            asked = len(desk.slack.calls("users.info"))
            ts = await desk.slack.post("U0LATE0001", SUPPORT, "It is on its way", thread_ts=card["ts"])
            await desk.until(lambda: len(desk.slack.calls("users.info")) > asked)
            await desk.slack.dm(DANA, "Hello?")  # her lane waits behind it
            await desk.write("Are you there?", OMAR)  # other customers' do not
            assert desk.marks(ts) == set()
            assert len(desk.mirrors(card)) == 1
            desk.slack.faults.clear()
            await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
            await desk.until(lambda: len(desk.mirrors(card)) == 2)
