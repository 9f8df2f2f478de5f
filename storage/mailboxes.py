"""The mailboxes that are read: how far, what lies where in them, and the raw mails themselves.

A mail, its place, its item of the inbox and the cursor that passes it are written in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from . import erasures, inbox
from .inbox import About, NewItem
from .sql import Row, insert_for
from .tables import mail_uids, mailboxes, mails

KIND = "mail"


@dataclass(frozen=True, slots=True)
class MailboxState:
    """`last_uid`: every mail up to it has been seen to; `installed_at`: since when mail is read."""

    name: str
    uidvalidity: int
    last_uid: int
    installed_at: datetime
    last_mail_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail as it lies in the mailbox. `address` is its sender where the headers say that without doubt."""

    uid: int
    fingerprint: str
    message_id: str
    internaldate: datetime
    size: int
    raw: bytes
    address: str | None = None
    is_cut: bool = False
    is_backfilled: bool = False


@dataclass(frozen=True, slots=True)
class StoredMail:
    id: int
    mailbox: str
    fingerprint: str
    message_id: str
    internaldate: datetime
    size: int
    is_cut: bool
    is_backfilled: bool
    received_at: datetime
    raw: bytes | None


def find_mailbox(connection: Connection, name: str) -> MailboxState | None:
    row = connection.execute(sa.select(mailboxes).where(mailboxes.c.name == name)).first()
    return MailboxState(**row._mapping) if row is not None else None


def install(connection: Connection, name: str, uidvalidity: int, last_uid: int, now: datetime) -> bool:
    """Begin to read a mailbox: what lies in it up to `last_uid` is passed over. False when it was begun before."""
    insert = insert_for(connection, mailboxes).values(
        name=name, uidvalidity=uidvalidity, last_uid=last_uid, installed_at=now
    )
    begun = connection.execute(insert.on_conflict_do_nothing().returning(mailboxes.c.name)).first()
    return begun is not None


def move_cursor(connection: Connection, name: str, uidvalidity: int, last_uid: int) -> None:
    """Everything up to `last_uid` has been seen to. It never goes back under the same UIDVALIDITY."""
    forward = sa.or_(mailboxes.c.uidvalidity != uidvalidity, mailboxes.c.last_uid < last_uid)
    connection.execute(
        sa.update(mailboxes)
        .where(mailboxes.c.name == name, forward)
        .values(uidvalidity=uidvalidity, last_uid=last_uid)
    )


def known_uids(connection: Connection, name: str, uidvalidity: int, first: int, last: int) -> set[int]:
    """The UIDs from `first` to `last` that have been seen to: read, gone, or passed over at the first start."""
    return {row.uid for row in connection.execute(_uids(name, uidvalidity, first, last))}


def read_uids(connection: Connection, name: str, uidvalidity: int, first: int, last: int) -> set[int]:
    """The UIDs from `first` to `last` whose mails were read."""
    statement = _uids(name, uidvalidity, first, last).where(mail_uids.c.mail_id.is_not(None))
    return {row.uid for row in connection.execute(statement)}


def _uids(name: str, uidvalidity: int, first: int, last: int) -> sa.Select[tuple[int]]:
    return sa.select(mail_uids.c.uid).where(
        mail_uids.c.mailbox == name,
        mail_uids.c.uidvalidity == uidvalidity,
        mail_uids.c.uid.between(first, last),
    )


def pass_over(connection: Connection, name: str, uidvalidity: int, uids: Collection[int]) -> None:
    """Note UIDs without a mail: gone before they could be read, or older than the first start."""
    rows = [{"mailbox": name, "uidvalidity": uidvalidity, "uid": uid} for uid in sorted(uids)]
    if rows:
        connection.execute(insert_for(connection, mail_uids).on_conflict_do_nothing(), rows)


def add_mails(
    connection: Connection, name: str, uidvalidity: int, new: Sequence[NewMail], now: datetime
) -> list[int]:
    """Keep mails, and put those not seen before into the inbox, in the order given; the ids of those.

    The same mail twice, at once or ever, is one: only its second place is noted. A cursor of this UIDVALIDITY
    moves to the highest UID among them.
    """
    if not new:
        return []
    new = _without_erased(connection, new)
    first_of = {mail.fingerprint: mail for mail in reversed(new)}
    rows = [_row(name, mail, now) for mail in new if first_of[mail.fingerprint] is mail]
    insert = insert_for(connection, mails).on_conflict_do_nothing().returning(mails.c.id, mails.c.fingerprint)
    fresh = {row.fingerprint: row.id for row in connection.execute(insert, rows)}
    ids = _ids(connection, name, list(first_of))
    _note_places(connection, name, uidvalidity, new, ids)
    taken = [
        mail
        for mail in new
        if mail.fingerprint in fresh
        and first_of[mail.fingerprint] is mail
        and not mail.fingerprint.startswith(erasures.IN_PLACE)
    ]
    inbox.put_all(connection, [_item(name, mail, fresh[mail.fingerprint]) for mail in taken], now)
    _advance(connection, name, uidvalidity, new)
    return [fresh[mail.fingerprint] for mail in taken]


def _without_erased(connection: Connection, new: Sequence[NewMail]) -> Sequence[NewMail]:
    """A mail that was erased is known by what stands in its row instead of its fingerprint."""
    if not erasures.is_any(connection):
        return new
    hashes = {mail.uid: erasures.mail_hashes(connection, mail.fingerprint, mail.message_id) for mail in new}
    erased = erasures.erased_among(connection, [one for both in hashes.values() for one in both])
    return [
        replace(mail, fingerprint=erasures.in_place_of(hashes[mail.uid][0]), message_id="", raw=b"")
        if erased & set(hashes[mail.uid])
        else mail
        for mail in new
    ]


def mail_of(connection: Connection, mail_id: int) -> StoredMail | None:
    """A mail with its raw bytes."""
    row = connection.execute(sa.select(mails).where(mails.c.id == mail_id)).first()
    return StoredMail(**row._mapping) if row is not None else None


def mails_of(connection: Connection, mail_ids: Collection[int]) -> dict[int, StoredMail]:
    """As `mail_of`, for many at once, by id."""
    rows = connection.execute(sa.select(mails).where(mails.c.id.in_(sorted(mail_ids))))
    return {row.id: StoredMail(**row._mapping) for row in rows}


def item_key(name: str, fingerprint: str) -> str:
    return f"{KIND}:{name}:{fingerprint}"


def mail_lane(fingerprint: str) -> str:
    """The lane of a mail of which nobody knows yet whom it concerns."""
    return f"{KIND}:{fingerprint}"


def _row(name: str, mail: NewMail, now: datetime) -> Row:
    return {
        "mailbox": name,
        "fingerprint": mail.fingerprint,
        "message_id": mail.message_id,
        "internaldate": mail.internaldate,
        "size": mail.size,
        "is_cut": mail.is_cut,
        "is_backfilled": mail.is_backfilled,
        "received_at": now,
        "raw": mail.raw,
    }


def _ids(connection: Connection, name: str, fingerprints: list[str]) -> dict[str, int]:
    statement = sa.select(mails.c.fingerprint, mails.c.id).where(
        mails.c.mailbox == name, mails.c.fingerprint.in_(fingerprints)
    )
    return {row.fingerprint: row.id for row in connection.execute(statement)}


def _note_places(
    connection: Connection, name: str, uidvalidity: int, new: Sequence[NewMail], ids: Mapping[str, int]
) -> None:
    places = {
        mail.uid: {
            "mailbox": name,
            "uidvalidity": uidvalidity,
            "uid": mail.uid,
            "mail_id": ids[mail.fingerprint],
            "internaldate": mail.internaldate,
        }
        for mail in new
    }
    insert = insert_for(connection, mail_uids)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["mailbox", "uidvalidity", "uid"],
            set_={"mail_id": insert.excluded.mail_id, "internaldate": insert.excluded.internaldate},
            where=mail_uids.c.mail_id.is_(None),
        ),
        list(places.values()),
    )


def _item(name: str, mail: NewMail, mail_id: int) -> NewItem:
    about = About(customer=mail.address) if mail.address else About(lane=mail_lane(mail.fingerprint))
    raw = json.dumps({"mail_id": mail_id}).encode()
    return NewItem(item_key(name, mail.fingerprint), KIND, about, mail.internaldate, raw)


def _advance(connection: Connection, name: str, uidvalidity: int, new: Sequence[NewMail]) -> None:
    newest = max(mail.internaldate for mail in new)
    later = sa.or_(mailboxes.c.last_mail_at.is_(None), mailboxes.c.last_mail_at < newest)
    connection.execute(sa.update(mailboxes).where(mailboxes.c.name == name, later).values(last_mail_at=newest))
    highest = max(mail.uid for mail in new)
    connection.execute(
        sa.update(mailboxes)
        .where(mailboxes.c.name == name, mailboxes.c.uidvalidity == uidvalidity, mailboxes.c.last_uid < highest)
        .values(last_uid=highest)
    )
