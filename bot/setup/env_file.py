"""`.env` as text: what stands in it stays, but for the lines that change; only its owner may read it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

HEAD = "# Settings of Casewire, written by `casewire init`. .env.example explains every setting there is.\n"
OLD = ".old"
_BARE = re.compile(r"[\w./:@+,=%~-]*", re.ASCII)


def quoted(value: str) -> str:
    """As Python's dotenv, Docker Compose and systemd all read it, wherever that is possible."""
    if _BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def can_hold(value: str) -> bool:
    """Whether it is read back as it is: names in `${…}` are replaced, outer blanks and quotes are cut."""
    is_cut = value != value.strip() or (len(value) > 1 and value[0] == value[-1] and value[0] in "\"'")
    return not is_cut and dotenv_values(stream=io.StringIO(f"V={quoted(value)}"))["V"] == value


def changed(text: str, sections: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """The text with these values: each in its line, where it has one, and else under its section's heading.

    A value that becomes empty and has no line gets none.
    """
    sections = [(heading, dict(values)) for heading, values in sections]
    wanted = {name: value for _, values in sections for name, value in values.items()}
    lines, there = [], set()
    for binding in parse_stream(io.StringIO(text)):
        line, name = binding.original.string, binding.key
        if name in wanted:
            there.add(name)
            before = line[: len(line) - len(line.lstrip())]
            line = f"{before}{name}={quoted(wanted[name])}\n"
        lines.append(line)
    result = "".join(lines)
    if result and not result.endswith("\n"):
        result += "\n"
    for heading, values in sections:
        new = [f"{name}={quoted(value)}\n" for name, value in values.items() if value and name not in there]
        if new:
            result += "\n" + f"# {heading}\n" + "".join(new)
    return result


def write(path: Path, text: str) -> None:
    """Whole or not at all, with mode 0600; what was there before stays beside it as `.env.old`."""
    path = Path(os.path.realpath(path))
    if path.exists():
        _replace(path.with_name(path.name + OLD), path.read_bytes())
    _replace(path, text.encode())


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
