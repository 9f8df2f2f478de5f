"""`casewire run`, with every timer multiplied by HARNESS_PACE, and the clock as far ahead as its sandbox's.

Only the harness starts this. A machine's clock is right when it boots; the sandbox tells its own time only once
the bot is connected, so a bot on a sandbox whose clock was moved is given HARNESS_CLOCK_AHEAD (seconds).
"""

import asyncio
import importlib
import os
import sys
from dataclasses import fields, replace
from datetime import timedelta
from functools import partial

from bot import app
from bot.clock import Clock
from bot.config import load_settings
from bot.mail import mailbox
from bot.mail.timing import MailTiming
from bot.ops.logging import configure_logging
from bot.startup import StartError
from bot.timing import Timing

# By module: the timers that are constants. What stands here under another name, or not at all, is an error.
TIMERS = {
    "bot.app": ("RETRY_PAUSE",),
    "bot.casework.worker": ("BACKOFF_FIRST", "BACKOFF_MOST"),
    "bot.courier.courier": ("POLL",),
    "bot.courier.mail_rows": ("BACKOFF_MOST",),
    "bot.courier.slack_rows": ("BACKOFF_MOST",),
    "bot.courier.states": ("BACKOFF_MOST", "POLL"),
    "bot.escalation": ("HOLD_MOST", "HOLD_POLL", "DATABASE_PAUSE"),
    "bot.ops.troubles": ("AGAIN",),
    "bot.replay": ("TICK", "AGAIN", "HOLD"),
    "bot.sockets": ("WATCH_INTERVAL", "FRESH_ADDRESS_AFTER", "REBUILD_AFTER"),
    "storage.bell": ("PROBE", "AGAIN"),
}
# How long an answer is waited for: never so short that a busy machine is taken for a broken network.
PATIENCES = {
    "bot.slack_clients": ("WRITE_TIMEOUT", "READ_TIMEOUT"),
    "bot.courier.mail": ("TIMEOUT", "DATA_TIMEOUT"),
    "bot.courier.transfer": ("TOTAL_TIMEOUT", "CONNECT_TIMEOUT", "SILENCE_TIMEOUT"),
    "bot.sockets": ("PING_INTERVAL",),
    "storage.bell": ("CALL",),
    "storage.engine": ("CONNECT_TIMEOUT", "COMMAND_TIMEOUT", "STALLED_AFTER"),
}
LEAST_PATIENCE = 1.0
LEAST_LEASE = 3.0
"""Calls to Slack must end well within it."""


def scaled(pace: float) -> Timing:
    """Multiply the constants, and return the timing that goes with them."""
    for table, least in ((TIMERS, 0.0), (PATIENCES, LEAST_PATIENCE)):
        for module_name, names in table.items():
            module = importlib.import_module(module_name)
            for name in names:
                value = getattr(module, name) * pace
                setattr(module, name, value if isinstance(value, timedelta) else max(value, least))
    waits = {field.name: max(field.default * pace, LEAST_PATIENCE) for field in fields(MailTiming)}
    waits["lease"] = max(waits["lease"], LEAST_LEASE)
    mailbox.MailTiming = partial(MailTiming, **waits)  # type: ignore[assignment,misc]
    timing = Timing(**{field.name: field.default * pace for field in fields(Timing)})
    return replace(timing, lease=max(timing.lease, LEAST_LEASE))


class BootedClock(Clock):
    """A clock that is right from the start."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = timedelta(seconds=float(os.environ.get("HARNESS_CLOCK_AHEAD", "0")))


def main() -> None:
    timing = scaled(float(os.environ["HARNESS_PACE"]))
    app.Clock = BootedClock  # type: ignore[misc]
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    try:
        asyncio.run(app.run(settings, timing))
    except StartError as error:
        sys.exit("\n".join(error.problems))


if __name__ == "__main__":
    main()
