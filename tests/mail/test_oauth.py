"""Tokens: had by either grant, kept, renewed in time; and who is to blame when there is none."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.clock import Clock
from bot.mail.oauth import TokenRefused, TokenSource, TokenUnavailable
from bot.mail.settings import OAuth
from storage.engine import Database
from tests.support.reading import mailbox_settings, reading
from tests.support.scripted_imap import Session, scripted
from tests.support.token_server import TokenServer, token_server


class HandClock(Clock):
    """Time passes when a test says so."""

    seconds = 0.0

    def monotonic(self) -> float:  # type: ignore[override]
        return self.seconds


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server() as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def login(server: TokenServer, **changed: str) -> OAuth:
    given = {
        "user": "support@desk.example",
        "token_url": server.url,
        "client_id": "app",
        "client_secret": "hush",
        "refresh_token": "refresh",
        "scope": "",
    }
    return OAuth(**(given | changed))


class TestAsking:
    async def test_by_refresh_token(self, server: TokenServer, session: aiohttp.ClientSession) -> None:
        assert await TokenSource(login(server), session, Clock()).token() == "token-1"
        assert server.asked == [
            {
                "client_id": "app",
                "client_secret": "hush",
                "grant_type": "refresh_token",
                "refresh_token": "refresh",
            }
        ]

    async def test_as_the_app_itself(self, server: TokenServer, session: aiohttp.ClientSession) -> None:
        await TokenSource(login(server, refresh_token="", scope="all/.default"), session, Clock()).token()
        assert server.asked == [
            {
                "client_id": "app",
                "client_secret": "hush",
                "grant_type": "client_credentials",
                "scope": "all/.default",
            }
        ]

    async def test_a_token_serves_until_five_minutes_before_its_end(
        self, server: TokenServer, session: aiohttp.ClientSession
    ) -> None:
        clock = HandClock()
        source = TokenSource(login(server), session, clock)
        tokens = []
        for clock.seconds in (0, 3299, 3300):
            tokens.append(await source.token())
        assert tokens == ["token-1", "token-1", "token-2"]
        source.forget()
        assert await source.token() == "token-3"

    async def test_a_refresh_token_that_was_replaced_is_used_and_that_of_the_settings_when_it_fails(
        self, server: TokenServer, session: aiohttp.ClientSession
    ) -> None:
        source = TokenSource(login(server), session, Clock())
        server.answer = {"access_token": "a", "refresh_token": "newer"}
        await source.token()
        source.forget()
        server.status, server.answer = 400, {"error": "invalid_grant"}
        with pytest.raises(TokenUnavailable):
            await source.token()
        with pytest.raises(TokenRefused):
            await source.token()
        assert [form["refresh_token"] for form in server.asked] == ["refresh", "newer", "refresh"]


class TestTrouble:
    @pytest.mark.parametrize("word", ["invalid_grant", "invalid_client", "unauthorized_client"])
    async def test_what_the_settings_hold_is_refused(
        self, server: TokenServer, session: aiohttp.ClientSession, word: str
    ) -> None:
        server.status = 400
        server.answer = {"error": word, "error_description": "AADSTS7000215: wrong.\r\nTrace ID: 12 hush"}
        with pytest.raises(TokenRefused) as refused:
            await TokenSource(login(server), session, Clock()).token()
        assert str(refused.value) == f"{word}: AADSTS7000215: wrong."

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (503, "away"),
            (429, {"error": "slow_down"}),
            (400, {"error": "temporarily_unavailable"}),
            (200, "no json"),
            (200, {"token": "x"}),
            (200, {"access_token": "two\r\nlines"}),
            (302, ""),
        ],
    )
    async def test_a_server_that_is_not_well(
        self, server: TokenServer, session: aiohttp.ClientSession, status: int, answer: Any
    ) -> None:
        server.status, server.answer = status, answer
        source = TokenSource(login(server), session, Clock())
        with pytest.raises(TokenUnavailable):
            await source.token()
        server.status, server.answer = 200, None
        assert await source.token() == "token-2"

    async def test_nobody_there(self, server: TokenServer, session: aiohttp.ClientSession) -> None:
        source = TokenSource(login(server, token_url="http://127.0.0.1:1/token"), session, Clock())
        with pytest.raises(TokenUnavailable, match="cannot be reached"):
            await source.token()

    def test_no_secret_is_shown(self) -> None:
        assert "hush" not in repr(login(TokenServer()))
        assert "refresh'" not in repr(login(TokenServer()))


class TestLoggingIn:
    async def test_a_token_that_was_withdrawn_is_had_anew(self, database: Database, server: TokenServer) -> None:
        async def first_refused(session: Session, tag: str, _rest: str) -> None:
            refused = sum("AUTHENTICATE" in line for line in imap.asked) == 1
            await session.say(f"{tag} NO [AUTHENTICATIONFAILED] ended" if refused else f"{tag} OK welcome")

        async with scripted(authenticate=first_refused) as imap:
            async with reading(database, mailbox_settings(imap.port, login=login(server))) as running:
                await running.flows()
            assert len(server.asked) == 2
            assert running.troubles == []

    async def test_a_refused_refresh_token_is_told(self, database: Database, server: TokenServer) -> None:
        server.status, server.answer = 400, {"error": "invalid_grant", "error_description": "it has ended"}
        async with (
            scripted() as imap,
            reading(database, mailbox_settings(imap.port, login=login(server))) as running,
        ):
            await running.until(lambda: running.troubles)
        assert "EMAIL_OAUTH_*" in running.troubles[0]
        assert "invalid_grant: it has ended" in running.troubles[0]
