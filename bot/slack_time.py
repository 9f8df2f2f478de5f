"""Slack's message timestamps: seconds and microseconds since the epoch, as text; also a message's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(ts: str) -> datetime:
    """The exact moment of a ts such as `1700000000.000100`. Raises ValueError for anything else."""
    seconds, _, fraction = ts.partition(".")
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")[:6] or "0"))


def ts_of(at: datetime) -> str:
    """The ts of a moment, for bounds in history calls."""
    since = at.astimezone(UTC) - _EPOCH
    return f"{since.days * 86400 + since.seconds}.{since.microseconds:06d}"
