"""Erasing goes through every table: nothing of the person is left in any, and nothing of anybody else is lost."""

from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.desk.model import Source
from storage import (
    alerts,
    attachments,
    cases,
    erase,
    erasures,
    held_mails,
    inbox,
    mail_people,
    mail_tallies,
    mailboxes,
    outbox,
    post_changes,
    wishes,
)
from storage.engine import Database, open_database
from storage.erase import LivesOn
from storage.erase_person import erase_person, find_person
from storage.held_mails import HeldMail
from storage.inbox import About, Done
from storage.mailboxes import NewMail
from storage.outbox import NewRow
from storage.post_changes import PostChange
from storage.tables import (
    attachment_chunks,
    case_events,
    home_views,
    leases,
    mail_ids,
    messages,
    replayed_lanes,
)
from storage.tables import (
    attachments as attachment_rows,
)
from tests.storage.kit import NOON, a_case, closed, item, keep, message_row
from tests.support.keeping import where_found

WHO = "dana@secret.example"
WORDS = (WHO, "secret", "Name of dana")
TRIGGER = {"kind": "keyword", "detail": "urgent", "quote": "secret quote", "by": ""}


def a_mail(number: int, sender: str = WHO) -> NewMail:
    return NewMail(number, f"secret{number}", f"<secret{number}@x>", NOON, 9, b"secret words", sender)


def fill(connection: Connection) -> None:
    """A customer by mail with two cases, who takes part in a third, of somebody else."""
    keep(connection, a_case(1, WHO, source=Source.EMAIL, reply_to=None), a_case(2, "U2"))
    keep(connection, cases_closed(3))
    cases.change_counters(connection, {"open": 2, "closed": 1})
    mailboxes.install(connection, "box", 1, 0, NOON)
    mailboxes.add_mails(connection, "box", 1, [a_mail(number) for number in (1, 2, 3)], NOON)
    inbox.mark(connection, [Done(1, case_id="CASE_001", facts={"author": WHO})], NOON)
    inbox.put(connection, item("request:secret", "U2", about=About(person=WHO), raw=b"secret"), NOON)
    rows = [
        message_row("CASE_001", sender=WHO, sender_name="Secret", body="secret words", html="<p>secret</p>",
                    channel=None, ts=None, files=["secret.pdf"], source="email"),
        message_row("CASE_001", sender="UADA", is_admin=True, body="secret answer", channel="CSUP", ts="2.0",
                    delivery="queued"),
        message_row("CASE_002", sender=WHO, body="secret word in another's case", channel=None, ts=None,
                    source="email"),
        message_row("CASE_002", sender="U2", body="Words of somebody else", ts="3.0"),
    ]  # fmt: skip
    for row in rows:
        connection.execute(sa.insert(messages), [row])
    connection.execute(
        sa.insert(attachment_rows),
        [{"message_id": 1, "name": "secret.pdf", "mime_type": "x/y", "size": 6, "source_id": "mail:1:secret"}],
    )
    connection.execute(sa.insert(attachment_chunks), [{"attachment_id": 1, "number": 0, "data": b"secret"}])
    attachments.add_copy(connection, 1, "F1", "CSUP", None)
    cases.set_thread(connection, "CASE_001", "CSUP", "1.0")
    event = {"case_id": "CASE_001", "kind": "CustomerWrote", "at": NOON, "actor": WHO, "data": {"text": "secret"}}
    connection.execute(sa.insert(case_events), [event])
    data = {"trigger": TRIGGER, "waiting_since": None, "quiet_since": NOON.isoformat()}
    alerts.add_alerts(
        connection,
        [
            {
                "alert_key": f"CASE_00{n}/1",
                "case_id": f"CASE_00{n}",
                "post_key": key,
                "raised_at": NOON,
                "data": data,
            }
            for n, key in ((1, "list:a"), (3, "CASE_003/1"))
        ],
    )
    other = {"trigger": TRIGGER | {"quote": "another"}, "waiting_since": None, "quiet_since": NOON.isoformat()}
    connection.execute(
        sa.insert(alerts.alerts),
        [
            {
                "alert_key": "CASE_002/1",
                "case_id": "CASE_002",
                "post_key": "list:a",
                "raised_at": NOON,
                "data": other,
            }
        ],
    )
    alerts.set_post(connection, "list:a", "CALERT", "5.0")
    alerts.set_post(connection, "CASE_003/1", "CALERT", "6.0")
    outbox.enqueue(
        connection,
        [
            NewRow(f"answer:{WHO}", f"to:{WHO}", outbox.MAIL, "answer", "CASE_001", 2, {"text": "secret"}),
            NewRow("late:1", "late:UADA", "UADA", "late_reply", payload={"reply": {"name": f"Name of {WHO}"}}),
            NewRow("log:CASE_003:1", "log", "CLOG", "log_line", "CASE_003", payload={"by": "Ada"}),
        ],
        NOON,
    )
    wishes.want(connection, [wishes.card_wish("CASE_001", NOON), wishes.mark_wish("CSUP", "2.0", "waiting", NOON)])
    post_changes.note(connection, "CSUP", "2.0", PostChange(NOON, "secret edit"))
    held_mails.hold(
        connection,
        HeldMail(3, "held", "stranger", "post", NOON, WHO, "Secret", "secret subject", "secret excerpt"),
    )
    held_mails.set_post(connection, "post", "CSUP", "7.0")
    mail_people.add_participant(connection, "CASE_002", WHO, "Ada", NOON)
    mail_people.block(connection, WHO, "Ada", NOON)
    mail_people.use_once(connection, "<secret1@x>", NOON)
    mail_tallies.add(connection, "case", WHO, NOON)
    ids = {"message_id": "<secret1@x>", "is_ours": False, "kind": "customer", "address": WHO, "subject": "secret"}
    connection.execute(
        sa.insert(mail_ids),
        [ids | {"case_id": case, "references": ["<secret0@x>"], "at": NOON} for case in ("CASE_001", "CASE_002")],
    )
    connection.execute(sa.insert(home_views), [{"person": "UADA", "opened_at": NOON, "place": {"customer": WHO}}])
    connection.execute(sa.insert(replayed_lanes), [{"lane": WHO, "checked_until": NOON}])
    lease = {"name": f"channel:{WHO}", "owner": "x", "token": 1, "expires_at": NOON}
    connection.execute(sa.insert(leases), [lease])


def cases_closed(number: int):
    return closed(number, WHO, source=Source.EMAIL, reply_to=None)


def noon() -> datetime:
    return NOON


async def erased(database: Database, *, delete_posts: bool = False) -> LivesOn:
    person = await database.read(lambda c: find_person(c, WHO))
    assert person is not None
    lives_on = LivesOn()
    steps = [step async for step in erase_person(database, person, noon, lives_on, delete_posts=delete_posts)]
    assert steps[-1].done == steps[-1].total
    return lives_on


@pytest.fixture
async def database(database_url: str):
    database = open_database(database_url)
    await database.write(fill)
    yield database
    await database.close()


async def rows(database: Database, statement: str) -> list[tuple]:
    return await database.read(lambda c: [tuple(row) for row in c.exec_driver_sql(statement)])


async def test_nothing_is_left_in_any_table_and_counts_stay(database: Database) -> None:
    counted = (
        "SELECT count(*) FROM messages UNION ALL SELECT count(*) FROM inbox UNION ALL SELECT count(*) FROM mails"
    )
    before = await rows(database, counted)
    lives_on = await erased(database)
    assert await database.read(lambda c: where_found(c, *WORDS)) == {}
    assert await rows(database, counted) == before
    assert await rows(database, "SELECT case_id, status FROM cases ORDER BY number") == [
        ("CASE_001", "closed"),
        ("CASE_002", "open"),
        ("CASE_003", "closed"),
    ]
    assert await database.read(cases.read_counters) == {"open": 1, "closed": 2}
    assert await rows(database, "SELECT body FROM messages WHERE body <> ''") == [("Words of somebody else",)]
    assert await rows(database, "SELECT state FROM outbox ORDER BY id") == [
        ("dropped",),
        ("dropped",),
        ("pending",),
    ]
    assert lives_on.threads == {("CSUP", "1.0")}
    assert lives_on.mails == {"box": 3}
    assert lives_on.files == {"F1"}
    assert await database.read(lambda c: find_person(c, WHO)) is None


async def test_posts_of_its_own_are_deleted_and_those_it_shares_written_anew(database: Database) -> None:
    await erased(database, delete_posts=True)
    wished = [target for (target,) in await rows(database, "SELECT target FROM desired ORDER BY target")]
    assert wished == [
        "alert:list:a",
        "copies:3",
        "gone:CALERT:6.0",
        "gone:CSUP:1.0",
        "gone:CSUP:7.0",
        "gone_file:F1",
    ]


async def test_a_mail_is_known_by_its_words_and_by_its_message_id(database: Database) -> None:
    await erased(database)
    again = [
        NewMail(11, "other", "<secret2@x>", NOON, 9, b"secret words", WHO),
        NewMail(12, "new", "<new@x>", NOON, 9, b"new words", WHO),
        NewMail(13, "secret1", "", NOON, 9, b"secret words", WHO),
    ]
    stored = await database.write(lambda c: mailboxes.add_mails(c, "box", 1, again, NOON))
    assert len(stored) == 1
    assert await database.read(lambda c: where_found(c, "secret words")) == {}
    waiting = await rows(database, "SELECT lane FROM inbox WHERE state = 'waiting'")
    assert waiting == [(f"customer:{WHO}",)]


async def test_whoever_is_interrupted_goes_on_by_beginning_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = erase.erase_case

    def interrupted(connection, case_id, **how):
        if case_id == "CASE_003":
            raise KeyboardInterrupt
        return whole(connection, case_id, **how)

    person = await database.read(lambda c: find_person(c, WHO))
    monkeypatch.setattr(erase, "erase_case", interrupted)
    steps = erase_person(database, person, noon, LivesOn(), delete_posts=False)
    assert (await anext(steps)).done == 1
    await steps.aclose()
    monkeypatch.undo()
    left = await database.read(lambda c: find_person(c, WHO))
    assert left is not None
    assert left.case_ids == ["CASE_003"]
    await erased(database)
    assert await database.read(lambda c: where_found(c, *WORDS)) == {}
    owners = await rows(database, "SELECT DISTINCT customer_identifier FROM cases WHERE case_id <> 'CASE_002'")
    assert len(owners) == 1
    assert erasures.is_pseudonym(owners[0][0])


async def test_what_is_about_an_erased_post_is_not_kept(database: Database) -> None:
    await database.write(lambda c: erasures.remember(c, erasures.hashes_of(c, ["post:D1:1.0"])))
    for key in ("post:D1:1.0", "edit:D1:1.0:9.9", "delete:D1:1.0", "mention:D1:1.0"):
        assert not await database.write(lambda c, key=key: inbox.put(c, item(key), NOON))
        other = key.replace(":1.0", ":2.0")
        assert await database.write(lambda c, key=other: inbox.put(c, item(key), NOON))
