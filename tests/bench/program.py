"""A process on the local Slack that is measured from outside: the bot as it is, or a floor."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from bot.sandbox.server import LocalSlack
from tests.support.running import environment

BOT = ("bot", "run")
NOTHING = ("tests.bench.nothing",)
TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0


class Program:
    """Use as an async context manager: inside, it is connected to Slack. `took` is how long that took, in seconds."""

    def __init__(
        self, slack: LocalSlack, module: tuple[str, ...], directory: Path, database: str = "", **changed: str
    ) -> None:
        self._slack = slack
        self._module = module
        self._directory = directory
        self._environment = environment(slack, database) | {"LOG_FORMAT": "json"} | changed
        if "SLACK_POSTS_PER_SECOND" not in changed:
            del self._environment["SLACK_POSTS_PER_SECOND"]  # the default is what people run
        self.log = directory / "output.log"
        self.took = 0.0

    async def __aenter__(self) -> Self:
        with self.log.open("ab") as log:
            began = time.perf_counter()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *self._module),
                cwd=self._directory,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            await self.slack_has(lambda: self._slack.connected or self._process.returncode is not None)
            self.took = time.perf_counter() - began
            if self._process.returncode is not None:
                raise RuntimeError(f"{self._module} ended with status {self._process.returncode}:\n{self.tail()}")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(15):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self.slack_has(lambda: not self._slack.connected)

    async def slack_has(self, condition: Any, patience: float = PATIENCE) -> Any:
        """Once the condition is true; looked at at every change in the workspace."""
        watching = asyncio.create_task(self._ring_at_its_end())
        try:
            return await self._slack.wait_for(condition, timeout=patience)
        finally:
            watching.cancel()

    async def _ring_at_its_end(self) -> None:
        await self._process.wait()
        self._slack.bell.ring()

    def tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-15:])

    # what it costs

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu(self, *, family: bool = False) -> float:
        """Seconds of processor time so far; of its children too, the ended ones among them."""
        own = sum(_times(self.pid)[: 4 if family else 2])
        return own + (sum(sum(_times(child)[:2]) for child in self.children()) if family else 0.0)

    def resident(self) -> float:
        """MiB in memory now, without children."""
        return _status(self.pid, "VmRSS")

    def peak(self) -> float:
        """MiB in memory at most so far, without children."""
        return _status(self.pid, "VmHWM")

    def children(self) -> list[int]:
        return list(_children(self.pid))


def _times(pid: int) -> list[float]:
    """utime, stime, and those of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0.0] * 4
    return [int(ticks) / TICK for ticks in fields[11:15]]


def _status(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())
