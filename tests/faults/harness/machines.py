"""The bots of a seed: real processes that are killed, restarted and frozen."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

STOP_PROMISED = 10.0
UNEXPECTED = (
    "a part of the bot failed and is started again",
    "serving a destination failed",
    "a row cannot be rendered",
    "a state cannot be shown",
    "a batch failed; its items are decided one by one",
    "an item failed",
    "a row was parked",
    "an escalation check failed; it is repeated with the next one",
    "Task exception was never retrieved",
)

GONE = "message_not_found"
"""What Slack says of a mark on a post that its author has deleted."""


class Machine:
    """One bot. `problems` says what it did that no fault explains."""

    def __init__(
        self, name: str, directory: Path, environment: Mapping[str, str], ahead: Callable[[], float]
    ) -> None:
        self.log = directory / f"{name}.log"
        self.problems: list[str] = []
        self._name = name
        self._directory = directory
        self._environment = dict(environment)
        self._ahead = ahead
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        async with self._one_at_a_time:
            await self._start()

    async def kill(self) -> None:
        """kill -9, and start again."""
        async with self._one_at_a_time:
            await self._end(signal.SIGKILL)
            await self._start()

    async def restart(self) -> None:
        """SIGTERM, and start again."""
        async with self._one_at_a_time:
            await self._end(signal.SIGTERM)
            await self._start()

    async def freeze(self, seconds: float) -> None:
        """As a laptop that sleeps, or a machine that swaps."""
        async with self._one_at_a_time:
            self._send(signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)  # how long it is frozen
            finally:
                self._send(signal.SIGCONT)

    async def stop(self) -> None:
        async with self._one_at_a_time:
            await self._end(signal.SIGTERM)

    async def discard(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def said(self) -> list[dict[str, Any]]:
        """Its log, over all its lives; what is no JSON (a traceback) as a line of its own."""
        lines = []
        for text in self.log.read_text(errors="replace").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                lines.append({"event": text, "level": "plain"})
        return lines

    def unexpected(self) -> list[str]:
        """What it logged that should never happen."""
        found = [
            f"{self._name} logged: {line.get('event')}: {line.get('error') or _last(line.get('exception'))}"
            for line in self.said()
            if any(words in str(line.get("event")) for words in UNEXPECTED) and line.get("error") != GONE
        ]
        return [*self.problems, *dict.fromkeys(found)]

    async def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.harness.bot_main"),
                cwd=self._directory,  # no .env is there
                env=self._environment | {"HARNESS_CLOCK_AHEAD": str(self._ahead())},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is not None:
            self.problems.append(f"{self._name} ended by itself, with status {process.returncode}")
            return
        began = time.monotonic()
        self._send(how)
        try:
            async with asyncio.timeout(3 * STOP_PROMISED):
                status = await process.wait()
        except TimeoutError:
            self.problems.append(f"{self._name} does not stop")
            await self.discard()
            return
        took = time.monotonic() - began
        if how is signal.SIGTERM and (took > STOP_PROMISED + 2 or status not in (0, -signal.SIGTERM)):
            # Killed by the signal itself only before it could listen for it.
            self.problems.append(f"{self._name} took {took:.1f} s to stop, with status {status}")

    def _send(self, how: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None and self._process.returncode is None:
                self._process.send_signal(how)


def _last(traceback: Any) -> str:
    return str(traceback or "").strip().rpartition("\n")[2]
