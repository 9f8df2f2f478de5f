"""What kinds of values settings have: how they may be written, and what is said where they are malformed."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from bot.desk.rules import detect_closure_phrase
from bot.hosts import is_loopback
from storage.errors import UnusableDatabaseUrl
from storage.urls import driver_url

SLACK_API_URL = "https://slack.com/api/"
A_YEAR = 366 * 24 * 3600


def is_channel_id(name: str) -> bool:
    return re.fullmatch(r"[CG][A-Z0-9]{8,}", name) is not None


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
        if not re.fullmatch(rf"{prefix}[\w.-]+", value.get_secret_value()):
            raise ValueError(f"it must start with {prefix} and have no blanks in it; {where}")
        return value

    return AfterValidator(check)


def _channel(value: str) -> str:
    value = value.strip().lstrip("#")
    if not re.fullmatch(r"[\w.-]{1,80}", value) or value.startswith(("xoxb-", "xapp-")):
        raise ValueError("write a channel's id, such as C0123456789, or its name, such as #support")
    return value if is_channel_id(value) else value.lower()


def _user_ids(values: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [value for value in values if not re.fullmatch(r"[UW][A-Z0-9]{5,}", value)]:
        raise ValueError(
            f"{', '.join(wrong)}: write member ids such as U0123456789, separated by commas; Slack shows "
            "them in a person's profile under ⋮, “Copy member ID”"
        )
    return values


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [value for value in values if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", value)]:
        raise ValueError(f"{', '.join(wrong)}: write addresses such as ada@example.com, separated by commas")
    return tuple(value.lower() for value in values)


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def off_is_zero(value: Any) -> Any:
    return 0 if isinstance(value, str) and value.lower() in {"off", "no", "false", "never"} else value


def _api_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"write an address such as {SLACK_API_URL}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is only allowed to this machine itself (127.0.0.1); write https://")
    _ = parts.port  # raises what is wrong with it
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


def _command(value: str) -> str:
    if not re.fullmatch(r"/[a-z0-9_-]{1,31}", value):
        raise ValueError(
            "write it as in your Slack app, such as /case: a slash, then at most 31 lower-case letters, digits, - "
            "and _"
        )
    return value


def _host(value: str) -> str:
    try:
        value.encode("idna")
    except UnicodeError:
        raise ValueError("write an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all") from None
    return value


def _access_token(value: SecretStr) -> SecretStr:
    token = value.get_secret_value()
    if token and not re.fullmatch(r"[!-~]{16,}", token):
        raise ValueError(
            "write at least 16 letters, digits and signs without blanks: openssl rand -hex 32 makes one"
        )
    return value


def _closure_phrase(value: str) -> str:
    if not detect_closure_phrase(value, value):
        raise ValueError("an admin who types it would close nothing: write words, and no code or quote")
    return value


def _received_text(value: str) -> str:
    if len(value) > 3000:
        raise ValueError("it may have 3,000 characters at most")
    return value


def _footer(value: str) -> str:
    if len(value) > 1000:
        raise ValueError("it may have 1,000 characters at most")
    return value.replace("\\n", "\n")


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Seconds = Annotated[float, Field(gt=0, le=A_YEAR, allow_inf_nan=False)]
Days = Annotated[float, BeforeValidator(off_is_zero), Field(ge=0, le=36_600, allow_inf_nan=False)]
Channel = Annotated[str, AfterValidator(_channel)]
UserIds = Annotated[Words, AfterValidator(_user_ids)]
Addresses = Annotated[Words, AfterValidator(_addresses), Field(validate_default=True)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
ApiUrl = Annotated[str, AfterValidator(_api_url)]
Mention = Annotated[str, AfterValidator(_mention)]
Command = Annotated[str, AfterValidator(_command)]
Host = Annotated[str, AfterValidator(_host)]
AccessToken = Annotated[SecretStr, AfterValidator(_access_token)]
ClosurePhrase = Annotated[str, AfterValidator(_closure_phrase)]
ReceivedText = Annotated[str, AfterValidator(_received_text)]
Footer = Annotated[str, AfterValidator(_footer)]
BotToken = Annotated[
    SecretStr, _token("xoxb-", "copy the Bot User OAuth Token from “OAuth & Permissions” of your Slack app")
]
AppToken = Annotated[
    SecretStr,
    _token("xapp-", "make an app-level token with connections:write in “Basic Information” of your Slack app"),
]
