"""Each client as the bot builds it: a server whose certificate nobody vouches for hears nothing of ours."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from bot.casework.filing_rows import Channels
from bot.clock import Clock
from bot.connection import SlackConnection
from bot.courier.slack import LoginTrouble, SlackGateway, Undelivered
from bot.mail.imap import ImapGone
from bot.mail.mailbox import reach
from bot.mail.oauth import TokenSource, TokenUnavailable
from bot.mail.settings import OAuth
from bot.mail.timing import MailTiming
from bot.mail_parts import mail_carrier
from bot.sandbox.people import BOT_ID, BOT_USER, SUPPORT, TEAM_ID
from bot.sandbox.server import LocalSlack
from bot.slack_clients import bolt_app, web_clients
from bot.startup import Workspace
from storage.engine import open_database
from storage.errors import DatabaseUnavailable
from tests.support.desk import settings_for
from tests.support.smtp import Certificate, make_certificate
from tests.support.tls_server import TlsServer, tls_server

PATIENCE = 10.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For localhost, signed by itself."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def stranger(certificate: Certificate) -> AsyncIterator[TlsServer]:
    async with tls_server(certificate.server) as server:
        yield server


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        yield slack


async def turned_away(server: TlsServer) -> None:
    async with asyncio.timeout(PATIENCE):
        await server.met.wait()
    assert server.refused
    assert server.heard == []


def settings_at(slack: LocalSlack, server: TlsServer, **changed: Any) -> Any:
    return settings_for(
        slack, "sqlite:///unused.db", slack_api_url=f"https://localhost:{server.port}/api/", **changed
    )


async def test_slacks_web_api(slack: LocalSlack, stranger: TlsServer) -> None:
    async with aiohttp.ClientSession() as session:
        for client in web_clients(settings_at(slack, stranger), session):
            stranger.met.clear()
            with pytest.raises(Undelivered):
                await SlackGateway(client).call("auth_test")
            await turned_away(stranger)


async def test_one_that_is_vouched_for_is_spoken_to(
    slack: LocalSlack, stranger: TlsServer, certificate: Certificate
) -> None:
    """So that what the others show is the certificate's doing."""
    connector = aiohttp.TCPConnector(ssl=certificate.client)
    async with aiohttp.ClientSession(connector=connector) as session:
        _, client = web_clients(settings_at(slack, stranger), session)
        with pytest.raises(Undelivered):
            await SlackGateway(client).call("auth_test")
    assert b"POST /api/auth.test" in stranger.heard[0]


async def test_slacks_websocket(slack: LocalSlack, stranger: TlsServer, caplog: pytest.LogCaptureFixture) -> None:
    """The Web API, which is to be trusted here, names an address that is not."""
    caplog.set_level(logging.CRITICAL)
    async with aiohttp.ClientSession() as session, _address_giver(f"wss://localhost:{stranger.port}/link") as api:
        client, _ = web_clients(settings_for(slack, "sqlite:///unused.db", slack_api_url=api), session)
        workspace = Workspace(TEAM_ID, "", BOT_USER, BOT_ID, Channels(SUPPORT, SUPPORT, SUPPORT), {}, ())
        connection = SlackConnection(
            bolt_app(workspace, client), slack.app_token, client, Clock(), local=True, sockets=1
        )
        running = asyncio.create_task(connection.run())
        try:
            await turned_away(stranger)
            assert not connection.connected
        finally:
            connection.stop()
            await running


@contextlib.asynccontextmanager
async def _address_giver(address: str) -> AsyncIterator[str]:
    """As much of the Web API as it takes to open a connection."""

    async def opened(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": address})

    app = web.Application()
    app.router.add_post("/api/apps.connections.open", opened)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    finally:
        await runner.cleanup()


async def test_imap(slack: LocalSlack, stranger: TlsServer) -> None:
    settings = settings_at(
        slack,
        stranger,
        imap_server="localhost",
        imap_port=stranger.port,
        imap_email="desk@a.example",
        imap_password="secret",
        admin_email_check="none",
    )
    with pytest.raises(ImapGone, match="certificate of localhost is not trusted"):
        await reach(settings.mailbox, MailTiming())
    await turned_away(stranger)


async def test_smtp(slack: LocalSlack, stranger: TlsServer) -> None:
    settings = settings_at(
        slack,
        stranger,
        smtp_server="localhost",
        smtp_port=stranger.port,
        smtp_security="tls",
        smtp_user="desk@a.example",
        smtp_password="secret",
        email_from="desk@a.example",
    )
    async with aiohttp.ClientSession() as session:
        carrier = mail_carrier(settings, session, Clock())
        assert carrier is not None
        with pytest.raises(LoginTrouble, match="certificate"):
            async with carrier.session():
                raise AssertionError("it was let in")
    await turned_away(stranger)


async def test_the_token_server(stranger: TlsServer) -> None:
    login = OAuth("desk@a.example", f"https://localhost:{stranger.port}/token", "id", "secret", "refresh", "scope")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(TokenUnavailable, match="certificate"):
            await TokenSource(login, session, Clock()).token()
    await turned_away(stranger)


class TestPostgres:
    """Its own words count: `require` encrypts, and only `verify-…` looks at who answers (libpq, 34.19.1)."""

    @pytest.fixture
    async def stranger(self, certificate: Certificate) -> AsyncIterator[TlsServer]:
        async with tls_server(certificate.server, as_postgres=True) as server:
            yield server

    @pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
    async def test_an_unknown_certificate_is_refused(
        self, stranger: TlsServer, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make_certificate(tmp_path, "elsewhere.example")
        monkeypatch.setenv("PGSSLROOTCERT", str(other.cert))
        await _refused(stranger, mode)
        await turned_away(stranger)

    async def test_verify_full_refuses_another_hosts_certificate(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make_certificate(tmp_path, "elsewhere.example")
        monkeypatch.setenv("PGSSLROOTCERT", str(other.cert))
        async with tls_server(other.server, as_postgres=True) as stranger:
            await _refused(stranger, "verify-full")
            await turned_away(stranger)

    async def test_one_that_is_vouched_for_is_spoken_to(
        self, stranger: TlsServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGSSLROOTCERT", str(certificate.cert))
        await _refused(stranger, "verify-full")
        assert b"database" in stranger.heard[0]


async def _refused(server: TlsServer, mode: str) -> None:
    database = open_database(f"postgresql://desk:secret@localhost:{server.port}/cases?sslmode={mode}")
    try:
        with pytest.raises(DatabaseUnavailable) as raised:
            await database.read(lambda connection: connection.execute(sa.text("SELECT 1")))
        assert "secret" not in str(raised.value)
    finally:
        await database.close()


def test_nothing_of_ours_switches_the_checking_off() -> None:
    root = Path(__file__).parents[2]
    for path in [*(root / "bot").rglob("*.py"), *(root / "storage").rglob("*.py")]:
        text = path.read_text()
        for words in ("CERT_NONE", "check_hostname", "_create_unverified", "ssl=False", "verify_ssl"):
            assert words not in text, f"{path.name}: {words}"
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED
