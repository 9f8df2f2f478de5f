"""The machine and the database: Python, disk, clock, what the database holds."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.startup import database_problem, reason
from storage.errors import StorageError, UnknownSchema
from storage.looking import look
from storage.migrate import refuse_foreign, revisions
from storage.urls import driver_url

from .findings import Finding, error, ok, warning

PATIENCE = 20.0
MEGABYTE = 1024**2
LITTLE, TOO_LITTLE = 1024 * MEGABYTE, 100 * MEGABYTE
# Silence is measured from Slack's times to ours.
SKEW, FAR_SKEW = 10.0, 300.0


def python() -> Finding:
    return ok("python", f"Python {platform.python_version()}")


def disk(url: str) -> Finding:
    """Where the database's file lies; where the database is elsewhere, the working directory."""
    place = _nearest(_file_of(url) or Path.cwd())
    return judged_disk(shutil.disk_usage(place).free, place)


def judged_disk(free: int, place: Path) -> Finding:
    said = f"{free // MEGABYTE:,} MB are free at {place}"
    if free < TOO_LITTLE:
        return error("disk", f"{said}: messages cannot be kept once it is full; make room")
    return warning("disk", f"{said}: make room, or move the database") if free < LITTLE else ok("disk", said)


def clock(said: str | None, now: datetime) -> Finding:
    """`said`: the Date header of Slack's answer, which counts whole seconds."""
    try:
        there = parsedate_to_datetime(said or "")
        apart = abs((now - there).total_seconds())
    except (TypeError, ValueError):
        return warning("clock", "Slack's answer names no time to compare the clock with")
    text = f"the clock is {apart:.0f} s away from Slack's"
    if apart > SKEW:
        level = error if apart > FAR_SKEW else warning
        return level("clock", f"{text}: let NTP set it (timedatectl set-ntp true)")
    return ok("clock", text)


async def database(url: str) -> list[Finding]:
    """Looks only: a file that is not there yet is not made."""
    file = _file_of(url)
    if file is not None and not file.exists():
        return [_file_to_come(file)]
    try:
        async with asyncio.timeout(PATIENCE):
            return [ok("database", "it can be read"), await look(url, _judged_schema)]
    except TimeoutError:
        why = f"it does not answer within {PATIENCE:g} s: check host and port, and that it runs"
    except StorageError as trouble:
        why = str(trouble)
    except (DBAPIError, OSError) as trouble:
        why = database_problem(trouble) or f"it cannot be reached ({reason(trouble)}): check that it runs"
    return [error("database", f"DATABASE_URL: {why}")]


def _judged_schema(connection: Connection) -> Finding:
    current, head = revisions(connection)
    try:
        refuse_foreign(connection)
    except UnknownSchema as trouble:
        return error("schema", f"DATABASE_URL: {trouble}")
    if current is None:
        return ok("schema", "there is no desk in it yet: the first start makes one")
    if current == head:
        return ok("schema", f"revision {current}, as this version wants it")
    return warning(
        "schema",
        f"revision {current}, this version's is {head}: copy the database, then `casewire migrate` or the "
        "next start brings it there",
    )


def _file_to_come(file: Path) -> Finding:
    place = _nearest(file)
    if place != file.parent:
        return error("database", f"DATABASE_URL: the directory {file.parent} does not exist: make it")
    if not os.access(place, os.W_OK | os.X_OK):
        return error("database", f"DATABASE_URL: {place} cannot be written to: check its owner and rights")
    return ok("database", f"{file} is not there yet: the first start makes it")


def _file_of(url: str) -> Path | None:
    parsed = driver_url(url)
    return Path(parsed.database or "").absolute() if parsed.get_backend_name() == "sqlite" else None


def _nearest(path: Path) -> Path:
    """The innermost directory of a path that exists."""
    return next(place for place in (path, *path.parents) if place.is_dir())
