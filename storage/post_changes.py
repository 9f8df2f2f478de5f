"""What became of posts that are no message of ours, or not yet: their newest edit, or that they were deleted.

A deletion may arrive before what it deletes, and an admin's post that is held back is no message until it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from .sql import insert_for
from .tables import post_changes


@dataclass(frozen=True, slots=True)
class PostChange:
    """`text` is how the post reads since `at`; None says that it was deleted then, for good."""

    at: datetime
    text: str | None


def note(connection: Connection, channel: str, ts: str, change: PostChange) -> None:
    """Keep a change: the newest edit wins, and a deletion over every edit."""
    insert = insert_for(connection, post_changes).values(channel=channel, ts=ts, at=change.at, text=change.text)
    newer = sa.and_(
        post_changes.c.text.is_not(None),
        sa.or_(insert.excluded.text.is_(None), insert.excluded.at > post_changes.c.at),
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["channel", "ts"],
            set_={"at": insert.excluded.at, "text": insert.excluded.text},
            where=newer,
        )
    )


def of_posts(connection: Connection, posts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], PostChange]:
    """What is known of the posts, by (channel, ts)."""
    wanted = sorted(set(posts))
    if not wanted:
        return {}
    rows = connection.execute(
        sa.select(post_changes).where(sa.tuple_(post_changes.c.channel, post_changes.c.ts).in_(wanted))
    )
    return {(row.channel, row.ts): PostChange(row.at, row.text) for row in rows}
