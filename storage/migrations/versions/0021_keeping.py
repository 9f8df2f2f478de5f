"""what was erased, and that a desk is paused

Revision: 0021
Follows: 0020
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KEY_BYTES = 32


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_erased")),
    )
    op.create_table(
        "pauses",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pauses")),
    )
    for table in ("inbox", "outbox"):
        condition = sa.text("case_id IS NOT NULL")
        op.create_index(f"ix_{table}_case", table, ["case_id"], sqlite_where=condition, postgresql_where=condition)
    # Made here, so that whoever keeps an item need only read it.
    secrets = sa.table("secrets", sa.column("name", sa.Text()), sa.column("value", sa.LargeBinary()))
    op.bulk_insert(secrets, [{"name": "erasure", "value": os.urandom(KEY_BYTES)}])


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM secrets WHERE name = 'erasure'"))
    for table in ("inbox", "outbox"):
        op.drop_index(f"ix_{table}_case", table_name=table)
    op.drop_table("pauses")
    op.drop_table("erased")
