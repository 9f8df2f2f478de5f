"""the processes that share a database, and which versions may

Revision: 0013
Follows: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sockets", sa.Integer(), nullable=False),
        sa.Column("is_connected", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    schema_info = op.create_table(
        "schema_info",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Text(), nullable=False),
        sa.Column("min_compatible", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schema_info")),
    )
    op.bulk_insert(schema_info, [{"name": "casewire", "schema_version": revision, "min_compatible": revision}])


def downgrade() -> None:
    op.drop_table("schema_info")
    op.drop_table("processes")
