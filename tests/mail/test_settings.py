"""The mailbox in the settings: whole or not at all, and nothing unencrypted by accident."""

from datetime import timedelta
from typing import Any

import pytest

from bot.config import ConfigError, Settings, load_settings
from bot.mail.settings import After, Backfill, OAuth, Password

DESK = {
    "slack_bot_token": "xoxb-1-abc",
    "slack_app_token": "xapp-1-A1-2-abc",
    "support_slack_channel": "#support",
    "alerting_slack_channel": "#alerts",
    "logging_slack_channel": "#log",
    "admin_slack_users": ("U0123456789",),
}
WHOLE = {"imap_server": "imap.example.com", "imap_email": "Support@example.com", "imap_password": "secret-word"}
MICROSOFT = {
    "imap_server": "outlook.office365.com",
    "imap_email": "support@example.com",
    "imap_auth": "microsoft",
    "email_oauth_client_id": "app",
}


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def load(**given: Any) -> Settings:
    return load_settings(_env_file=None, **(DESK | given))


def problem(**given: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        load(**given)
    [said] = raised.value.problems
    return said


class TestWhole:
    def test_without_any_of_it_there_is_no_email(self) -> None:
        assert not load().reads_mail
        assert not load(imap_port="993", email_poll_interval="5").reads_mail

    @pytest.mark.parametrize("left_out", sorted(WHOLE))
    def test_a_part_of_it_is_a_problem_that_names_the_rest(self, left_out: str) -> None:
        said = problem(**{name: value for name, value in WHOLE.items() if name != left_out})
        assert said.startswith(f"{left_out.upper()} is missing")
        assert "secret-word" not in said

    def test_it_is_said_beside_every_other_problem(self) -> None:
        with pytest.raises(ConfigError) as raised:
            load(imap_server="imap.example.com", slack_bot_token="")
        assert len(raised.value.problems) == 2

    def test_what_it_is(self) -> None:
        mailbox = load(**WHOLE).mailbox
        assert load(**WHOLE).reads_mail
        assert (mailbox.server, mailbox.port, mailbox.folder) == ("imap.example.com", 993, "INBOX")
        assert mailbox.login == Password("Support@example.com", "secret-word")
        assert mailbox.name == "support@example.com/INBOX"
        assert "secret-word" not in repr(mailbox)

    @pytest.mark.parametrize(("security", "port"), [("tls", 993), ("STARTTLS", 143)])
    def test_the_port_follows_the_security(self, security: str, port: int) -> None:
        assert load(**WHOLE, imap_security=security).mailbox.port == port
        assert load(**WHOLE, imap_security=security, imap_port="1143").mailbox.port == 1143


class TestUnencrypted:
    @pytest.mark.parametrize("server", ["127.0.0.1", "localhost", "::1"])
    def test_to_this_machine_itself(self, server: str) -> None:
        assert load(**(WHOLE | {"imap_server": server}), imap_security="none").mailbox.port == 143

    def test_to_another_only_when_that_is_asked_for(self) -> None:
        assert "unencrypted" in problem(**WHOLE, imap_security="none")
        assert load(**WHOLE, imap_security="none", imap_insecure="true").reads_mail

    def test_tokens_are_had_over_https(self) -> None:
        assert "plain http is only allowed" in problem(
            **MICROSOFT, email_oauth_refresh_token="r", email_oauth_token_url="http://login.example/token"
        )


class TestOAuth:
    def test_google_by_refresh_token(self) -> None:
        google = MICROSOFT | {"imap_auth": "Google", "email_oauth_client_secret": "s"}
        assert "EMAIL_OAUTH_REFRESH_TOKEN is missing" in problem(**google)
        login = load(**google, email_oauth_refresh_token="r").mailbox.login
        assert login == OAuth("support@example.com", "https://oauth2.googleapis.com/token", "app", "s", "r", "")

    def test_microsoft_by_refresh_token_or_as_the_app_itself(self) -> None:
        assert "EMAIL_OAUTH_CLIENT_SECRET and EMAIL_OAUTH_TENANT are missing" in problem(**MICROSOFT)
        user = load(**MICROSOFT, email_oauth_refresh_token="r").mailbox.login
        app = load(**MICROSOFT, email_oauth_client_secret="s", email_oauth_tenant="t-1").mailbox.login
        assert isinstance(user, OAuth)
        assert isinstance(app, OAuth)
        assert "IMAP.AccessAsUser.All" in user.scope
        assert (app.refresh_token, app.scope) == ("", "https://outlook.office365.com/.default")
        assert app.token_url == "https://login.microsoftonline.com/t-1/oauth2/v2.0/token"


class TestValues:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("", Backfill.FEW_UNSEEN),
            ("none", Backfill.NONE),
            ("Unseen", Backfill.UNSEEN),
            ("all", Backfill.ALL),
            ("14", timedelta(days=14)),
        ],
    )
    def test_backfill(self, written: str, read: Backfill | timedelta) -> None:
        assert load(**WHOLE, email_backfill=written).mailbox.backfill == read

    @pytest.mark.parametrize(
        ("written", "read"),
        [("leave", After()), ("Seen", After(seen=True)), ("move: Done & dusted", After(folder="Done & dusted"))],
    )
    def test_after(self, written: str, read: After) -> None:
        assert load(**WHOLE, imap_after=written).mailbox.after == read

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("email_backfill", "yesterday"),
            ("email_backfill", "-3"),
            ("imap_after", "delete"),
            ("imap_after", "move:"),
            ("imap_server", "imaps://imap.example.com"),
            ("imap_email", "support"),
            ("imap_password", "two\nlines"),
            ("imap_folder", "a\r\nLOGOUT"),
            ("imap_security", "ssl"),
            ("email_max_bytes", "5"),
        ],
    )
    def test_what_is_not_usable_is_said(self, name: str, value: str) -> None:
        assert problem(**(WHOLE | {name: value})).startswith(name.upper())
