"""Anything may happen to a desk in any order, and be cut off at any moment: what is stored stays right."""

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule
from sqlalchemy import Connection
from sqlalchemy.pool import StaticPool

from bot.casework.batch import apply_due
from bot.casework.intake import Verb
from storage.inbox import NewItem
from storage.tables import metadata
from tests.casework.kit import (
    ADA,
    DESK,
    after,
    asks,
    decide_all,
    deletion,
    dm,
    edit,
    faults,
    message_item,
    put_all,
    reply,
    roots,
    settle_cards,
)

customers = st.sampled_from(["U1", "U2", "U3"])
words = st.sampled_from(["Hello", "It is urgent", "x" * 12_000, "", "\u202e \u200b"])
answers = st.sampled_from(
    ["Here you are", "I'm closing this case.", "// inside", "// I'm closing this case.", " "]
)
number = st.integers(1, 6)


class Crash(Exception):
    """The process ends before its commit."""


class DeskMachine(RuleBasedStateMachine):
    """Repository functions and batches, synchronously, on SQLite in memory."""

    written = Bundle("written")

    def __init__(self) -> None:
        super().__init__()
        self.engine = sa.create_engine("sqlite://", poolclass=StaticPool)
        sa.event.listen(self.engine, "connect", lambda made, _: setattr(made, "isolation_level", None))
        sa.event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        with self.engine.begin() as connection:
            metadata.create_all(connection)
        self.seconds = 0.0
        self.accepted: set[str] = set()

    def teardown(self) -> None:
        self.run(decide_all)
        self.what_is_stored_is_right()
        self.engine.dispose()

    def run(self, work, *, crash: bool = False):
        """One transaction, now; with `crash`, nothing of it stays."""
        try:
            with self.engine.begin() as connection:
                result = work(connection, after(self.seconds))
                if crash:
                    raise Crash
        except Crash:
            return None
        return result

    def arrives(self, event: dict | NewItem, *, at_once: bool, crash: bool = False) -> None:
        item = event if isinstance(event, NewItem) else message_item(event)
        if item is None:
            return

        def work(connection: Connection, now) -> bool:
            (stored,) = put_all(connection, [item], now)
            if at_once:
                decide_all(connection, now)
            return stored

        if self.run(work, crash=crash) and item.key.startswith("post:DU"):
            self.accepted.add(item.key)

    def later(self) -> float:
        self.seconds += 1
        return self.seconds

    @rule(target=written, user=customers, text=words, at_once=st.booleans(), crash=st.booleans())
    def a_customer_writes(self, user: str, text: str, at_once: bool, crash: bool) -> dict:
        event = dm(self.later(), text, user)
        self.arrives(event, at_once=at_once, crash=crash)
        if crash:
            self.arrives(event, at_once=at_once)  # it was not acknowledged: Slack brings it again
        return event

    @rule(user=customers, back=st.integers(1, 10_000))
    def a_message_comes_late(self, user: str, back: int) -> None:
        self.later()
        self.arrives(dm(self.seconds - back - 0.5, "late", user), at_once=True)

    @rule(event=written)
    def slack_repeats_itself(self, event: dict) -> None:
        self.arrives(event, at_once=True)

    @rule(event=written, text=words, at_once=st.booleans())
    def a_message_is_edited(self, event: dict, text: str, at_once: bool) -> None:
        self.arrives(edit(event, text, self.later()), at_once=at_once)

    @rule(event=consumes(written))
    def a_message_is_deleted(self, event: dict) -> None:
        self.arrives(deletion(event, self.later()), at_once=True)

    @rule(
        case=number, text=answers, at_once=st.booleans(), crash=st.booleans(), user=st.sampled_from([ADA, "UBEN"])
    )
    def somebody_posts_in_a_thread(self, case: int, text: str, at_once: bool, crash: bool, user: str) -> None:
        standing = self.run(lambda c, _: roots(c))
        root = standing.get(f"CASE_{case:03d}")
        if root is not None:
            self.arrives(reply(self.later(), root, text, user), at_once=at_once, crash=crash)

    @rule(case=number, verb=st.sampled_from([Verb.CLOSE, Verb.REOPEN, Verb.ESCALATE]), at_once=st.booleans())
    def an_admin_asks(self, case: int, verb: Verb, at_once: bool) -> None:
        self.arrives(asks(self.later(), verb, f"CASE_{case:03d}"), at_once=at_once)

    @rule(case=number, alert=st.integers(1, 3))
    def an_admin_acknowledges(self, case: int, alert: int) -> None:
        self.arrives(asks(self.later(), Verb.ACKNOWLEDGE, f"CASE_{case:03d}/{alert}"), at_once=True)

    @rule(hours=st.sampled_from([0.1, 1, 30, 60]), crash=st.booleans())
    def time_passes(self, hours: float, crash: bool) -> None:
        self.seconds += hours * 3600
        self.run(lambda c, now: apply_due(c, DESK, now, 10), crash=crash)

    @rule(crash=st.booleans())
    def the_desk_decides(self, crash: bool) -> None:
        self.run(decide_all, crash=crash)

    @rule()
    def the_courier_posts_cards(self) -> None:
        self.run(settle_cards)

    @precondition(lambda self: self.accepted)
    @rule()
    def the_backlog_is_worked_off(self) -> None:
        self.run(decide_all)

        def kept(connection: Connection, _) -> list[str]:
            statement = "SELECT 'post:' || channel || ':' || ts FROM messages WHERE NOT is_admin"
            return list(connection.execute(sa.text(statement)).scalars())

        assert sorted(self.run(kept)) == sorted(self.accepted)

    @invariant()
    def what_is_stored_is_right(self) -> None:
        assert self.run(lambda c, _: faults(c)) == []


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(
    settings.default, max_examples=max(12, settings.default.max_examples // 4), stateful_step_count=25
)
