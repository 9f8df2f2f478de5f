"""How admins act by mail is said to the operator where it is not as one would think."""

from typing import Any

import pytest

from bot.config import Settings, load_settings
from bot.desk.policy import AdminCheck
from bot.mail.admins import how_admins_act

REQUIRED = {
    "slack_bot_token": "xoxb-1",
    "slack_app_token": "xapp-1",
    "support_slack_channel": "support",
    "alerting_slack_channel": "alerts",
    "logging_slack_channel": "log",
    "admin_emails": "Grace@B\u00fccher.example",
}
MAILBOX = {"imap_server": "imap.gmail.com", "imap_email": "Support@example.com", "imap_password": "secret"}


def settings(**changed: Any) -> Settings:
    return load_settings(_env_file=None, **(REQUIRED | MAILBOX | changed))


def test_where_the_server_is_known_admins_act_by_its_word() -> None:
    assert settings().policy.mail.admin_check is AdminCheck.DMARC
    assert how_admins_act(settings()) == ""


def test_where_it_is_not_known_they_do_not_and_that_is_said() -> None:
    unknown = settings(imap_server="mail.example.com")
    assert unknown.policy.mail.admin_check is AdminCheck.OFF
    assert "EMAIL_AUTHSERV_ID" in how_admins_act(unknown)
    named = settings(imap_server="mail.example.com", email_authserv_id="mx.example.com")
    assert named.policy.mail.admin_check is AdminCheck.DMARC
    assert how_admins_act(named) == ""


@pytest.mark.parametrize("server", ["imap.gmail.com", "mail.example.com"])
def test_that_nothing_is_checked_is_said_loudly(server: str) -> None:
    unchecked = settings(imap_server=server, admin_email_check="none")
    assert unchecked.policy.mail.admin_check is AdminCheck.NONE
    assert "anybody" in how_admins_act(unchecked)


def test_microsofts_form_is_said_to_be_untried() -> None:
    assert "never tried" in how_admins_act(settings(imap_server="outlook.office365.com"))


def test_off_is_as_it_was_asked_for() -> None:
    off = settings(admin_email_check="off")
    assert off.policy.mail.admin_check is AdminCheck.OFF
    assert how_admins_act(off) == ""


def test_without_a_mailbox_or_admins_there_is_nothing_to_say() -> None:
    assert how_admins_act(load_settings(_env_file=None, **REQUIRED, admin_email_check="none")) == ""


def test_addresses_are_compared_as_senders_are_written() -> None:
    policy = settings().policy.mail
    assert policy.admins == {"grace@b\u00fccher.example"}
    assert policy.own == {"support@example.com"}


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(Exception, match="ADMIN_EMAIL_CHECK"):
        settings(admin_email_check="maybe")
