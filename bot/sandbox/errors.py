"""The error answers a Slack method can give."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """An `{"ok": false, "error": ...}` answer; `fields` are sent beside the error code."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.fields: dict[str, Any] = fields


class WaitTimeout(TimeoutError):
    """Nothing that was waited for happened; the message shows what the workspace looked like."""
