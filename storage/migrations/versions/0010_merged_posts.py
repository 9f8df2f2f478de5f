"""one post may show several messages

Revision: 0010
Follows: 0009
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_copies_post", "copies", ["channel", "ts"])


def downgrade() -> None:
    op.drop_index("ix_copies_post", table_name="copies")
