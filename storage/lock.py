"""One process per SQLite file: two would send everything twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import StorageError
from .urls import driver_url


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
        handle = path.open("w")
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror}): make its folder, or give DATABASE_URL another path"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatabaseInUse(
                f"another Casewire is running on {parsed.database}: stop it first, or use PostgreSQL for several"
            ) from error
        yield
