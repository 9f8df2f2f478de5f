"""held mail, and who may write by mail

Revision: 0012
Follows: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = ("held", "listed", "shown", "accepted", "opened", "blocked", "set_aside")


def _text(name: str, *, default: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''") if default else None, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "held_mails",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("mail_id", SERIAL, nullable=False),
        _text("state"),
        _text("why"),
        _text("sender", default=True),
        _text("sender_shown", default=True),
        _text("subject", default=True),
        _text("excerpt", default=True),
        _text("verdict", default=True),
        _text("verdict_detail", default=True),
        _text("keyword", default=True),
        _text("case_id", nullable=True),
        _text("post_key"),
        _moment("at"),
        _moment("alert_at", nullable=True),
        _moment("decided_at", nullable=True),
        _text("decided_by", default=True),
        _text("decided_case_id", nullable=True),
        sa.CheckConstraint(
            f"state IN ({', '.join(repr(state) for state in STATES)})", name=op.f("ck_held_mails_state")
        ),
        sa.ForeignKeyConstraint(["mail_id"], ["mails.id"], name=op.f("fk_held_mails_mail_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_held_mails_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_mails")),
        sa.UniqueConstraint("mail_id", name=op.f("uq_held_mails_mail_id")),
    )
    for name, column, condition in (
        ("ix_held_mails_held", "id", "state = 'held'"),
        ("ix_held_mails_due", "alert_at", "alert_at IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "held_mails", [column], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_held_mails_post", "held_mails", ["post_key", "id"])
    op.create_table(
        "mail_posts",
        _text("post_key"),
        _text("channel"),
        _text("ts"),
        sa.PrimaryKeyConstraint("post_key", name=op.f("pk_mail_posts")),
    )
    op.create_table(
        "mail_participants",
        _text("case_id"),
        _text("address"),
        _text("added_by"),
        _moment("at"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_mail_participants_case_id")),
        sa.PrimaryKeyConstraint("case_id", "address", name=op.f("pk_mail_participants")),
    )
    op.create_table(
        "blocked_addresses",
        _text("address"),
        _text("blocked_by"),
        _moment("at"),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_blocked_addresses")),
    )
    op.create_table(
        "admin_mails",
        _text("message_id"),
        _moment("at"),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_admin_mails")),
    )
    op.create_table(
        "mail_tallies",
        sa.Column("id", SERIAL, nullable=False),
        _text("what"),
        _text("address"),
        _moment("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_tallies")),
    )
    op.create_index("ix_mail_tallies_what", "mail_tallies", ["what", "at"])
    op.create_index("ix_mail_tallies_address", "mail_tallies", ["what", "address", "at"])


def downgrade() -> None:
    for table in (
        "mail_tallies",
        "admin_mails",
        "blocked_addresses",
        "mail_participants",
        "mail_posts",
        "held_mails",
    ):
        op.drop_table(table)
