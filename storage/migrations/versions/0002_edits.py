"""what was edited or deleted before its post was known, and who answered last

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "post_changes",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "ts", name=op.f("pk_post_changes")),
    )
    op.add_column("cases", sa.Column("last_answer_from", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("cases", "last_answer_from")  # not by rebuilding the table: others refer to its rows
    op.drop_table("post_changes")
