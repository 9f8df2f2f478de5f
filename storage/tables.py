"""The tables, for SQLite and PostgreSQL alike. Migrations bring a database to this declaration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, text
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. SQLite drops offsets silently, so naive values are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored: give it a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Only INTEGER PRIMARY KEY is a rowid alias on SQLite.
Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _partial_index(name: str, *columns: str | Any, where: str, unique: bool = False) -> Index:
    """An index over the rows that matter. Queries meant for it must spell the condition as a literal."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


customers = Table(
    "customers",
    metadata,
    Column("customer_identifier", sa.Text, primary_key=True),
    Column("display_name", sa.Text, nullable=False),
    Column("handle", sa.Text, nullable=False, server_default=text("''")),
    Column("current_case_id", sa.Text),
    Column("created_at", UtcDateTime, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", sa.Text, primary_key=True),
    Column("number", Serial, nullable=False, unique=True),
    Column("customer_identifier", sa.Text, ForeignKey(customers.c.customer_identifier), nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("status", sa.Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_message_at", UtcDateTime, nullable=False),
    Column("message_count", sa.Integer, nullable=False, server_default="0"),
    Column("escalated", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("closed_at", UtcDateTime),
    Column("closed_by", sa.Text),
    Column("closings", sa.Integer, nullable=False, server_default="0"),
    Column("previous_case_id", sa.Text),
    Column("reply_channel", sa.Text),
    Column("reply_thread_ts", sa.Text),
    Column("unanswered", sa.Integer, nullable=False, server_default="0"),
    Column("waiting_since", UtcDateTime),
    Column("last_customer_at", UtcDateTime),
    Column("last_answer_at", UtcDateTime),
    Column("last_answer_by", sa.Text),
    Column("last_answer_from", sa.Text),
    Column("escalated_at", UtcDateTime),
    Column("alert_no", sa.Integer, nullable=False, server_default="0"),
    Column("alerted_at", UtcDateTime),
    Column("alert_rearmed", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("alert_additions", sa.Integer, nullable=False, server_default="0"),
    Column("acknowledged_at", UtcDateTime),
    Column("acknowledged_by", sa.Text),
    Column("silence_due_at", UtcDateTime),
    Column("remind_due_at", UtcDateTime),
    Column("due_at", UtcDateTime),
    Column("thread_channel", sa.Text),
    Column("thread_ts", sa.Text),
    _one_of("status", "open", "closed"),
    _one_of("source", "slack", "email"),
    _partial_index("uq_cases_open_customer", "customer_identifier", where="status = 'open'", unique=True),
    _partial_index("ix_cases_due", "due_at", where="due_at IS NOT NULL"),
    _partial_index(
        "ix_cases_waiting", "waiting_since", "number", where="status = 'open' AND waiting_since IS NOT NULL"
    ),
    _partial_index("ix_cases_escalated", "escalated_at", "number", where="status = 'open' AND escalated"),
    _partial_index("ix_cases_open", "number", where="status = 'open'"),
    Index("ix_cases_customer", "customer_identifier", "number"),
    _partial_index("ix_cases_closed", "closed_at", where="closed_at IS NOT NULL"),
)

case_threads = Table(
    "case_threads",
    metadata,
    Column("channel", sa.Text, primary_key=True),
    Column("thread_ts", sa.Text, primary_key=True),
    Column("case_id", sa.Text, ForeignKey(cases.c.case_id), nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", sa.Text, ForeignKey(cases.c.case_id), nullable=False),
    Column("sender", sa.Text, nullable=False),
    Column("sender_name", sa.Text, nullable=False, server_default=text("''")),
    Column("is_admin", sa.Boolean, nullable=False),
    Column("body", sa.Text, nullable=False),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("channel", sa.Text),
    Column("ts", sa.Text),
    Column("thread_ts", sa.Text),
    Column("files", sa.JSON),
    Column("delivery", sa.Text),
    Column("delivery_error", sa.Text),
    Column("edited_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("html", sa.Text),
    _one_of("source", "slack", "email"),
    sa.CheckConstraint("delivery IS NULL OR delivery IN ('queued', 'sent', 'failed', 'unknown')", name="delivery"),
    Index("ix_messages_case", "case_id", "timestamp"),
    Index("uq_messages_post", "channel", "ts", unique=True),
    Index("ix_messages_thread", "channel", "thread_ts", "timestamp"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("message_id", Serial, ForeignKey(messages.c.id), nullable=False, index=True),
    Column("name", sa.Text, nullable=False),
    Column("mime_type", sa.Text, nullable=False),
    Column("size", sa.BigInteger, nullable=False),
    Column("kind", sa.Text, nullable=False, server_default="file"),
    Column("source_id", sa.Text),
    Column("url", sa.Text),
    Column("tries", sa.Integer, nullable=False, server_default="0"),
    Column("kept_at", UtcDateTime),
    Column("trouble", sa.Text),
    Column("trouble_detail", sa.Text, nullable=False, server_default=text("''")),
    Column("deleted_at", UtcDateTime),
    _partial_index("ix_attachments_source", "source_id", where="source_id IS NOT NULL"),
)

attachment_chunks = Table(
    "attachment_chunks",
    metadata,
    Column("attachment_id", Serial, ForeignKey(attachments.c.id), primary_key=True),
    Column("number", sa.Integer, primary_key=True, autoincrement=False),
    Column("data", sa.LargeBinary, nullable=False),
)

copies = Table(
    "copies",
    metadata,
    Column("message_id", Serial, ForeignKey(messages.c.id), primary_key=True),
    Column("channel", sa.Text, primary_key=True),
    Column("ts", sa.Text, primary_key=True),
    Column("part", sa.Integer, nullable=False, server_default="1"),
    Index("ix_copies_post", "channel", "ts"),
)

post_changes = Table(
    "post_changes",
    metadata,
    Column("channel", sa.Text, primary_key=True),
    Column("ts", sa.Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("text", sa.Text),
)

file_copies = Table(
    "file_copies",
    metadata,
    Column("file_id", sa.Text, primary_key=True),
    Column("attachment_id", Serial, ForeignKey(attachments.c.id), nullable=False, index=True),
    Column("channel", sa.Text, nullable=False),
    Column("ts", sa.Text),
    Column("deleted_at", UtcDateTime),
)

case_events = Table(
    "case_events",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("case_id", sa.Text, ForeignKey(cases.c.case_id), nullable=False),
    Column("kind", sa.Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", sa.Text, nullable=False, server_default=text("''")),
    Column("channel", sa.Text),
    Column("ts", sa.Text),
    Column("data", sa.JSON, nullable=False),
    Index("ix_case_events_case", "case_id", "id"),
    Index("ix_case_events_post", "channel", "ts"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_key", sa.Text, primary_key=True),
    Column("case_id", sa.Text, ForeignKey(cases.c.case_id), nullable=False, index=True),
    Column("post_key", sa.Text, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("data", sa.JSON, nullable=False),
    Index("ix_alerts_post", "post_key"),
)

alert_posts = Table(
    "alert_posts",
    metadata,
    Column("post_key", sa.Text, primary_key=True),
    Column("channel", sa.Text),
    Column("ts", sa.Text),
    Column("acknowledged_at", UtcDateTime),
    Column("acknowledged_by", sa.Text),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("key", sa.Text, nullable=False, unique=True),
    Column("twin_key", sa.Text, unique=True),
    Column("kind", sa.Text, nullable=False),
    Column("lane", sa.Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("raw", sa.LargeBinary, nullable=False),
    Column("facts", sa.JSON),
    Column("state", sa.Text, nullable=False, server_default="waiting"),
    Column("attempts", sa.Integer, nullable=False, server_default="0"),
    Column("error", sa.Text),
    Column("outcome", sa.JSON),
    Column("tell_late", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("case_id", sa.Text),
    Column("done_at", UtcDateTime),
    Column("tried_by", sa.Text, nullable=False, server_default=sa.text("''")),
    _one_of("state", "waiting", "done", "ignored", "quarantined"),
    _partial_index("ix_inbox_waiting", "lane", "at", "id", where="state = 'waiting'"),
    _partial_index("ix_inbox_oldest", "received_at", where="state = 'waiting'"),
    _partial_index("ix_inbox_tried", "id", where="state = 'waiting' AND tried_by <> ''"),
    _partial_index("ix_inbox_quarantined", "id", where="state = 'quarantined'"),
    _partial_index("ix_inbox_case", "case_id", where="case_id IS NOT NULL"),
)

inbox_lanes = Table(
    "inbox_lanes",
    metadata,
    Column("lane", sa.Text, primary_key=True),
    Column("next_at", UtcDateTime),
    Column("taken_by", sa.Text),
    Column("taken_until", UtcDateTime),
    _partial_index("ix_inbox_lanes_ready", "next_at", where="next_at IS NOT NULL"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("dedupe_key", sa.Text, nullable=False, unique=True),
    Column("lane", sa.Text, nullable=False),
    Column("destination", sa.Text, nullable=False),
    Column("kind", sa.Text, nullable=False),
    Column("case_id", sa.Text),
    Column("message_id", Serial),
    Column("payload", sa.JSON, nullable=False),
    Column("state", sa.Text, nullable=False, server_default="pending"),
    Column("attempts", sa.Integer, nullable=False, server_default="0"),
    Column("looks", sa.Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("first_attempt_at", UtcDateTime),
    Column("error", sa.Text),
    Column("result_ts", sa.Text),
    Column("done_at", UtcDateTime),
    Column("item_key", sa.Text),
    _one_of("state", "pending", "sending", "uncertain", "sent", "parked", "dropped"),
    _partial_index("ix_outbox_unsent", "lane", "id", where="state IN ('pending', 'sending', 'uncertain')"),
    _partial_index("ix_outbox_oldest", "created_at", where="state IN ('pending', 'sending', 'uncertain')"),
    _partial_index("ix_outbox_message", "message_id", where="message_id IS NOT NULL"),
    _partial_index(
        "ix_outbox_unsettled_cards",
        "destination",
        where="kind = 'card' AND state IN ('pending', 'sending', 'uncertain')",
    ),
    _partial_index("ix_outbox_parked", "id", where="state = 'parked'"),
    _partial_index("ix_outbox_case", "case_id", where="case_id IS NOT NULL"),
)

outbox_lanes = Table(
    "outbox_lanes",
    metadata,
    Column("lane", sa.Text, primary_key=True),
    Column("destination", sa.Text, nullable=False),
    Column("priority", sa.Integer, nullable=False),
    Column("next_at", UtcDateTime),
    Column("failures", sa.Integer, nullable=False, server_default="0"),
    _partial_index("ix_outbox_lanes_ready", "destination", "priority", "next_at", where="next_at IS NOT NULL"),
    _partial_index("ix_outbox_lanes_due", "next_at", where="next_at IS NOT NULL"),
)

desired = Table(
    "desired",
    metadata,
    Column("target", sa.Text, primary_key=True),
    Column("kind", sa.Text, nullable=False),
    Column("case_id", sa.Text),
    Column("payload", sa.JSON, nullable=False),
    Column("applied", sa.JSON),
    Column("revision", sa.Integer, nullable=False, server_default="1"),
    Column("next_at", UtcDateTime),
    Column("failures", sa.Integer, nullable=False, server_default="0"),
    Column("error", sa.Text),
    _partial_index("ix_desired_ready", "next_at", where="next_at IS NOT NULL"),
)

home_views = Table(
    "home_views",
    metadata,
    Column("person", sa.Text, primary_key=True),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("place", sa.JSON, nullable=False),
    Column("shown", sa.Text),
    Column("revision", sa.Integer, nullable=False, server_default="1"),
    Column("next_at", UtcDateTime),
    Column("failures", sa.Integer, nullable=False, server_default="0"),
    _partial_index("ix_home_views_due", "next_at", where="next_at IS NOT NULL"),
)

# What the people who run the desk are told of by mail for as long as it lasts: since when, and how often by now.
alarms = Table(
    "alarms",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("began_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),
    Column("times", sa.Integer, nullable=False, server_default="0"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("owner", sa.Text, nullable=False),
    Column("token", sa.BigInteger, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

processes = Table(
    "processes",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("sockets", sa.Integer, nullable=False),
    Column("is_connected", sa.Boolean, nullable=False),
    Column("version", sa.Text, nullable=False),
)

# One row: see docs/migrations.md.
schema_info = Table(
    "schema_info",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("schema_version", sa.Text, nullable=False),
    Column("min_compatible", sa.Text, nullable=False),
)

replay_state = Table(
    "replay_state",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("complete_until", UtcDateTime, nullable=False),
    Column("alive_at", UtcDateTime, nullable=False),
    Column("gap_at", UtcDateTime),
    Column("hold_until", UtcDateTime),
)

replayed_lanes = Table(
    "replayed_lanes",
    metadata,
    Column("lane", sa.Text, primary_key=True),
    Column("checked_until", UtcDateTime, nullable=False, index=True),
)

# One per folder that is read: how far, and since when.
mailboxes = Table(
    "mailboxes",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("uidvalidity", sa.BigInteger, nullable=False),
    Column("last_uid", sa.BigInteger, nullable=False),
    Column("installed_at", UtcDateTime, nullable=False),
    Column("last_mail_at", UtcDateTime),
)

mails = Table(
    "mails",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("mailbox", sa.Text, ForeignKey(mailboxes.c.name), nullable=False),
    Column("fingerprint", sa.Text, nullable=False),
    Column("message_id", sa.Text, nullable=False),
    Column("internaldate", UtcDateTime, nullable=False),
    Column("size", sa.BigInteger, nullable=False),
    Column("is_cut", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("is_backfilled", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("received_at", UtcDateTime, nullable=False, index=True),
    Column("raw", sa.LargeBinary),
    sa.UniqueConstraint("mailbox", "fingerprint"),
)

# Where each mail lies, or lay; the same mail may lie there twice.
mail_uids = Table(
    "mail_uids",
    metadata,
    Column("mailbox", sa.Text, ForeignKey(mailboxes.c.name), primary_key=True),
    Column("uidvalidity", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("mail_id", Serial, ForeignKey(mails.c.id)),
    Column("internaldate", UtcDateTime),
)

# The Message-IDs of the mails of cases, in and out: what a later mail refers to, and what an answer refers to.
mail_ids = Table(
    "mail_ids",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("message_id", sa.Text, nullable=False, index=True),
    Column("case_id", sa.Text, ForeignKey(cases.c.case_id), nullable=False),
    Column("message", Serial, ForeignKey(messages.c.id)),
    Column("is_ours", sa.Boolean, nullable=False),
    Column("kind", sa.Text, nullable=False),
    Column("address", sa.Text, nullable=False),
    Column("name", sa.Text, nullable=False, server_default=text("''")),
    Column("subject", sa.Text, nullable=False),
    Column("references", sa.JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    _one_of("kind", "customer", "admin", "answer", "notice"),
    Index("ix_mail_ids_case", "case_id", "id"),
    _partial_index("ix_mail_ids_row", "message", where="message IS NOT NULL"),
)

# Random values of this installation's own, made at the first need.
secrets = Table(
    "secrets",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("value", sa.LargeBinary, nullable=False),
)

# Mail that no case has taken: held for an admin's decision, listed in a digest, or only shown.
held_mails = Table(
    "held_mails",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("mail_id", Serial, ForeignKey(mails.c.id), nullable=False, unique=True),
    Column("state", sa.Text, nullable=False),
    Column("why", sa.Text, nullable=False),
    Column("sender", sa.Text, nullable=False, server_default=text("''")),
    Column("sender_shown", sa.Text, nullable=False, server_default=text("''")),
    Column("subject", sa.Text, nullable=False, server_default=text("''")),
    Column("excerpt", sa.Text, nullable=False, server_default=text("''")),
    Column("verdict", sa.Text, nullable=False, server_default=text("''")),
    Column("verdict_detail", sa.Text, nullable=False, server_default=text("''")),
    Column("keyword", sa.Text, nullable=False, server_default=text("''")),
    Column("case_id", sa.Text, ForeignKey(cases.c.case_id)),
    Column("post_key", sa.Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("alert_at", UtcDateTime),
    Column("decided_at", UtcDateTime),
    Column("decided_by", sa.Text, nullable=False, server_default=text("''")),
    Column("decided_case_id", sa.Text),
    _one_of("state", "held", "listed", "shown", "accepted", "opened", "blocked", "set_aside"),
    _partial_index("ix_held_mails_held", "id", where="state = 'held'"),
    _partial_index("ix_held_mails_due", "alert_at", where="alert_at IS NOT NULL"),
    Index("ix_held_mails_post", "post_key", "id"),
)

# Where in Slack a held mail, or a digest of mails, is shown.
mail_posts = Table(
    "mail_posts",
    metadata,
    Column("post_key", sa.Text, primary_key=True),
    Column("channel", sa.Text, nullable=False),
    Column("ts", sa.Text, nullable=False),
)

# Who beside its customer may write to a case by mail: admins accepted them.
mail_participants = Table(
    "mail_participants",
    metadata,
    Column("case_id", sa.Text, ForeignKey(cases.c.case_id), primary_key=True),
    Column("address", sa.Text, primary_key=True),
    Column("added_by", sa.Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

blocked_addresses = Table(
    "blocked_addresses",
    metadata,
    Column("address", sa.Text, primary_key=True),
    Column("blocked_by", sa.Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# Message-IDs of mails by which an admin acted: each works once.
admin_mails = Table(
    "admin_mails",
    metadata,
    Column("message_id", sa.Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

# What is limited: automatic mails to an address, and cases opened by mail. Kept for as long as it is counted.
mail_tallies = Table(
    "mail_tallies",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("what", sa.Text, nullable=False),
    Column("address", sa.Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_mail_tallies_what", "what", "at"),
    Index("ix_mail_tallies_address", "what", "address", "at"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("value", sa.BigInteger, nullable=False),
)

# The canary of each leg that is under way, or was last.
canaries = Table(
    "canaries",
    metadata,
    Column("leg", sa.Text, primary_key=True),
    Column("token", sa.Text, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime),
    Column("ts", sa.Text),
)

# Keyed hashes of what was erased, so that no replay and no mailbox brings it back.
erased = Table("erased", metadata, Column("hash", sa.Text, primary_key=True))

# While there is a row `desk`, nothing is read, decided or sent; `restored` says when the desk was restored.
pauses = Table(
    "pauses",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("why", sa.Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)
