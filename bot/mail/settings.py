"""What the settings say about the mailbox that is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from bot.hosts import is_loopback

INCOMPLETE = "mailbox_incomplete"
A_DAY = 24 * 3600
MEGABYTES_MOST = 128 * 1024**2  # a database's row, and our memory, must hold one
TLS_PORT, PLAIN_PORT = 993, 143

GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
MICROSOFT_TOKENS = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
MICROSOFT_FOR_A_USER = (
    "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access"
)
MICROSOFT_FOR_AN_APP = "https://outlook.office365.com/.default"


class Security(StrEnum):
    """TLS from the first byte, TLS after STARTTLS, or none."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Backfill(StrEnum):
    """What of the mail that was there before the first start is read."""

    FEW_UNSEEN = ""  # the unseen, if they are few
    NONE = "none"
    UNSEEN = "unseen"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Password:
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Password(user={self.user!r})"


@dataclass(frozen=True, slots=True)
class OAuth:
    """How access tokens are had: with `refresh_token`, or without one as the app itself (client credentials)."""

    user: str
    token_url: str
    client_id: str
    client_secret: str
    refresh_token: str
    scope: str

    def __repr__(self) -> str:
        return f"OAuth(user={self.user!r}, token_url={self.token_url!r})"


@dataclass(frozen=True, slots=True)
class After:
    """What is done to a mail in the mailbox once it is on our disk."""

    seen: bool = False
    folder: str = ""


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """`backfill` may also be how far back from the first start mail is read."""

    server: str
    port: int
    security: Security
    address: str
    folder: str
    login: Password | OAuth
    backfill: Backfill | timedelta
    max_bytes: int
    after: After
    poll_interval: float
    down_alert: float

    @property
    def name(self) -> str:
        """The folder's name in our database; it stays when the mailbox moves to another server."""
        return f"{self.address.lower()}/{self.folder}"


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _server(value: str) -> str:
    if not re.fullmatch(r"[\w.:%-]{0,253}", value):
        raise ValueError("write the server's name, such as imap.example.com, without a scheme, blanks or a path")
    return value.lower()


def _one_address(value: str) -> str:
    if value and not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+", value):
        raise ValueError("write the mailbox's address, such as support@example.com")
    return value


def _one_line(value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("it must be one line")
    return value


def _one_secret_line(value: SecretStr) -> SecretStr:
    _one_line(value.get_secret_value())
    return value


def _backfill(value: str) -> str:
    value = value.strip().lower()
    if value in set(Backfill) or (re.fullmatch(r"[1-9]\d{0,4}", value) and int(value) <= 36500):
        return value
    raise ValueError("write none, unseen, all, or a number of days")


def _after(value: str) -> str:
    if value.lower() in {"leave", "seen"}:
        return value.lower()
    if re.fullmatch(r"(?i:move):\s*\S.*", _one_line(value)):
        return value
    raise ValueError("write leave, seen, or move: and the folder's name, such as move:Done")


def _token_url(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or re.search(r"[\s{}]", value):
        raise ValueError("write an address such as " + GOOGLE_TOKENS)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is only allowed to this machine itself (127.0.0.1); write https://")
    _ = parts.port  # raises what is wrong with it
    return value


Line = Annotated[str, AfterValidator(_one_line)]
Secret = Annotated[SecretStr, AfterValidator(_one_secret_line)]
_NO_SECRET = SecretStr("")


class MailboxFields(BaseModel):
    """Each field is the environment variable of the same name in capitals; `.env.example` explains them."""

    imap_server: Annotated[str, AfterValidator(_server)] = ""
    imap_port: Annotated[int, Field(ge=1, le=65535)] = TLS_PORT
    imap_email: Annotated[str, AfterValidator(_one_address)] = ""
    imap_password: Secret = _NO_SECRET
    imap_user: Line = ""
    imap_folder: Annotated[str, AfterValidator(_one_line), Field(min_length=1)] = "INBOX"
    imap_security: Annotated[Security, BeforeValidator(_lower)] = Security.TLS
    imap_insecure: bool = False
    imap_auth: Annotated[Literal["password", "google", "microsoft"], BeforeValidator(_lower)] = "password"
    imap_after: Annotated[str, AfterValidator(_after)] = "leave"
    email_oauth_client_id: Line = ""
    email_oauth_client_secret: Secret = _NO_SECRET
    email_oauth_refresh_token: Secret = _NO_SECRET
    email_oauth_tenant: Annotated[str, Field(pattern=r"^[\w.-]*$")] = ""
    email_oauth_token_url: Annotated[str, AfterValidator(_token_url)] = ""
    email_backfill: Annotated[str, AfterValidator(_backfill)] = ""
    email_max_bytes: Annotated[int, Field(ge=1024, le=MEGABYTES_MOST)] = 26214400
    email_down_alert: Annotated[float, Field(gt=0, le=A_DAY, allow_inf_nan=False)] = 300
    email_poll_interval: Annotated[float, Field(gt=0, le=A_DAY, allow_inf_nan=False, validate_default=True)] = 30

    @field_validator("email_poll_interval")
    @classmethod
    def _whole_mailbox(cls, value: float, info: ValidationInfo) -> float:
        """On the last of them, so that it is said beside every other problem."""
        if problems := _incomplete(info.data):
            raise PydanticCustomError(INCOMPLETE, "{problems}", {"problems": "; ".join(problems)})
        return value

    @property
    def reads_mail(self) -> bool:
        """Whether a mailbox is read at all."""
        return bool(self.imap_server)

    @property
    def mailbox(self) -> MailboxSettings:
        """The mailbox that is read, where one is."""
        encrypted_at_once = self.imap_security is Security.TLS
        return MailboxSettings(
            server=self.imap_server,
            # 993 is for TLS from the start alone: without that, it is the default, and not what was meant.
            port=PLAIN_PORT if self.imap_port == TLS_PORT and not encrypted_at_once else self.imap_port,
            security=self.imap_security,
            address=self.imap_email,
            folder="INBOX" if self.imap_folder.upper() == "INBOX" else self.imap_folder,
            login=self._login(),
            backfill=_read_backfill(self.email_backfill),
            max_bytes=self.email_max_bytes,
            after=_read_after(self.imap_after),
            poll_interval=self.email_poll_interval,
            down_alert=self.email_down_alert,
        )

    def _login(self) -> Password | OAuth:
        user = self.imap_user or self.imap_email
        if self.imap_auth == "password":
            return Password(user, self.imap_password.get_secret_value())
        refresh_token = self.email_oauth_refresh_token.get_secret_value()
        url, scope = GOOGLE_TOKENS, ""
        if self.imap_auth == "microsoft":
            url = MICROSOFT_TOKENS.format(tenant=self.email_oauth_tenant or "organizations")
            scope = MICROSOFT_FOR_A_USER if refresh_token else MICROSOFT_FOR_AN_APP
        return OAuth(
            user,
            self.email_oauth_token_url or url,
            self.email_oauth_client_id,
            self.email_oauth_client_secret.get_secret_value(),
            refresh_token,
            scope,
        )


def _incomplete(given: dict[str, Any]) -> list[str]:
    """What keeps these settings from being a mailbox; nothing if they are one, or none at all."""

    def has(name: str) -> bool:
        value = given.get(name, "malformed")
        return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)

    way = given.get("imap_auth", "password")
    secrets = [name for name in MailboxFields.model_fields if name.startswith("email_oauth")]
    if not any(has(name) for name in ("imap_server", "imap_email", "imap_password", *secrets)):
        return []
    needed = ["imap_server", "imap_email"]
    if way == "password":
        needed.append("imap_password")
    elif way == "google":
        needed += ["email_oauth_client_id", "email_oauth_client_secret", "email_oauth_refresh_token"]
    else:
        needed.append("email_oauth_client_id")
        if not has("email_oauth_refresh_token"):
            needed += ["email_oauth_client_secret", "email_oauth_tenant"]
    problems = []
    if missing := [name.upper() for name in needed if not has(name)]:
        verb = "is" if len(missing) == 1 else "are"
        problems.append(
            f"{_listed(missing)} {verb} missing: a mailbox needs {_listed([name.upper() for name in needed])}"
            f" (IMAP_AUTH={way}); leave all of them empty to have no email"
        )
    unprotected = given.get("imap_security") is Security.NONE and not given.get("imap_insecure")
    if unprotected and has("imap_server") and not is_loopback(given.get("imap_server", "localhost")):
        problems.append(
            "IMAP_SECURITY=none would send the password and all mail unencrypted: write tls or starttls, or set "
            "IMAP_INSECURE=true if the way to the server is protected otherwise"
        )
    return problems


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _read_backfill(value: str) -> Backfill | timedelta:
    return timedelta(days=int(value)) if value.isdigit() else Backfill(value)


def _read_after(value: str) -> After:
    if value.startswith(("leave", "seen")):
        return After(seen=value == "seen")
    return After(folder=value.partition(":")[2].strip())
