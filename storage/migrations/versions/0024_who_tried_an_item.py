"""who tried an item: so that each process takes back what did not end it, and nothing else

Revision: 0024
Follows: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TRIED = sa.text("state = 'waiting' AND tried_by <> ''")


def upgrade() -> None:
    op.add_column("inbox", sa.Column("tried_by", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_index("ix_inbox_tried", "inbox", ["id"], sqlite_where=_TRIED, postgresql_where=_TRIED)


def downgrade() -> None:
    op.drop_index("ix_inbox_tried", table_name="inbox")
    op.drop_column("inbox", "tried_by")
