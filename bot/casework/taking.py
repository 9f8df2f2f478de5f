"""Which of what waits in the inbox may be decided now, and what had better be tried alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from storage import inbox, replays
from storage.inbox import Item

LANES_PER_ROUND = 50
ITEMS_PER_LANE = 20


@dataclass(frozen=True, slots=True)
class Taking:
    """For how long lanes are kept from other processes, by whom, and which he kept before."""

    until: datetime
    owner: str
    kept: frozenset[str]


def take_unheld(
    connection: Connection, now: datetime, taking: Taking | None = None
) -> tuple[list[Item], set[str], set[str]]:
    """What may be decided, the lanes in which something waits for what was written before it in a gap, and all
    lanes looked at. `taking` keeps them from other processes."""
    if taking is None:
        ready = inbox.ready_lanes(connection, now, LANES_PER_ROUND)
    else:
        taken = inbox.take_lanes(connection, now, LANES_PER_ROUND, taking.until, taking.owner, taking.kept)
        inbox.suspect(connection, taken.left_behind, ITEMS_PER_LANE)
        ready = list(taken.lanes)
    items = inbox.heads(connection, ready, ITEMS_PER_LANE)
    gap_at, lanes = replays.held_lanes(connection, sorted({item.lane for item in items}), now)
    if gap_at is None:
        return items, set(), set(ready)
    free: list[Item] = []
    held: set[str] = set()
    for item in items:
        if item.lane in held or (item.lane in lanes and item.received_at >= gap_at):
            held.add(item.lane)
        else:
            free.append(item)
    return free, held, set(ready)


def apart(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """What may be decided together, and what stands first in its lane and was tried before: one of those may be
    what ends a process, or fails, and takes nothing else with it when it is tried alone.
    """
    together: list[Item] = []
    suspects: list[Item] = []
    seen: set[str] = set()
    stopped: set[str] = set()
    for item in items:
        if item.attempts and item.lane not in stopped:
            stopped.add(item.lane)
            if item.lane not in seen:
                suspects.append(item)
        elif item.lane not in stopped:
            together.append(item)
        seen.add(item.lane)
    return together, suspects
