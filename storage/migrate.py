"""Bring a database to the schema this code declares: at start under a lock, and by `casewire migrate`."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from .engine import engine_for, uncut
from .errors import UnknownSchema
from .tables import metadata

_LOCK = 0x63617365  # "case": one migration at a time on a PostgreSQL server's database


def upgrade(url: str) -> None:
    """Migrate the database to the newest revision. For tools and tests; see `upgrade_async`."""
    asyncio.run(upgrade_async(url))


async def upgrade_async(url: str) -> str:
    """Migrate the database to the newest revision, alone, and return that revision.

    Raises UnknownSchema when the database was made by a newer Casewire.
    """
    engine = engine_for(url)
    migrating = _migrate(engine)
    return await (uncut(migrating) if engine.dialect.name == "sqlite" else migrating)


async def _migrate(engine: AsyncEngine) -> str:
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise UnknownSchema(
            f"the database is at revision {current}, which this version does not know: it was made by a "
            "newer Casewire. Install that version, or restore the backup taken before its upgrade."
        )
    if current is None:
        _refuse_foreign_tables(connection)
    if current != head:
        command.upgrade(config, "head")
    return head or ""


def _refuse_foreign_tables(connection: Connection) -> None:
    taken = sorted(metadata.tables.keys() & set(sa.inspect(connection).get_table_names()))
    if taken:
        raise UnknownSchema(
            f"the database has tables that Casewire did not make ({', '.join(taken)}): "
            "give Casewire a database of its own."
        )
