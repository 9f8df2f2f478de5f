"""`casewire init` on a local Slack with its mail server: asked, tried, written."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import Settings
from bot.sandbox.people import ADA, ALERTS, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from bot.startup import SCOPES
from tests.support.running import ROOT, Command
from tests.support.typing_at import AtTerminal

LOCAL = "SLACK_API_URL"
NO_MAIL = ["n", "n"]
CTRL_C, CTRL_D = b"\x03", b"\x04"


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[LocalSlack]:
    async with LocalSlack(with_mail=True) as slack:
        slack.scopes = set(SCOPES)
        yield slack


@pytest.fixture
def env(slack: LocalSlack) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), LOCAL: slack.api_url}


def at_slack(slack: LocalSlack) -> list[str]:
    """The answers of the first four steps."""
    return [slack.bot_token, slack.app_token, SUPPORT, ALERTS, "#log", ADA, "", "", ""]


async def asked(
    monkeypatch: pytest.MonkeyPatch, directory: Path, env: dict[str, str], lines: list[str]
) -> tuple[int, str]:
    """In this process, where a second start of Python would prove no more."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(LOCAL, env[LOCAL])
    monkeypatch.chdir(directory)
    typed = "".join(f"{line}\n" for line in lines)
    done = await asyncio.to_thread(CliRunner().invoke, cli, ["init"], input=typed)
    return done.exit_code, done.output


async def piped(directory: Path, env: dict[str, str], lines: list[str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "init"),
        cwd=directory,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate("".join(f"{line}\n" for line in lines).encode())
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_at_a_terminal_secrets_are_not_shown_and_the_file_works(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path
) -> None:
    assert slack.mail is not None
    mail = slack.mail.environment
    async with AtTerminal(tmp_path, env, "init") as terminal:
        await terminal.answer("Bot User OAuth Token", "xoxb-wrong-token")
        await terminal.answer("App-level token", slack.app_token)
        await terminal.answer(r"\(q\)uit\? \[a\]", "a")
        await terminal.answer(r"Bot User OAuth Token.*\[\*+\]", slack.bot_token)
        await terminal.answer(r"App-level token.*\[\*+\]", "")
        await terminal.answer("Where cases are worked on", SUPPORT)
        await terminal.answer(rf"escalations are told \[{SUPPORT}\]", ALERTS)
        await terminal.answer("closings leave", "#log")
        await terminal.answer("Member ids", "ada")
        await terminal.answer("Member ids", ADA)
        await terminal.answer("user group", "")
        await terminal.answer("Addresses as in", "ada@desk.example")
        await terminal.answer(r"cases are kept \[sqlite:///./case_management.db\]", "")
        await terminal.answer("write email", "y")
        await terminal.answer("Its address", mail["IMAP_EMAIL"])
        await terminal.answer("Login by password", "")
        await terminal.answer(r"IMAP server \[imap.casewire.example\]", mail["IMAP_SERVER"])
        await terminal.answer("Encryption", "none")
        await terminal.answer(r"Port \[143\]", mail["IMAP_PORT"])
        await terminal.answer("log in as", "")
        await terminal.answer("Password", mail["IMAP_PASSWORD"])
        await terminal.answer("Authentication-Results", mail["EMAIL_AUTHSERV_ID"])
        await terminal.answer("sent by mail", "y")
        await terminal.answer("SMTP server", mail["SMTP_SERVER"])
        await terminal.answer("Port", mail["SMTP_PORT"])
        await terminal.answer("Encryption", "none")
        await terminal.answer("User", "")
        await terminal.answer("Password", "")
        await terminal.answer("From", "Support <support@casewire.example>")
        await terminal.answer("Write .env", "y")
        assert await terminal.end() == 0, terminal.screen
    assert "SLACK_BOT_TOKEN was refused by Slack (invalid_auth)" in terminal.screen
    assert "ada: write member ids such as" in terminal.screen
    for secret in ("xoxb-wrong-token", slack.bot_token, slack.app_token, mail["IMAP_PASSWORD"]):
        assert secret not in terminal.screen
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    async with Command(tmp_path, env, "doctor") as doctor:
        assert await doctor.end() == 0, doctor.output.read_text()
    assert "error" not in doctor.output.read_text().rsplit("\n", 2)[0]


@pytest.mark.slow
async def test_ctrl_c_writes_nothing_and_shows_again_what_is_typed(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path
) -> None:
    async with AtTerminal(tmp_path, env, "init") as terminal:
        await terminal.answer("Bot User OAuth Token", slack.bot_token)
        await terminal.answer("App-level token", slack.app_token)
        await terminal.press("cases are worked on", CTRL_C)
        assert await terminal.end() == 2
        assert terminal.shows_what_is_typed
    assert "Nothing was written." in terminal.screen
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
async def test_a_secret_given_up_writes_nothing_and_shows_again_what_is_typed(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, key: bytes
) -> None:
    async with AtTerminal(tmp_path, env, "init") as terminal:
        await terminal.press("Bot User OAuth Token", key)
        assert await terminal.end() == 2
        assert terminal.shows_what_is_typed
    assert "Nothing was written." in terminal.screen


@pytest.mark.slow
async def test_from_a_pipe(slack: LocalSlack, env: dict[str, str], tmp_path: Path) -> None:
    status, said = await piped(tmp_path, env, [*at_slack(slack), *NO_MAIL, ""])
    assert status == 0, said
    assert slack.bot_token not in said
    written = dotenv_values(tmp_path / ".env")
    assert {name: value for name, value in written.items() if not name.startswith("DATABASE")} == {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SUPPORT_SLACK_CHANNEL": SUPPORT,
        "ALERTING_SLACK_CHANNEL": ALERTS,
        "LOGGING_SLACK_CHANNEL": "#log",
        "ADMIN_SLACK_USERS": ADA,
    }


async def test_what_is_there_stays_but_for_what_is_changed(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (
        f"# ours\nSLACK_BOT_TOKEN={slack.bot_token}\nSLACK_APP_TOKEN={slack.app_token}\n"
        f"SUPPORT_SLACK_CHANNEL={SUPPORT}\nALERTING_SLACK_CHANNEL={ALERTS}  # told here\n"
        f"LOGGING_SLACK_CHANNEL={ALERTS}\nADMIN_SLACK_USERS={ADA}\nPORT=9000\n"
    )
    (tmp_path / ".env").write_text(before)
    lines = ["", "", "", "", LOG, "", "", "", "sqlite:///desk.db", *NO_MAIL, "y"]
    status, said = await asked(monkeypatch, tmp_path, env, lines)
    assert status == 0, said
    assert (tmp_path / ".env").read_text() == (
        before.replace(f"LOGGING_SLACK_CHANNEL={ALERTS}", f"LOGGING_SLACK_CHANNEL={LOG}")
        + "\n# Database\nDATABASE_URL=sqlite:///desk.db\n"
    )
    assert (tmp_path / ".env.old").read_text() == before
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in (".env", ".env.old")} == {0o600}


@pytest.mark.parametrize("last", [["n"], []], ids=["refused", "no more answers"])
async def test_nothing_is_written_without_a_yes(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: list[str]
) -> None:
    (tmp_path / ".env").write_text("PORT=9000\n")
    status, said = await asked(monkeypatch, tmp_path, env, [*at_slack(slack), *NO_MAIL, *last])
    assert status == 2
    assert "Nothing was written." in said
    assert os.listdir(tmp_path) == [".env"]
    assert (tmp_path / ".env").read_text() == "PORT=9000\n"


async def test_what_does_not_work_can_be_kept(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [slack.bot_token, slack.app_token, "C0NOSUCH01", ALERTS, LOG, "k", ADA, "", "", "k", ""]
    status, said = await asked(monkeypatch, tmp_path, env, [*answers, *NO_MAIL, "y"])
    assert status == 0, said
    assert "SUPPORT_SLACK_CHANNEL: Slack does not show channel C0NOSUCH01" in said
    assert dotenv_values(tmp_path / ".env")["SUPPORT_SLACK_CHANNEL"] == "C0NOSUCH01"


async def test_an_admin_who_is_none_is_asked_for_again(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [*at_slack(slack)[:5], "U0NOSUCH01", "", "", "a", ADA, "", "", "", *NO_MAIL, "y"]
    status, said = await asked(monkeypatch, tmp_path, env, answers)
    assert status == 0, said
    assert "U0NOSUCH01, whom this workspace does not know" in said
    assert dotenv_values(tmp_path / ".env")["ADMIN_SLACK_USERS"] == ADA


async def test_a_mailbox_that_refuses_the_password(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slack.mail is not None
    mail = slack.mail.environment
    mailbox = [mail["IMAP_EMAIL"], "", mail["IMAP_SERVER"], "none", mail["IMAP_PORT"], ""]
    answers = [*at_slack(slack), "y", *mailbox, "not-this", "q"]
    status, said = await asked(monkeypatch, tmp_path, env, answers)
    assert status == 2
    assert "refuses the login" in said
    assert "not-this" not in said
    assert not (tmp_path / ".env").exists()


async def test_what_lies_in_a_file_is_not_asked_for(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bot").write_text(slack.bot_token + "\n")
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN_FILE=bot\n")
    status, said = await asked(monkeypatch, tmp_path, env, [*at_slack(slack)[1:], *NO_MAIL, "y"])
    assert status == 0, said
    assert "it is in the file that SLACK_BOT_TOKEN_FILE names" in said
    assert "SLACK_BOT_TOKEN" not in dotenv_values(tmp_path / ".env")


async def test_a_setting_that_is_not_asked_for_is_to_be_mended_first(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=many\n")
    status, said = await asked(monkeypatch, tmp_path, env, at_slack(slack))
    assert status == 2
    assert "PORT=many is not usable: write a whole number" in said


async def test_a_mailbox_whose_password_lies_in_a_file_is_not_left_out(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / ".env").write_text("IMAP_PASSWORD_FILE=password\n")
    status, said = await asked(monkeypatch, tmp_path, env, [*at_slack(slack), "n"])
    assert status == 2
    assert "IMAP_PASSWORD_FILE still gives a value: take it out first" in said


async def test_what_is_asked_later_does_not_disturb(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("SMTP_USER=somebody\nIMAP_SERVER=imap.example.com\n")
    status, said = await asked(monkeypatch, tmp_path, env, [*at_slack(slack), "n", "n", "y"])
    assert status == 0, said
    assert (tmp_path / ".env").read_text().startswith("SMTP_USER=\nIMAP_SERVER=\n")


async def test_without_anybody_who_answers_it_goes_no_further(
    slack: LocalSlack, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, said = await asked(
        monkeypatch, tmp_path, env, [*at_slack(slack)[:5], "", "", "", ADA, "", "", "", *NO_MAIL, "y"]
    )
    assert status == 0, said
    assert "nobody could answer: name the admins" in said


def test_it_asks_for_settings_that_exist() -> None:
    from bot.setup.dialogue import NAMES

    assert {name.lower() for name in NAMES} <= set(Settings.model_fields)
    assert len(set(NAMES)) == len(NAMES)
