"""secrets of this installation, and the formatted twin of an answer

Revision: 0011
Follows: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )
    op.add_column("messages", sa.Column("html", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "html")
    op.drop_table("secrets")
