"""A mail, its place, its item and the cursor are one commit; the same mail twice is one."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from storage import mailboxes
from storage.engine import Database
from storage.mailboxes import MailboxState, NewMail
from tests.storage.kit import NOON, after, run, scalars

BOX = "support@desk.example/INBOX"


def new(uid: int, **changed: object) -> NewMail:
    mail = NewMail(uid, f"print-{uid}", f"<{uid}@a.example>", after(uid), 10, b"raw \x00 bytes", "dana@a.example")
    return replace(mail, **changed)


async def installed(database: Database, validity: int = 7, last: int = 0) -> bool:
    return await database.write(
        partial(mailboxes.install, name=BOX, uidvalidity=validity, last_uid=last, now=NOON)
    )


async def add(database: Database, *mails: NewMail, validity: int = 7) -> list[int]:
    return await database.write(partial(mailboxes.add_mails, name=BOX, uidvalidity=validity, new=mails, now=NOON))


async def state(database: Database) -> MailboxState:
    found = await database.read(partial(mailboxes.find_mailbox, name=BOX))
    assert found is not None
    return found


async def test_a_mailbox_begins_once(database: Database) -> None:
    assert await database.read(partial(mailboxes.find_mailbox, name=BOX)) is None
    assert await installed(database, last=40)
    assert not await installed(database, validity=8)
    assert await state(database) == MailboxState(BOX, 7, 40, NOON, None)


async def test_mails_come_with_their_items_in_order_and_move_the_cursor(database: Database) -> None:
    await installed(database)
    ids = await add(database, new(3), new(5, address=None))
    assert (await state(database)).last_uid == 5
    assert (await state(database)).last_mail_at == after(5)
    items = await run(database, "SELECT key, kind, lane, raw FROM inbox ORDER BY id")
    assert [(key, kind, lane) for key, kind, lane, _ in items] == [
        (f"mail:{BOX}:print-3", "mail", "customer:dana@a.example"),
        (f"mail:{BOX}:print-5", "mail", "mail:print-5"),
    ]
    assert [bytes(raw) for *_, raw in items] == [b'{"mail_id": %d}' % mail_id for mail_id in ids]
    stored = await database.read(partial(mailboxes.mail_of, mail_id=ids[0]))
    assert stored is not None
    assert (stored.raw, stored.message_id, stored.internaldate) == (b"raw \x00 bytes", "<3@a.example>", after(3))


async def test_the_same_mail_twice_is_one_in_a_batch_and_later(database: Database) -> None:
    await installed(database)
    assert len(await add(database, new(1), new(2, fingerprint="print-1"), new(3))) == 2
    assert await add(database, new(4, fingerprint="print-1"), new(3)) == []
    assert await add(database, new(1, fingerprint="print-3"), validity=8) == []
    assert await scalars(database, "SELECT count(*) FROM inbox") == [2]
    assert await scalars(database, "SELECT count(*) FROM mail_uids") == [5]


async def test_the_cursor_never_goes_back_nor_over_to_other_numbers_by_itself(database: Database) -> None:
    await installed(database, last=10)
    await add(database, new(4))
    await add(database, new(99), validity=8)
    assert ((await state(database)).uidvalidity, (await state(database)).last_uid) == (7, 10)
    for validity, last, expected in ((7, 9, (7, 10)), (7, 12, (7, 12)), (8, 3, (8, 3))):
        await database.write(partial(mailboxes.move_cursor, name=BOX, uidvalidity=validity, last_uid=last))
        assert ((await state(database)).uidvalidity, (await state(database)).last_uid) == expected


async def test_what_was_passed_over_is_known_and_may_be_read_yet(database: Database) -> None:
    await installed(database)
    await database.write(partial(mailboxes.pass_over, name=BOX, uidvalidity=7, uids=range(1, 1201)))
    await add(database, new(1201))
    known = partial(mailboxes.known_uids, name=BOX, uidvalidity=7, first=2, last=2000)
    read = partial(mailboxes.read_uids, name=BOX, uidvalidity=7, first=2, last=2000)
    assert await database.read(known) == set(range(2, 1202))
    assert await database.read(read) == {1201}
    await add(database, new(5))
    assert await database.read(read) == {5, 1201}
    await database.write(partial(mailboxes.pass_over, name=BOX, uidvalidity=7, uids=[5]))
    assert await database.read(read) == {5, 1201}


async def test_nothing_of_a_batch_is_kept_without_all_of_it(database: Database) -> None:
    await installed(database)

    def work(connection) -> None:
        mailboxes.add_mails(connection, BOX, 7, [new(1)], NOON + timedelta(seconds=1))
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await database.write(work)
    for table in ("mails", "mail_uids", "inbox"):
        assert await scalars(database, f"SELECT count(*) FROM {table}") == [0]
    assert (await state(database)).last_uid == 0
