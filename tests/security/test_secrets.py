"""No secret is read in the process list, the log at any level, the database, an alert or what a command says."""

import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import Settings
from bot.ops import logging as ops_logging
from bot.sandbox.people import ADA, ALERTS, DANA, SUPPORT, VERIFICATION_TOKEN
from bot.sandbox.server import LocalSlack
from tests.support.dovecot import mail
from tests.support.process import BotProcess
from tests.support.scripted_imap import says, scripted
from tests.support.smtp import LOGIN, ScriptedSmtp
from tests.support.token_server import token_server

MAIL_PASSWORD = "wombat-battery-42"
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(with_mail=True) as slack:
        slack.retry_schedule = (0.1, 0.5, 1.0)
        assert slack.mail is not None
        slack.mail.accounts.password = MAIL_PASSWORD
        yield slack


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command has hidden in this process is forgotten afterwards."""
    monkeypatch.setattr(ops_logging, "_known", None)


def secrets(slack: LocalSlack) -> list[str]:
    return [slack.bot_token, slack.app_token, VERIFICATION_TOKEN, MAIL_PASSWORD]


def in_files(directory: Path, words: list[str]) -> list[tuple[str, str]]:
    """Which of the words stand in which file: the log, the database with its companions, whatever else there is."""
    files = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    return [(path.name, word) for path, content in files.items() for word in words if word.encode() in content]


def family(pid: int) -> Iterator[Path]:
    """The process and what it has started, in /proc."""
    yield Path(f"/proc/{pid}")
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def in_processes(pid: int, words: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """How many processes there are, and which words their command lines, or the children's environments, hold."""
    found, count = [], 0
    for place in family(pid):
        count += 1
        looked_at = ["cmdline", *([] if place.name == str(pid) else ["environ"])]
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            texts = [(place / name).read_bytes() for name in looked_at]
            found += [(place.name, word) for text in texts for word in words if word.encode() in text]
    return count, found


@needs_proc
async def test_a_run_on_slack_and_mail_leaves_no_secret_anywhere(slack: LocalSlack, tmp_path: Path) -> None:
    assert slack.mail is not None
    given = slack.mail.environment_of(slack.mail.desk) | {"LOG_LEVEL": "DEBUG", "EMAIL_BACKFILL": "all"}
    bot = BotProcess(slack, "sqlite:///desk.db", tmp_path, **given)
    await bot.start()
    try:
        slack.mail.deliver(mail(1))
        await slack.dm(DANA, "Where is my order?")
        cards = await slack.wait_for(
            lambda: (
                found if len(found := [post for post in slack.messages(SUPPORT) if post.get("bot_id")]) > 1 else []
            ),
            timeout=30,
        )
        ts = await slack.post(ADA, SUPPORT, "On its way", thread_ts=cards[0]["ts"])
        await slack.wait_for(lambda: slack.reactions(SUPPORT, ts), timeout=30)
        await slack.command(ADA, SUPPORT, "/case", "status")
        await slack.drop_sockets()
        processes, found = in_processes(bot.pid, secrets(slack))
    finally:
        assert await bot.terminate() == 0
    assert processes > 1, "mail is read in a process of its own"
    assert found == []
    assert in_files(tmp_path, secrets(slack)) == []
    log = bot.log.read_text()
    assert '"level": "debug"' in log
    assert log.count("ticket=") == log.count("ticket=(token)") > 0
    assert in_files(tmp_path, ["Where is my order?"]), "what is looked for would have been found"


@pytest.mark.slow
@pytest.mark.parametrize("login", ["password", "oauth"])
async def test_a_server_that_quotes_a_secret_back_does_not_spread_it(
    slack: LocalSlack, tmp_path: Path, login: str
) -> None:
    quoted = "kept-from-all-eyes"
    refusal = says("{tag} NO [AUTHENTICATIONFAILED] LOGIN desk " + quoted + " failed")
    async with scripted(login=refusal) as server, token_server() as tokens:
        tokens.status, tokens.answer = 400, {"error": "invalid_client", "error_description": f"{quoted} is wrong"}
        given = {
            "LOG_LEVEL": "DEBUG",
            "IMAP_SERVER": "127.0.0.1",
            "IMAP_PORT": str(server.port),
            "IMAP_SECURITY": "none",
            "IMAP_EMAIL": "desk@desk.example",
        }
        if login == "password":
            given["IMAP_PASSWORD"] = quoted
        else:
            given |= {
                "IMAP_AUTH": "microsoft",
                "EMAIL_OAUTH_CLIENT_ID": "app",
                "EMAIL_OAUTH_CLIENT_SECRET": quoted,
                "EMAIL_OAUTH_TENANT": "tenant",
                "EMAIL_OAUTH_TOKEN_URL": tokens.url,
            }
        bot = BotProcess(slack, "sqlite:///desk.db", tmp_path, **given)
        await bot.start()
        try:
            alerts = await slack.wait_for(
                lambda: [post for post in slack.messages(ALERTS) if "refuses the login" in str(post)], timeout=30
            )
        finally:
            assert await bot.terminate() == 0
    assert "(secret)" in str(alerts)
    assert quoted not in str(slack.messages(ALERTS))
    assert in_files(tmp_path, [quoted]) == []


@pytest.mark.slow
async def test_a_mail_server_that_quotes_the_password_back_spreads_it_neither_in_the_thread_nor_the_outbox(
    slack: LocalSlack, tmp_path: Path
) -> None:
    assert slack.mail is not None
    quoted = "kept-from-all-eyes"
    async with ScriptedSmtp(password=quoted, needs_login=True) as smtp:
        smtp.answers["RCPT"] = [f"550 5.7.1 {quoted} may not write there"] * 3
        given = slack.mail.environment_of(slack.mail.desk) | {
            "LOG_LEVEL": "DEBUG",
            "EMAIL_BACKFILL": "all",
            "ANSWER_DELAY": "0",
            "SMTP_PORT": str(smtp.port),
            "SMTP_USER": LOGIN[0],
            "SMTP_PASSWORD": quoted,
        }
        bot = BotProcess(slack, "sqlite:///desk.db", tmp_path, **given)
        await bot.start()
        try:
            slack.mail.deliver(mail(1))
            cards = await slack.wait_for(
                lambda: [post for post in slack.messages(SUPPORT) if post.get("bot_id")], timeout=30
            )
            await slack.post(ADA, SUPPORT, "On its way", thread_ts=cards[0]["ts"])
            told = await slack.wait_for(
                lambda: [
                    post for post in slack.messages(SUPPORT, cards[0]["ts"]) if "may not write there" in str(post)
                ],
                timeout=30,
            )
        finally:
            assert await bot.terminate() == 0
    assert smtp.logins, "the password was sent"
    assert "(secret)" in str(told)
    said = [*slack.messages(ALERTS), *slack.messages(SUPPORT), *slack.messages(SUPPORT, cards[0]["ts"])]
    assert quoted not in str(said)
    with contextlib.closing(sqlite3.connect(tmp_path / "desk.db")) as connection:
        errors = connection.execute("SELECT error FROM outbox WHERE error IS NOT NULL").fetchall()
    assert "(secret) may not write there" in str(errors)
    assert in_files(tmp_path, [quoted]) == []


PASSWORD = "hunter2-of-postgres"
REFUSED_URLS = [
    f"postgresql://desk:{PASSWORD}@127.0.0.1:1/cases",
    f"postgresql://desk:{PASSWORD}@127.0.0.1:port/cases",
    f"postgresql://desk:{PASSWORD}@h@127.0.0.1:1/cases",
    f"postgresql://desk:{PASSWORD}@127.0.0.1:1/cases?sslmode=maybe",
    f"postgresql://desk:{PASSWORD}@127.0.0.1:99999/cases",
    f"postgresql://desk:{PASSWORD}@127.0.0.1:1/",
    f"mysql://desk:{PASSWORD}@127.0.0.1/cases",
    f"postgres//desk:{PASSWORD}@127.0.0.1/cases",
]


class TestCommands:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize("url", REFUSED_URLS)
    @pytest.mark.parametrize("command", [["migrate"], ["inbox", "list"], ["config"], ["run"]], ids=" ".join)
    def test_a_database_url_that_is_refused_is_told_of_without_its_password(
        self, monkeypatch: pytest.MonkeyPatch, url: str, command: list[str]
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", url)
        done = CliRunner().invoke(cli, command)
        assert done.exit_code != 0
        assert "DATABASE_URL" in done.output or "SLACK_BOT_TOKEN" in done.output
        assert PASSWORD not in done.output
        assert PASSWORD not in repr(done.exception)

    def test_the_settings_are_printed_without_secrets(
        self, monkeypatch: pytest.MonkeyPatch, slack: LocalSlack
    ) -> None:
        given = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "ADMIN_SLACK_USERS": ADA,
            **{f"{name}_SLACK_CHANNEL": SUPPORT for name in ("SUPPORT", "ALERTING", "LOGGING")},
            "DATABASE_URL": f"postgresql://desk:{PASSWORD}@db.example/cases",
            "IMAP_SERVER": "imap.desk.example",
            "IMAP_EMAIL": "d@desk.example",
            "IMAP_PASSWORD": MAIL_PASSWORD,
            "EMAIL_AUTHSERV_ID": "mx.desk.example",
            "SMTP_SERVER": "smtp.desk.example",
            "SMTP_PASSWORD": PASSWORD,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(cli, ["config"])
        assert done.exit_code == 0, done.output
        assert "IMAP_PASSWORD=*" in done.output
        assert not [word for word in (*secrets(slack), PASSWORD) if word in done.output]


class TestHiding:
    def test_what_is_hidden_is_hidden_as_a_url_has_it_too(self) -> None:
        ops_logging.hide(["p@ss word/1"])
        assert ops_logging.redacted("x p@ss word/1 y p%40ss%20word%2F1 z") == "x (secret) y (secret) z"

    def test_the_longer_of_two_is_hidden_whole(self) -> None:
        ops_logging.hide(["secret", "secret-and-more"])
        assert ops_logging.redacted("secret-and-more") == "(secret)"

    def test_a_word_too_short_for_a_secret_stays(self) -> None:
        ops_logging.hide(["a", ""])
        assert ops_logging.redacted("a case") == "a case"
