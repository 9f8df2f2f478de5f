"""What tests of keeping and erasing look at: all that a database holds, as text."""

import asyncio

import sqlalchemy as sa
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from bot.cli import cli
from storage.tables import metadata


def casewire(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


async def command(*words: str) -> Result:
    """A command beside a running loop."""
    return await asyncio.to_thread(casewire, *words)


def where_found(connection: Connection, *needles: str) -> dict[str, list[str]]:
    """The tables in whose rows any of the words stand, with the columns."""
    found: dict[str, list[str]] = {}
    for table in metadata.sorted_tables:
        for row in connection.execute(sa.select(table)):
            for column, value in row._mapping.items():
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                if any(needle.lower() in text.lower() for needle in needles):
                    found.setdefault(table.name, []).append(f"{column}={text[:80]}")
    return found
