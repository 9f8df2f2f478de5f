"""A backup as a file: lines of JSON, compressed, with a version before them and a checksum behind.

The first line says what it is; then come, table by table, the columns and the rows; the last line has the number
of rows of each table and the SHA-256 of all lines before it. Nothing in it depends on the kind of database.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Table

from .errors import StorageError
from .tables import UtcDateTime

FORMAT = 1
MAGIC = "casewire-backup"
ROWS, BYTES = 500, 4 * 1024**2  # so much is handed over at once
LINE_MOST = 512 * 1024**2  # a longer line is no row of ours


class UnusableBackup(StorageError):
    """A file that is no whole backup of ours; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Header:
    """`schema` is the revision of the tables, `version` that of the Casewire that wrote it."""

    schema: str
    version: str
    made_at: str
    database: str

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.made_at)


class Writer:
    def __init__(self, target: gzip.GzipFile, header: Header) -> None:
        self._target = target
        self._digest = hashlib.sha256()
        self.rows: dict[str, int] = {}
        self._table = ""
        self._line({"file": MAGIC, "format": FORMAT, **asdict(header)})

    def table(self, table: Table) -> None:
        self._table = table.name
        self.rows[table.name] = 0
        self._line({"table": table.name, "columns": [column.name for column in table.columns]})

    def row(self, values: Sequence[Any]) -> None:
        self.rows[self._table] += 1
        self._line([_written(value) for value in values])

    def finish(self) -> None:
        line = json.dumps({"rows": self.rows, "sha256": self._digest.hexdigest()})
        self._target.write(line.encode() + b"\n")

    def _line(self, values: Any) -> None:
        line = (
            json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        )
        self._digest.update(line)
        self._target.write(line)


@contextlib.contextmanager
def created(path: Path) -> Iterator[gzip.GzipFile]:
    """The file, compressed. It takes its name only when it is complete, and is its owner's alone."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "wb") as file:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, filename="", mtime=0) as packed:
                yield packed
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        unfinished.unlink(missing_ok=True)


def read_header(path: Path) -> Header:
    """Raises UnusableBackup for what this version cannot read."""
    with gzip.open(path) as packed, _as_unusable(path):
        return _header(path, packed.readline(LINE_MOST))


def check(path: Path) -> dict[str, int]:
    """Read it through once: how many rows it has of each table. Raises UnusableBackup unless it is whole."""
    digest, pending = hashlib.sha256(), b""
    with gzip.open(path) as packed, _as_unusable(path):
        while line := packed.readline(LINE_MOST):
            digest.update(pending)
            pending = line
    try:
        end = json.loads(pending)
        whole = end["sha256"] == digest.hexdigest()
        rows: dict[str, int] = dict(end["rows"])
    except (ValueError, TypeError, KeyError):
        raise UnusableBackup(f"{path} is cut short: its end is missing") from None
    if not whole:
        raise UnusableBackup(f"{path} is damaged: its checksum does not fit")
    return rows


def rows_of(path: Path, tables: Mapping[str, Table]) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """The rows, some at a time, with their table; of a file that was checked."""
    some: list[dict[str, Any]] = []
    size = 0
    table: Table | None = None
    columns: list[sa.Column[Any]] = []
    with gzip.open(path) as packed, _as_unusable(path):
        packed.readline(LINE_MOST)
        while line := packed.readline(LINE_MOST):
            values = json.loads(line)
            if isinstance(values, list):
                some.append(
                    {column.name: _read(column, value) for column, value in zip(columns, values, strict=True)}
                )
                size += len(line)
            if some and table is not None and (isinstance(values, dict) or len(some) == ROWS or size > BYTES):
                yield table, some
                some, size = [], 0
            if isinstance(values, dict) and "table" in values:
                table = tables.get(values["table"])
                if table is None:
                    raise UnusableBackup(
                        f"{path} has a table {values['table']!r}, which this version does not know"
                    )
                columns = [table.c[name] for name in values["columns"]]


def _header(path: Path, line: bytes) -> Header:
    try:
        values = json.loads(line)
        if values.pop("file") != MAGIC:
            raise ValueError
        found = values.pop("format")
        if found != FORMAT:
            raise UnusableBackup(f"{path} has the format {found}, this version reads {FORMAT}: use a newer one")
        return Header(**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnusableBackup(f"{path} is no backup of Casewire") from None


@contextlib.contextmanager
def _as_unusable(path: Path) -> Iterator[None]:
    try:
        yield
    except gzip.BadGzipFile:
        raise UnusableBackup(f"{path} is no backup of Casewire") from None
    except EOFError:
        raise UnusableBackup(f"{path} is cut short: its end is missing") from None
    except zlib.error:
        raise UnusableBackup(f"{path} is damaged: it cannot be unpacked") from None


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    return value


def _read(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(column.type, sa.LargeBinary):
        return base64.b64decode(value)
    return value
