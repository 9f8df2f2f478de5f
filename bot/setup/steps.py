"""What is asked, in which order, and which check tries the answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from bot.config import Settings
from bot.doctor.findings import Finding
from bot.mail.authenticity import trust_of

from . import checks
from .draft import Draft


def _always(_draft: Draft) -> bool:
    return True


def _nothing(_draft: Draft) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Question:
    """`proposed`: what Enter means where nothing was given before."""

    name: str
    prompt: str
    is_secret: bool = False
    proposed: Callable[[Draft], str] = _nothing
    applies: Callable[[Draft], bool] = _always


@dataclass(frozen=True, slots=True)
class Step:
    """`gate`: the question whether it is wanted at all; without an answer it is where one of its settings is."""

    title: str
    hint: str
    questions: tuple[Question, ...]
    check: Callable[[Settings], Coroutine[Any, Any, list[Finding]]]
    gate: str = ""
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(question.name for question in self.questions))


def _same_as_support(draft: Draft) -> str:
    return draft.get("SUPPORT_SLACK_CHANNEL")


def _by_password(draft: Draft) -> bool:
    return _way(draft) == "password"


def _by_oauth(draft: Draft) -> bool:
    return not _by_password(draft)


def _way(draft: Draft) -> str:
    return draft.get("IMAP_AUTH").lower() or "password"


def _as_microsofts_app(draft: Draft) -> bool:
    return _way(draft) == "microsoft" and not draft.get("EMAIL_OAUTH_REFRESH_TOKEN")


def _imap_server(draft: Draft) -> str:
    domain = draft.get("IMAP_EMAIL").rpartition("@")[2].lower()
    if _way(draft) == "google" or domain in {"gmail.com", "googlemail.com"}:
        return "imap.gmail.com"
    if _way(draft) == "microsoft":
        return "outlook.office365.com"
    return f"imap.{domain}" if domain else ""


def _imap_port(draft: Draft) -> str:
    return "993" if (draft.get("IMAP_SECURITY").lower() or "tls") == "tls" else "143"


def _smtp_server(draft: Draft) -> str:
    server = draft.get("IMAP_SERVER").lower()
    if server == "outlook.office365.com":
        return "smtp.office365.com"
    return server.replace("imap", "smtp", 1)


def _smtp_port(draft: Draft) -> str:
    return "587" if draft.get("SMTP_SERVER").lower().endswith("office365.com") else "465"


def _needs_authserv_id(draft: Draft) -> bool:
    return bool(draft.get("ADMIN_EMAILS")) and not trust_of(draft.get("IMAP_SERVER")).is_known


STEPS = (
    Step(
        "Slack app",
        "Make it at https://api.slack.com/apps from manifest.yml, and install it to the workspace.",
        (
            Question(
                "SLACK_BOT_TOKEN",
                "Bot User OAuth Token, xoxb-… (OAuth & Permissions)",
                is_secret=True,
            ),
            Question(
                "SLACK_APP_TOKEN",
                "App-level token with connections:write, xapp-… (Basic Information)",
                is_secret=True,
            ),
        ),
        checks.slack_app,
    ),
    Step(
        "Channels",
        "Ids or names; type /invite @Casewire in each. The three may be one.",
        (
            Question("SUPPORT_SLACK_CHANNEL", "Where cases are worked on"),
            Question("ALERTING_SLACK_CHANNEL", "Where escalations are told", proposed=_same_as_support),
            Question("LOGGING_SLACK_CHANNEL", "Where closings leave a line", proposed=_same_as_support),
        ),
        checks.channels,
    ),
    Step(
        "Admins",
        "Who may answer. One of the three is enough.",
        (
            Question("ADMIN_SLACK_USERS", "Member ids (U…), separated by commas"),
            Question("ADMIN_SLACK_USERGROUP", "A user group, by handle or id"),
            Question("ADMIN_EMAILS", "Addresses as in the Slack profiles, separated by commas"),
        ),
        checks.admins,
    ),
    Step(
        "Database",
        "sqlite:///path (sqlite:////path from the root), or postgresql://user:password@host:5432/name.",
        (
            Question(
                "DATABASE_URL",
                "Where cases are kept",
                is_secret=True,
                proposed=lambda _: "sqlite:///./case_management.db",
            ),
        ),
        checks.database,
    ),
    Step(
        "Mailbox",
        "One of its own. Nothing in it is ever deleted.",
        (
            Question("IMAP_EMAIL", "Its address"),
            Question("IMAP_AUTH", "Login by password, google or microsoft", proposed=lambda _: "password"),
            Question("IMAP_SERVER", "IMAP server", proposed=_imap_server),
            Question("IMAP_SECURITY", "Encryption: tls, starttls or none", proposed=lambda _: "tls"),
            Question("IMAP_PORT", "Port", proposed=_imap_port),
            Question("IMAP_USER", "Whom to log in as, where that is not the address"),
            Question("IMAP_PASSWORD", "Password (Gmail: an app password)", is_secret=True, applies=_by_password),
            Question("EMAIL_OAUTH_CLIENT_ID", "OAuth2 client id", applies=_by_oauth),
            Question("EMAIL_OAUTH_CLIENT_SECRET", "OAuth2 client secret", is_secret=True, applies=_by_oauth),
            Question("EMAIL_OAUTH_REFRESH_TOKEN", "OAuth2 refresh token", is_secret=True, applies=_by_oauth),
            Question("EMAIL_OAUTH_TENANT", "Microsoft directory (tenant) id", applies=_as_microsofts_app),
            Question(
                "EMAIL_AUTHSERV_ID",
                "The name in your mail server's own Authentication-Results, so that admins may act by mail",
                applies=_needs_authserv_id,
            ),
        ),
        checks.mailbox,
        gate="Do customers write email, too?",
    ),
    Step(
        "Sending mail",
        "What answers to email customers are sent through.",
        (
            Question("SMTP_SERVER", "SMTP server", proposed=_smtp_server),
            Question("SMTP_PORT", "Port (465 for TLS, 587 for STARTTLS)", proposed=_smtp_port),
            Question(
                "SMTP_SECURITY", "Encryption: auto (by the port), tls, starttls or none", proposed=lambda _: "auto"
            ),
            Question("SMTP_USER", "User, where it is not the mailbox's"),
            Question("SMTP_PASSWORD", "Password, where it is not the mailbox's", is_secret=True),
            Question("EMAIL_FROM", "From: Support <support@example.com>, where it is not the mailbox's address"),
        ),
        checks.sending,
        gate="Are their answers sent by mail?",
    ),
)
