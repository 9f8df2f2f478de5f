"""Bring a database to the schema this code declares: at start under a lock, and by `casewire migrate`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from .engine import engine_for, uncut
from .errors import UnknownSchema
from .looking import look
from .tables import metadata, schema_info
from .urls import driver_url

TABLES_NAMED = 5
_LOCK = 0x63617365  # "case": one migration at a time on a PostgreSQL server's database


def upgrade(url: str) -> None:
    """Migrate the database to the newest revision. For tools and tests; see `upgrade_async`."""
    asyncio.run(upgrade_async(url))


async def upgrade_async(url: str) -> str:
    """Migrate the database to the newest revision, alone, and return that revision.

    Raises UnknownSchema when the database was made by a newer Casewire.
    """
    if _is_file(url):
        await look(url, refuse_foreign)  # before it is opened in a way that changes it
    engine = engine_for(url)
    migrating = _migrate(engine, url)
    return await (uncut(migrating) if engine.dialect.name == "sqlite" else migrating)


def _is_file(url: str) -> bool:
    parsed = driver_url(url)
    return parsed.get_backend_name() == "sqlite" and Path(parsed.database or "").is_file()


async def _migrate(engine: AsyncEngine, url: str) -> str:
    try:
        if engine.dialect.name == "sqlite":
            await _copy_first(url)
        async with engine.begin() as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def _copy_first(url: str) -> None:
    """A copy beside the file, to go back to. On a connection of its own: it cannot be made in a transaction."""
    engine = engine_for(url)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.run_sync(_copied)
    finally:
        await engine.dispose()


def _copied(connection: Connection) -> None:
    current, head = revisions(connection)
    if current is None or current == head or current not in _known_revisions():
        return
    file = connection.engine.url.database or ""
    copy = f"{file}.{current}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    Path(f"{copy}.part").touch(mode=0o600)  # SQLite takes an empty file, and keeps its rights
    connection.exec_driver_sql("VACUUM INTO ?", (f"{copy}.part",))
    Path(f"{copy}.part").replace(copy)


def alembic_config(connection: Connection) -> Config:
    config = _config()
    config.attributes["connection"] = connection
    return config


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _upgrade(connection: Connection) -> str:
    _lock(connection)
    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    known = _known_revisions()
    if current is not None and current not in known:
        _refuse_unless_compatible(connection, current, known)
        return current
    if current is None:
        _refuse_foreign_tables(connection)
    if current != head:
        command.upgrade(config, "head")
        connection.execute(sa.update(schema_info).values(schema_version=head))
    return head or ""


def min_compatible(connection: Connection) -> str | None:
    """The oldest revision whose code can work with the database; None before it said so."""
    if not sa.inspect(connection).has_table(schema_info.name):
        return None
    return connection.execute(sa.select(schema_info.c.min_compatible)).scalar_one_or_none()


def revisions(connection: Connection) -> tuple[str | None, str]:
    """The database's revision, None where there is no desk in it yet; and this code's."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision(), head or ""


def is_known(revision: str) -> bool:
    return revision in _known_revisions()


def go_back(connection: Connection, revision: str) -> None:
    """Bring a database without a desk to the tables of an earlier revision, or leave it where it is there."""
    _lock(connection)
    if MigrationContext.configure(connection).get_current_revision() != revision:
        command.downgrade(alembic_config(connection), revision)


def go_on(connection: Connection) -> None:
    """Bring the database to the newest revision, within the transaction that is under way."""
    _upgrade(connection)


def serves(connection: Connection) -> bool:
    """Whether this code can work with the database as it is now: somebody may have migrated it meanwhile."""
    oldest = min_compatible(connection)
    return oldest is not None and oldest in _known_revisions()


def refuse_foreign(connection: Connection) -> None:
    """Raises UnknownSchema where this code cannot work with the database, or another program made it."""
    current, known = MigrationContext.configure(connection).get_current_revision(), _known_revisions()
    if current is None:
        _refuse_foreign_tables(connection)
    elif current not in known:
        _refuse_unless_compatible(connection, current, known)


@cache
def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _refuse_unless_compatible(connection: Connection, current: str, known: Collection[str]) -> None:
    """A newer version's database is served where that version allows it (docs/migrations.md)."""
    oldest = min_compatible(connection)
    if oldest is not None and oldest in known:
        return
    if not sa.inspect(connection).has_table("cases"):
        _refuse_foreign_tables(connection)  # another program that keeps its schema as we do
    needed = f" It needs a version that knows {oldest}." if oldest is not None else ""
    raise UnknownSchema(
        f"the database is at revision {current}, which this version does not know: it was made by a "
        f"newer Casewire.{needed} Install that version, or restore the backup taken before its upgrade."
    )


def _refuse_foreign_tables(connection: Connection) -> None:
    """A file is one program's alone; in PostgreSQL there may be an extension's tables, but none with our names."""
    found = set(sa.inspect(connection).get_table_names()) - {"alembic_version"}
    taken = sorted(found if connection.dialect.name == "sqlite" else found & metadata.tables.keys())
    if taken:
        named = ", ".join(taken[:TABLES_NAMED]) + (" …" if len(taken) > TABLES_NAMED else "")
        raise UnknownSchema(
            f"the database has tables that Casewire did not make ({named}): give Casewire a database of its own."
        )
