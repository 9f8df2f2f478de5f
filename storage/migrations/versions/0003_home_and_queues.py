"""home and queues

Revision: 0003
Follows: 0002
Created: 2026-11-24 08:12:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WAITING = sa.text("status = 'open' AND waiting_since IS NOT NULL")
ESCALATED = sa.text("status = 'open' AND escalated")
DUE = sa.text("next_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "home_views",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.JSON(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_home_views")),
    )
    op.create_index("ix_home_views_due", "home_views", ["next_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_index("ix_cases_customer", "cases", ["customer_identifier", "number"])
    op.create_index(
        "ix_cases_escalated",
        "cases",
        ["escalated_at", "number"],
        sqlite_where=ESCALATED,
        postgresql_where=ESCALATED,
    )
    op.drop_index("ix_cases_waiting", "cases")
    op.create_index(
        "ix_cases_waiting",
        "cases",
        ["waiting_since", "number"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade() -> None:
    op.drop_index("ix_cases_waiting", "cases")
    op.create_index("ix_cases_waiting", "cases", ["waiting_since"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.drop_index("ix_cases_escalated", "cases")
    op.drop_index("ix_cases_customer", "cases")
    op.drop_table("home_views")
