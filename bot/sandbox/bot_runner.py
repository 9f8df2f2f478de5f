"""A bot in a process of its own, kept by the sandbox: started, killed and started again from its page."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

import bot
from bot.sandbox.bot_control import read_log_line, readable

STOP_TIMEOUT = 12.0
"""Seconds; the bot promises to stop within ten."""
HEALTH_PAUSE = 0.1
LONGEST_LINE = 1024 * 1024
TAIL = 15

SETTINGS = {
    "DATABASE_URL": "sqlite:///./case_management.db",
    "HOST": "127.0.0.1",
    "PORT": "0",
    "DEBUG": "true",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
    "ESCALATION_CHECK_INTERVAL": "0.5",
    "SLACK_POSTS_PER_SECOND": "5",
    "ANSWER_DELAY": "2",
}
"""What a bot needs beside the sandbox's environment, with intervals for people who watch."""

_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class BotRunner:
    """`python -m bot run` in a folder of its own; a `BotControl`. Use it as an async context manager.

    `on_log` gets each line it writes, `on_change` is called when it starts or ends.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *,
        on_log: Callable[[str], object],
        on_change: Callable[[str], object],
    ) -> None:
        self._folder = folder
        self._settings = dict(settings)
        self._on_log = on_log
        self._on_change = on_change
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._address: str | None = None
        self._process: Process | None = None
        self._following: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._ended_by_itself = asyncio.Event()
        self._by_us = False

    async def __aenter__(self) -> Self:
        await self.restart()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._one_at_a_time:
            self._by_us = True
            if self._process is not None and self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.terminate()
                try:
                    async with asyncio.timeout(STOP_TIMEOUT):
                        await self._ended()
                except TimeoutError:
                    await self._kill()
            await self._ended()

    async def kill(self) -> None:
        """SIGKILL: it has no moment to tidy up."""
        async with self._one_at_a_time:
            await self._kill()

    async def restart(self) -> None:
        """Kill it if it runs, and start it."""
        async with self._one_at_a_time:
            await self._kill()
            self._by_us = False
            self._ended_by_itself.clear()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                cwd=self._folder,  # no .env is there
                env=self._environment(),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is for the sandbox, which then stops the bot
            )
            self._following = asyncio.create_task(self._follow(self._process))
            self._on_change(self.status())

    def status(self) -> str:
        """`running`, `killed` or how it ended."""
        if self._process is None:
            return "not started"
        match self._process.returncode:
            case None:
                return "running"
            case status if status < 0:
                return "killed"
            case status:
                return f"ended by itself, with status {status}"

    async def ended_by_itself(self) -> int:
        """Wait until it ends unasked; returns its status."""
        while True:
            await self._ended_by_itself.wait()
            if self._process is not None and self._process.returncode is not None:
                return self._process.returncode
            self._ended_by_itself.clear()

    async def healthy(self) -> str:
        """Wait until `/health` says so; returns its address, which stays the same over restarts."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while True:
                if self._address is not None:
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                        async with session.get(f"{self._address}/health") as response:
                            if response.status == 200:
                                return self._address
                await asyncio.sleep(HEALTH_PAUSE)

    def log_tail(self) -> list[str]:
        """The last lines it wrote."""
        return [readable(line) for line in self._tail]

    async def _kill(self) -> None:
        self._by_us = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._ended()

    async def _ended(self) -> None:
        if self._following is not None:
            await asyncio.shield(self._following)

    async def _follow(self, process: Process) -> None:
        """Hand its log on, line by line, until it ends."""
        if process.stdout is None:
            raise RuntimeError("the bot's output is not read")
        while True:
            try:
                read = await process.stdout.readline()
            except ValueError:  # longer than any line of ours
                continue
            if not read:
                break
            line = read.decode(errors="replace").rstrip("\n")
            self._tail.append(line)
            self._note_address(line)
            self._on_log(line)
        await process.wait()
        if not self._by_us:
            self._ended_by_itself.set()
        self._on_change(self.status())

    def _note_address(self, line: str) -> None:
        if self._address is None and "listening" in line:
            fields = read_log_line(line)
            if fields.get("action") == "listening":
                self._address = f"http://127.0.0.1:{fields['port']}"
                self._settings["PORT"] = str(fields["port"])

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's own settings, exported or in a .env, reaches this bot."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        packages = [str(Path(bot.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        return kept | {"PYTHONPATH": os.pathsep.join(filter(None, packages))} | dict(self._settings)
