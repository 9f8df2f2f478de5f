"""One process per SQLite file: two would send everything twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from .errors import StorageError
from .urls import driver_url

NUMBER_LENGTH = 20


class DatabaseInUse(StorageError):
    """Another Casewire runs on this SQLite file."""


@contextmanager
def sole_use(url: str) -> Iterator[None]:
    """Hold a SQLite file for this process alone; PostgreSQL needs no such lock.

    Raises DatabaseInUse at once when another process holds it. However a process ends, its lock ends too.
    """
    parsed = driver_url(url)
    if parsed.get_backend_name() != "sqlite":
        yield
        return
    path = Path(f"{parsed.database}.lock")
    try:
        handle = path.open("a+")
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror}): make its folder, or give DATABASE_URL another path"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatabaseInUse(
                f"another Casewire{_process(handle)} is running on {parsed.database}: stop it first (Ctrl-C where "
                "it runs, or `systemctl stop casewire`), or use PostgreSQL for several"
            ) from error
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield


def _process(handle: TextIO) -> str:
    """Who holds the lock, as it has written there."""
    handle.seek(0)
    number = handle.read(NUMBER_LENGTH).strip()
    return f" (process {number})" if number.isdecimal() else ""
