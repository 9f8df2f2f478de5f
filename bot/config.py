"""Settings, read from the environment and `.env`; what is wrong is named all at once, with the mend."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from datetime import timedelta
from email.utils import parseaddr
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.blocks.words import DEFAULT_COMMAND, RECEIVED_TEMPLATE
from bot.desk.policy import (
    DEFAULT_CLOSURE_PHRASE,
    DEFAULT_FILE_MAX_BYTES,
    DEFAULT_KEYWORDS,
    AdminCheck,
    MailPolicy,
    Policy,
    SilenceClock,
)
from bot.hosts import is_loopback
from bot.mail.addresses import normal_address
from bot.mail.authenticity import Trust, trust_of
from bot.mail.settings import INCOMPLETE, MailboxFields
from bot.people import AdminLists
from bot.setting_files import SUFFIX, read_files, written
from bot.setting_types import (
    A_YEAR,
    SLACK_API_URL,
    AccessToken,
    Addresses,
    ApiUrl,
    AppToken,
    BotToken,
    Channel,
    ClosurePhrase,
    Command,
    DatabaseUrl,
    Days,
    Footer,
    Host,
    Mention,
    ReceivedText,
    Seconds,
    UserIds,
    Words,
    lower,
    off_is_zero,
    upper,
)
from storage.urls import driver_url

ENV_FILE = ".env"
SMTPS_PORT = 465
A_GIGABYTE = 1024**3  # Slack takes no larger file


class ConfigError(Exception):
    """Settings are missing or malformed; `problems` says which, in plain words, with the mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


AnySettings = TypeVar("AnySettings", bound="DatabaseSettings")

_NOBODY = "nobody_answers"
_NOBODY_ANSWERS = (
    "nobody could answer: name the admins in ADMIN_SLACK_USERS (ids such as U0123456789), "
    "ADMIN_SLACK_USERGROUP (a user group's handle or id) or ADMIN_EMAILS"
)

_SENDING = "sending"


def smtp_problems(
    *,
    server: str,
    security: str,
    is_forced: bool,
    user: str,
    has_password: bool,
    mailbox: str,
    imap_server: str,
    email_from: str,
) -> list[str]:
    """What is missing or wrong among the settings that send mail, in plain words."""
    problems: list[str] = []
    if not server:
        if user or has_password or email_from:
            hint = f" (it may be {imap_server.replace('imap', 'smtp', 1)})" if "imap" in imap_server else ""
            problems.append(f"SMTP_SERVER is missing: name the server that mail is sent through{hint}")
        return problems
    address = parseaddr(email_from or mailbox)[1]
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        name = "EMAIL_FROM" if email_from else "EMAIL_FROM is missing and IMAP_EMAIL"
        problems.append(f"{name} is not usable: write an address such as Support <support@example.com>")
    if security == "none" and not is_forced and not is_loopback(server):
        problems.append(
            "SMTP_SECURITY=none is not usable: passwords and mail would travel readable for all; write tls or "
            "starttls, or set SMTP_INSECURE=true if you know that nobody can listen"
        )
    if has_password and not (user or mailbox):
        problems.append("SMTP_USER is missing: name the user to log in as, or leave SMTP_PASSWORD out")
    if user and user != mailbox and not has_password:
        problems.append("SMTP_PASSWORD is missing: give the password of SMTP_USER")
    return problems


class DatabaseSettings(BaseSettings):
    """What a command needs that touches nothing but the database."""

    model_config = SettingsConfigDict(env_file=ENV_FILE, extra="ignore", env_ignore_empty=True)

    database_url: DatabaseUrl = "sqlite:///./case_management.db"

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, given: Any) -> Any:
        """Blanks and quotes around a value are not part of it; a value of nothing else is not given."""
        bare = {name: _bare(value) for name, value in given.items()}
        return {name: value for name, value in bare.items() if value != ""}


class Settings(DatabaseSettings, MailboxFields):
    """Each field is the environment variable of the same name in capitals; `.env.example` explains them."""

    slack_bot_token: BotToken
    slack_app_token: AppToken
    slack_api_url: ApiUrl = SLACK_API_URL
    slack_sockets: Annotated[int, Field(ge=0, le=10)] = 2
    replay_interval: Seconds = 600
    slack_posts_per_second: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    support_slack_channel: Channel
    alerting_slack_channel: Channel
    logging_slack_channel: Channel

    admin_slack_users: UserIds = ()
    admin_slack_usergroup: str = ""
    admin_emails: Addresses = ()

    admin_email_check: Annotated[AdminCheck, BeforeValidator(lower)] = AdminCheck.DMARC
    email_authserv_id: str = ""
    email_auto_limit: Annotated[int, Field(ge=0)] = 5
    email_auto_limit_total: Annotated[int, Field(ge=0)] = 60
    email_new_cases_per_hour: Annotated[int, Field(ge=0)] = 60
    held_alert: Annotated[
        float, BeforeValidator(off_is_zero), Field(ge=0, le=A_YEAR / 3600, allow_inf_nan=False)
    ] = 4

    smtp_server: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 465
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_security: Annotated[Literal["auto", "tls", "starttls", "none"], BeforeValidator(lower)] = "auto"
    smtp_insecure: bool = False
    email_from: Annotated[str, Field(validate_default=True)] = ""
    email_footer: Footer = ""
    email_send_max_bytes: Annotated[int, Field(ge=10_000, le=A_GIGABYTE)] = 25 * 1024**2
    emails_per_minute: Annotated[float, Field(gt=0, le=6000, allow_inf_nan=False)] = 30
    answer_delay: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 20

    escalation_check_interval: Seconds = 300
    escalation_silence_hours: Annotated[float, Field(gt=0, le=A_YEAR / 3600, allow_inf_nan=False)] = 48
    escalation_clock: Annotated[SilenceClock, BeforeValidator(lower)] = SilenceClock.LAST_MESSAGE
    escalation_follow_ups: Annotated[int, Field(ge=0)] = 3
    followup_merge_seconds: Annotated[float, Field(ge=0, le=A_YEAR, allow_inf_nan=False)] = 0
    escalation_keywords: Words = DEFAULT_KEYWORDS
    escalation_remind: Annotated[
        float, BeforeValidator(off_is_zero), Field(ge=0, le=A_YEAR / 60, allow_inf_nan=False)
    ] = 0
    alert_mention: Mention = ""

    command: Command = DEFAULT_COMMAND
    closure_phrase: ClosurePhrase = DEFAULT_CLOSURE_PHRASE
    received_notice: bool = True
    received_text: ReceivedText = RECEIVED_TEMPLATE

    raw_retention_days: Days = 30
    retention_days: Days = 0

    file_max_bytes: Annotated[int, Field(ge=1, le=A_GIGABYTE)] = DEFAULT_FILE_MAX_BYTES

    host: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    canary_interval: Annotated[
        float, BeforeValidator(off_is_zero), Field(ge=0, le=A_YEAR, allow_inf_nan=False)
    ] = 0
    metrics_token: AccessToken = SecretStr("")
    debug: bool = False
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(upper)] = "INFO"
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(lower)] = "auto"

    @field_validator("admin_emails")
    @classmethod
    def _somebody_answers(cls, emails: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """On the last of the three, so that it is said beside every other problem."""
        others = [info.data.get(name, "malformed") for name in ("admin_slack_users", "admin_slack_usergroup")]
        if not emails and not any(others):
            raise PydanticCustomError(_NOBODY, _NOBODY_ANSWERS)
        return emails

    @field_validator("email_from")
    @classmethod
    def _mail_can_be_sent(cls, email_from: str, info: ValidationInfo) -> str:
        """All of what sending needs, or none of it; said beside every other problem."""
        given = {name: info.data.get(name) for name in ("smtp_server", "smtp_user", "imap_email")}
        password = info.data.get("smtp_password")
        has_password = isinstance(password, SecretStr) and password.get_secret_value() != ""
        if problems := smtp_problems(
            server=given["smtp_server"] or "",
            security=str(info.data.get("smtp_security", "auto")),
            is_forced=bool(info.data.get("smtp_insecure")),
            user=given["smtp_user"] or "",
            has_password=has_password,
            mailbox=given["imap_email"] or "",
            imap_server=str(info.data.get("imap_server", "")),
            email_from=email_from,
        ):
            raise PydanticCustomError(_SENDING, "{problems}", {"problems": "; ".join(problems)})
        return email_from

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_server)

    @property
    def mail_from(self) -> tuple[str, str]:
        """The address that mail is sent from, and the name beside it."""
        name, address = parseaddr(self.email_from or self.imap_email)
        return address, name

    @property
    def smtp_login(self) -> str:
        """The user to log in as: the mailbox's address where none is given; "" where neither is."""
        return self.smtp_user or self.imap_user or self.imap_email

    @property
    def smtp_secret(self) -> str:
        return self.smtp_password.get_secret_value() or self.imap_password.get_secret_value()

    @property
    def smtp_encryption(self) -> Literal["tls", "starttls", "none"]:
        if self.smtp_security == "auto":
            return "tls" if self.smtp_port == SMTPS_PORT else "starttls"
        return self.smtp_security

    @property
    def api_is_local(self) -> bool:
        """Whether Slack is a sandbox on this machine: only then may it move the clock."""
        return is_loopback(urlsplit(self.slack_api_url).hostname or "")

    @property
    def channels(self) -> dict[str, str]:
        """The desk's channels as they are named, by the setting that names each."""
        return {
            "SUPPORT_SLACK_CHANNEL": self.support_slack_channel,
            "ALERTING_SLACK_CHANNEL": self.alerting_slack_channel,
            "LOGGING_SLACK_CHANNEL": self.logging_slack_channel,
        }

    @property
    def admins(self) -> AdminLists:
        return AdminLists(
            frozenset(self.admin_slack_users),
            frozenset(self.admin_emails),
            self.admin_slack_usergroup.lstrip("@"),
        )

    @property
    def trust(self) -> Trust:
        """Whose word on senders counts."""
        return trust_of(self.imap_server, self.email_authserv_id)

    @property
    def admin_check_in_force(self) -> AdminCheck:
        """Where no server is known to trust, nothing proves a mail: admins do not act by mail then."""
        if self.admin_email_check is AdminCheck.DMARC and not self.trust.is_known:
            return AdminCheck.OFF
        return self.admin_email_check

    @property
    def secrets(self) -> frozenset[str]:
        """What must not be read anywhere, also where a server quotes it back."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        found = {field.get_secret_value() for field in fields if isinstance(field, SecretStr)}
        return frozenset(found | {driver_url(self.database_url).password or ""}) - {""}

    @property
    def policy(self) -> Policy:
        return Policy(
            follow_ups=self.escalation_follow_ups,
            followup_merge=timedelta(seconds=self.followup_merge_seconds),
            silence=timedelta(hours=self.escalation_silence_hours),
            silence_clock=self.escalation_clock,
            keywords=self.escalation_keywords,
            closure_phrase=self.closure_phrase,
            remind_every=timedelta(minutes=self.escalation_remind) if self.escalation_remind else None,
            say_received=self.received_notice,
            file_max_bytes=self.file_max_bytes,
            mail=MailPolicy(
                admin_check=self.admin_check_in_force,
                admins=frozenset(map(normal_address, self.admin_emails)),
                own=frozenset(normal_address(one) for one in (self.imap_email, self.mail_from[0]) if one),
                auto_limit=self.email_auto_limit,
                auto_limit_total=self.email_auto_limit_total,
                new_cases_per_hour=self.email_new_cases_per_hour,
                held_alert=timedelta(hours=self.held_alert) if self.held_alert else None,
            ),
        )


def load_settings(**given: Any) -> Settings:
    """The settings in force. Raises ConfigError with every problem at once."""
    return _loaded(Settings, given)


def load_database_url(**given: Any) -> str:
    """DATABASE_URL alone. Raises ConfigError."""
    return _loaded(DatabaseSettings, given).database_url


def _loaded(kind: type[AnySettings], given: dict[str, Any]) -> AnySettings:
    try:
        files = read_files([name for name in kind.model_fields if name not in given], written(ENV_FILE))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([_unreadable(error)]) from None
    try:
        settings = kind(**(files.values | given))
    except ValidationError as error:
        told = {(name,) for name in files.problems}
        wrong = [problem for problem in error.errors() if problem["loc"][:1] not in told]
        raise ConfigError([*files.problems.values(), *map(_in_plain_words, wrong)]) from None
    if files.problems:
        raise ConfigError(files.problems.values())
    return settings


def misspelt_names() -> list[str]:
    """Names in the environment and in `.env` that look like a setting's and are none, in plain words."""
    names = {name.upper() for name in Settings.model_fields}
    known = names | {name + SUFFIX for name in names}
    given = {name.upper() for name in (*os.environ, *dotenv_values(ENV_FILE))} - known
    found = {name: difflib.get_close_matches(name, known, n=1, cutoff=0.85) for name in sorted(given)}
    return [f"{name} is no setting; is {match[0]} meant?" for name, match in found.items() if match]


def _bare(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1].strip()
    return value


def _unreadable(error: OSError | UnicodeDecodeError) -> str:
    why = error.strerror if isinstance(error, OSError) else "it is not written in UTF-8"
    return f"{ENV_FILE} cannot be read: {why}"


_MISSING = {
    "slack_bot_token": "copy the Bot User OAuth Token (xoxb-…) from “OAuth & Permissions” of your Slack app",
    "slack_app_token": "make an app-level token (xapp-…) with connections:write in “Basic Information”",
    "support_slack_channel": "name the channel where cases are worked on, by id or name",
    "alerting_slack_channel": "name the channel for escalations; it may be the support channel",
    "logging_slack_channel": "name the channel for the log of closings; it may be the support channel",
}


# What is never shown: it is, or may hold, a password.
_SECRET = re.compile(r"token|password|secret|database_url")
_PLAIN = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_parsing": "write a number",
    "finite_number": "write a number",
    "greater_than": "it must be more than {gt:g}",
    "greater_than_equal": "it must be {ge:g} or more",
    "less_than_equal": "it must be {le:g} or less",
    "literal_error": "write one of {expected}",
    "enum": "write one of {expected}",
}


def _in_plain_words(problem: Any) -> str:
    """One problem of pydantic's as a sentence for the person who wrote the `.env`."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in {_NOBODY, _SENDING, INCOMPLETE}:
        return str(problem["msg"])
    name = str(problem["loc"][0])
    if kind == "missing":
        return f"{name.upper()} is missing: {_MISSING.get(name, 'give it a value')}"
    if kind == "value_error":
        reason = str(context["error"])
    elif kind in _PLAIN:
        reason = _PLAIN[kind].format(**context)
    else:
        reason = str(problem["msg"])
    shown = "" if _SECRET.search(name) else f"={str(problem['input'])[:80]}"
    return f"{name.upper()}{shown} is not usable: {reason}"
