"""Database URLs as users write them, mapped to the drivers Casewire uses."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from .errors import UnusableDatabaseUrl

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


def driver_url(url: str) -> URL:
    """The URL with its async driver.

    Raises UnusableDatabaseUrl, with the mend, for what is no URL, another database, or SQLite in memory.
    """
    try:
        parsed = make_url(url.strip())
    except ArgumentError as error:
        raise UnusableDatabaseUrl(
            "it is not a database URL; write sqlite:///./case_management.db or postgresql://user:password@host/name"
        ) from error
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise UnusableDatabaseUrl(
            f"Casewire has no driver for {parsed.drivername!r}; use sqlite:///path or postgresql://user@host/name"
        )
    parsed = parsed.set(drivername=driver)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise UnusableDatabaseUrl(
                "a database in memory would lose every case at a restart; name a file, as in sqlite:///./case_management.db"
            )
        return parsed
    if not parsed.database:
        raise UnusableDatabaseUrl("it names no database; write postgresql://user:password@host:5432/name")
    if "sslmode" in parsed.query:
        # libpq's word; asyncpg takes the same values as `ssl`.
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict(
            {"ssl": mode if isinstance(mode, str) else mode[0]}
        )
    return parsed
