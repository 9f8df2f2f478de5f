"""Many customers writing at once, and what must have become of it: each message once, in order, in its place."""

import asyncio
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.people import ADA, ALERTS, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.support.desk import Desk
from tests.support.process import eventually

TOKEN = re.compile(r"word \d+ of \w+")
LATE = "earlier than what stands above"


@dataclass
class Stream:
    """`written` are the customers' messages and `answered` the admin's answers, in the order of their ts."""

    slack: LocalSlack
    customers: list[str] = field(default_factory=list)
    written: dict[str, list[str]] = field(default_factory=dict)
    answered: dict[str, list[str]] = field(default_factory=dict)

    def invite(self, how_many: int) -> None:
        for number in range(how_many):
            user = f"U0CROWD{number:03d}"
            self.slack.add_user(user, f"crowd{number}", f"Crowd {number}")
            self.customers.append(user)
            self.written[user], self.answered[user] = [], []

    async def write(self, user: str) -> None:
        text = f"word {len(self.written[user])} of {user}"
        self.written[user].append(text)
        await self.slack.dm(user, text)

    async def run(self, messages: int, dice: random.Random, pause: float) -> None:
        """So many messages of random customers, at random moments."""
        for _ in range(messages):
            await self.write(dice.choice(self.customers))
            await asyncio.sleep(dice.uniform(0, 2 * pause))

    async def answer(self, desk: Desk) -> None:
        """An admin answers in every thread there is."""
        for card in desk.cards():
            if found := next(
                (user for user in self.customers if f"@crowd{int(user[-3:])})" in card["text"]), None
            ):
                text = f"answer {len(self.answered[found])} to {found}"
                self.answered[found].append(text)
                await self.slack.post(ADA, SUPPORT, text, thread_ts=card["ts"])


async def settled(desk: Desk, patience: float = 30.0) -> None:
    """Slack has nothing left to deliver, the inbox nothing to decide and the outbox nothing to send."""

    async def nothing_left() -> bool:
        if desk.slack.sockets.undelivered:
            return False
        waiting = "SELECT 1 FROM inbox WHERE state = 'waiting'"
        unsent = "SELECT 1 FROM outbox WHERE state IN ('pending', 'sending', 'uncertain')"
        wished = "SELECT 1 FROM desired WHERE next_at IS NOT NULL"
        return not await desk.rows(f"{waiting} UNION ALL {unsent} UNION ALL {wished}")

    await eventually(nothing_left, patience)


async def check_everything_once(desk: Desk, stream: Stream) -> Counter[str]:
    """Each message once in the database, in order; once in its thread; one card, one notice, one alert a case."""
    figures: Counter[str] = Counter()
    wrote = {user for user in stream.customers if stream.written[user]}
    rows = await desk.rows("SELECT case_id, customer_identifier FROM cases ORDER BY number")
    case_of = {row["customer_identifier"]: row["case_id"] for row in rows}
    assert [row["case_id"] for row in rows] == [f"CASE_{n:03d}" for n in range(1, len(wrote) + 1)]
    assert set(case_of) == wrote

    assert not await desk.rows("SELECT key FROM inbox WHERE state = 'quarantined'")
    assert not await desk.rows("SELECT dedupe_key FROM outbox WHERE state IN ('parked', 'dropped')")

    cards = {case: [card for card in desk.cards() if f"#{case}:" in card["text"]] for case in case_of.values()}
    assert {case: len(found) for case, found in cards.items()} == dict.fromkeys(case_of.values(), 1)
    assert len(desk.cards()) == len(wrote)

    for user, case_id in case_of.items():
        stored = await desk.rows(
            "SELECT id, body FROM messages WHERE case_id = :case AND is_admin = :admin ORDER BY timestamp",
            case=case_id,
            admin=False,
        )
        assert [row["body"] for row in stored] == stream.written[user]
        ids = [row["id"] for row in stored]
        figures["late"] += sum(later < earlier for earlier, later in zip(ids, ids[1:], strict=False))
        figures["messages"] += len(stored)

        (card,) = cards[case_id]
        thread = desk.thread(card)
        shown = [(token, LATE in post["text"]) for post in desk.mirrors(card) for token in _tokens(post)]
        assert Counter(token for token, _ in shown) == Counter(stream.written[user])
        in_order = [token for token, late in shown if not late]
        assert in_order == sorted(in_order, key=stream.written[user].index)
        assert sum("What you write in this thread" in post["text"] for post in thread) == 1

        received = desk.inbox_of(user)
        assert sum("your message was received" in post["text"] for post in received) == 1
        answers = [text for post in received for text in stream.answered[user] if text in post["text"]]
        assert Counter(answers) == Counter(stream.answered[user]), (answers, stream.answered[user])
        figures["answers"] += len(answers)

    named = Counter(
        case for post in stream.slack.messages(ALERTS) for case in case_of.values() if case in post["text"]
    )
    assert all(count == 1 for count in named.values()), named
    return figures


def _tokens(post: dict[str, Any]) -> list[str]:
    """Where a thread was behind, one post shows several messages."""
    found = TOKEN.findall(post["text"])
    assert found, post["text"]
    return found
