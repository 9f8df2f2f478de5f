"""The command line: each command does what it says, and what is wrong is said without a traceback."""

import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import __version__
from bot.cli import cli
from bot.config import Settings
from bot.sandbox.server import LocalSlack
from storage.lock import sole_use
from tests.support.deaf_postgres import refusing_postgres
from tests.support.running import Command, environment, until


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        yield slack


def tables(path: Path) -> set[str]:
    return {name for (name,) in sqlite3.connect(path).execute("SELECT name FROM sqlite_master")}


class TestRun:
    """The real process, as an operator meets it."""

    async def test_without_settings_names_them_all(self, tmp_path: Path) -> None:
        async with Command(tmp_path, {"PYTHONPATH": environment_root()}) as bot:
            assert await bot.end() == 2
        said = bot.output.read_text()
        assert said.startswith(
            "Casewire cannot start: these settings need mending.\n  - SLACK_BOT_TOKEN is missing"
        )
        assert len(said.splitlines()) == 7
        assert "Traceback" not in said

    async def test_with_what_slack_refuses_names_it(self, slack: LocalSlack, tmp_path: Path) -> None:
        wrong = {"SLACK_BOT_TOKEN": "xoxb-wrong-token", "SLACK_APP_TOKEN": "xapp-wrong-token"}
        async with Command(tmp_path, environment(slack, "sqlite:///desk.db", **wrong)) as bot:
            assert await bot.end() == 2
        said = bot.output.read_text()
        assert "Casewire cannot start.\n  - SLACK_BOT_TOKEN was refused by Slack (invalid_auth)" in said
        assert "\n  - SLACK_APP_TOKEN was refused by Slack (invalid_auth)" in said
        assert "wrong-token" not in said
        assert "Traceback" not in said


def environment_root() -> str:
    return str(Path(__file__).parents[1])


class TestMigrate:
    def test_makes_the_schema_in_the_database_of_the_settings(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///made.db\n")
        done = CliRunner().invoke(cli, ["migrate"])
        assert (done.exit_code, done.stdout) == (0, "The database is up to date.\n")
        assert {"cases", "messages", "inbox", "outbox"} <= tables(tmp_path / "made.db")

    def test_takes_another_one(self, tmp_path: Path) -> None:
        done = CliRunner().invoke(cli, ["migrate", "--database-url", "sqlite:///other.db"])
        assert done.exit_code == 0
        assert "cases" in tables(tmp_path / "other.db")

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("mysql://u:hunter2@h/d", "Casewire has no driver"),
            ("sqlite:///none/desk.db", "make its folder"),
            ("sqlite:///letter.txt", "the file is no SQLite database"),
            ("postgresql://u:hunter2@127.0.0.1:1/d", "it cannot be reached"),
        ],
    )
    def test_says_what_is_wrong(self, tmp_path: Path, url: str, said: str) -> None:
        (tmp_path / "letter.txt").write_text("Dear all, " * 200)
        done = CliRunner().invoke(cli, ["migrate", "--database-url", url])
        assert done.exit_code == 2
        assert done.stderr.startswith("The database cannot be migrated.\n  - DATABASE_URL")
        assert said in done.stderr
        assert "hunter2" not in done.output

    async def test_says_that_a_password_is_refused(self, tmp_path: Path) -> None:
        async with (
            refusing_postgres("28P01", "password authentication failed") as port,
            Command(
                tmp_path,
                {"PYTHONPATH": environment_root()},
                *("migrate", "--database-url", f"postgresql://u:hunter2@127.0.0.1:{port}/d"),
            ) as command,
        ):
            assert await command.end() == 2
        assert "PostgreSQL refuses it (password authentication failed)" in command.output.read_text()

    def test_leaves_a_database_in_use_alone(self, tmp_path: Path) -> None:
        with sole_use(f"sqlite:///{tmp_path}/busy.db"):
            done = CliRunner().invoke(cli, ["migrate", "--database-url", f"sqlite:///{tmp_path}/busy.db"])
        assert done.exit_code == 2
        assert "is running on" in done.stderr


class TestSandbox:
    @pytest.mark.parametrize(
        "how",
        [signal.SIGTERM, *(pytest.param(how, marks=pytest.mark.slow) for how in (signal.SIGHUP, signal.SIGINT))],
    )
    async def test_takes_its_bot_and_its_folder_along(self, tmp_path: Path, how: signal.Signals) -> None:
        env = {"PYTHONPATH": environment_root(), "TMPDIR": str(tmp_path)}
        async with Command(tmp_path, env, "sandbox", "--port", "0", "--with-bot") as sandbox:
            await sandbox.said("The state of the workspace")
            (lock,) = await until(lambda: list(tmp_path.glob("casewire-sandbox-*/case_management.db.lock")))
            assert (await sandbox.stop(how))[0] == 0
        assert not lock.parent.exists()
        assert "Traceback" not in sandbox.output.read_text()


class TestHelp:
    def test_says_the_version(self) -> None:
        assert CliRunner().invoke(cli, ["--version"]).stdout == f"casewire {__version__}\n"

    def test_lists_the_commands(self) -> None:
        said = CliRunner().invoke(cli, ["--help"]).stdout
        for command in ("run", "migrate", "sandbox", "play", "demo"):
            assert f" {command} " in said

    def test_an_unknown_command_is_said_to_be_one(self) -> None:
        done = CliRunner().invoke(cli, ["rum"])
        assert done.exit_code == 2
        assert "rum" in done.stderr
