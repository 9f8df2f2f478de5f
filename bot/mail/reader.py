"""Mails are read in a child process, which can be killed: a hostile mail costs 20 s of it and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from . import child
from .authenticity import Trust
from .machines import OwnMail
from .parsed import ParsedMail, from_json
from .reading import NoSuchFile

TIME_LIMIT = 20.0  # seconds for one mail
START_LIMIT = 60.0  # seconds; a busy machine takes its time to load a Python
ANSWER_SIZE = 128 * 1024 * 1024  # bytes; more is no answer

_ROOT = Path(__file__).parents[2]
_log = structlog.get_logger(__name__)


class Unreadable(Exception):
    """This mail cannot be read, now or later. The message says why, for an admin."""


class ReaderUnavailable(Exception):
    """No mail can be read just now: the child process does not start. Worth another try later."""


class _Died(Exception):
    """The child ended in the middle of a mail."""


class MailReader:
    """Reads one mail at a time; callers queue. The child starts with the first mail, and anew when it is gone."""

    def __init__(self, *, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self._turn = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """The child's, while there is one."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def close(self) -> None:
        """End the child, for good: who still waits for a mail gets ReaderUnavailable."""
        self._is_closed = True
        await self._end()

    async def parse(self, raw: bytes, trust: Trust, *, is_cut: bool, own: OwnMail) -> ParsedMail:
        """Raises Unreadable for good, ReaderUnavailable for now."""
        kind, answer = await self._ask(child.request_to_read(trust, own, is_cut=is_cut), raw)
        if kind != child.READ:
            raise _unreadable(kind, answer)
        return from_json(json.loads(answer))

    async def extract(self, raw: bytes, number: int) -> bytes:
        """The bytes of a file of the mail. Raises Unreadable for good, ReaderUnavailable for now."""
        kind, answer = await self._ask(child.request_for_file(number), raw)
        if kind == child.NO_SUCH_FILE:
            raise Unreadable(str(NoSuchFile(f"The mail has no file {number}.")))
        if kind != child.BYTES:
            raise _unreadable(kind, answer)
        return answer

    async def _ask(self, request: dict[str, Any], raw: bytes) -> tuple[bytes, bytes]:
        async with self._turn:
            try:
                return await self._exchange(request, raw)
            except _Died:
                # It may have died for reasons of its own, as where memory is short: the mail is tried once more.
                _log.warning("The process that reads mails ended; it is started anew", action="mail_reader_died")
            try:
                return await self._exchange(request, raw)
            except _Died:
                raise Unreadable("The process that reads mails broke down over it, twice.") from None

    async def _exchange(self, request: dict[str, Any], raw: bytes) -> tuple[bytes, bytes]:
        process = await self._running()
        try:
            async with asyncio.timeout(self._time_limit):
                await _send(process, json.dumps(request).encode(), raw)
                kind, answer = await _receive(process)
        except TimeoutError:
            await self._end()
            raise Unreadable(f"It took longer than {self._time_limit:.0f} seconds to read.") from None
        except (OSError, asyncio.IncompleteReadError):
            await self._end()
            raise _Died from None
        except BaseException:
            await self._end()  # half an answer is still to come: this child is of no more use
            raise
        if kind == child.TOO_LARGE:
            await self._end()
        return kind, answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._child is not None and self._child.returncode is None and not _at_end(self._child):
            return self._child
        await self._end()
        if self._is_closed:
            raise ReaderUnavailable("The reader of mails is closed.")
        try:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                child.__name__,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=_environment(),
                start_new_session=True,  # Ctrl-C at the terminal is for the bot, which ends its child itself
            )
            if self._is_closed:
                raise ReaderUnavailable("The reader of mails is closed.")
            async with asyncio.timeout(START_LIMIT):
                kind, _ = await _receive(self._child)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            await self._end()
            raise ReaderUnavailable(f"The process that reads mails does not start: {error!r}") from None
        except BaseException:
            await self._end()
            raise
        if kind != child.READY:
            await self._end()
            raise ReaderUnavailable("The process that reads mails does not start as it should.")
        return self._child

    async def _end(self) -> None:
        process, self._child = self._child, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _environment() -> dict[str, str]:
    """What Python needs to find the same modules, and no secret of the bot's."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
    return {**kept, "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)]), "PYTHONUTF8": "1"}


async def _send(process: asyncio.subprocess.Process, *frames: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 asked for when it was started
    for frame in frames:
        process.stdin.write(child.LENGTH.pack(len(frame)))
        process.stdin.write(frame)
    await process.stdin.drain()


async def _receive(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    assert process.stdout is not None  # noqa: S101 asked for when it was started
    (size,) = child.LENGTH.unpack(await process.stdout.readexactly(child.LENGTH.size))
    if not 0 < size <= ANSWER_SIZE:
        raise asyncio.IncompleteReadError(b"", size)
    answer = await process.stdout.readexactly(size)
    return answer[:1], answer[1:]


def _at_end(process: asyncio.subprocess.Process) -> bool:
    return process.stdout is not None and process.stdout.at_eof()


def _unreadable(kind: bytes, answer: bytes) -> Unreadable:
    if kind == child.TOO_LARGE:
        return Unreadable("It needs more than 512 MB of memory to read.")
    return Unreadable(f"It could not be read ({answer[:100].decode('ascii', 'replace') or 'no reason given'}).")
