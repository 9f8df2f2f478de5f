"""The bot as it is, in a process of its own, with settings that come from nowhere but here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

import bot

STOP_TIMEOUT = 12.0
"""Seconds; the bot promises to stop within ten."""
HEALTH_PAUSE = 0.1
TAIL = 15

_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_LISTENING = re.compile(r"action=listening\b.*\bport=(\d+)")


class BotProcess:
    """`python -m bot run` in a folder of its own; use it as an async context manager."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._log = folder / "bot.log"
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                cwd=self._folder,  # no .env is there
                env=self._environment(),
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops the bot
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._started()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def ended(self) -> int:
        """Waits until the process ends; returns its status."""
        return await self._started().wait()

    async def healthy(self) -> str:
        """Waits until `/health` says so; returns its address."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while True:
                if address := self._address():
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                        async with session.get(f"{address}/health") as response:
                            if response.status == 200:
                                return address
                await asyncio.sleep(HEALTH_PAUSE)

    def log_tail(self) -> list[str]:
        """The last lines it wrote."""
        return self._log.read_text(errors="replace").splitlines()[-TAIL:]

    def _address(self) -> str | None:
        found = _LISTENING.search(self._log.read_text(errors="replace"))
        return f"http://127.0.0.1:{found[1]}" if found else None

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's own settings, exported or in a .env, reaches this bot."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        packages = [str(Path(bot.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        return kept | {"PYTHONPATH": os.pathsep.join(filter(None, packages))} | dict(self._settings)

    def _started(self) -> Process:
        if self._process is None:
            raise RuntimeError("use BotProcess as an async context manager")
        return self._process
