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

_SSL = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OPTIONS = {"host", "port", "prepared_statement_cache_size", "ssl", "sslmode"}


def driver_url(url: str) -> URL:
    """The URL with its async driver.

    Raises UnusableDatabaseUrl, with the mend, for what is no URL, another database, or SQLite in memory.
    """
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        # Not chained: what could not be read may hold the password.
        raise UnusableDatabaseUrl(
            "it is not a database URL; write sqlite:///./case_management.db or "
            "postgresql://user:password@host/name (in a password, write @ as %40)"
        ) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise UnusableDatabaseUrl(
            f"Casewire has no driver for {parsed.drivername!r}; use sqlite:///path or postgresql://user@host/name"
        )
    parsed = parsed.set(drivername=driver)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or ":memory:" in parsed.database or parsed.query.get("mode") == "memory":
            raise UnusableDatabaseUrl(
                "a database in memory would lose every case at a restart; name a file, as in sqlite:///./case_management.db"
            )
        return parsed
    if not parsed.database:
        raise UnusableDatabaseUrl("it names no database; write postgresql://user:password@host:5432/name")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise UnusableDatabaseUrl(f"its port {parsed.port} does not exist; PostgreSQL listens on 5432 as a rule")
    if unknown := sorted(set(parsed.query) - _OPTIONS):
        raise UnusableDatabaseUrl(
            f"its option {unknown[0]!r} is unknown: leave it out; known are {', '.join(sorted(_OPTIONS))}"
        )
    if "sslmode" in parsed.query:
        # libpq's word; asyncpg takes the same values as `ssl`.
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict(
            {"ssl": mode if isinstance(mode, str) else mode[0]}
        )
    if (ssl := parsed.query.get("ssl", "prefer")) not in _SSL:
        raise UnusableDatabaseUrl(f"sslmode={ssl} does not exist; write one of {', '.join(_SSL)}")
    return parsed
