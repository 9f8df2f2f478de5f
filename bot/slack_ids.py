"""Slack's names for people and places. They become keys and lanes here, so what is none must not get that far."""

from __future__ import annotations

import re
from typing import Any

# Slack says that they are opaque, and has kept to capitals and digits: https://docs.slack.dev/reference/objects
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


def slack_id(value: Any) -> str:
    """The id of a person or channel. Raises ValueError for what cannot be one."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise ValueError(f"{_shown(value)} is no id of Slack's")


def slack_ts(value: Any) -> str:
    """The ts of a message. Raises ValueError for what cannot be one."""
    if isinstance(value, str) and _TS.fullmatch(value):
        return value
    raise ValueError(f"{_shown(value)} is no time of Slack's")


def _shown(value: Any) -> str:
    return f"{value!a:.60}"
