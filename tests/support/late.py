"""Events that Slack brings late: kept back one by one, and delivered when a test says so."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from bot.sandbox.server import LocalSlack


def taken_in(slack: LocalSlack, ts: str) -> bool:
    """Whether the bot has acknowledged the event of what was written at that ts: then it is on disk."""
    acknowledged = {record.detail.get("event_id") for record in slack.acks()}
    return any(
        record.detail["payload"]["event_id"] in acknowledged
        for record in slack.traffic.of("envelope:events_api")
        if record.detail["payload"]["event"].get("ts") == ts
    )


@contextlib.contextmanager
def kept_back(slack: LocalSlack) -> Iterator[Callable[[], None]]:
    """What happens inside reaches the bot only when the given function is called, and all else before it."""
    kept: list[dict[str, Any]] = []
    publish = slack.sockets.publish

    def deliver() -> None:
        for payload in kept:
            publish(payload)

    slack.sockets.publish = kept.append  # type: ignore[method-assign]
    try:
        yield deliver
    finally:
        slack.sockets.publish = publish  # type: ignore[method-assign]
