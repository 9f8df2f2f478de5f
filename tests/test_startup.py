"""At its start the bot ends for what is definitely wrong, and waits for what is merely out of reach."""

import asyncio
import contextlib
import os
import socket
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.app import Bot
from bot.sandbox.people import ADA, ALERTS, BEN, BOT_USER, DANA, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from bot.startup import SCOPES, StartError
from storage.migrate import upgrade
from tests.support.deaf_postgres import refusing_postgres
from tests.support.desk import Desk, running_desk, settings_for
from tests.support.running import health, starting, until


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        slack.scopes = set(SCOPES)  # as the manifest asks for, and no more
        yield slack


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'desk.db'}"


async def refusal(slack: LocalSlack, database: str, **changed: Any) -> tuple[str, ...]:
    """The problems with which a start ends."""
    bot = Bot(settings_for(slack, database, **changed), asyncio.Event())
    with pytest.raises(StartError) as raised:
        async with asyncio.timeout(10):
            await bot.run()
    return raised.value.problems


class TestSlackRefuses:
    async def test_the_bot_token(self, slack: LocalSlack, database: str) -> None:
        [problem] = await refusal(slack, database, slack_bot_token="xoxb-wrong")
        assert problem.startswith("SLACK_BOT_TOKEN was refused by Slack (invalid_auth): copy")
        assert "xoxb-wrong" not in problem

    async def test_both_tokens_at_once(self, slack: LocalSlack, database: str) -> None:
        problems = await refusal(slack, database, slack_bot_token="xoxb-wrong", slack_app_token="xapp-wrong")
        assert [problem.split()[0] for problem in problems] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]

    async def test_socket_mode_switched_off(self, slack: LocalSlack, database: str) -> None:
        slack.socket_mode = False
        [problem] = await refusal(slack, database)
        assert "socket_mode_not_enabled" in problem
        assert "“Socket Mode” must be on" in problem

    async def test_tokens_of_two_apps(self, slack: LocalSlack, database: str) -> None:
        slack.web_api.app_token = "xapp-1-A0ANOTHER1-2-abc"
        [problem] = await refusal(slack, database, slack_app_token="xapp-1-A0ANOTHER1-2-abc")
        assert "of another Slack app (A0ANOTHER1) than SLACK_BOT_TOKEN (A0CASEWIRE)" in problem

    @pytest.mark.parametrize("scope", ["chat:write.customize", "im:history", "reactions:write"])
    async def test_a_scope_that_is_missing(self, slack: LocalSlack, database: str, scope: str) -> None:
        slack.scopes = set(SCOPES) - {scope}
        [problem] = await refusal(slack, database)
        assert problem.startswith(f"the app lacks scopes: {scope}. Paste manifest.yml again")

    async def test_a_user_group_that_does_not_exist(self, slack: LocalSlack, database: str) -> None:
        [problem] = await refusal(slack, database, admin_slack_usergroup="@nobody")
        assert problem.startswith("ADMIN_SLACK_USERGROUP=nobody: the workspace has no such active user group")

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("C0NOSUCH001", "Slack does not show channel C0NOSUCH001 (channel_not_found)"),
            ("#nosuch", "there is no channel #nosuch that the app is in"),
            ("C0WITHOUT01", "the app is not in channel #without"),
            ("#without", "there is no channel #without that the app is in"),
            ("C0ARCHIVE01", "channel #archive is archived"),
            ("#archive", "channel #archive is archived"),
        ],
    )
    async def test_a_channel_that_cannot_be_used(
        self, slack: LocalSlack, database: str, given: str, said: str
    ) -> None:
        slack.add_channel("C0WITHOUT01", "without", private=False, members=[ADA])
        slack.add_channel("C0ARCHIVE01", "archive", members=[ADA, BOT_USER])
        slack.archive("C0ARCHIVE01", ADA)
        [problem] = await refusal(slack, database, alerting_slack_channel=given)
        assert problem.startswith("ALERTING_SLACK_CHANNEL: ")
        assert said in problem


class TestThisMachineRefuses:
    async def test_a_port_that_is_taken(self, slack: LocalSlack, database: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            [problem] = await refusal(slack, database, port=port)
        assert problem.startswith(f"HOST=127.0.0.1 PORT={port} cannot be listened on (")

    async def test_a_file_that_another_casewire_uses(self, slack: LocalSlack, database: str) -> None:
        async with starting(slack, database):
            [problem] = await refusal(slack, database)
        assert "is running on" in problem

    async def test_a_folder_that_is_not_there(self, slack: LocalSlack, tmp_path: Path) -> None:
        [problem] = await refusal(slack, f"sqlite:///{tmp_path}/none/desk.db")
        assert problem.startswith("DATABASE_URL: ")
        assert "make its folder" in problem

    async def test_a_file_that_is_no_database(self, slack: LocalSlack, tmp_path: Path) -> None:
        (tmp_path / "letter.txt").write_text("Dear all, " * 200)
        [problem] = await refusal(slack, f"sqlite:///{tmp_path}/letter.txt")
        assert problem.startswith("DATABASE_URL: the file is no SQLite database")

    async def test_a_file_that_is_damaged(self, slack: LocalSlack, database: str, tmp_path: Path) -> None:
        await asyncio.to_thread(upgrade, database)
        with (tmp_path / "desk.db").open("r+b") as file:
            file.seek(200)
            file.write(os.urandom(8000))
        [problem] = await refusal(slack, database)
        assert problem.startswith("DATABASE_URL: the file is no SQLite database, or is damaged")
        assert "restore a backup" in problem

    async def test_another_programs_file(self, slack: LocalSlack, database: str, tmp_path: Path) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "desk.db")) as theirs:
            theirs.execute("CREATE TABLE bookmarks (url TEXT)")
        [problem] = await refusal(slack, database)
        assert problem.startswith("DATABASE_URL: the database has tables that Casewire did not make (bookmarks)")

    async def test_a_path_that_is_a_folder(self, slack: LocalSlack, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        [problem] = await refusal(slack, f"sqlite:///{tmp_path}/folder")
        assert problem.startswith("DATABASE_URL: the file cannot be opened for writing")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    async def test_a_file_that_cannot_be_written(self, slack: LocalSlack, tmp_path: Path) -> None:
        (tmp_path / "desk.db").touch(0o444)
        [problem] = await refusal(slack, f"sqlite:///{tmp_path}/desk.db")
        assert problem.startswith("DATABASE_URL: the file cannot be opened for writing")

    async def test_a_postgresql_that_wants_another_password(self, slack: LocalSlack) -> None:
        words = 'password authentication failed for user "desk"'
        async with refusing_postgres("28P01", words) as port:
            [problem] = await refusal(slack, f"postgresql://desk:hunter2@127.0.0.1:{port}/desk")
        assert problem.startswith(f"DATABASE_URL: PostgreSQL refuses it ({words}): check user, password")
        assert "hunter2" not in problem

    @pytest.mark.postgresql
    async def test_a_postgresql_without_that_database(self, slack: LocalSlack, postgres_cluster: Any) -> None:
        [problem] = await refusal(slack, postgres_cluster.database_url("no_such_database"))
        assert 'database "no_such_database" does not exist' in problem

    async def test_everything_wrong_is_named_at_once(self, slack: LocalSlack, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            problems = await refusal(
                slack,
                f"sqlite:///{tmp_path}/none/desk.db",
                port=taken.getsockname()[1],
                slack_app_token="xapp-wrong",
                support_slack_channel="C0NOSUCH001",
                logging_slack_channel="nosuch",
            )
        assert [problem.split()[0].rstrip(":") for problem in problems] == [
            "HOST=127.0.0.1",
            "DATABASE_URL",
            "SLACK_APP_TOKEN",
            "SUPPORT_SLACK_CHANNEL",
            "LOGGING_SLACK_CHANNEL",
        ]

    async def test_what_is_wrong_with_the_database_is_said_beside_what_slack_refuses(
        self, slack: LocalSlack, tmp_path: Path
    ) -> None:
        (tmp_path / "letter.txt").write_text("Dear all, " * 200)
        problems = await refusal(slack, f"sqlite:///{tmp_path}/letter.txt", slack_bot_token="xoxb-wrong")
        assert {problem.split()[0] for problem in problems} == {"DATABASE_URL:", "SLACK_BOT_TOKEN"}


class TestOutOfReach:
    """What may come back is waited for, and `/health` says so."""

    @pytest.fixture(autouse=True)
    def _patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.app.RETRY_PAUSE", 0.1)

    async def test_a_slack_that_is_away(self, slack: LocalSlack, database: str) -> None:
        slack.outage()
        async with starting(slack, database) as bot:
            await until(lambda: len(slack.traffic.of("call:auth.test")) > 1)
            assert await health(bot) == (
                503,
                {
                    "status": "unhealthy",
                    "services": {
                        "database": "connected",
                        "email_listener": "disabled",
                        "scheduler": "stopped",
                        "slack": "disconnected",
                    },
                    "processes": [],
                },
            )
            slack.outage(False)
            await until(lambda: slack.connected)
            await until(lambda: bot.services.words()["slack"] == "connected")
            assert (await health(bot))[0] == 200

    @pytest.mark.parametrize("kind", ["502", "503", "429", "drop", "error:internal_error"])
    async def test_a_slack_that_answers_badly(self, slack: LocalSlack, database: str, kind: str) -> None:
        slack.faults.add("auth.test", kind, times=3)
        async with starting(slack, database) as bot:
            await until(lambda: slack.connected)
            await until(lambda: bot.services.words()["slack"] == "connected")

    async def test_an_address_where_nobody_listens(self, slack: LocalSlack, database: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with starting(slack, database, slack_api_url=f"http://127.0.0.1:{port}/api/") as bot:
            await asyncio.sleep(0.5)
            assert (await health(bot))[0] == 503

    @pytest.mark.parametrize("sqlstate", ["57P03", "53300"])
    async def test_a_postgresql_that_is_not_ready(self, slack: LocalSlack, sqlstate: str) -> None:
        async with (
            refusing_postgres(sqlstate, "the database system is starting up") as port,
            starting(slack, f"postgresql://desk@127.0.0.1:{port}/desk") as bot,
        ):
            await asyncio.sleep(0.5)
            status, body = await health(bot)
            assert (status, body["services"]["database"]) == (503, "disconnected")

    @pytest.mark.postgresql
    async def test_a_postgresql_that_comes_later(self, slack: LocalSlack, postgres_cluster: Any) -> None:
        name = f"late_{os.getpid()}"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        url = await asyncio.to_thread(postgres_cluster.create_database, name)
        target = url.rsplit("/", 1)[0].rsplit(":", 1)[1]

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", int(target))
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

        try:
            async with starting(slack, url.replace(f":{target}/", f":{port}/")) as bot:
                await asyncio.sleep(0.3)
                assert (await health(bot))[0] == 503
                server = await asyncio.start_server(forward, "127.0.0.1", port)
                await until(lambda: bot.services.words()["slack"] == "connected")
                await until(lambda: bot.services.words()["scheduler"] == "running")
                assert (await health(bot))[0] == 200
            server.close()
        finally:
            await asyncio.to_thread(postgres_cluster.drop_database, name)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class TestChannels:
    async def test_may_be_named_by_name(self, slack: LocalSlack, database: str) -> None:
        names = {
            "support_slack_channel": "#support",
            "alerting_slack_channel": "Alerts",
            "logging_slack_channel": "log",
        }
        desk = Desk(slack, settings_for(slack, database, **names))
        try:
            await desk.start()
            card = await desk.opened()
            await desk.answer(card, "It left today. I'm closing this case.")
            await desk.until(desk.log_lines)
        finally:
            await desk.close()

    async def test_may_be_one(self, database_url: str) -> None:
        one = dict.fromkeys(("alerting_slack_channel", "logging_slack_channel"), SUPPORT)
        async with running_desk(database_url, **one) as desk:
            card = await desk.opened(DANA, "This is urgent!")
            roots = lambda: [post for post in desk.slack.messages(SUPPORT) if "thread_ts" not in post]  # noqa: E731
            await desk.until(
                lambda: any("urgent" in post["text"] and post["ts"] != card["ts"] for post in roots())
            )
            await desk.answer(card, "Done. I'm closing this case.")
            await desk.until(lambda: any(post["text"].startswith("Case #CASE_001 closed at") for post in roots()))
            second = await desk.slack.dm(DANA, "And one more thing")
            await desk.until(lambda: any("CASE_002" in post["text"] for post in roots()))
            assert second
            assert desk.slack.messages(ALERTS) == desk.slack.messages(LOG) == []


class TestWarnings:
    """What is no reason not to start is said where a person reads it."""

    @staticmethod
    def said(desk: Desk) -> list[str]:
        return [post["text"] for post in desk.alerts() if "warning about my setup" in post["text"]]

    async def test_a_public_channel_is_warned_of_in_the_alerting_channel(
        self, slack: LocalSlack, database: str
    ) -> None:
        slack.add_channel("C0OPENED01", "open-desk", private=False, members=[ADA, BOT_USER])
        desk = Desk(slack, settings_for(slack, database, support_slack_channel="open-desk"))
        try:
            await desk.start()
            [text] = await desk.until(lambda: self.said(desk))
            assert "#open-desk is public: everybody in the workspace can read" in text
        finally:
            await desk.close()

    async def test_each_is_said_once_a_day_however_often_the_bot_starts(
        self, slack: LocalSlack, database: str
    ) -> None:
        slack.add_channel("C0OPENED01", "open-desk", private=False, members=[ADA, BOT_USER])
        desk = Desk(slack, settings_for(slack, database, support_slack_channel="open-desk"))
        try:
            await desk.start()
            await desk.until(lambda: self.said(desk))
            await desk.stop()
            slack.invite(DANA, "C0OPENED01")
            slack.change_user(DANA, is_restricted=True)
            await desk.start()
            await desk.until(lambda: len(self.said(desk)) > 1)
            assert [("is public" in text, "guests" in text) for text in self.said(desk)] == [
                (True, False),
                (False, True),
            ]
        finally:
            await desk.close()

    async def test_customers_and_guests_who_read_along_are_named(self, slack: LocalSlack, database: str) -> None:
        desk = Desk(slack, settings_for(slack, database))
        try:
            await desk.start()
            await desk.opened(DANA)
            await desk.stop()
            slack.invite(DANA, SUPPORT)
            slack.change_user(BEN, is_ultra_restricted=True)
            await desk.start()
            texts = "\n".join(await desk.until(lambda: self.said(desk) if len(self.said(desk)) >= 4 else None))
            assert "customers are in channel #support and read along: Dana Lee." in texts
            assert (
                "guests or people of another organisation are in channel #support and read along: Ben Bystander."
                in texts
            )
        finally:
            await desk.close()

    async def test_admins_who_can_be_none_are_named(self, slack: LocalSlack, database: str) -> None:
        slack.add_user("U0GUEST001", "gus", "Gus Guest", is_restricted=True)
        settings = settings_for(
            slack,
            database,
            admin_slack_users=(ADA, "U0GUEST001", "U0NOBODY01"),
            admin_emails=("ada@desk.example", "typo@desk.example"),
        )
        desk = Desk(slack, settings)
        try:
            await desk.start()
            texts = "\n".join(await desk.until(lambda: self.said(desk) if len(self.said(desk)) >= 3 else None))
            assert "Gus Guest (U0GUEST001), who is no full, active member" in texts
            assert "U0NOBODY01, whom this workspace does not know" in texts
            assert "typo@desk.example, which no active member has" in texts
            assert len(self.said(desk)) == 3
        finally:
            await desk.close()

    async def test_a_desk_that_is_well_set_up_hears_of_nothing(self, slack: LocalSlack, database: str) -> None:
        desk = Desk(slack, settings_for(slack, database))
        try:
            await desk.start()
            await desk.until(lambda: len(slack.calls("conversations.members")) >= 3)
            await desk.opened()
            assert self.said(desk) == []
        finally:
            await desk.close()
