"""The process that reads mails, started by reader.py: a request comes in, an answer goes out, one at a time.

A frame is eight bytes of length and its content. A request is two frames, what is asked (JSON) and the mail; an
answer is one, whose first byte says what it is. It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO

from .authenticity import Form, Trust
from .machines import OwnMail
from .parsed import to_json
from .reading import NoSuchFile, read_file, read_mail

READY, READ, BYTES, NO_SUCH_FILE, FAILED, TOO_LARGE = b"R", b"J", b"B", b"N", b"E", b"M"
LENGTH = struct.Struct("!Q")
MEMORY = 512 * 1024 * 1024  # bytes beyond what the process has when it is ready
CPU = 30  # seconds for one mail: the end of a child whose parent is gone


def request_to_read(trust: Trust, own: OwnMail, *, is_cut: bool) -> dict[str, Any]:
    own_mail = {"addresses": sorted(own.addresses), "loop_token": own.loop_token}
    return {"read": {"trust": asdict(trust), "own": own_mail, "is_cut": is_cut}}


def request_for_file(number: int) -> dict[str, Any]:
    return {"file": number}


def main() -> None:
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    _limit_memory()
    _send(sink, READY)
    # From here on nothing may write between the frames, nor a mail's words into the bot's log.
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    while (asked := _receive(source)) is not None and (raw := _receive(source)) is not None:
        _limit_time()
        kind, answer = _answer(json.loads(asked), raw)
        _send(sink, kind, answer)


def _answer(asked: dict[str, Any], raw: bytes) -> tuple[bytes, bytes]:
    try:
        if "file" in asked:
            return BYTES, read_file(raw, asked["file"])
        how = asked["read"]
        trust = Trust(**{**how["trust"], "form": Form(how["trust"]["form"])})
        own = OwnMail(frozenset(how["own"]["addresses"]), how["own"]["loop_token"])
        return READ, json.dumps(to_json(read_mail(raw, trust, own, is_cut=how["is_cut"]))).encode()
    except NoSuchFile:
        return NO_SUCH_FILE, b""
    except MemoryError:
        return TOO_LARGE, b""
    except Exception as error:
        return FAILED, type(error).__name__.encode()


def _receive(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH.size)
    return source.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def _send(sink: BinaryIO, kind: bytes, content: bytes = b"") -> None:
    sink.write(LENGTH.pack(len(kind) + len(content)) + kind)
    sink.write(content)
    sink.flush()


def _limit_memory() -> None:
    with suppress(OSError, ValueError, IndexError):  # systems without /proc or without this limit
        with open("/proc/self/statm", encoding="ascii") as statm:
            now = int(statm.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, hard))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time() -> None:
    with suppress(OSError, ValueError):
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU, hard))


if __name__ == "__main__":
    main()
