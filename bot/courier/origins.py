"""By what a restored desk knows a post again that it made before: its own numbers start anew from the backup.

A post carries, as metadata, from which item each thing it shows follows. Items have the same keys on the restored
desk, as they are read again from Slack's history and the mailbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from storage import inbox, pauses, wishes
from storage.engine import Database
from storage.outbox import OutboxRow

from .render import Outgoing
from .slack import Origin, SlackGateway, StillUncertain, Uncertain, origin

# What has no buttons, whose values are numbers of the desk that posted it; and what is written anew with ours.
_WORDS = {
    "thread_intro",
    "thread_notice",
    "mirror",
    "form_post",
    "answer",
    "received",
    "taken_up",
    "closed",
    "log_line",
}
_WRITTEN_ANEW = {"card", "alert", "mail_post"}
LOOKED_BACK = timedelta(seconds=60)
_WHICH = ("part", "notice")  # what tells rows of one kind apart that follow from one item


def origins_of(rows: Iterable[OutboxRow]) -> list[Origin]:
    """What a post that shows these rows carries."""
    return [origin(name) for row in rows if (name := _name(row)) is not None]


def _name(row: OutboxRow) -> str | None:
    if row.item_key is None:
        return None
    return "/".join([row.item_key, row.kind, *(str(row.payload.get(key, "")) for key in _WHICH)])


class Origins:
    """Looks for what was posted after the backup. A desk that was never restored looks for nothing."""

    def __init__(self, database: Database, slack: SlackGateway) -> None:
        self._database = database
        self._slack = slack
        self._restored_at: datetime | None = None

    async def begin(self) -> None:
        """Read whether the desk was restored, and when."""
        self._restored_at = await self._database.read(pauses.restored_at)

    async def written(self, row: OutboxRow) -> datetime | None:
        """When that was written from which the row follows, if an earlier desk may have shown it."""
        if self._restored_at is None or row.item_key is None or row.kind not in _WORDS | _WRITTEN_ANEW:
            return None
        at = await self._database.read(partial(inbox.written_at, key=row.item_key))
        return at if at is not None and at < self._restored_at else None

    async def found(self, row: OutboxRow, channel: str, outgoing: Outgoing, written: datetime) -> str | None:
        """The ts of the post that shows the row already. Raises an Undelivered where that cannot be said now."""
        name = _name(row)
        if name is None or outgoing.only_to is not None:
            return None
        try:
            return await self._slack.find_origin(channel, outgoing.thread_ts, origin(name), written - LOOKED_BACK)
        except Uncertain as error:
            raise StillUncertain(str(error)) from error


def write_anew(connection: Connection, row: OutboxRow, now: datetime) -> None:
    """Have a post that was found say what it says now: its case may have another number than before."""
    if row.kind not in _WRITTEN_ANEW:
        return
    if row.kind == "card":
        wish = wishes.card_wish(row.case_id or "", now)
    elif row.kind == "alert":
        wish = wishes.alert_wish(row.payload["post_key"], now)
    else:
        key = row.payload["post_key"]
        wish = wishes.Wish(f"mail_post:{key}", "mail_post", now, payload={"post_key": key})
    wishes.want(connection, [wish])
    wishes.shown(connection, wish.target, "")
