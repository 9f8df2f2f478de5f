"""Structured logs to stdout: JSON for machines, or readable. No token gets out, nor what anybody wrote."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import quote

import structlog

# Tokens, a socket's ticket, an event's verification token, and addresses that let whoever has them answer for us.
_TOKEN = re.compile(
    r"""\bx(?:ox[a-z]|app)-[\w.-]+|(?<=ticket=)[^&\s'"]+|(?<=hooks\.slack\.com/)[^\s'"]+"""
    r"""|(?<=["']token["']: ["'])[^"']+|(?<=["']token["']:["'])[^"']+"""
)
# PostgreSQL quotes the offending row in these lines, and with it what somebody wrote.
_ROW = re.compile(r"^(DETAIL|CONTEXT): .*(?:\n(?!\S).*)*", re.MULTILINE)
# Shorter ones would hide ordinary words.
_SECRET_LEAST = 6
# At its lower levels it quotes logins and whole mails.
_MUTE = ("aioimaplib",)
_CHATTY = ("slack_bolt", "slack_sdk", "aiohttp.access", "asyncio", "alembic", "aiosqlite", "sqlalchemy")
_known: re.Pattern[str] | None = None
# Most texts hold none of these, and then the patterns, which take longer, have nothing to look for.
_HINTS = ("xox", "xapp", "ticket=", "hooks.slack", "token", "DETAIL", "CONTEXT")
_hidden: tuple[str, ...] = ()


def configure_logging(level: str, style: str) -> None:
    """`style` is json, text, or auto: text on a terminal, json elsewhere."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_text = style == "text" or (style == "auto" and sys.stdout.isatty())
    # Tracebacks become plain text before they are redacted: rich ones would show local variables.
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if as_text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)
    for name in _MUTE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("slack_bolt").addFilter(_is_news)  # the one that our Bolt app is given


def _is_news(record: logging.LogRecord) -> bool:
    """Bolt warns that it does not take SLACK_BOT_TOKEN from the environment; it is not meant to."""
    return not record.getMessage().endswith(("`token` will be unused.", "env variable) will be ignored."))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace whatever looks like a Slack token, and the rows that PostgreSQL quotes, wherever they stand."""
    for key, value in event.items():
        event[key] = _plain(value)
    return event


def _plain(value: Any) -> Any:
    """As it is shown: numbers as they are, all else as redacted text, alone or in lists."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return redacted(value if isinstance(value, str) else repr(value))


def hide(secrets: Iterable[str]) -> None:
    """Have these left out of whatever is said from now on, also where a server quotes them back."""
    global _hidden, _known  # noqa: PLW0603 one process has one set of them
    written = {
        form for secret in secrets if len(secret) >= _SECRET_LEAST for form in (secret, quote(secret, safe=""))
    }
    longest_first = sorted(written, key=lambda form: (-len(form), form))
    _hidden = tuple(longest_first)
    _known = re.compile("|".join(map(re.escape, longest_first))) if written else None


def redacted(text: str) -> str:
    """The text without tokens, passwords and quoted rows."""
    if _known is not None and any(secret in text for secret in _hidden):
        text = _known.sub("(secret)", text)
    if not any(hint in text for hint in _HINTS):
        return text
    return _ROW.sub(r"\1: (left out)", _TOKEN.sub("(token)", text))
