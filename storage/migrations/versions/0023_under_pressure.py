"""mail about alerts, who works on a lane, files deleted by themselves, and indexes that keep reading short

Revision: 0023
Follows: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

_PARTIAL = [
    ("ix_attachments_source", "attachments", ["source_id"], "source_id IS NOT NULL"),
]


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("times", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alarms")),
    )
    op.add_column("attachments", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("inbox_lanes", sa.Column("taken_by", sa.Text(), nullable=True))
    op.add_column("inbox_lanes", sa.Column("taken_until", sa.DateTime(timezone=True), nullable=True))
    for name, table, columns, where in _PARTIAL:
        condition = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
    op.create_index("ix_messages_thread", "messages", ["channel", "thread_ts", "timestamp"])
    op.create_index(op.f("ix_replayed_lanes_checked_until"), "replayed_lanes", ["checked_until"])


def downgrade() -> None:
    op.drop_index(op.f("ix_replayed_lanes_checked_until"), table_name="replayed_lanes")
    op.drop_index("ix_messages_thread", table_name="messages")
    for name, table, _, _ in _PARTIAL:
        op.drop_index(name, table_name=table)
    op.drop_column("attachments", "deleted_at")
    op.drop_column("inbox_lanes", "taken_until")
    op.drop_column("inbox_lanes", "taken_by")
    op.drop_table("alarms")
