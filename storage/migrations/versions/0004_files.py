"""files travel

Revision: 0004
Follows: 0003
Created: 2026-11-24 08:10:05.114302
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = ("kind", "source_id", "url", "tries", "kept_at", "trouble", "trouble_detail")


def upgrade() -> None:
    # Added one by one, not by rebuilding the table: the chunks refer to its rows.
    op.add_column("attachments", sa.Column("kind", sa.Text(), server_default="file", nullable=False))
    op.add_column("attachments", sa.Column("source_id", sa.Text(), nullable=True))
    op.add_column("attachments", sa.Column("url", sa.Text(), nullable=True))
    op.add_column("attachments", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("attachments", sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attachments", sa.Column("trouble", sa.Text(), nullable=True))
    op.add_column(
        "attachments", sa.Column("trouble_detail", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.execute("UPDATE attachments SET kind = 'whole_text'")  # no other kind was kept before
    op.create_table(
        "file_copies",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column(
            "attachment_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["attachment_id"], ["attachments.id"], name=op.f("fk_file_copies_attachment_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_file_copies")),
    )
    op.create_index(op.f("ix_file_copies_attachment_id"), "file_copies", ["attachment_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_file_copies_attachment_id"), table_name="file_copies")
    op.drop_table("file_copies")
    # What the revision before would take for the whole text of a message must not stay.
    op.execute(
        "DELETE FROM attachment_chunks WHERE attachment_id IN"
        " (SELECT id FROM attachments WHERE kind <> 'whole_text')"
    )
    op.execute("DELETE FROM attachments WHERE kind <> 'whole_text'")
    for column in reversed(COLUMNS):
        op.drop_column("attachments", column)
