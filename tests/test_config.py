"""Settings: what is missing or malformed is named at once, in plain words, with the mend."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from bot.config import ConfigError, Settings, load_database_url, load_settings, misspelt_names

ROOT = Path(__file__).parent.parent
GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1-abc",
    "SLACK_APP_TOKEN": "xapp-1-A1-2-abc",
    "SUPPORT_SLACK_CHANNEL": "#support",
    "ALERTING_SLACK_CHANNEL": "C0123456789",
    "LOGGING_SLACK_CHANNEL": "log",
    "ADMIN_SLACK_USERS": "U0123456789",
}


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name, value in (GOOD | given).items():
        monkeypatch.setenv(name, value)
    return load_settings()


def problems(monkeypatch: pytest.MonkeyPatch, **given: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        load(monkeypatch, **given)
    return raised.value.problems


class TestProblems:
    def test_everything_missing_is_named_at_once(self) -> None:
        with pytest.raises(ConfigError) as raised:
            load_settings()
        named = [problem.split()[0] for problem in raised.value.problems]
        assert named == [
            "SLACK_BOT_TOKEN",
            "SLACK_APP_TOKEN",
            "SUPPORT_SLACK_CHANNEL",
            "ALERTING_SLACK_CHANNEL",
            "LOGGING_SLACK_CHANNEL",
            "nobody",
        ]
        assert all(re.search(r": [a-z]", problem) for problem in raised.value.problems), "each has its mend"

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("SLACK_BOT_TOKEN", "xoxp-1-secret", "it must start with xoxb-"),
            ("SLACK_BOT_TOKEN", "xoxb-…", "it must start with xoxb-"),
            ("SLACK_APP_TOKEN", "xoxb-1-secret", "it must start with xapp-"),
            ("SLACK_API_URL", "http://slack.com/api/", "plain http is only allowed to this machine"),
            ("SLACK_API_URL", "slack.com", "write an address such as https://slack.com/api/"),
            ("SLACK_API_URL", "http://127.0.0.1:99999/", "Port out of range"),
            ("SUPPORT_SLACK_CHANNEL", "two words", "write a channel's id"),
            ("SUPPORT_SLACK_CHANNEL", "xoxb-1-secret", "write a channel's id"),
            ("ADMIN_SLACK_USERS", "@ada", "@ada: write member ids such as U0123456789"),
            ("ADMIN_SLACK_USERS", "U0123456789,ben", "ben: write member ids"),
            ("ADMIN_EMAILS", "ada", "ada: write addresses"),
            ("DATABASE_URL", "mysql://u:secret@h/d", "Casewire has no driver for 'mysql'"),
            ("DATABASE_URL", "sqlite://", "a database in memory would lose every case"),
            ("DATABASE_URL", "postgresql://u:secret@h:port/d", "it is not a database URL"),
            ("DATABASE_URL", "postgresql://h", "it names no database"),
            ("DATABASE_URL", "postgresql://u:secret@h:99999/d", "its port 99999 does not exist"),
            ("CLOSURE_PHRASE", ".", "would close nothing"),
            ("CLOSURE_PHRASE", "`done`", "would close nothing"),
            ("CLOSURE_PHRASE", "> done", "would close nothing"),
            ("HOST", "..", "write an address of this machine"),
            ("DATABASE_URL", "postgresql://u:secret@h/d?sslmode=maybe", "sslmode=maybe does not exist"),
            ("DATABASE_URL", "postgresql://u:secret@h/d?channel_binding=require", "'channel_binding' is unknown"),
            ("DATABASE_URL", "nonsense", "it is not a database URL"),
            ("PORT", "http", "write a whole number"),
            ("PORT", "70000", "it must be 65535 or less"),
            ("DEBUG", "maybe", "write true or false"),
            ("LOG_LEVEL", "loud", "write one of 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
            ("LOG_FORMAT", "xml", "write one of 'auto', 'json' or 'text'"),
            ("ESCALATION_SILENCE_HOURS", "0", "it must be more than 0"),
            ("ESCALATION_SILENCE_HOURS", "two days", "write a number"),
            ("ESCALATION_SILENCE_HOURS", "inf", "write a number"),
            ("ESCALATION_SILENCE_HOURS", "1e9", "it must be 8784 or less"),
            ("ESCALATION_CLOCK", "sundial", "write one of 'last_message' or 'customer_waiting'"),
            ("ESCALATION_FOLLOW_UPS", "2.5", "write a whole number"),
            ("ESCALATION_REMIND", "-1", "it must be 0 or more"),
            ("ALERT_MENTION", "@ada", "write here, channel, a user's id"),
            ("COMMAND", "case", "write it as in your Slack app, such as /case"),
            ("COMMAND", "/Case", "lower-case letters"),
            ("COMMAND", "/case desk", "write it as in your Slack app"),
            ("COMMAND", "/" + "x" * 32, "at most 31"),
            ("RECEIVED_TEXT", "x" * 3001, "3,000 characters at most"),
            ("SLACK_POSTS_PER_SECOND", "0", "it must be more than 0"),
        ],
    )
    def test_a_malformed_setting_is_named_with_its_mend(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
    ) -> None:
        [problem] = problems(monkeypatch, **{name: value})
        assert problem.startswith(name)
        assert said in problem

    def test_several_are_named_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        named = problems(monkeypatch, PORT="x", SLACK_BOT_TOKEN="", ADMIN_SLACK_USERS="", LOG_LEVEL="loud")
        assert [problem.split()[0].split("=")[0] for problem in named] == [
            "SLACK_BOT_TOKEN",
            "nobody",
            "PORT",
            "LOG_LEVEL",
        ]

    def test_no_secret_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        named = problems(
            monkeypatch,
            SLACK_BOT_TOKEN="hunter2-bot",
            SLACK_APP_TOKEN="hunter2-app",
            DATABASE_URL="postgresql:casewire:hunter2/x@db",
        )
        assert len(named) == 3
        assert "hunter2" not in " ".join(named)

    def test_a_file_that_cannot_be_read_is_a_problem_among_others(self) -> None:
        Path(".env").write_bytes(b"CLOSURE_PHRASE=\xff\xfe")
        with pytest.raises(ConfigError) as raised:
            load_settings()
        assert raised.value.problems == (".env cannot be read: it is not written in UTF-8",)


class TestValues:
    def test_blanks_and_quotes_around_a_value_are_not_part_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, SLACK_BOT_TOKEN=' "xoxb-1-abc" ', DEBUG="'true'", PORT=" 9000 ")
        assert settings.slack_bot_token.get_secret_value() == "xoxb-1-abc"
        assert settings.debug is True
        assert settings.port == 9000

    @pytest.mark.parametrize("blank", ["", "  ", '""'])
    def test_a_blank_value_means_the_default(self, monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
        settings = load(monkeypatch, PORT=blank, CLOSURE_PHRASE=blank, ESCALATION_KEYWORDS=blank)
        assert settings.port == 8000
        assert settings.closure_phrase == "I'm closing this case."
        assert "urgent" in settings.escalation_keywords

    def test_a_blank_required_one_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        [problem] = problems(monkeypatch, SLACK_BOT_TOKEN="  ")
        assert problem.startswith("SLACK_BOT_TOKEN is missing")

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("a", ("a",)),
            ("a, b ,c", ("a", "b", "c")),
            ("a,,b,", ("a", "b")),
            (",", ()),
            ("two words", ("two words",)),
        ],
    )
    def test_lists_are_written_with_commas(
        self, monkeypatch: pytest.MonkeyPatch, written: str, read: tuple[str, ...]
    ) -> None:
        assert load(monkeypatch, ESCALATION_KEYWORDS=written).escalation_keywords == read

    @pytest.mark.parametrize(
        ("written", "read"),
        [("true", True), ("1", True), ("Yes", True), ("on", True), ("FALSE", False), ("0", False)],
    )
    def test_switches_are_read_as_people_write_them(
        self, monkeypatch: pytest.MonkeyPatch, written: str, read: bool
    ) -> None:
        assert load(monkeypatch, DEBUG=written).debug is read

    def test_words_of_a_choice_are_read_in_any_case(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, LOG_LEVEL="debug", LOG_FORMAT="JSON", ESCALATION_CLOCK="Customer_Waiting")
        assert (settings.log_level, settings.log_format) == ("DEBUG", "json")
        assert settings.escalation_clock == "customer_waiting"

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("#support", "support"),
            ("Support", "support"),
            ("C0123456789", "C0123456789"),
            (" G0123456789 ", "G0123456789"),
        ],
    )
    def test_a_channel_is_an_id_or_a_name(self, monkeypatch: pytest.MonkeyPatch, written: str, read: str) -> None:
        assert load(monkeypatch, SUPPORT_SLACK_CHANNEL=written).support_slack_channel == read

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("", ""),
            ("here", "<!here>"),
            ("@channel", "<!channel>"),
            ("S0123456789", "<!subteam^S0123456789>"),
            ("U0123456789", "<@U0123456789>"),
            ("<!subteam^S0123456789>", "<!subteam^S0123456789>"),
        ],
    )
    def test_a_mention_is_written_plainly(self, monkeypatch: pytest.MonkeyPatch, written: str, read: str) -> None:
        assert load(monkeypatch, ALERT_MENTION=written).alert_mention == read

    def test_one_kind_of_admins_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = load(monkeypatch, ADMIN_SLACK_USERS="", ADMIN_EMAILS="Ada@Example.com")
        assert settings.admins.emails == {"ada@example.com"}

    def test_reminders_are_off_by_word_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert load(monkeypatch, ESCALATION_REMIND="off").policy.remind_every is None

    def test_the_clock_may_be_moved_only_by_a_slack_on_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert load(monkeypatch, SLACK_API_URL="http://127.0.0.1:8900/api").api_is_local
        assert load(monkeypatch, SLACK_API_URL="http://[::1]:8900/api").api_is_local
        assert not load(monkeypatch, SLACK_API_URL="https://127.0.0.1.evil.example/api").api_is_local

    def test_the_file_is_read_and_the_environment_goes_before_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path(".env").write_text('PORT=9001\nHOST="0.0.0.0"\n')
        settings = load(monkeypatch, PORT="9002")
        assert (settings.host, settings.port) == ("0.0.0.0", 9002)

    def test_the_database_alone_needs_nothing_else(self) -> None:
        Path(".env").write_text("DATABASE_URL=sqlite:///there.db\n")
        assert load_database_url() == "sqlite:///there.db"

    def test_names_that_look_like_a_setting_are_pointed_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path(".env").write_text("ADMIN_SLACK_USER=U0123456789\nSOMETHING_ELSE=1\n")
        monkeypatch.setenv("ESCALATION_SILENCE_HOUR", "24")
        assert misspelt_names() == [
            "ADMIN_SLACK_USER is no setting; is ADMIN_SLACK_USERS meant?",
            "ESCALATION_SILENCE_HOUR is no setting; is ESCALATION_SILENCE_HOURS meant?",
        ]


def as_written(default: Any) -> str:
    """A default as it stands in a `.env`."""
    if default is PydanticUndefined or default is None:
        return ""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return ",".join(default) if isinstance(default, tuple) else str(default)


DEFAULTS = {name.upper(): as_written(field.default) for name, field in Settings.model_fields.items()}


IMAP = {"IMAP_SERVER": "imap.example.com", "IMAP_EMAIL": "support@example.com", "IMAP_PASSWORD": "secret"}
SMTP = {"SMTP_SERVER": "smtp.example.com", **IMAP}


class TestSending:
    def test_without_any_of_it_nothing_is_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not load(monkeypatch).sends_mail

    def test_the_mailboxs_login_and_address_are_used_where_no_other_is_given(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = load(monkeypatch, **SMTP)
        assert settings.sends_mail
        assert (settings.smtp_login, settings.smtp_secret) == ("support@example.com", "secret")
        assert settings.mail_from == ("support@example.com", "")

    def test_what_is_given_goes_before_the_mailboxs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given = {"SMTP_USER": "relay", "SMTP_PASSWORD": "other", "EMAIL_FROM": "Help Desk <help@example.com>"}
        settings = load(monkeypatch, **SMTP, **given)
        assert (settings.smtp_login, settings.smtp_secret) == ("relay", "other")
        assert settings.mail_from == ("help@example.com", "Help Desk")

    @pytest.mark.parametrize(
        ("port", "security", "spoken"),
        [
            ("465", "auto", "tls"),
            ("587", "auto", "starttls"),
            ("25", "auto", "starttls"),
            ("587", "tls", "tls"),
            ("465", "STARTTLS", "starttls"),
        ],
    )
    def test_the_port_says_how_it_is_encrypted_unless_it_is_said(
        self, monkeypatch: pytest.MonkeyPatch, port: str, security: str, spoken: str
    ) -> None:
        settings = load(monkeypatch, **SMTP, SMTP_PORT=port, SMTP_SECURITY=security)
        assert settings.smtp_encryption == spoken

    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ({"SMTP_USER": "relay", "SMTP_PASSWORD": "x"}, "SMTP_SERVER is missing"),
            ({"EMAIL_FROM": "help@example.com"}, "SMTP_SERVER is missing"),
            ({"SMTP_SERVER": "smtp.example.com"}, "EMAIL_FROM is missing"),
            ({**SMTP, "EMAIL_FROM": "Support"}, "EMAIL_FROM is not usable"),
            ({**SMTP, "SMTP_USER": "relay"}, "SMTP_PASSWORD is missing"),
            ({**SMTP, "SMTP_SECURITY": "none"}, "SMTP_SECURITY=none is not usable"),
            (
                {"SMTP_SERVER": "s.example", "SMTP_PASSWORD": "x", "EMAIL_FROM": "a@example.com"},
                "SMTP_USER is missing",
            ),
        ],
    )
    def test_some_of_it_but_not_all_is_a_start_error(
        self, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str
    ) -> None:
        (problem,) = problems(monkeypatch, **given)
        assert problem.startswith(named)
        assert "secret" not in problem

    def test_the_missing_server_is_guessed_from_the_mailboxs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (problem,) = problems(monkeypatch, **IMAP, EMAIL_FROM="help@example.com")
        assert "smtp.example.com" in problem

    @pytest.mark.parametrize("more", [{"SMTP_SERVER": "127.0.0.1"}, {"SMTP_INSECURE": "true"}])
    def test_in_the_clear_only_to_this_machine_or_when_forced(
        self, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
    ) -> None:
        assert load(monkeypatch, **(SMTP | {"SMTP_SECURITY": "none"} | more)).smtp_encryption == "none"


class TestDocumented:
    def test_the_example_holds_every_setting_with_its_default(self) -> None:
        assert dotenv_values(ROOT / ".env.example", interpolate=False) == DEFAULTS

    def test_the_example_explains_every_setting(self) -> None:
        lines = (ROOT / ".env.example").read_text().splitlines()
        # With the line above.
        explained = {"PORT", "RECEIVED_TEXT", "IMAP_PASSWORD", "EMAIL_OAUTH_CLIENT_SECRET", "SMTP_PASSWORD"}
        for before, line in itertools.pairwise(lines):
            if "=" in line and not line.startswith("#") and line.split("=")[0] not in explained:
                assert before.startswith("# "), line

    def test_the_example_with_its_blanks_filled_is_usable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given = {
            name: value for name, value in dotenv_values(ROOT / ".env.example", interpolate=False).items() if value
        }
        settings = load(monkeypatch, **{name: str(value) for name, value in given.items()})
        assert settings.policy == load(monkeypatch).policy

    def test_the_readme_names_every_setting_with_its_default(self) -> None:
        readme = (ROOT / "README.md").read_text()
        rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\|", readme, re.MULTILINE))
        told = {name: default.strip("`") for name, default in rows.items()}
        assert told == DEFAULTS | {"RECEIVED_TEXT": "*in `.env.example`*"}

    def test_the_issues_names_are_all_there(self) -> None:
        assert {
            *("SLACK_APP_TOKEN", "SLACK_API_URL", "ADMIN_SLACK_USERS", "ADMIN_SLACK_USERGROUP", "ADMIN_EMAILS"),
            *(
                "HOST",
                "PORT",
                "DEBUG",
                "LOG_LEVEL",
                "IMAP_PORT",
                "EMAIL_POLL_INTERVAL",
                "ESCALATION_CHECK_INTERVAL",
            ),
            *("DATABASE_URL", "ESCALATION_FOLLOW_UPS", "FOLLOWUP_MERGE_SECONDS", "ESCALATION_SILENCE_HOURS"),
            *("ESCALATION_CLOCK", "ESCALATION_KEYWORDS", "ALERT_MENTION", "ESCALATION_REMIND", "CLOSURE_PHRASE"),
        } <= set(DEFAULTS)
