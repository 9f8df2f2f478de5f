"""The Home tab: for admins the queue, for customers their own cases; kept current for those who have it open."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from bot.blocks import home as blocks
from bot.sandbox.people import ADA, BEN, DANA, GRACE, OMAR
from tests.support.desk import Desk, running_desk
from tests.support.posts import button, links, words
from tests.support.stream import settled

PHRASE = "I'm closing this case."
OFTEN = timedelta(seconds=0.3)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at again as often as a test can wait for."""
    monkeypatch.setattr("bot.home.EVERY", OFTEN)


async def opened(desk: Desk, user: str = ADA) -> str:
    """What somebody sees who opens the Home tab."""
    before = len(published(desk, user))
    await desk.slack.open_home(user)
    await desk.until(lambda: len(published(desk, user)) > before)
    return seen(desk, user)


def published(desk: Desk, user: str) -> list[dict[str, Any]]:
    return [call for call in desk.slack.calls("views.publish") if call["user_id"] == user]


def seen(desk: Desk, user: str = ADA) -> str:
    view = desk.slack.home(user)
    return words(view) if view is not None else ""


def shown(desk: Desk, user: str, *wanted: str) -> bool:
    return all(part in seen(desk, user) for part in wanted)


async def choose(desk: Desk, action: str, user: str = ADA, value: Any = None) -> None:
    reply = await desk.slack.click_view(user, action, value, home=True)
    assert reply.ok, reply.error


async def crowd(desk: Desk, how_many: int) -> None:
    for number in range(how_many):
        user = f"U0CROWD{number:03}"
        desk.slack.add_user(user, f"crowd{number}", f"Crowd {number:02}")
        await desk.slack.dm(user, "Hello")
    await desk.until(lambda: len(desk.cards()) == how_many)


class TestTheQueue:
    async def test_an_empty_desk_says_so(self, desk: Desk) -> None:
        said = await opened(desk)
        assert "Open: 0, of these waiting for an answer: 0, escalated: 0" in said
        assert "No customer waits for an answer." in said

    async def test_it_shows_who_waits_longest_with_the_way_to_the_thread(self, desk: Desk) -> None:
        first = await desk.opened(DANA, "Hello")
        second = await desk.opened(OMAR, "Hello, too")
        said = await opened(desk)
        assert "Open: 2, of these waiting for an answer: 2" in said
        assert said.index("CASE_001: Dana Lee") < said.index("CASE_002: Omar")
        assert "waiting since" in said
        view = desk.slack.home(ADA)
        assert view is not None
        ways = links(view)
        assert [card["ts"].replace(".", "") in way for card, way in zip((first, second), ways, strict=True)] == [
            True,
            True,
        ]

    async def test_the_three_queues(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Hello")
        await desk.answer(card, "On it")
        await desk.opened(OMAR, "urgent!")
        assert "Dana" not in await opened(desk)
        await choose(desk, blocks.ACTION_OPEN)
        await desk.until(lambda: shown(desk, ADA, "CASE_001: Dana Lee", "answered, quiet since", "CASE_002: Omar"))
        await choose(desk, blocks.ACTION_ESCALATED)
        await desk.until(
            lambda: shown(desk, ADA, "CASE_002: Omar", "escalated since") and "Dana" not in seen(desk)
        )
        view = desk.slack.home(ADA)
        assert view is not None
        assert (button(view, blocks.ACTION_ESCALATED) or {})["style"] == "primary"
        assert "style" not in (button(view, blocks.ACTION_OPEN) or {})

    async def test_one_customers_cases(self, desk: Desk) -> None:
        await desk.answer(await desk.opened(DANA, "Hello"), PHRASE)
        await desk.opened(DANA, "Hello again")
        await desk.opened(OMAR, "Mine")
        await opened(desk)
        await choose(desk, blocks.ACTION_CUSTOMER, value=DANA)
        await desk.until(lambda: shown(desk, ADA, "The cases of one customer"))
        said = seen(desk)
        assert said.index("CASE_002: Dana Lee") < said.index("CASE_001: Dana Lee")
        assert "by Ada Admin" in said
        assert "Omar" not in said
        await choose(desk, blocks.ACTION_ALL)
        await desk.until(lambda: shown(desk, ADA, "CASE_003: Omar"))

    async def test_page_by_page_each_case_stands_once(self, desk: Desk) -> None:
        await crowd(desk, 45)
        await opened(desk)
        pages = [seen(desk)]
        for page in (2, 3):
            await choose(desk, blocks.ACTION_NEXT)
            await desk.until(lambda page=page: shown(desk, ADA, f"page {page}"))
            pages.append(seen(desk))
        assert [page.count("waiting since") for page in pages] == [20, 20, 5]
        for number in range(1, 46):
            assert sum(f"CASE_{number:03}:" in page for page in pages) == 1
        view = desk.slack.home(ADA)
        assert view is not None
        assert button(view, blocks.ACTION_NEXT) is None
        await choose(desk, blocks.ACTION_BACK)
        await desk.until(lambda: shown(desk, ADA, "page 2"))
        assert seen(desk) == pages[1]
        await choose(desk, blocks.ACTION_FIRST)
        await desk.until(lambda: "page 2" not in seen(desk))
        assert seen(desk) == pages[0]

    async def test_a_double_click_on_next_turns_one_page(self, desk: Desk) -> None:
        await crowd(desk, 45)
        await opened(desk)
        await asyncio.gather(choose(desk, blocks.ACTION_NEXT), choose(desk, blocks.ACTION_NEXT))
        await desk.until(lambda: shown(desk, ADA, "page 2"))
        await settled(desk)
        assert shown(desk, ADA, "page 2")


class TestACustomersHome:
    async def test_it_tells_how_to_write(self, desk: Desk) -> None:
        said = await opened(desk, DANA)
        assert "write to me under “Messages”" in said
        assert "You have no case yet" in said

    async def test_it_shows_the_own_cases_and_nobody_elses(self, desk: Desk) -> None:
        await desk.opened(OMAR, "Mine alone")
        await desk.answer(await desk.opened(DANA, "Hello"), PHRASE)
        await desk.opened(DANA, "urgent")
        said = await opened(desk, DANA)
        assert "Your case CASE_003 is open since" in said
        assert "CASE_002: opened" in said
        assert "Omar" not in said
        assert "CASE_001" not in said
        assert "escalated" not in said.lower()

    async def test_a_bystander_sees_no_queue_whatever_is_clicked(self, desk: Desk) -> None:
        await desk.opened()
        said = await opened(desk, BEN)
        assert "Dana" not in said
        await desk.slack.sockets.ask("interactive", clicked(BEN, blocks.ACTION_OPEN))
        await settled(desk)
        assert "Dana" not in await opened(desk, BEN)

    async def test_who_is_no_admin_any_more_sees_the_queue_no_more(self, desk: Desk) -> None:
        await desk.opened()
        assert "Dana Lee" in await opened(desk, GRACE)
        desk.slack.change_user(GRACE, is_restricted=True)
        await desk.until(lambda: "Dana Lee" not in seen(desk, GRACE))


class TestKeptCurrent:
    async def test_it_follows_the_cases(self, desk: Desk) -> None:
        await opened(desk)
        await opened(desk, DANA)
        card = await desk.opened()
        await desk.until(lambda: shown(desk, ADA, "CASE_001: Dana Lee") and shown(desk, DANA, "CASE_001 is open"))
        await desk.answer(card, PHRASE)
        await desk.until(lambda: shown(desk, ADA, "Open: 0") and "CASE_001" not in seen(desk))
        await desk.until(lambda: shown(desk, DANA, "CASE_001: opened"))

    async def test_nothing_is_published_while_nothing_changes(self, desk: Desk) -> None:
        await opened(desk)
        before = (await looks(desk))[ADA]
        while (await looks(desk))[ADA] == before:  # it has been looked at again
            await asyncio.sleep(0.05)
        assert len(published(desk, ADA)) == 1

    async def test_a_burst_of_changes_is_published_at_most_once_in_that_time(self, desk: Desk) -> None:
        await opened(desk)
        await crowd(desk, 12)
        await desk.until(lambda: shown(desk, ADA, "Open: 12"))
        times = [record.time for record in desk.slack.traffic.of("call:views.publish")]
        assert len(times) > 1
        assert all(later - earlier >= OFTEN.total_seconds() for earlier, later in pairwise(times))

    async def test_who_has_not_looked_for_half_an_hour_is_not_kept_current(self, desk: Desk) -> None:
        await opened(desk)
        desk.slack.clock.advance(1900)
        await desk.opened()
        await until_asleep(desk)
        before = len(published(desk, ADA))
        await desk.write("More")
        await settled(desk)
        assert len(published(desk, ADA)) == before
        assert "CASE_001" in await opened(desk)

    async def test_the_messages_tab_publishes_nothing(self, desk: Desk) -> None:
        await desk.slack.open_home(DANA, "messages")
        await desk.opened()
        await settled(desk)
        assert published(desk, DANA) == []

    @pytest.mark.parametrize("fault", ["500", "drop", "429", "lost_answer", "error:internal_error"])
    async def test_a_publish_that_fails_is_tried_again(self, desk: Desk, fault: str) -> None:
        desk.slack.faults.add("views.publish", fault, times=2)
        await desk.slack.open_home(ADA)
        await desk.until(lambda: len(published(desk, ADA)) > 2 and shown(desk, ADA, "The desk"))

    async def test_it_holds_nothing_up(self, desk: Desk) -> None:
        desk.slack.faults.add("views.publish", "slow:5", times=None)
        await desk.slack.open_home(ADA)
        card = await desk.opened()
        await desk.answer(card, "Hello")

    async def test_hostile_names_stay_words(self, desk: Desk) -> None:
        desk.slack.add_user("U0HOSTILE1", "evil", "<!channel> *Eve* <@U0ADAADM01>\u202e :fire:")
        await desk.opened("U0HOSTILE1", "Hi")
        assert "<!channel>" in await opened(desk)
        call = published(desk, ADA)[-1]
        assert "mrkdwn" not in str(call["view"])

    async def test_after_a_restart_it_is_kept_current_still(self, desk: Desk) -> None:
        await opened(desk)
        await desk.stop()
        await desk.slack.dm(DANA, "Hello")
        await desk.start()
        await desk.until(lambda: shown(desk, ADA, "CASE_001: Dana Lee"))


class TestNamesThatChange:
    async def test_the_card_the_thread_and_home_show_the_new_one(self, desk: Desk) -> None:
        card = await desk.opened()
        await opened(desk)
        desk.slack.change_user(DANA, real_name="Dana Miller")
        await desk.until(lambda: "Case #CASE_001: Dana Miller" in words(desk.cards()[0]))
        await desk.until(lambda: shown(desk, ADA, "CASE_001: Dana Miller"))
        await desk.write("It is me")
        assert [post["username"] for post in desk.mirrors(card)] == [
            "Dana Lee (customer)",
            "Dana Miller (customer)",
        ]
        assert await desk.rows("SELECT display_name FROM customers") == [{"display_name": "Dana Miller"}]

    async def test_of_who_is_no_customer_nothing_is_asked(self, desk: Desk) -> None:
        await desk.opened()
        before = len(desk.slack.calls("users.info"))
        desk.slack.change_user(BEN, real_name="Benjamin")
        await settled(desk)
        assert len(desk.slack.calls("users.info")) == before

    async def test_a_name_that_cannot_be_looked_up_comes_with_the_next_message(self, desk: Desk) -> None:
        await desk.opened()
        desk.slack.faults.add("users.info", "500", times=2)
        desk.slack.change_user(DANA, real_name="Dana Miller")
        await settled(desk)
        desk.slack.faults.clear()
        await desk.write("It is me")
        await desk.until(lambda: "Case #CASE_001: Dana Miller" in words(desk.cards()[0]))


@pytest.mark.parametrize("database_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def test_two_processes_publish_each_change_once(database_url: str) -> None:
    async with running_desk(database_url) as one:
        other = Desk(one.slack, one.settings)
        try:
            await other.start()
            await opened(one)
            await one.opened()
            await one.until(lambda: shown(one, ADA, "CASE_001: Dana Lee"))
            views = [str(call["view"]) for call in published(one, ADA)]
            assert len(set(views)) == len(views)
        finally:
            await other.close()


async def looks(desk: Desk) -> dict[str, Any]:
    return {row["person"]: row["next_at"] for row in await desk.rows("SELECT person, next_at FROM home_views")}


async def until_asleep(desk: Desk) -> None:
    async with asyncio.timeout(10):
        while (await looks(desk))[ADA] is not None:
            await asyncio.sleep(0.05)


def clicked(user: str, action: str) -> dict[str, Any]:
    """A click that somebody's own Home does not offer."""
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": "T0SANDBOX1"},
        "team": {"id": "T0SANDBOX1"},
        "trigger_id": "1.2.3",
        "container": {"type": "view", "view_id": "V1"},
        "actions": [{"action_id": action, "type": "button", "block_id": "b", "value": "open", "action_ts": "1.2"}],
    }
