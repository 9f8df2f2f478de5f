"""The canary comes back by mail and over the socket; what does not is told by its name, and no case is opened."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.canary.token import token_in
from bot.sandbox.people import LOG
from tests.support.desk import Desk, running_desk
from tests.support.mail_desk import MailDesk, running_mail_desk
from tests.support.posts import live_markup, refused_calls
from tests.support.scraping import scrape

INTERVAL = 2.0
MAIL_TROUBLE, SOCKET_TROUBLE = "the canary's mail", "the canary's post"
BACK_BY_MAIL, BACK_OVER_SOCKET = "canary's mail comes back", "canary's post comes back"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[MailDesk]:
    async with running_mail_desk(database_url, canary_interval=INTERVAL) as desk:
        yield desk
        assert not live_markup(desk.slack)


@pytest.fixture
async def calm(database_url: str) -> AsyncIterator[MailDesk]:
    """One round, and time enough for it."""
    async with running_mail_desk(database_url, canary_interval=60) as desk:
        yield desk
        assert not refused_calls(desk.slack)
        assert not live_markup(desk.slack)


class TestBothWays:
    async def test_it_comes_back_and_opens_nothing_and_leaves_no_post(self, calm: MailDesk) -> None:
        came = await flights(calm, lambda row: row["seen_at"] is not None)
        assert set(came) == {"mail", "socket"}
        await calm.until(lambda: not canary_posts(calm))
        await calm.decided(1)
        assert troubles(calm, MAIL_TROUBLE) + troubles(calm, SOCKET_TROUBLE) == []
        assert calm.cards() == []
        assert await calm.rows("SELECT * FROM cases") == []
        assert await calm.rows("SELECT * FROM held_mails") == []
        assert await calm.rows("SELECT key FROM inbox WHERE kind <> 'mail'") == []
        assert await calm.rows("SELECT * FROM post_changes") == []

    async def test_another_is_sent_when_its_time_has_come(self, desk: MailDesk) -> None:
        first = await flights(desk, lambda row: True)
        tokens = {row["token"] for row in first.values()}
        await flights(desk, lambda row: row["token"] not in tokens)

    async def test_metrics_tell_how_long_it_took(self, calm: MailDesk) -> None:
        async with eventually_scraped(calm, "casewire_canary_up", "mail", "socket") as seen:
            for leg in ("mail", "socket"):
                assert seen("casewire_canary_up", leg=leg) == 1
                assert 0 <= seen("casewire_canary_round_trip_seconds", leg=leg) < 60

    async def test_one_whose_answer_was_lost_is_waited_for(self, database_url: str) -> None:
        async with running_desk(database_url) as desk:
            desk.slack.faults.add("chat.postMessage", "lost_answer", channel=LOG)
            await desk.stop()
            desk.settings = desk.settings.model_copy(update={"canary_interval": 60})
            await desk.start()
            await flights(desk, lambda row: row["seen_at"] is not None, {"socket"})
            await desk.until(lambda: desk.slack.calls("chat.delete") and not canary_posts(desk))
            assert not troubles(desk, SOCKET_TROUBLE)


class TestWhatIsMissing:
    async def test_mail_that_is_not_read(self, desk: MailDesk) -> None:
        fault = desk.mail.faults.add("imap", "FETCH", "no", times=None)
        told = await trouble(desk, MAIL_TROUBLE)
        assert "has not been read from our own mailbox" in told
        async with eventually_scraped(desk, "casewire_canary_up", "mail") as seen:
            assert seen("casewire_canary_up", leg="mail") == 0
        desk.mail.faults.pending.remove(fault)

    async def test_mail_that_cannot_be_sent_is_told_once_and_once_that_it_goes_again(self, desk: MailDesk) -> None:
        fault = desk.mail.faults.add("smtp", "MAIL", "451 4.7.1 Try again later", times=None)
        told = await trouble(desk, MAIL_TROUBLE)
        assert "could not be sent" in told
        assert "451" in told
        sent = await flights(desk, lambda row: row["leg"] == "mail", {"mail"})
        await flights(desk, lambda row: row["token"] != sent["mail"]["token"], {"mail"})  # it was tried again
        desk.mail.faults.pending.remove(fault)
        await trouble(desk, BACK_BY_MAIL)
        assert len([text for text in troubles(desk, MAIL_TROUBLE) if "could not be sent" in text]) == 1

    async def test_events_that_do_not_come(self, database_url: str) -> None:
        async with running_desk(database_url, canary_interval=INTERVAL) as desk:
            desk.slack.hold_events()
            told = await trouble(desk, SOCKET_TROUBLE)
            assert "over the socket" in told
            desk.slack.release_events()
            await trouble(desk, BACK_OVER_SOCKET)
            await desk.until(lambda: not canary_posts(desk))
            assert await desk.rows("SELECT leg FROM canaries") == [{"leg": "socket"}]

    async def test_a_logging_channel_that_cannot_be_posted_to(self, database_url: str) -> None:
        async with running_desk(database_url) as desk:
            desk.slack.faults.add("chat.postMessage", "error:is_archived", channel=LOG, times=None)
            await desk.stop()
            desk.settings = desk.settings.model_copy(update={"canary_interval": INTERVAL})
            await desk.start()
            assert "could not be made (is_archived)" in await trouble(desk, SOCKET_TROUBLE)


class TestWhoMayMakeItComeBack:
    async def test_nobody_who_has_not_signed(self, desk: MailDesk) -> None:
        desk.mail.faults.add("smtp", "MAIL", "451 4.7.1 Try again later", times=None)
        await trouble(desk, MAIL_TROUBLE)
        (flight,) = await desk.rows("SELECT token FROM canaries WHERE leg = 'mail'")
        forged = f"{flight['token'].rpartition('-')[0]}-{'0' * 24}"
        ours = {"X-Casewire-Loop": "whatever"}
        desk.mail.write(desk.address, f"Casewire canary {forged}", authentication="fail", headers=ours)
        await desk.decided(1)
        assert await desk.rows("SELECT seen_at FROM canaries WHERE leg = 'mail'") == [{"seen_at": None}]

    async def test_a_customer_who_writes_what_looks_like_one_is_heard(self, calm: MailDesk) -> None:
        sent = await flights(calm, lambda row: row["seen_at"] is not None)
        calm.mail.write("mallory@elsewhere.example", f"Casewire canary {sent['mail']['token']}", "Where is it?")
        await calm.mirrored("Where is it?")


class TestOff:
    async def test_by_default_nothing_is_sent(self, desk_without: Desk) -> None:
        await desk_without.opened()
        assert canary_posts(desk_without) == []
        assert await desk_without.rows("SELECT * FROM canaries") == []
        assert (await scrape(desk_without.bot)).values("casewire_canary_up") == {}

    @pytest.fixture
    async def desk_without(self, database_url: str) -> AsyncIterator[Desk]:
        async with running_desk(database_url) as desk:
            yield desk


def canary_posts(desk: Desk) -> list[dict[str, Any]]:
    return [post for post in desk.slack.messages(LOG) if token_in(post["text"])]


def troubles(desk: Desk, words: str) -> list[str]:
    return [post["text"] for post in desk.alerts() if words in post["text"]]


async def trouble(desk: Desk, words: str) -> str:
    """The first alert that says so, once it does."""
    return (await desk.until(lambda: troubles(desk, words), 40.0))[0]


async def flights(
    desk: Desk, condition: Callable[[dict[str, Any]], bool], legs: frozenset[str] | set[str] = frozenset()
) -> dict[str, dict[str, Any]]:
    """The canaries by leg, once those of these legs (both) are as they should be."""
    while True:
        rows = {row["leg"]: row for row in await desk.rows("SELECT * FROM canaries")}
        wanted = legs or {"mail", "socket"}
        if wanted <= rows.keys() and all(condition(rows[leg]) for leg in wanted):
            return rows
        await pause()


async def pause() -> None:
    """The database rings no bell: it is asked again."""
    await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def eventually_scraped(desk: Desk, name: str, *legs: str) -> AsyncIterator[Any]:
    """A scrape in which the legs are there."""
    seen = await scrape(desk.bot)
    while any(seen.get(name, leg=leg) is None for leg in legs):
        await pause()
        seen = await scrape(desk.bot)
    yield seen
