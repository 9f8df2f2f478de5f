"""A record of everything that went over the wire or was typed, for assertions and narration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.bell import Bell

Direction = Literal["person", "to_bot", "from_bot", "sandbox", "bot"]
"""`bot`: a line of its log, where somebody hands these over."""


@dataclass(frozen=True)
class Record:
    """One thing that happened: `what` is countable, `detail` is its JSON."""

    seq: int
    time: float
    direction: Direction
    what: str
    detail: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as it is streamed."""
        return {
            "seq": self.seq,
            "time": self.time,
            "direction": self.direction,
            "what": self.what,
            "detail": self.detail,
        }


class Traffic:
    """The records, oldest first; iterate it, index it, or subscribe to what comes.

    Beyond `keep` records the older half is forgotten; `seq` goes on counting.
    """

    def __init__(self, bell: Bell, keep: int = 100_000) -> None:
        self.keep = keep
        self._bell = bell
        self._records: list[Record] = []
        self._by_what: dict[str, list[Record]] = {}
        self._total = 0
        self._closed = False

    @property
    def total(self) -> int:
        """How many records there have been: the number of the next one."""
        return self._total

    def add(self, time: float, direction: Direction, what: str, /, **detail: Any) -> Record:
        """Note that something happened."""
        record = Record(self._total, time, direction, what, detail)
        self._total += 1
        self._records.append(record)
        self._by_what.setdefault(what, []).append(record)
        if len(self._records) > self.keep:
            self._forget(len(self._records) // 2)
        self._bell.ring()
        return record

    def since(self, seq: int) -> list[Record]:
        """The records from number `seq` on that are still kept."""
        first = self._records[0].seq if self._records else 0
        return self._records[max(0, seq - first) :]

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        self._bell.ring()

    async def subscribe(self, since: int = 0) -> AsyncIterator[Record]:
        """Records from number `since` on, then each new one, until the sandbox stops."""
        position = since
        while True:
            while position < self._total:
                position = max(position, self._records[0].seq)
                yield self._records[position - self._records[0].seq]
                position += 1
            if self._closed:
                return
            await self._bell.next()

    def of(self, what: str) -> list[Record]:
        """The records of one kind."""
        return list(self._by_what.get(what, ()))

    def _forget(self, count: int) -> None:
        del self._records[:count]
        self._by_what = {}
        for record in self._records:
            self._by_what.setdefault(record.what, []).append(record)

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records))

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Record:
        return self._records[index]
