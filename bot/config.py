"""Settings, read from the environment and `.env`; what is wrong is named all at once, with the mend."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.blocks.words import RECEIVED_TEMPLATE
from bot.desk.policy import DEFAULT_CLOSURE_PHRASE, DEFAULT_KEYWORDS, Policy, SilenceClock
from bot.people import AdminLists
from storage.errors import UnusableDatabaseUrl
from storage.urls import driver_url

SLACK_API_URL = "https://slack.com/api/"


class ConfigError(Exception):
    """Settings are missing or malformed; `problems` says which, in plain words, with the mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _database_url(value: str) -> str:
    try:
        driver_url(value)
    except UnusableDatabaseUrl as error:
        raise ValueError(str(error)) from error
    return value


def _token(prefix: str, where: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().strip().startswith(prefix):
            raise ValueError(f"it must start with {prefix}; {where}")
        return SecretStr(value.get_secret_value().strip())

    return AfterValidator(check)


def _channel(value: str) -> str:
    value = value.strip().lstrip("#")
    if not re.fullmatch(r"[\w.-]{1,80}", value):
        raise ValueError("write a channel's id, such as C0123456789, or its name, such as #support")
    return value


def _api_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"write an address such as {SLACK_API_URL}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is only allowed to this machine itself (127.0.0.1); write https://")
    return value if value.endswith("/") else value + "/"


def _mention(value: str) -> str:
    """Take a mention as people write it, and make it Slack's."""
    value = value.strip()
    if value == "" or re.fullmatch(r"<(?:!here|!channel|!everyone|!subteam\^S\w+|@[UW]\w+)>", value):
        return value
    if value.lstrip("@") in {"here", "channel", "everyone"}:
        return f"<!{value.lstrip('@')}>"
    if re.fullmatch(r"S[A-Z0-9]{6,}", value):
        return f"<!subteam^{value}>"
    if re.fullmatch(r"[UW][A-Z0-9]{6,}", value):
        return f"<@{value}>"
    raise ValueError("write here, channel, a user's id (U…) or a user group's id (S…)")


def _received_text(value: str) -> str:
    if len(value) > 3000:
        raise ValueError("it may have 3,000 characters at most")
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Channel = Annotated[str, AfterValidator(_channel)]

_BOT_TOKEN = _token("xoxb-", "copy the Bot User OAuth Token from “OAuth & Permissions” of your Slack app")
_APP_TOKEN = _token(
    "xapp-", "make an app-level token with connections:write in “Basic Information” of your Slack app"
)


class Settings(BaseSettings):
    """Each field is the environment variable of the same name in capitals; `.env.example` explains them."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///./case_management.db"

    slack_bot_token: Annotated[SecretStr, _BOT_TOKEN]
    slack_app_token: Annotated[SecretStr, _APP_TOKEN]
    slack_api_url: Annotated[str, AfterValidator(_api_url)] = SLACK_API_URL
    slack_posts_per_second: Annotated[float, Field(gt=0, le=1000)] = 1.0
    support_slack_channel: Channel
    alerting_slack_channel: Channel
    logging_slack_channel: Channel

    admin_slack_users: Words = ()
    admin_slack_usergroup: str = ""
    admin_emails: Words = ()

    imap_server: str = ""
    imap_port: Annotated[int, Field(ge=1, le=65535)] = 993
    imap_email: str = ""
    imap_password: SecretStr = SecretStr("")
    email_poll_interval: Annotated[float, Field(gt=0)] = 30

    escalation_check_interval: Annotated[float, Field(gt=0)] = 300
    escalation_silence_hours: Annotated[float, Field(gt=0)] = 48
    escalation_clock: SilenceClock = SilenceClock.LAST_MESSAGE
    escalation_follow_ups: Annotated[int, Field(ge=0)] = 3
    followup_merge_seconds: Annotated[float, Field(ge=0)] = 0
    escalation_keywords: Words = DEFAULT_KEYWORDS
    escalation_remind: Annotated[float, Field(ge=0)] = 0
    alert_mention: Annotated[str, AfterValidator(_mention)] = ""

    closure_phrase: str = DEFAULT_CLOSURE_PHRASE
    received_notice: bool = True
    received_text: Annotated[str, AfterValidator(_received_text)] = RECEIVED_TEMPLATE

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    debug: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"

    @model_validator(mode="after")
    def _somebody_answers(self) -> Settings:
        if not (self.admin_slack_users or self.admin_slack_usergroup or self.admin_emails):
            raise ValueError(
                "nobody could answer: name the admins in ADMIN_SLACK_USERS (ids such as U0123456789), "
                "ADMIN_SLACK_USERGROUP (a user group's handle or id) or ADMIN_EMAILS"
            )
        return self

    @property
    def api_is_local(self) -> bool:
        """Whether Slack is a sandbox on this machine: only then may it move the clock."""
        return is_loopback(urlsplit(self.slack_api_url).hostname or "")

    @property
    def admins(self) -> AdminLists:
        return AdminLists(
            frozenset(self.admin_slack_users),
            frozenset(address.lower() for address in self.admin_emails),
            self.admin_slack_usergroup.strip(),
        )

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
        )


def load_settings(**given: Any) -> Settings:
    """The settings in force. Raises ConfigError with every problem at once."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ConfigError(_in_plain_words(problem) for problem in error.errors()) from None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_MISSING = {
    "slack_bot_token": "copy the Bot User OAuth Token (xoxb-…) from “OAuth & Permissions” of your Slack app",
    "slack_app_token": "make an app-level token (xapp-…) with connections:write in “Basic Information”",
    "support_slack_channel": "name the channel where cases are worked on, by id or name",
    "alerting_slack_channel": "name the channel for escalations; it may be the support channel",
    "logging_slack_channel": "name the channel for the log of closings; it may be the support channel",
}


def _in_plain_words(problem: Any) -> str:
    """One problem of pydantic's as a sentence for the person who wrote the `.env`."""
    if not problem["loc"]:
        return str(problem["ctx"]["error"]) if "error" in problem.get("ctx", {}) else str(problem["msg"])
    name = str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{name.upper()} is missing: {_MISSING.get(name, 'give it a value')}"
    if problem["type"] == "value_error":
        reason = str(problem["ctx"]["error"])
    else:
        reason = str(problem["msg"])
        reason = reason[:1].lower() + reason[1:]
    shown = (
        "" if isinstance(problem["input"], SecretStr) or "token" in name or "password" in name else _shown(problem)
    )
    return f"{name.upper()}{shown} is not usable: {reason}"


def _shown(problem: Any) -> str:
    given = re.sub(r"//[^/@]*@", "//…@", str(problem["input"]))
    return f"={given[:80]}"
