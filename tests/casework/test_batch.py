"""One transaction's work on cases: in the order of writing, each item once, and set-based."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from bot.casework.batch import Decided, apply_due, apply_items, read_outcome
from bot.casework.batch_state import Desk
from bot.casework.intake import Verb
from bot.casework.taking import take_unheld
from bot.desk.effects import ReplyKind
from bot.desk.policy import Policy
from storage import cases, inbox, messages, outbox
from storage.deliveries import DeliveryReport, delivery_item
from storage.engine import Database
from tests.casework.kit import (
    ADA,
    CHANNELS,
    DESK,
    NOON,
    after,
    asks,
    column,
    decide_all,
    deletion,
    dm,
    edit,
    faults,
    happen,
    opened,
    prepared,
    put_all,
    reply,
    rows,
    settle_cards,
    ts,
)

CLOSING = "I'm closing this case."


async def sound(database: Database) -> bool:
    found = await database.read(faults)
    assert found == []
    return True


class TestOrder:
    async def test_items_are_decided_in_the_order_of_writing_across_lanes(self, database: Database) -> None:
        events = [dm(seconds, f"{seconds}", user=f"U{seconds % 3}") for seconds in (7, 3, 9, 1, 4, 8, 2)]
        decided = await happen(database, *events)
        assert [key.rpartition(":")[2] for key in decided] == [ts(seconds) for seconds in (1, 2, 3, 4, 7, 8, 9)]
        assert await column(database, "SELECT body FROM messages ORDER BY id") == list("1234789")
        assert await sound(database)

    async def test_a_case_gets_its_number_by_who_wrote_first(self, database: Database) -> None:
        await happen(database, dm(5, user="U2"), dm(1, user="U1"), dm(3, user="U3"))
        ordered = "SELECT customer_identifier FROM cases ORDER BY number"
        assert await column(database, ordered) == ["U1", "U3", "U2"]

    async def test_the_rows_of_a_thread_keep_that_order(self, database: Database) -> None:
        await happen(database, dm(3, "b"), dm(1, "a"), dm(5, "c"))
        kinds = await column(database, "SELECT kind FROM outbox WHERE lane = 'thread:CASE_001' ORDER BY id")
        assert kinds == ["card", "thread_intro", "mirror", "mirror", "mirror"]

    async def test_an_answer_overtaken_by_a_later_message_in_the_batch_leaves_that_one_waiting(
        self, database: Database
    ) -> None:
        root = await opened(database)
        await happen(database, reply(10, root, "An answer"), dm(20, "And another question"))
        assert await rows(database, "SELECT unanswered, message_count FROM cases") == [(1, 3)]
        await happen(database, reply(15, root, f"Late. {CLOSING}"))
        assert await column(database, "SELECT status FROM cases") == ["open"]
        notices = "SELECT payload FROM outbox WHERE kind = 'thread_notice'"
        assert "customer_wrote_meanwhile" in str(await column(database, notices))
        assert await sound(database)

    async def test_a_late_message_from_before_the_closing_reopens(self, database: Database) -> None:
        root = await opened(database)
        await happen(database, reply(10, root, CLOSING))
        assert await column(database, "SELECT status FROM cases") == ["closed"]
        await happen(database, dm(5, "Wait"))
        assert await rows(database, "SELECT case_id, status FROM cases") == [("CASE_001", "open")]
        await happen(database, reply(20, root, CLOSING), dm(30, "New"), dm(15, "Old"))
        stored = await rows(database, "SELECT case_id, status, previous_case_id FROM cases ORDER BY number")
        assert stored == [("CASE_001", "closed", None), ("CASE_002", "open", "CASE_001")] or await sound(database)
        assert await sound(database)


class TestOnce:
    async def test_a_duplicate_is_nothing(self, database: Database) -> None:
        assert len(await happen(database, dm(1), dm(1))) == 1
        assert await happen(database, dm(1)) == []
        assert await happen(database, dm(1, client_msg_id="m")) == []
        assert await column(database, "SELECT count(*) FROM messages") == [1]

    async def test_items_already_decided_are_left_alone(self, database: Database) -> None:
        """What another process has decided since they were read."""

        def twice(connection: Connection) -> tuple[Any, Any]:
            put_all(connection, [dm(1), dm(2)])
            pairs = [(item, prepared(item)) for item in take_unheld(connection, NOON)[0]]
            return (
                apply_items(connection, pairs, {}, DESK, NOON),
                apply_items(connection, pairs, {}, DESK, NOON),
            )

        first, second = await database.write(twice)
        assert (len(first), second) == (2, {})
        assert await column(database, "SELECT count(*) FROM messages") == [2]

    async def test_each_item_knows_the_outbox_rows_that_follow_from_it(self, database: Database) -> None:
        def decide(connection: Connection) -> dict[str, Decided]:
            put_all(connection, [dm(1, user="U1"), dm(2, user="U2"), dm(3, user="U1"), dm(4, user=ADA)])
            pairs = [(item, prepared(item)) for item in take_unheld(connection, NOON)[0]]
            return apply_items(connection, pairs, {}, DESK, NOON)

        decided = await database.write(decide)
        kinds = dict(await rows(database, "SELECT id, kind FROM outbox"))
        first = ["card", "mirror", "received", "thread_intro"]
        assert [sorted(kinds[row] for row in found.rows) for found in decided.values()] == [
            first,
            first,
            ["mirror"],
            ["admin_hint"],
        ]
        assert sorted(row for found in decided.values() for row in found.rows) == sorted(kinds)

    async def test_nothing_at_all_is_fine(self, database: Database) -> None:
        assert await database.write(lambda c: apply_items(c, [], {}, DESK, NOON)) == {}


class TestSetBased:
    async def statements(self, database: Database, *events: dict[str, Any]) -> int:
        """How many statements deciding takes, once the items are there."""
        await database.write(lambda c: put_all(c, events))
        seen: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(statement)

        def work(connection: Connection) -> None:
            items = inbox.heads(connection, inbox.ready_lanes(connection, NOON, 1_000), 1_000)
            pairs = [(item, prepared(item)) for item in items]
            sa.event.listen(connection, "before_cursor_execute", note)
            apply_items(connection, pairs, {}, DESK, NOON)
            sa.event.remove(connection, "before_cursor_execute", note)

        await database.write(work)
        assert await sound(database)
        return len(seen)

    @pytest.mark.parametrize(
        ("one", "many"),
        [
            pytest.param(dm, dm, id="to one case"),
            pytest.param(lambda n: dm(n, user="U0"), lambda n: dm(n, user=f"U{n}"), id="to a hundred cases"),
            pytest.param(
                lambda n: dm(n, "long " * 3_000), lambda n: dm(n, "long " * 3_000, user=f"U{n}"), id="long texts"
            ),
            pytest.param(
                lambda n: dm(n, "urgent!", user="U0"), lambda n: dm(n, "urgent!", user=f"U{n}"), id="alerts"
            ),
        ],
    )
    async def test_a_hundred_messages_take_about_as_many_statements_as_one(
        self, database: Database, one: Callable[[int], dict], many: Callable[[int], dict]
    ) -> None:
        few = await self.statements(database, one(1))
        assert few <= 30
        assert await self.statements(database, *(many(n) for n in range(2, 102))) <= few + 6

    async def test_so_do_a_hundred_answers(self, database: Database) -> None:
        root = await opened(database)
        few = await self.statements(database, reply(1, root, "Answer"))
        assert await self.statements(database, *(reply(n, root, "Answer") for n in range(2, 102))) <= few + 6

    async def test_so_do_a_hundred_cases_that_are_due(self, database: Database) -> None:
        await happen(database, *(dm(n, user=f"U{n}") for n in range(100)))
        seen: list[str] = []

        def work(connection: Connection) -> int:
            sa.event.listen(connection, "before_cursor_execute", lambda *told: seen.append(told[2]))
            return apply_due(connection, DESK, NOON + timedelta(days=3), 1_000)

        assert await database.write(work) == 100
        assert len(seen) <= 25
        assert await sound(database)


class TestThreads:
    async def test_a_reply_to_a_card_not_known_yet_waits_and_is_decided_when_it_is(
        self, database: Database
    ) -> None:
        await happen(database, dm(1))
        assert await happen(database, reply(5, "3.000001", "First"), reply(6, "3.000001", "Second")) == []
        assert await database.read(lambda c: inbox.ready_lanes(c, after(1), 9)) == []

        def settled(connection: Connection) -> None:
            outbox.finish(connection, 1, "sent", NOON, "3.000001")
            cases.set_thread(connection, "CASE_001", "CSUP", "3.000001")

        await database.write(settled)
        assert len(await database.write(lambda c: decide_all(c, after(10)))) == 2
        assert await column(database, "SELECT body FROM messages ORDER BY id") == ["Hello", "First", "Second"]
        assert await sound(database)

    async def test_a_reply_to_something_else_is_ignored_once_every_card_is_known(self, database: Database) -> None:
        await happen(database, dm(1))
        await happen(database, reply(5, "77.000001", "Chatter"))
        await database.write(settle_cards)
        await database.write(lambda c: decide_all(c, after(10)))
        assert await column(database, "SELECT state FROM inbox ORDER BY id") == ["done", "ignored"]

    async def test_notes_bystanders_and_bots_send_nothing(self, database: Database) -> None:
        root = await opened(database)
        posts = [
            reply(5, root, "// inside"),
            reply(6, root, "I know", user="UBEN"),
            reply(7, root, "x", user="UBOT1"),
        ]
        await happen(database, *posts)
        assert await column(database, "SELECT count(*) FROM messages") == [1]
        assert await column(database, "SELECT state FROM inbox ORDER BY id") == ["done", "done", "done", "ignored"]
        assert await column(database, "SELECT kind FROM case_events ORDER BY id") == [
            "CustomerWrote",
            "NoteWritten",
            "BystanderPosted",
        ]

    async def test_a_post_after_the_closing_is_held_and_sent_on_request_once(self, database: Database) -> None:
        root = await opened(database)
        await happen(database, reply(5, root, CLOSING), reply(9, root, "One more thing"))
        assert await column(database, "SELECT count(*) FROM messages") == [2]
        target = f"CASE_001|CSUP|{ts(9)}"
        clicks = [asks(10 + n, Verb.REOPEN_AND_SEND, target, gesture=f"g{n}") for n in range(2)]
        await happen(database, clicks[0])
        await happen(database, clicks[1])
        assert await column(database, "SELECT body FROM messages ORDER BY id") == [
            "Hello",
            CLOSING,
            "One more thing",
        ]
        assert await column(database, "SELECT status FROM cases") == ["open"]
        assert await sound(database)


class TestEditsAndDeletions:
    async def message(self, database: Database, at: float = 1) -> messages.Message:
        return await database.read(lambda c: messages.find_message(c, "DU1", ts(at)))

    async def test_an_edit_decided_together_with_its_message_is_not_lost(self, database: Database) -> None:
        first = dm(1, "Frist")
        await happen(database, first, edit(first, "First", 5))
        assert (await self.message(database)).body == "First"
        assert await column(database, "SELECT state FROM inbox") == ["done", "done"]

    async def test_nor_is_a_deletion(self, database: Database) -> None:
        first = dm(1, "My password is hunter2")
        await happen(database, first, deletion(first, 5))
        assert (await self.message(database)).deleted_at == after(5)

    async def test_later_ones_change_the_copies(self, database: Database) -> None:
        first = dm(1, "Frist")
        await happen(database, first)
        await happen(database, edit(first, "First", 5), edit(first, "Furst", 4))
        assert (await self.message(database)).body == "First"
        wished = await column(database, "SELECT target FROM desired WHERE kind = 'copies'")
        assert len(wished) == 1

    async def test_a_note_edited_into_words_stays_a_note(self, database: Database) -> None:
        root = await opened(database)
        note = reply(5, root, "// inside")
        await happen(database, note)
        await happen(database, edit(note, "outside", 6))
        assert await column(database, "SELECT count(*) FROM messages") == [1]
        (audited,) = await column(database, "SELECT data FROM case_events WHERE kind = 'MessageEdited'")
        assert "outside" in str(audited)

    async def test_a_message_deleted_before_it_is_known_never_opens_a_case(self, database: Database) -> None:
        first = dm(1, "My password is hunter2")
        await happen(database, deletion(first, 5))
        await happen(database, first)
        assert await column(database, "SELECT count(*) FROM cases") == [0]
        assert await sound(database)

    async def test_an_answer_deleted_before_it_is_known_is_never_sent_and_never_closes(
        self, database: Database
    ) -> None:
        root = await opened(database)
        answer = reply(5, root, f"Wrong customer. {CLOSING}")
        await happen(database, deletion(answer, 6))
        await happen(database, answer)
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'answer'") == [0]
        assert await column(database, "SELECT status FROM cases") == ["open"]

    async def test_a_message_edited_before_it_is_known_is_judged_as_written_and_shown_as_it_reads(
        self, database: Database
    ) -> None:
        first = dm(1, "It is broken")
        await happen(database, edit(first, "It is URGENT", 5), edit(first, "It is brokn", 4))
        await happen(database, first)
        message = await self.message(database)
        assert (message.body, message.edited_at) == ("It is URGENT", after(5))
        assert await rows(database, "SELECT message_count, escalated FROM cases") == [(1, False)]
        assert await sound(database)

    async def test_a_note_edited_before_it_is_known_stays_a_note(self, database: Database) -> None:
        root = await opened(database)
        note = reply(5, root, "// inside")
        await happen(database, edit(note, "outside", 6))
        await happen(database, note)
        assert await column(database, "SELECT count(*) FROM messages") == [1]

    async def test_the_audit_log_keeps_what_was_said_before_an_edit(self, database: Database) -> None:
        first = dm(1, "Frist")
        await happen(database, first)
        await happen(database, edit(first, "First", 5))
        (audited,) = await column(database, "SELECT data FROM case_events WHERE kind = 'MessageEdited'")
        assert "Frist" in str(audited)
        assert "First" in str(audited)

    async def test_an_answer_is_never_a_closing_by_its_edit(self, database: Database) -> None:
        root = await opened(database)
        answer = reply(5, root, "Done.")
        await happen(database, answer, edit(answer, f"Done. {CLOSING}", 6))
        assert await column(database, "SELECT status FROM cases") == ["open"]


class TestRequests:
    async def outcome(self, database: Database, key: str) -> ReplyKind:
        found = await database.read(lambda c: inbox.outcome(c, key))
        return read_outcome(found[1]).kind

    @pytest.mark.parametrize(
        ("verb", "target", "user", "told"),
        [
            (Verb.CLOSE, "CASE_001", ADA, ReplyKind.CLOSED),
            (Verb.CLOSE, "CASE_001", "UBEN", ReplyKind.NOT_ALLOWED),
            (Verb.CLOSE, "CASE_009", "UBEN", ReplyKind.NOT_ALLOWED),
            (Verb.CLOSE, "CASE_009", ADA, ReplyKind.NOT_FOUND),
            (Verb.REOPEN, "CASE_001", ADA, ReplyKind.ALREADY_OPEN),
            (Verb.ESCALATE, "CASE_001", ADA, ReplyKind.ESCALATED),
            (Verb.ACKNOWLEDGE, "CASE_001/1", ADA, ReplyKind.NOT_FOUND),
            (Verb.REOPEN_AND_SEND, "CASE_001|CSUP|9.9", ADA, ReplyKind.NOT_FOUND),
        ],
    )
    async def test_is_answered(
        self, database: Database, verb: Verb, target: str, user: str, told: ReplyKind
    ) -> None:
        await opened(database)
        await happen(database, asks(5, verb, target, user, gesture="g"))
        assert await self.outcome(database, "request:g") == told
        assert await sound(database)

    async def test_reopening_is_refused_while_a_newer_case_is_open(self, database: Database) -> None:
        root = await opened(database)
        events = [reply(5, root, CLOSING), dm(9), asks(12, Verb.REOPEN, "CASE_001", gesture="g")]
        for event in events:
            await happen(database, event)
        assert await self.outcome(database, "request:g") == ReplyKind.NEWER_OPEN
        assert await sound(database)

    async def test_so_it_is_in_one_batch_with_the_message_that_opens_it(self, database: Database) -> None:
        root = await opened(database)
        await happen(database, reply(5, root, CLOSING), dm(9), asks(12, Verb.REOPEN, "CASE_001", gesture="g"))
        assert await self.outcome(database, "request:g") == ReplyKind.NEWER_OPEN
        assert await sound(database)

    async def test_closing_the_newer_case_and_reopening_the_older_can_come_together(
        self, database: Database
    ) -> None:
        root = await opened(database)
        await happen(database, reply(5, root, CLOSING), dm(9))
        together = [asks(12, Verb.CLOSE, "CASE_002", gesture="a"), asks(13, Verb.REOPEN, "CASE_001", gesture="b")]
        await happen(database, *together)
        assert await rows(database, "SELECT status FROM cases ORDER BY number") == [("open",), ("closed",)]
        assert await sound(database)

    async def test_one_click_acknowledges_a_whole_list(self, database: Database) -> None:
        await happen(database, *(dm(n, user=f"U{n}") for n in range(20)))
        await database.write(lambda c: apply_due(c, DESK, NOON + timedelta(days=3), 100))
        (post_key,) = await column(database, "SELECT post_key FROM alert_posts")
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'alert'") == [1]
        later = 4 * 86_400
        await happen(database, asks(later, Verb.ACKNOWLEDGE, post_key, gesture="g"), now=after(later))
        assert await self.outcome(database, "request:g") == ReplyKind.ACKNOWLEDGED
        assert await column(database, "SELECT count(*) FROM cases WHERE acknowledged_by = 'Ada Admin'") == [20]
        assert await sound(database)

    async def test_who_stopped_waiting_is_told_late(self, database: Database) -> None:
        await opened(database)
        request = asks(5, Verb.CLOSE, "CASE_001", gesture="g")
        await database.write(lambda c: inbox.put(c, request, NOON))
        assert await database.write(lambda c: inbox.ask_to_be_told(c, "request:g"))
        await database.write(decide_all)
        found = await rows(database, "SELECT destination, payload FROM outbox WHERE kind = 'late_reply'")
        assert found[0][0] == ADA
        assert "closed" in str(found[0][1])


class TestDeliveries:
    async def test_a_failed_answer_leaves_its_customer_waiting(self, database: Database) -> None:
        root = await opened(database)
        await happen(database, reply(5, root, "Answer"))
        assert await column(database, "SELECT unanswered FROM cases") == [0]
        (message,) = await column(database, "SELECT id FROM messages WHERE is_admin")
        report = DeliveryReport("CASE_001", message, "channel_not_found")
        await happen(database, delivery_item(report, 7, after(9)), delivery_item(report, 7, after(9)))
        assert await column(database, "SELECT unanswered FROM cases") == [1]
        assert await column(database, "SELECT delivery FROM messages WHERE is_admin") == ["failed"]
        assert await sound(database)


class TestDue:
    async def test_a_silent_case_escalates_once(self, database: Database) -> None:
        await opened(database)
        for hours in (47, 49, 50, 100):
            await database.write(lambda c, hours=hours: apply_due(c, DESK, NOON + timedelta(hours=hours), 10))
        assert await column(database, "SELECT alert_key FROM alerts") == ["CASE_001/1"]
        assert await database.read(cases.read_counters) == {
            "case_number": 1,
            "open": 1,
            "waiting": 1,
            "escalated": 1,
        }
        assert await sound(database)

    async def test_reminders_come_each_time_until_acknowledged(self, database: Database) -> None:
        desk = Desk(Policy(remind_every=timedelta(hours=1)), CHANNELS)
        await happen(database, dm(1, "urgent!"), desk=desk)
        for hours in (1.5, 3, 3.1, 5):
            await database.write(lambda c, hours=hours: apply_due(c, desk, NOON + timedelta(hours=hours), 10))
        assert await column(database, "SELECT count(*) FROM outbox WHERE kind = 'alert_reminder'") == [3]

    async def test_the_check_ends_however_many_are_due(self, database: Database) -> None:
        await happen(database, *(dm(n, user=f"U{n}") for n in range(30)))
        late = NOON + timedelta(days=3)
        counts = [await database.write(lambda c: apply_due(c, DESK, late, 10)) for _ in range(4)]
        assert counts == [10, 10, 10, 0]


class TestWhatIsKept:
    async def test_a_long_text_is_kept_whole_and_passed_on_in_parts(self, database: Database) -> None:
        text = "\U0001f600 " * 13_000
        await happen(database, dm(1, text))
        message = await database.read(lambda c: messages.find_message(c, "DU1", ts(1)))
        assert len(message.body.encode()) <= 10 * 1024
        whole = await database.read(lambda c: messages.whole_text(c, message))
        assert whole.split() == text.split()
        payloads = await column(database, "SELECT payload FROM outbox WHERE kind = 'mirror' ORDER BY id")
        assert len(payloads) > 5

    async def test_hostile_words_can_be_stored(self, database: Database) -> None:
        await happen(database, dm(1, "a\x00b \ud800 \u202e <!channel> '; DROP TABLE cases; --"))
        assert await sound(database)
        assert await column(database, "SELECT count(*) FROM messages") == [1]


class TestTheCard:
    def gone(self, root: str, at: float, **more: Any) -> dict[str, Any]:
        card = {"channel": "CSUP", "channel_type": "channel", "user": "UBOT", "bot_id": "B1", "text": "Case"}
        return deletion({"event": card | {"ts": root} | more}, at)

    async def test_when_it_is_deleted_another_is_posted(self, database: Database) -> None:
        root = await opened(database)
        await happen(database, self.gone(root, 5))
        await happen(database, self.gone(root, 5))
        again = await column(database, "SELECT kind FROM outbox WHERE dedupe_key LIKE '%after%' ORDER BY id")
        assert again == ["card", "thread_intro"]

    async def test_a_reply_of_ours_or_an_earlier_card_changes_nothing(self, database: Database) -> None:
        root = await opened(database)
        await database.write(lambda c: cases.set_thread(c, "CASE_001", "CSUP", "99.000001"))
        await happen(database, self.gone(root, 5), self.gone("77.000001", 6, thread_ts=root))
        assert await column(database, "SELECT count(*) FROM outbox WHERE dedupe_key LIKE '%after%'") == [0]
