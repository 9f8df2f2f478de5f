"""Secrets of this installation: random, made at the first need, never shown."""

from __future__ import annotations

import os

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import secrets

BYTES = 32


def secret(connection: Connection, name: str) -> bytes:
    """The secret of that name, the same for every process and for ever."""
    known = sa.select(secrets.c.value).where(secrets.c.name == name)
    value = connection.execute(known).scalar_one_or_none()
    if value is None:
        insert = insert_for(connection, secrets).values(name=name, value=os.urandom(BYTES))
        connection.execute(insert.on_conflict_do_nothing())
        value = connection.execute(known).scalar_one()
    return bytes(value)
