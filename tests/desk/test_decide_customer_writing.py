"""What a customer's message does to a case."""

from datetime import timedelta

import pytest

from bot.desk.effects import (
    OpenThread,
    RaiseAlert,
    RecordMessage,
    RefreshCard,
    SayFilesNotSent,
    SayInThread,
    SayReceived,
    ThreadNotice,
)
from bot.desk.model import CaseStatus, FileTrouble, LostFile, ReplyTo, Source, TriggerKind
from bot.desk.policy import Policy
from tests.desk.factories import (
    DANA,
    DM,
    after,
    answered,
    answered_closing,
    at,
    closed,
    decided,
    delivery_failed,
    file,
    kinds,
    notices,
    of_kind,
    recorded,
    the,
    wrote,
)


class TestFirstMessage:
    def test_opens_a_case(self) -> None:
        case = decided(None, wrote(at())).case
        assert case is not None
        assert (case.status, case.customer, case.source) == (CaseStatus.OPEN, DANA.id, Source.SLACK)
        assert (case.created_at, case.last_message_at, case.waiting_since) == (at(), at(), at())
        assert (case.message_count, case.unanswered) == (1, 1)
        assert case.previous_case_id is None
        assert case.case_id == ""  # storage numbers it
        assert case.due_at == at(hours=48)

    def test_opens_a_thread_and_stands_in_it(self) -> None:
        event = wrote(at())
        decision = decided(None, event)
        assert kinds(decision.effects) == {"OpenThread", "SayReceived", "RecordMessage", "RefreshCard"}
        assert isinstance(decision.effects[0], OpenThread)
        message = recorded(decision)
        assert (message.at, message.author, message.written, message.ref) == (
            at(),
            DANA,
            event.written,
            event.ref,
        )
        assert not message.is_answer

    def test_is_received(self) -> None:
        assert the(decided(None, wrote(at())), SayReceived).reply_to == DM

    def test_is_not_said_to_be_received_where_that_is_switched_off(self) -> None:
        assert not of_kind(decided(None, wrote(at()), Policy(say_received=False)), SayReceived)


class TestFurtherMessage:
    def test_joins_the_open_case(self) -> None:
        case = after(wrote(at()))
        decision = decided(case, wrote(at(5)))
        assert decision.case is not None
        assert decision.case.case_id == case.case_id
        assert (decision.case.message_count, decision.case.unanswered) == (2, 2)
        assert (decision.case.last_message_at, decision.case.waiting_since) == (at(5), at())
        assert kinds(decision.effects) == {"RecordMessage", "RefreshCard"}

    def test_is_not_said_to_be_received_again(self) -> None:
        assert not of_kind(decided(after(wrote(at())), wrote(at(5))), SayReceived)

    def test_refreshes_the_card_last(self) -> None:
        assert isinstance(decided(after(wrote(at())), wrote(at(5))).effects[-1], RefreshCard)


class TestBroadcast:
    """Shown in the channel too is what nobody who follows the thread may have been told of."""

    def test_every_message_until_the_first_answer(self) -> None:
        case = after(wrote(at()))
        assert recorded(decided(None, wrote(at()))).broadcast
        assert recorded(decided(case, wrote(at(1)))).broadcast

    def test_the_first_message_after_an_answer(self) -> None:
        assert recorded(decided(after(wrote(at()), answered(at(1))), wrote(at(2)))).broadcast

    def test_not_those_that_follow_it(self) -> None:
        case = after(wrote(at()), answered(at(1)), wrote(at(2)))
        assert not recorded(decided(case, wrote(at(3)))).broadcast

    def test_one_that_was_answered_before_it_was_seen(self) -> None:
        case = after(wrote(at()), answered(at(2)), wrote(at(3)))
        assert recorded(decided(case, wrote(at(1)))).broadcast

    def test_one_that_reopens_its_case(self) -> None:
        case = after(wrote(at()), answered(at(1)), wrote(at(2)), closed(at(5), quiet=True))
        assert recorded(decided(case, wrote(at(4)))).broadcast


class TestLateMessage:
    def test_carries_that_it_is_late(self) -> None:
        case = after(wrote(at()), wrote(at(2)))
        assert recorded(decided(case, wrote(at(1)), now=at(3))).late
        assert not recorded(decided(case, wrote(at(3)))).late

    def test_of_the_same_moment_as_the_last_one_is_not_late(self) -> None:
        thread = ReplyTo("DDANA", "1769860801.000000")
        decision = decided(after(wrote(at(2))), wrote(at(2), reply_to=thread))
        assert not recorded(decision).late
        assert decision.case is not None
        assert decision.case.reply_to == thread

    def test_of_the_same_moment_as_an_answer_is_answered(self) -> None:
        assert after(wrote(at()), answered(at(2)), wrote(at(2))).unanswered == 0

    def test_never_turns_back_the_time_of_the_last_message(self) -> None:
        case = after(wrote(at()), wrote(at(2)), wrote(at(1)))
        assert (case.last_message_at, case.message_count, case.unanswered) == (at(2), 3, 3)

    def test_is_what_the_customer_waits_since_if_it_is_the_oldest(self) -> None:
        assert after(wrote(at(2)), wrote(at(1))).waiting_since == at(1)

    def test_written_before_the_last_answer_is_answered(self) -> None:
        case = after(wrote(at()), answered(at(5)), wrote(at(4)))
        assert (case.unanswered, case.waiting_since, case.message_count) == (0, None, 3)

    def test_with_an_urgent_word_alerts_even_when_answered(self) -> None:
        case = after(wrote(at()), answered(at(5)))
        assert of_kind(decided(case, wrote(at(4), "urgent"), now=at(6)), RaiseAlert)


class TestPlaceOfAnswers:
    def test_is_where_the_customer_last_wrote(self) -> None:
        thread = ReplyTo("DDANA", "1769860801.000000")
        assert after(wrote(at()), wrote(at(1), reply_to=thread)).reply_to == thread
        assert after(wrote(at(), reply_to=thread), wrote(at(1))).reply_to == DM

    def test_is_not_moved_by_a_late_message(self) -> None:
        thread = ReplyTo("DDANA", "1769860801.000000")
        assert after(wrote(at()), wrote(at(2)), wrote(at(1), reply_to=thread)).reply_to == DM

    def test_is_moved_by_a_message_late_only_beside_an_answer(self) -> None:
        thread = ReplyTo("DDANA", "1769860801.000000")
        assert after(wrote(at()), answered(at(2)), wrote(at(1), reply_to=thread)).reply_to == thread


class TestFiles:
    def test_are_passed_on(self) -> None:
        decision = decided(None, wrote(at(), files=("a.png", "b.pdf")))
        assert [one.name for one in recorded(decision).written.files] == ["a.png", "b.pdf"]
        assert not of_kind(decision, SayFilesNotSent)

    def test_that_cannot_travel_are_told_of_on_both_sides(self) -> None:
        event = wrote(at(), files=("a.png", file("b.pdf", trouble=FileTrouble.EXTERNAL)))
        decision = decided(None, event)
        told = the(decision, SayFilesNotSent)
        lost = (LostFile("Fb.pdf", "b.pdf", FileTrouble.EXTERNAL),)
        assert (told.files, told.reply_to, told.ref, told.by_customer) == (lost, DM, event.ref, True)
        said = the(decision, SayInThread)
        assert (said.notice, said.files) == (ThreadNotice.CUSTOMERS_FILES_NOT_SENT, lost)

    def test_without_words_count_as_a_message(self) -> None:
        decision = decided(None, wrote(at(), "", files=("a.png",)))
        assert recorded(decision).written.text == ""
        assert decision.case is not None
        assert decision.case.message_count == 1


class TestAfterClosing:
    def test_opens_a_new_case_linked_to_the_old_one(self) -> None:
        old = after(wrote(at()), answered_closing(at(1)))
        decision = decided(old, wrote(at(2)))
        new = decision.case
        assert new is not None
        assert (new.previous_case_id, new.case_id, new.status) == (old.case_id, "", CaseStatus.OPEN)
        assert (new.message_count, new.unanswered, new.closings, new.alert_no) == (1, 1, 0, 0)
        assert of_kind(decision, OpenThread)
        assert of_kind(decision, SayReceived)

    def test_a_new_case_takes_over_no_escalation(self) -> None:
        old = after(wrote(at(), "urgent"), closed(at(1)))
        new = decided(old, wrote(at(2))).case
        assert new is not None
        assert (new.escalated, new.alerted_at, new.last_answer_at, new.acknowledged_at) == (
            False,
            None,
            None,
            None,
        )


class TestMessageFromBeforeTheClosing:
    def test_reopens_the_case(self) -> None:
        old = after(wrote(at()), answered_closing(at(5)))
        decision = decided(old, wrote(at(4)), now=at(6))
        case = decision.case
        assert case is not None
        assert (case.case_id, case.status, case.closed_at, case.closed_by) == (
            old.case_id,
            CaseStatus.OPEN,
            None,
            None,
        )
        assert case.message_count == old.message_count + 1
        assert notices(decision) == [ThreadNotice.REOPENED_BY_LATE_MESSAGE]
        assert not of_kind(decision, OpenThread)
        assert not of_kind(decision, SayReceived)
        assert recorded(decision).late

    def test_written_in_the_very_moment_of_the_closing_reopens_too(self) -> None:
        old = after(wrote(at()), closed(at(5)))
        assert decided(old, wrote(at(5))).case == after(wrote(at(5)), case=old)
        assert after(wrote(at(5)), case=old).is_open

    def test_puts_the_silence_clock_back_on(self) -> None:
        case = after(wrote(at()), closed(at(5)), wrote(at(4)))
        assert case.due_at == at(4) + timedelta(hours=48)

    def test_may_escalate_the_case_anew(self) -> None:
        decision = decided(after(wrote(at()), closed(at(5))), wrote(at(4), "urgent"), now=at(6))
        assert the(decision, RaiseAlert).trigger.kind is TriggerKind.KEYWORD

    def test_joins_a_newer_open_case_as_a_late_one(self) -> None:
        newer = after(wrote(at()), closed(at(5)), wrote(at(6)))
        decision = decided(newer, wrote(at(4)), now=at(7))
        assert decision.case is not None
        assert decision.case.case_id == newer.case_id == "CASE_002"
        assert recorded(decision).late
        assert notices(decision) == []

    def test_a_case_closed_again_knows_both_closings(self) -> None:
        assert after(wrote(at()), closed(at(5)), wrote(at(4)), closed(at(7))).closings == 2


class TestMergingFollowUps:
    MERGING = Policy(followup_merge=timedelta(seconds=120))

    @pytest.mark.parametrize(("seconds", "counted"), [(0, 1), (119, 1), (119.999, 1), (120, 2), (121, 2)])
    def test_messages_closer_together_than_that_count_as_one(self, seconds: float, counted: int) -> None:
        case = after(wrote(at()), wrote(at(seconds=seconds)), policy=self.MERGING)
        assert (case.unanswered, case.message_count) == (counted, 2)

    def test_each_is_measured_from_the_one_before(self) -> None:
        assert after(*(wrote(at(seconds=100 * n)) for n in range(9)), policy=self.MERGING).unanswered == 1

    def test_without_the_setting_each_counts(self) -> None:
        assert after(wrote(at()), wrote(at())).unanswered == 2

    def test_the_first_after_an_answer_always_counts(self) -> None:
        case = after(wrote(at()), answered(at(seconds=5)), wrote(at(seconds=10)), policy=self.MERGING)
        assert (case.unanswered, case.waiting_since) == (1, at(seconds=10))

    def test_they_are_merged_behind_an_answer_processed_late_too(self) -> None:
        times = (at(seconds=10), at(seconds=20), at(seconds=140))
        case = after(
            wrote(at()), *map(wrote, times), answered(at(seconds=5), followed_by=times), policy=self.MERGING
        )
        assert (case.unanswered, case.waiting_since) == (2, at(seconds=10))

    def test_a_merged_message_escalates_nothing_by_number(self) -> None:
        case = after(*(wrote(at(10 * n)) for n in range(3)), policy=self.MERGING)
        assert not of_kind(decided(case, wrote(at(20, seconds=30)), self.MERGING), RaiseAlert)
        assert of_kind(decided(case, wrote(at(30)), self.MERGING), RaiseAlert)

    def test_a_merged_message_with_an_urgent_word_alerts(self) -> None:
        case = after(wrote(at()), policy=self.MERGING)
        assert of_kind(decided(case, wrote(at(seconds=1), "urgent"), self.MERGING), RaiseAlert)


def test_a_customer_writing_after_a_failed_answer_is_one_more_in_the_row() -> None:
    case = after(wrote(at()), answered(at(1)), delivery_failed(at(2)), wrote(at(3)))
    assert (case.unanswered, case.waiting_since) == (2, at())


def test_a_message_is_never_recorded_as_anything_but_the_customers() -> None:
    message = the(decided(None, wrote(at(), "I am an admin. I'm closing this case.")), RecordMessage)
    assert not message.is_answer
    assert message.author == DANA
