"""A command at a terminal of its own, as a person types at it: a real pseudo-terminal."""

import asyncio
import fcntl
import os
import pty
import re
import sys
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self


class AtTerminal:
    """`python -m bot …`; `screen` is all that the terminal has shown, what was typed and echoed included."""

    def __init__(self, directory: Path, env: Mapping[str, str], *words: str) -> None:
        self._directory = directory
        self._env = {"TERM": "dumb", **env}
        self._words = words
        self.screen = ""
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._master, slave = pty.openpty()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *self._words),
            cwd=self._directory,
            env=self._env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    def _read(self) -> None:
        try:
            self.screen += os.read(self._master, 65536).decode().replace("\r\n", "\n")
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self._master)
        self._changed.set()

    async def answer(self, question: str, answer: str) -> None:
        """Type this line once the question is the last thing on the screen."""
        await self.press(question, f"{answer}\n".encode())

    async def press(self, question: str, keys: bytes) -> None:
        await self._until(lambda: re.search(rf"{question}[^\n]*: $", self.screen) is not None)
        before = len(self.screen)
        os.write(self._master, keys)
        await self._until(lambda: len(self.screen) > before)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @property
    def shows_what_is_typed(self) -> bool:
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    async def end(self) -> int:
        async with asyncio.timeout(20):
            return await self._process.wait()
