"""Structured logs to stdout: JSON for machines, or readable for people. Tokens never get out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_TOKEN = re.compile(r"\bx(?:ox[a-z]|app)-[\w-]+")
_CHATTY = ("slack_bolt", "slack_sdk", "aiohttp.access", "asyncio", "alembic", "aiosqlite", "sqlalchemy")


def configure_logging(level: str, style: str) -> None:
    """`style` is json, text, or auto: text on a terminal, json elsewhere."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_text = style == "text" or (style == "auto" and sys.stdout.isatty())
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
        if as_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
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
                *renderers[:-1],
                redact_tokens,
                renderers[-1],
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)


def redact_tokens(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace whatever looks like a Slack token, wherever it stands."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _TOKEN.sub("(token)", value)
        elif isinstance(value, BaseException) or (
            isinstance(value, tuple | list | dict) and "exc_info" not in key
        ):
            event[key] = _TOKEN.sub("(token)", repr(value))
    return event
