"""A SQLite database is copied before a migration changes it, so that an upgrade can be taken back."""

import sqlite3
from pathlib import Path

from alembic import command

from storage.engine import engine_for
from storage.migrate import alembic_config, upgrade_async

OLD = "0010"


async def made_at(url: str, revision: str) -> None:
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(lambda there: command.upgrade(alembic_config(there), revision))
    await engine.dispose()


def copies(directory: Path) -> list[Path]:
    """Finished or not."""
    return list(directory.glob("desk.db.0*"))


def revision_of(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        [(revision,)] = connection.execute("SELECT version_num FROM alembic_version")
    connection.close()
    return str(revision)


async def test_the_copy_is_of_the_old_revision_and_only_ours_to_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    await made_at(url, OLD)
    head = await upgrade_async(url)
    [copy] = copies(tmp_path)
    assert revision_of(copy) == OLD
    assert revision_of(tmp_path / "desk.db") == head != OLD
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.suffix != ".part"


async def test_nothing_is_copied_where_nothing_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    await upgrade_async(url)
    await upgrade_async(url)
    assert copies(tmp_path) == []
