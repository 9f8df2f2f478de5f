"""What was written while no event could reach us is found in Slack's history: once, in order, and told."""

import pytest

from bot.sandbox.people import ADA, DANA, LOG, OMAR, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import words
from tests.support.stream import settled


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sockets.PING_INTERVAL", 0.5)


@pytest.fixture
async def desk(desk: Desk, _quick: None) -> Desk:
    """On a Slack that gives up at once what it cannot deliver."""
    desk.slack.retry_schedule = ()
    desk.slack.ack_deadline = 0.3
    return desk


async def away(desk: Desk) -> None:
    desk.slack.outage()
    await desk.until(lambda: not desk.slack.connected)


async def back(desk: Desk) -> None:
    """Connected again, when everything that happened meanwhile is lost to the events."""
    await desk.until(lambda: not desk.slack.sockets.undelivered)
    desk.slack.outage(False)
    await desk.until(lambda: desk.slack.connected)


def told(desk: Desk, said: str = "Recovered") -> list[str]:
    return [words(post) for post in desk.slack.messages(LOG) if said in words(post)]


class TestWhatIsRecovered:
    async def test_messages_of_customers_known_and_never_seen(self, desk: Desk) -> None:
        card = await desk.opened()
        await away(desk)
        for number in range(3):
            await desk.slack.dm(DANA, f"lost {number}")
        await desk.slack.dm(OMAR, "Hello from somebody new")
        await back(desk)
        await desk.until(lambda: len(desk.mirrors(card)) == 4 and len(desk.cards()) == 2)
        assert [f"lost {n}" in words(post) for n, post in enumerate(desk.mirrors(card)[1:])] == [True] * 3
        await desk.until(lambda: told(desk, "Recovered 4 messages written while disconnected ("))

    async def test_answers_in_case_threads_and_a_closing_among_them(self, desk: Desk) -> None:
        card = await desk.opened()
        await away(desk)
        ts = await desk.slack.post(ADA, SUPPORT, "It is there. I'm closing this case.", thread_ts=card["ts"])
        await back(desk)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        assert "It is there." in words(desk.inbox_of(DANA)[-1])
        await desk.until(lambda: told(desk, "CASE_001 closed at"))

    async def test_what_was_written_in_a_thread_of_the_dm(self, desk: Desk) -> None:
        card = await desk.opened()
        root = await desk.write("About the other thing")
        await away(desk)
        await desk.slack.dm(DANA, "lost in a thread", thread_ts=root)
        await back(desk)
        await desk.until(lambda: "lost in a thread" in words(desk.mirrors(card)[-1]))

    async def test_edits_and_deletions_of_what_was_written_before(self, desk: Desk) -> None:
        card = await desk.opened()
        dm = desk.slack.dm_channel(DANA)
        edited, deleted = await desk.write("It is the red one"), await desk.write("My password is hunter2")
        answer = await desk.answer(card, "On Monday")
        await settled(desk)
        await away(desk)
        await desk.slack.edit(DANA, dm, edited, "It is the blue one")
        await desk.slack.delete(DANA, dm, deleted)
        await desk.slack.delete(ADA, SUPPORT, answer)
        await back(desk)
        await desk.until(lambda: any("blue one" in words(post) for post in desk.thread(card)))
        await desk.until(lambda: not any("hunter2" in words(post) for post in desk.thread(card)))
        await desk.until(lambda: "This message was deleted." in words(desk.inbox_of(DANA)[-1]))
        await desk.until(lambda: told(desk, "Recovered edits and deletions: 3."))

    async def test_what_was_written_while_the_bot_was_stopped(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.stop()
        await desk.slack.dm(DANA, "Are you still there?")
        await desk.until(lambda: not desk.slack.sockets.undelivered)
        await desk.start()
        await desk.until(lambda: "Are you still there?" in words(desk.mirrors(card)[-1]))
        await desk.until(lambda: told(desk, "Recovered 1 message written while disconnected"))


class TestOrder:
    async def test_what_comes_after_the_gap_waits_for_what_was_lost_in_it(self, desk: Desk) -> None:
        card = await desk.opened()
        await away(desk)
        await desk.slack.dm(DANA, "lost")
        await desk.until(lambda: not desk.slack.sockets.undelivered)
        desk.slack.faults.add("users.conversations", "slow:1")
        desk.slack.outage(False)
        await desk.until(lambda: desk.slack.connected)
        await desk.slack.dm(DANA, "after")
        await desk.until(lambda: len(desk.mirrors(card)) == 3)
        assert ["lost" in words(desk.mirrors(card)[1]), "after" in words(desk.mirrors(card)[2])] == [True, True]
        assert not any("earlier than what stands above" in words(post) for post in desk.mirrors(card))


class TestOnce:
    async def test_what_the_events_bring_too_is_no_second_message(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.retry_schedule = (0.0, 0.2, 0.5, 1.0, 1.0)
        await away(desk)
        await desk.slack.dm(DANA, "both ways")
        desk.slack.outage(False)
        await desk.until(lambda: any("both ways" in words(post) for post in desk.mirrors(card)))
        await settled(desk)
        assert len(desk.mirrors(card)) == 2

    async def test_a_gap_in_which_nothing_happened_is_not_worth_a_word(self, desk: Desk) -> None:
        card = await desk.opened()
        await settled(desk)
        await away(desk)
        await back(desk)
        await desk.answer(card, "Hello")
        await settled(desk)
        assert told(desk) == []

    async def test_it_goes_on_after_slack_refused_in_the_middle_of_it(self, desk: Desk) -> None:
        card = await desk.opened()
        await away(desk)
        await desk.slack.dm(DANA, "lost")
        desk.slack.faults.add("conversations.history", "429", times=2)
        await back(desk)
        await desk.until(lambda: "lost" in words(desk.mirrors(card)[-1]))


async def test_a_history_cut_to_fifteen_rows_is_told_of(desk: Desk) -> None:
    card = await desk.opened()
    await away(desk)
    for number in range(20):
        await desk.slack.dm(DANA, f"lost {number}")
    desk.slack.api.history_cap = 15
    await back(desk)
    await desk.until(lambda: len(desk.mirrors(card)) == 21)
    await desk.until(lambda: any("fifteen rows" in words(post) for post in desk.alerts()))
