"""Settings whose value lies in a file, as secrets of containers and of systemd do: NAME_FILE names the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

SUFFIX = "_FILE"
LARGEST = 64 * 1024  # no setting is longer; what is, is another file


@dataclass(frozen=True, slots=True)
class FromFiles:
    """`values` by the field's name; `problems` by that of each field whose file cannot serve, in plain words."""

    values: dict[str, str]
    problems: dict[str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """What was given, by name in capitals; what is empty counts as not given."""

    environment: dict[str, str]
    env_file: dict[str, str]

    def get(self, name: str) -> str | None:
        return self.environment.get(name) or self.env_file.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self.environment or name in self.env_file


def written(env_file: str) -> Written:
    """Raises OSError or UnicodeDecodeError where the file is there and cannot be read."""
    return Written(_given(os.environ), _given(dotenv_values(env_file)))


def read_files(fields: Iterable[str], given: Written) -> FromFiles:
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    for field in fields:
        name = field.upper()
        path = given.get(name + SUFFIX)
        if path is None:
            continue
        if name in given:
            problems[field] = f"{name} and {name}{SUFFIX} are both given: leave one of them out"
            continue
        try:
            values[field] = _content(Path(path))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else _reason(error)
            problems[field] = f"{name}{SUFFIX}={path} cannot be read: {why}"
    return FromFiles(values, problems)


def _content(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1024} KB, so it is not the setting's value")
    text = content.decode("utf-8-sig").strip()
    if not text:
        raise ValueError("it is empty")
    return text


def _reason(error: ValueError) -> str:
    return "it is not written in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _given(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): value.strip() for name, value in variables.items() if value and value.strip(" \t\"'")}
