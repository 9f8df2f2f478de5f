"""`casewire doctor` on a local Slack with its mail server: what is well, and what must be mended."""

import contextlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import Settings
from bot.doctor import findings, machine
from bot.doctor.examine import examine
from bot.doctor.findings import Finding, Level
from bot.doctor.slack import FEATURES
from bot.sandbox.people import ADA, BOT_USER
from bot.sandbox.server import LocalSlack
from bot.startup import SCOPES
from storage.migrate import upgrade_async
from tests.support.desk import settings_for
from tests.support.mail_desk import with_mail
from tests.support.running import Command, environment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[LocalSlack]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    async with LocalSlack(with_mail=True) as slack:
        slack.scopes = set(SCOPES)
        yield slack


@pytest.fixture
async def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    await upgrade_async(url)
    return url


async def found(slack: LocalSlack, url: str, **changed: Any) -> list[Finding]:
    assert slack.mail is not None
    return await examine(settings_for(slack, url, **with_mail(slack.mail, slack.mail.desk, **changed)))


def texts(found: list[Finding], check: str, level: Level) -> str:
    return "\n".join(one.text for one in found if one.check == check and one.level is level)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def errors(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.text) for one in found if one.level is Level.ERROR]


class TestWell:
    async def test_everything_is_looked_at(self, slack: LocalSlack, url: str) -> None:
        said = await found(slack, url)
        assert errors(said) == []
        assert {one.check for one in said} == {
            *(
                "python",
                "settings",
                "disk",
                "database",
                "schema",
                "scopes",
                "clock",
                "tokens",
                "channels",
                "admins",
            ),
            *("readers", "imap", "imap folder", "imap idle", "sender check", "smtp"),
        }
        assert "revision" in texts(said, "schema", Level.OK)

    async def test_a_file_that_is_not_there_is_not_made(self, slack: LocalSlack, tmp_path: Path) -> None:
        said = await found(slack, f"sqlite:///{tmp_path / 'new.db'}")
        assert errors(said) == []
        assert not (tmp_path / "new.db").exists()


class TestSlack:
    @pytest.mark.parametrize("scope", sorted(SCOPES))
    async def test_each_scope_belongs_to_a_feature(self, scope: str) -> None:
        assert any(scope in needed for needed in FEATURES.values())

    async def test_no_feature_needs_what_the_manifest_does_not_ask_for(self) -> None:
        assert frozenset().union(*FEATURES.values()) == SCOPES

    async def test_a_missing_scope_is_told_with_its_feature(self, slack: LocalSlack, url: str) -> None:
        slack.scopes = set(SCOPES) - {"files:write"}
        [(check, text)] = errors(await found(slack, url))
        assert check == "scopes"
        assert text.startswith(
            "files: needs files:read, files:write; not granted: files:write. Paste manifest.yml"
        )

    async def test_tokens_that_are_refused(self, slack: LocalSlack, url: str) -> None:
        said = errors(await found(slack, url, slack_bot_token="xoxb-wrong", slack_app_token="xapp-wrong"))
        assert [text.split()[0] for _, text in said] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]

    async def test_a_slack_out_of_reach(self, slack: LocalSlack, url: str, unused_tcp_port: int) -> None:
        said = await found(slack, url, slack_api_url=f"http://127.0.0.1:{unused_tcp_port}/api/")
        assert "check the network" in texts(said, "slack", Level.ERROR)

    async def test_an_admin_who_is_not_found(self, slack: LocalSlack, url: str) -> None:
        said = await found(slack, url, admin_slack_users=(ADA, "U0NOSUCH01"))
        assert "U0NOSUCH01, whom this workspace does not know" in texts(said, "admins", Level.WARNING)

    async def test_a_channel_that_does_not_exist(self, slack: LocalSlack, url: str) -> None:
        said = await found(slack, url, logging_slack_channel="C0WITHOUT1")
        assert "does not show channel C0WITHOUT1" in texts(said, "slack", Level.ERROR)

    async def test_a_public_channel(self, slack: LocalSlack, url: str) -> None:
        slack.add_channel("C0PUBLIC01", "open", private=False, members=[ADA, BOT_USER])
        said = await found(slack, url, logging_slack_channel="C0PUBLIC01")
        assert errors(said) == []
        assert "channel #open is public" in texts(said, "channels", Level.WARNING)


class TestMail:
    async def test_a_password_that_is_refused_is_told_for_both_servers(self, slack: LocalSlack, url: str) -> None:
        said = await found(slack, url, imap_password="wrong", smtp_password="wrong")
        assert [check for check, _ in errors(said)] == ["imap", "smtp"]
        assert "refuses the login" in texts(said, "imap", Level.ERROR)
        assert "wrong" not in "".join(text for _, text in errors(said))

    async def test_a_folder_that_does_not_exist(self, slack: LocalSlack, url: str) -> None:
        said = await found(slack, url, imap_folder="Nowhere")
        assert "Nowhere cannot be opened" in texts(said, "imap folder", Level.ERROR)

    async def test_servers_out_of_reach(self, slack: LocalSlack, url: str, unused_tcp_port: int) -> None:
        said = await found(slack, url, imap_port=unused_tcp_port, smtp_port=unused_tcp_port)
        assert [check for check, _ in errors(said)] == ["imap", "smtp"]

    async def test_senders_that_nothing_proves(self, slack: LocalSlack, url: str) -> None:
        said = await found(slack, url, email_authserv_id="")
        assert "Set EMAIL_AUTHSERV_ID" in texts(said, "sender check", Level.WARNING)


class TestMachine:
    @pytest.mark.parametrize(
        ("seconds", "level"), [(0, "ok"), (9, "ok"), (-11, "warning"), (299, "warning"), (-301, "error")]
    )
    def test_clock(self, seconds: int, level: str) -> None:
        assert machine.clock(format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), NOW).level == level

    @pytest.mark.parametrize("said", [None, "", "yesterday"])
    def test_a_clock_with_nothing_to_compare(self, said: str | None) -> None:
        assert machine.clock(said, NOW).level is Level.WARNING

    @pytest.mark.parametrize(
        ("megabytes", "level"), [(99, "error"), (100, "warning"), (1023, "warning"), (1024, "ok")]
    )
    def test_disk(self, megabytes: int, level: str) -> None:
        assert machine.judged_disk(megabytes * 1024**2, Path("/data")).level == level

    async def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "desk.db").write_text("this is no database, but a text of some length" * 50)
        [said] = await machine.database(f"sqlite:///{tmp_path / 'desk.db'}")
        assert said.level is Level.ERROR
        assert "no SQLite database" in said.text

    @pytest.mark.parametrize("mode", ["DELETE", "WAL"])
    async def test_another_programs_file_is_left_as_it_is(self, tmp_path: Path, mode: str) -> None:
        file = tmp_path / "books.db"
        with contextlib.closing(sqlite3.connect(file)) as theirs:
            theirs.execute(f"PRAGMA journal_mode={mode}")
            theirs.execute("CREATE TABLE books (title TEXT)")
            theirs.commit()
        before = contents(tmp_path)
        said = await machine.database(f"sqlite:///{file}")
        assert [(one.check, one.level) for one in said] == [("database", Level.OK), ("schema", Level.ERROR)]
        assert "tables that Casewire did not make (books)" in said[1].text
        assert contents(tmp_path) == before

    async def test_a_file_that_somebody_writes_to_is_read_as_it_is_just_now(self, url: str) -> None:
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as running:
            running.execute("PRAGMA journal_mode=WAL")
            running.execute("UPDATE alembic_version SET version_num = 'next'")
            running.commit()
            said = await machine.database(url)
        assert "revision next" in said[-1].text

    async def test_a_directory_that_does_not_exist(self, tmp_path: Path) -> None:
        [said] = await machine.database(f"sqlite:///{tmp_path / 'nowhere' / 'desk.db'}")
        assert "does not exist: make it" in said.text

    async def test_a_server_that_is_not_there(self, unused_tcp_port: int) -> None:
        [said] = await machine.database(f"postgresql://u:hunter2@127.0.0.1:{unused_tcp_port}/d")
        assert said.level is Level.ERROR
        assert "hunter2" not in said.text


class TestCommand:
    @pytest.mark.slow
    async def test_ends_with_0_where_all_is_well(self, slack: LocalSlack, tmp_path: Path) -> None:
        env = environment(slack, "sqlite:///desk.db")
        async with Command(tmp_path, env, "doctor", "--json") as command:
            assert await command.end() == 0
        document = json.loads(command.output.read_text())
        assert document["ok"] is True
        assert {"check": "python", "level": "ok"}.items() <= document["checks"][0].items()

    async def test_ends_with_1_and_a_line_each(self, slack: LocalSlack, tmp_path: Path) -> None:
        env = environment(slack, "sqlite:///desk.db", SUPPORT_SLACK_CHANNEL="#nosuch")
        async with Command(tmp_path, env, "doctor") as command:
            assert await command.end() == 1
        assert re.search(r"^error +slack +SUPPORT_SLACK_CHANNEL: there is no", command.output.read_text(), re.M)

    def test_settings_that_are_not_usable_are_findings(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(cli, ["doctor", "--json"])
        assert done.exit_code == 1
        assert json.loads(done.stdout)["checks"][0]["text"].startswith("SLACK_BOT_TOKEN is missing")


def test_warnings_do_not_fail() -> None:
    assert findings.is_well([findings.ok("a", "b"), findings.warning("a", "b")])
    assert not findings.is_well([findings.ok("a", "b"), findings.error("a", "b")])
