"""What was erased, as keyed hashes: enough to know it when it comes again, and nothing to read in it."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from .secrets import secret
from .sql import ROWS_PER_INSERT, insert_for
from .tables import erased

KEY = "erasure"  # its secret: made by the migration, so that it is there before anything can be erased
PSEUDONYM = "erased-"
IN_PLACE = "erased:"
_IS_ANY = sa.select(sa.exists(sa.select(erased.c.hash)))
_CHANGES = ("edit:", "delete:", "mention:")  # how the keys of items begin that are about a post


def names_of(key: str, twin_key: str | None = None) -> list[str]:
    """By what an item is known: its keys, and the post that it changes or mentions us in."""
    names = [key] if twin_key is None else [key, twin_key]
    if key.startswith(_CHANGES):
        names.append(post_name(*key.split(":")[1:3]))
    return names


def post_name(channel: str, ts: str) -> str:
    return f"post:{channel}:{ts}"


def hashes_of(connection: Connection, names: Iterable[str]) -> list[str]:
    key = _key(connection)
    return [hmac.digest(key, name.encode(errors="replace"), "sha256").hex() for name in names]


def mail_hashes(connection: Connection, fingerprint: str, message_id: str) -> list[str]:
    """A mail is known by its fingerprint, and by its Message-ID if it bears one."""
    names = [f"mail:{fingerprint}", *([f"message-id:{message_id}"] if message_id else [])]
    return hashes_of(connection, names)


def in_place_of(hashed: str) -> str:
    """What stands where something erased was named."""
    return f"{IN_PLACE}{hashed}"


def pseudonym_of(connection: Connection, customer: str) -> str:
    """As whom an erased customer is counted from then on; nobody without our secret can tell who it was."""
    return f"{PSEUDONYM}{hashes_of(connection, [f'customer:{customer}'])[0][:16]}"


def is_pseudonym(customer: str) -> bool:
    return customer.startswith(PSEUDONYM)


def is_any(connection: Connection) -> bool:
    """Whether anything was erased at all: on most desks nothing was, and then nothing need be hashed."""
    return bool(connection.execute(_IS_ANY).scalar_one())


def erased_among(connection: Connection, hashes: Collection[str]) -> set[str]:
    return set(connection.execute(sa.select(erased.c.hash).where(erased.c.hash.in_(sorted(hashes)))).scalars())


def remember(connection: Connection, hashes: Iterable[str]) -> None:
    """These were erased."""
    rows = [{"hash": one} for one in sorted(set(hashes))]
    for start in range(0, len(rows), ROWS_PER_INSERT):
        insert = insert_for(connection, erased).values(rows[start : start + ROWS_PER_INSERT])
        connection.execute(insert.on_conflict_do_nothing())


def _key(connection: Connection) -> bytes:
    """Read once per connection: it never changes while a program runs."""
    key: bytes | None = connection.info.get(KEY)
    if key is None:
        key = connection.info[KEY] = secret(connection, KEY)
    return key
