"""Erasing: what a customer wrote, and who it was, is taken out of every table; counts stay.

A case is erased in one transaction, so that whoever is interrupted has erased whole cases. What is not the
customer's stays: when things happened, which admin answered, and that there was a case.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from . import alerts as alert_rows
from . import cases as case_rows
from . import erasures, outbox, wishes
from .cases import Customer
from .inbox import customer_lane
from .mailboxes import KIND as MAIL
from .mailboxes import item_key
from .tables import (
    admin_mails,
    alerts,
    attachment_chunks,
    attachments,
    case_events,
    case_threads,
    cases,
    copies,
    customers,
    desired,
    file_copies,
    held_mails,
    inbox,
    mail_ids,
    mail_participants,
    mail_posts,
    mails,
    messages,
    outbox_lanes,
    post_changes,
)
from .tables import outbox as outbox_table
from .wishes import Wish

NAME = "Erased customer"
BY = "casewire erase"
GONE = "erased"
AT_ONCE = 500
_UNSENT = ("pending", "sending", "uncertain")
_CHANNELS = ("C", "D", "G")  # how Slack's ids of conversations begin; those of people cannot be posted to
_LOG_LINE = "log_line"  # names the case and the admin, and nobody else


@dataclass(slots=True)
class LivesOn:
    """What was not erased, for it is not ours to erase, or only on request: it is told to whoever erases.

    `posts` are our own posts in Slack, `files` our copies of files there, `threads` those in which people wrote,
    `mails` how many lie in each mailbox.
    """

    posts: set[tuple[str, str]] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    threads: set[tuple[str, str]] = field(default_factory=set)
    dms: set[str] = field(default_factory=set)
    mails: Counter[str] = field(default_factory=Counter)

    def add(self, more: LivesOn) -> None:
        self.posts |= more.posts
        self.files |= more.files
        self.threads |= more.threads
        self.dms |= more.dms
        self.mails += more.mails


def erase_case(connection: Connection, case_id: str, now: datetime, *, delete_posts: bool = False) -> LivesOn:
    """Take everything out of a case but its counts and times. An open case is closed, and nobody is told.

    With `delete_posts` our own posts about it are wished to be deleted in Slack.
    """
    found = connection.execute(
        sa.select(cases.c.customer_identifier).where(cases.c.case_id == case_id)
    ).scalar_one_or_none()
    if found is None or erasures.is_pseudonym(found):
        return LivesOn()
    customer = str(found)
    case_rows.lock_customers(connection, [customer])
    items = items_of(connection, inbox.c.case_id == case_id)
    posts = _posts_written(connection, case_id, items)
    lives_on = _places(connection, case_id)
    mail_numbers = _mails_of(connection, items, case_id)
    pseudonym = stand_in(connection, customer, now)
    # A post that shows several cases or mails stays for the others, and is written anew.
    shared = _alerts_of(connection, case_id, lives_on, now) + held_posts(connection, mail_numbers, lives_on, now)
    erasures.remember(connection, erasures.hashes_of(connection, [erasures.post_name(*post) for post in posts]))
    erase_items(connection, items, pseudonym, now)
    lives_on.mails = erase_mails(connection, mail_numbers, pseudonym, now)
    _erase_posts_known(connection, posts, lives_on.dms)
    erase_outbox(connection, outbox_table.c.case_id == case_id, now)
    connection.execute(sa.delete(desired).where(desired.c.case_id == case_id))
    erase_messages(connection, messages.c.case_id == case_id, pseudonym)
    _erase_audit(connection, case_id, customer, pseudonym)
    _erase_alerts(connection, case_id)
    for table in (mail_ids, mail_participants, case_threads):
        connection.execute(sa.delete(table).where(table.c.case_id == case_id))
    _close(connection, case_id, customer, pseudonym, now)
    wishes.want(connection, shared)
    if delete_posts:
        wishes.want(connection, deletions(lives_on, now))
    return lives_on


def deletions(lives_on: LivesOn, now: datetime) -> list[Wish]:
    """Wishes that our posts and files go from Slack: the newest first, so that a thread goes before its root."""
    posts = sorted(lives_on.posts, key=lambda post: post[1], reverse=True)
    wished = [
        Wish(f"gone:{channel}:{ts}", "gone", now + timedelta(microseconds=n), None, {"channel": channel, "ts": ts})
        for n, (channel, ts) in enumerate(posts)
    ]
    return wished + [
        Wish(f"gone_file:{file_id}", "gone_file", now, None, {"file_id": file_id})
        for file_id in sorted(lives_on.files)
    ]


@dataclass(frozen=True, slots=True)
class ErasedItem:
    id: int
    key: str
    twin_key: str | None
    mail_id: int | None


def items_of(connection: Connection, condition: sa.ColumnElement[bool]) -> list[ErasedItem]:
    """The items, each with the mail it is about, if any."""
    columns = (inbox.c.id, inbox.c.key, inbox.c.twin_key, inbox.c.kind)
    raw = sa.case((inbox.c.kind == MAIL, inbox.c.raw), else_=None)
    found = []
    for row in connection.execute(sa.select(*columns, raw.label("raw")).where(condition)):
        mail_id = int(json.loads(row.raw)["mail_id"]) if row.kind == MAIL and row.raw else None
        if not row.key.startswith(erasures.IN_PLACE):
            found.append(ErasedItem(row.id, row.key, row.twin_key, mail_id))
    return found


def erase_items(connection: Connection, items: Collection[ErasedItem], pseudonym: str, now: datetime) -> None:
    """Empty the items; by their keyed hashes they are known when they come again."""
    names = {name for one in items for name in erasures.names_of(one.key, one.twin_key)}
    erasures.remember(connection, erasures.hashes_of(connection, sorted(names)))
    ids = [one.id for one in items]
    undecided = inbox.c.state.in_(("waiting", "quarantined"))
    for start in range(0, len(ids), AT_ONCE):
        connection.execute(
            sa.update(inbox)
            .where(inbox.c.id.in_(ids[start : start + AT_ONCE]))
            .values(
                key=erasures.IN_PLACE + sa.cast(inbox.c.id, sa.Text),
                twin_key=None,
                lane=customer_lane(pseudonym),
                raw=b"",
                facts=sa.null(),
                outcome=sa.null(),
                error=None,
                tell_late=False,
                state=sa.case((undecided, "ignored"), else_=inbox.c.state),
                done_at=sa.func.coalesce(inbox.c.done_at, sa.bindparam("b_now", now, type_=inbox.c.done_at.type)),
            )
        )


def erase_mails(connection: Connection, numbers: Collection[int], pseudonym: str, now: datetime) -> Counter[str]:
    """Empty the mails, and what was held of them; how many there are of each mailbox, where they lie still."""
    count: Counter[str] = Counter()
    wanted = sorted(numbers)
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        columns = (mails.c.id, mails.c.mailbox, mails.c.fingerprint, mails.c.message_id)
        rows = [
            row
            for row in connection.execute(sa.select(*columns).where(mails.c.id.in_(some)))
            if not row.fingerprint.startswith(erasures.IN_PLACE)
        ]
        if not rows:
            continue
        keys = [item_key(row.mailbox, row.fingerprint) for row in rows]
        erase_items(connection, items_of(connection, inbox.c.key.in_(keys)), pseudonym, now)
        hashes = {row.id: erasures.mail_hashes(connection, row.fingerprint, row.message_id) for row in rows}
        erasures.remember(connection, [one for both in hashes.values() for one in both])
        ids = [row.message_id for row in rows if row.message_id]
        connection.execute(sa.delete(admin_mails).where(admin_mails.c.message_id.in_(ids)))
        connection.execute(
            sa.update(mails)
            .where(mails.c.id == sa.bindparam("b_id"))
            .values(fingerprint=sa.bindparam("b_fingerprint"), message_id="", raw=None),
            [{"b_id": number, "b_fingerprint": erasures.in_place_of(both[0])} for number, both in hashes.items()],
        )
        _empty_held(connection, held_mails.c.mail_id.in_(some), now)
        count.update(row.mailbox for row in rows)
    return count


def _empty_held(connection: Connection, condition: sa.ColumnElement[bool], now: datetime) -> None:
    emptied = dict.fromkeys(("sender", "sender_shown", "subject", "excerpt", "verdict_detail", "keyword"), "")
    undecided = held_mails.c.state.in_(("held", "listed"))
    at = sa.bindparam("b_now", now, type_=held_mails.c.decided_at.type)
    connection.execute(
        sa.update(held_mails)
        .where(condition)
        .values(
            alert_at=None,
            decided_by=sa.case((undecided, BY), else_=held_mails.c.decided_by),
            decided_at=sa.case((undecided, at), else_=held_mails.c.decided_at),
            state=sa.case((undecided, "set_aside"), else_=held_mails.c.state),
            **emptied,
        )
    )


def _mails_of(connection: Connection, items: Iterable[ErasedItem], case_id: str) -> set[int]:
    found = {one.mail_id for one in items if one.mail_id is not None}
    held = sa.select(held_mails.c.mail_id).where(
        sa.or_(held_mails.c.case_id == case_id, held_mails.c.decided_case_id == case_id)
    )
    return found | set(connection.execute(held).scalars())


def _posts_written(connection: Connection, case_id: str, items: Iterable[ErasedItem]) -> set[tuple[str, str]]:
    """The posts that people wrote on the case, whatever was made of them."""
    found: set[tuple[str, str]] = set()
    for table in (messages, case_events):
        statement = sa.select(table.c.channel, table.c.ts).where(
            table.c.case_id == case_id, table.c.channel.is_not(None), table.c.ts.is_not(None)
        )
        found |= {(row.channel, row.ts) for row in connection.execute(statement)}
    for one in items:
        kind, _, place = one.key.partition(":")
        if kind in {"post", "edit", "delete"}:
            found.add((place.split(":")[0], place.split(":")[1]))
    return found


def _places(connection: Connection, case_id: str) -> LivesOn:
    """Where the case shows in Slack."""
    places = LivesOn()
    of_case = sa.select(messages.c.id).where(messages.c.case_id == case_id)
    shown = connection.execute(sa.select(copies.c.channel, copies.c.ts).where(copies.c.message_id.in_(of_case)))
    places.posts = {(row.channel, row.ts) for row in shown}
    threads = connection.execute(
        sa.select(case_threads.c.channel, case_threads.c.thread_ts).where(case_threads.c.case_id == case_id)
    )
    places.threads = {(row.channel, row.thread_ts) for row in threads}
    places.posts |= places.threads
    sent = connection.execute(
        sa.select(outbox_table.c.destination, outbox_table.c.result_ts).where(
            outbox_table.c.case_id == case_id,
            outbox_table.c.result_ts.is_not(None),
            outbox_table.c.kind.not_in((_LOG_LINE, "file")),
        )
    )
    places.posts |= {(row.destination, row.result_ts) for row in sent if row.destination.startswith(_CHANNELS)}
    files = sa.select(file_copies.c.file_id).where(
        file_copies.c.deleted_at.is_(None),
        file_copies.c.attachment_id.in_(sa.select(attachments.c.id).where(attachments.c.message_id.in_(of_case))),
    )
    places.files = set(connection.execute(files).scalars())
    reply = connection.execute(sa.select(cases.c.reply_channel).where(cases.c.case_id == case_id)).scalar_one()
    written = sa.select(messages.c.channel).where(messages.c.case_id == case_id).distinct()
    channels = {reply, *connection.execute(written).scalars(), *(channel for channel, _ in places.posts)}
    places.dms = {channel for channel in channels if channel is not None and channel.startswith("D")}
    return places


def _alerts_of(connection: Connection, case_id: str, places: LivesOn, now: datetime) -> list[Wish]:
    """The case's own alerts join `places`; of those it shares with others the wishes are returned."""
    wished: list[Wish] = []
    for post_key in alert_rows.posts_of(connection, case_id):
        post = alert_rows.find_post(connection, post_key)
        if post is None or post.channel is None or post.ts is None:
            continue
        if {one.case_id for one in alert_rows.alerts_on(connection, post_key)} == {case_id}:
            places.posts.add((post.channel, post.ts))
        else:
            places.posts.discard((post.channel, post.ts))
            wished.append(wishes.alert_wish(post_key, now))
    return wished


def held_posts(connection: Connection, numbers: Collection[int], places: LivesOn, now: datetime) -> list[Wish]:
    """As with alerts, of the posts that show held mails."""
    wished: list[Wish] = []
    keys = sa.select(held_mails.c.post_key).where(held_mails.c.mail_id.in_(sorted(numbers))).distinct()
    for row in connection.execute(sa.select(mail_posts).where(mail_posts.c.post_key.in_(keys))).all():
        on_post = sa.select(held_mails.c.mail_id).where(held_mails.c.post_key == row.post_key)
        if set(connection.execute(on_post).scalars()) <= set(numbers):
            places.posts.add((row.channel, row.ts))
        else:
            key = row.post_key
            wished.append(Wish(f"mail_post:{key}", "mail_post", now, payload={"post_key": key}))
    return wished


def _erase_posts_known(connection: Connection, posts: Collection[tuple[str, str]], dms: Collection[str]) -> None:
    """What was kept of posts, beside the messages they became: later edits, and reactions of ours."""
    connection.execute(sa.delete(post_changes).where(post_changes.c.channel.in_(sorted(dms))))
    wanted = sorted(posts)
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        place = sa.tuple_(post_changes.c.channel, post_changes.c.ts)
        connection.execute(sa.delete(post_changes).where(place.in_(some)))
        marks = [f"mark:{channel}:{ts}" for channel, ts in some]
        connection.execute(sa.delete(desired).where(desired.c.target.in_(marks)))


def erase_outbox(connection: Connection, condition: sa.ColumnElement[bool], now: datetime) -> None:
    """Nothing of it is sent any more; that something was, and when, stays."""
    wanted = sa.and_(condition, outbox_table.c.kind != _LOG_LINE)
    lanes = sorted(set(connection.execute(sa.select(outbox_table.c.lane).where(wanted)).scalars()))
    unsent = outbox_table.c.state.in_(_UNSENT)
    connection.execute(
        sa.update(outbox_table)
        .where(wanted)
        .values(
            dedupe_key=erasures.IN_PLACE + sa.cast(outbox_table.c.id, sa.Text),
            lane=GONE,
            destination=GONE,
            payload={},
            item_key=None,
            error=None,
            result_ts=None,
            state=sa.case(
                (sa.or_(unsent, outbox_table.c.state == "parked"), "dropped"), else_=outbox_table.c.state
            ),
            done_at=sa.func.coalesce(
                outbox_table.c.done_at, sa.bindparam("b_now", now, type_=outbox_table.c.done_at.type)
            ),
        )
    )
    left = sa.exists().where(outbox_table.c.lane == outbox_lanes.c.lane, outbox.UNSENT)
    for start in range(0, len(lanes), AT_ONCE):
        some = lanes[start : start + AT_ONCE]
        connection.execute(sa.delete(outbox_lanes).where(outbox_lanes.c.lane.in_(some), ~left))


def erase_messages(
    connection: Connection, condition: sa.ColumnElement[bool], pseudonym: str, *, keep_copies: bool = False
) -> None:
    """`keep_copies`: the posts that show them stay known, to be emptied."""
    of_case = sa.select(messages.c.id).where(condition)
    files = sa.select(attachments.c.id).where(attachments.c.message_id.in_(of_case))
    for table in (attachment_chunks, file_copies):
        connection.execute(sa.delete(table).where(table.c.attachment_id.in_(files)))
    connection.execute(
        sa.update(attachments)
        .where(attachments.c.message_id.in_(of_case))
        .values(name=GONE, source_id=None, url=None, trouble_detail="", kept_at=None)
    )
    if not keep_copies:
        connection.execute(sa.delete(copies).where(copies.c.message_id.in_(of_case)))
    mine = messages.c.is_admin.is_(False)
    connection.execute(
        sa.update(messages)
        .where(condition)
        .values(
            sender=sa.case((mine, pseudonym), else_=messages.c.sender),
            sender_name=sa.case((mine, NAME), else_=messages.c.sender_name),
            body="",
            html=None,
            files=[],
            channel=None,
            ts=None,
            thread_ts=None,
            delivery=sa.case((messages.c.delivery == "queued", "failed"), else_=messages.c.delivery),
            delivery_error=None,
        )
    )


def _erase_audit(connection: Connection, case_id: str, customer: str, pseudonym: str) -> None:
    connection.execute(
        sa.update(case_events)
        .where(case_events.c.case_id == case_id)
        .values(
            actor=sa.case((case_events.c.actor == customer, pseudonym), else_=case_events.c.actor),
            channel=None,
            ts=None,
            data={},
        )
    )


def _erase_alerts(connection: Connection, case_id: str) -> None:
    """What raised them stays as a kind; the words go."""
    rows = connection.execute(
        sa.select(alerts.c.alert_key, alerts.c.data).where(alerts.c.case_id == case_id)
    ).all()
    for row in rows:
        data: dict[str, Any] = dict(row.data)
        data["trigger"] = {"kind": data["trigger"]["kind"]} if data.get("trigger") else None
        connection.execute(sa.update(alerts).where(alerts.c.alert_key == row.alert_key).values(data=data))


def _close(connection: Connection, case_id: str, customer: str, pseudonym: str, now: datetime) -> None:
    """The case is nobody's from here on."""
    before = case_rows.load_cases(connection, [case_id])[case_id]
    nothing = dict.fromkeys(
        (
            "reply_channel",
            "reply_thread_ts",
            "waiting_since",
            "silence_due_at",
            "remind_due_at",
            "due_at",
            "thread_channel",
            "thread_ts",
            "previous_case_id",
        )
    )
    connection.execute(
        sa.update(cases)
        .where(cases.c.case_id == case_id)
        .values(
            customer_identifier=pseudonym,
            status="closed",
            closed_at=sa.func.coalesce(
                cases.c.closed_at, sa.bindparam("b_now", now, type_=cases.c.closed_at.type)
            ),
            closed_by=sa.func.coalesce(cases.c.closed_by, BY),
            **nothing,
        )
    )
    connection.execute(
        sa.update(cases)
        .where(cases.c.customer_identifier == customer, cases.c.previous_case_id == case_id)
        .values(previous_case_id=None)
    )
    connection.execute(
        sa.update(customers)
        .where(customers.c.customer_identifier == customer, customers.c.current_case_id == case_id)
        .values(current_case_id=None)
    )
    after = case_rows.load_cases(connection, [case_id])[case_id]
    change = case_rows.tally(after)
    change.subtract(case_rows.tally(before))
    case_rows.change_counters(connection, change)


def stand_in(connection: Connection, customer: str, now: datetime) -> str:
    pseudonym = erasures.pseudonym_of(connection, customer)
    case_rows.add_customers(connection, [Customer(pseudonym, NAME)], now)
    return pseudonym
