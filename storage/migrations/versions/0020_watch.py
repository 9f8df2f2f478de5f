"""the oldest of what is unfinished, by an index; from which item an outbox row followed; the canary

Revision: 0020
Follows: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0013"
branch_labels = None
depends_on = None

WAITING = sa.text("state = 'waiting'")
UNSENT = sa.text("state IN ('pending', 'sending', 'uncertain')")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("item_key", sa.Text(), nullable=True))
    op.create_index("ix_inbox_oldest", "inbox", ["received_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("ix_outbox_oldest", "outbox", ["created_at"], sqlite_where=UNSENT, postgresql_where=UNSENT)
    op.create_table(
        "canaries",
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("leg", name=op.f("pk_canaries")),
    )


def downgrade() -> None:
    op.drop_table("canaries")
    op.drop_index("ix_outbox_oldest", "outbox")
    op.drop_index("ix_inbox_oldest", "inbox")
    op.drop_column("outbox", "item_key")
