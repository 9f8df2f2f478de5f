"""An admin writes first, or takes up what somebody wrote elsewhere; and last words given with a closing."""

import pytest

from bot.desk.effects import (
    LogClosing,
    Mark,
    OpenThread,
    RaiseAlert,
    RefreshCard,
    Reply,
    ReplyKind,
    SayClosed,
    SayReceived,
    SayTakenUp,
    ThreadNotice,
)
from bot.desk.effects import SayInThread as Said
from bot.desk.events import DeliveryFailed
from bot.desk.model import CaseStatus, ReplyTo
from bot.desk.policy import Policy, SilenceClock
from tests.desk.factories import (
    ADA,
    DANA,
    DM,
    POLICY,
    after,
    answered,
    at,
    began,
    closed,
    decided,
    escalation_requested,
    kinds,
    notices,
    of_kind,
    post,
    recorded,
    taken_up,
    the,
    time_came,
    wrote,
)


class TestAnAdminBegins:
    def test_a_case_opens_with_the_admins_message(self) -> None:
        decision = decided(None, began(at()))
        case, message = decision.case, recorded(decision)
        assert case is not None
        assert (case.customer, case.status, case.message_count) == (DANA.id, CaseStatus.OPEN, 1)
        assert (case.last_answer_by, case.unanswered, case.waiting_since) == (ADA.name, 0, None)
        assert (message.author, message.is_answer, message.opening, message.closing) == (ADA, True, True, False)
        assert (message.ref, message.reply_to) == (None, ReplyTo(DANA.id))
        assert decision.reply == Reply(ReplyKind.BEGUN)

    def test_the_thread_says_who_began_and_nothing_asks_for_an_answer(self) -> None:
        decision = decided(None, began(at()))
        assert kinds(decision.effects) == {"OpenThread", "SayInThread", "RecordMessage", "RefreshCard"}
        assert isinstance(decision.effects[0], OpenThread)
        said = the(decision, Said)
        assert (said.notice, said.by) == (ThreadNotice.BEGUN, ADA.name)

    def test_words_that_escalate_a_customers_message_do_not_escalate_it(self) -> None:
        assert not of_kind(decided(None, began(at(), "urgent")), RaiseAlert)

    def test_the_silence_clock_starts(self) -> None:
        case = after(began(at()))
        assert case.due_at == at() + POLICY.silence
        assert of_kind(decided(case, time_came(at(hours=48, seconds=1))), RaiseAlert)

    def test_it_does_not_while_only_waiting_customers_count(self) -> None:
        policy = Policy(silence_clock=SilenceClock.CUSTOMER_WAITING)
        case = after(began(at()), policy=policy)
        assert case.due_at is None
        assert after(wrote(at(5)), policy=policy, case=case).due_at == at(5) + policy.silence

    def test_the_customers_reply_joins_it_and_is_shown_in_the_channel(self) -> None:
        case = after(began(at()))
        decision = decided(case, wrote(at(5)))
        assert decision.case is not None
        assert (decision.case.case_id, decision.case.message_count) == ("CASE_001", 2)
        assert (decision.case.unanswered, decision.case.waiting_since) == (1, at(5))
        assert decision.case.reply_to == DM
        assert recorded(decision).broadcast
        assert not of_kind(decision, SayReceived)

    def test_it_is_refused_while_a_case_is_open(self) -> None:
        case = after(wrote(at()))
        decision = decided(case, began(at(1)))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.HAS_OPEN_CASE, "CASE_001", name=DANA.name)

    def test_a_closed_case_is_left_and_linked(self) -> None:
        case = after(wrote(at()), closed(at(1)))
        decision = decided(case, began(at(2)))
        assert decision.case is not None
        assert (decision.case.case_id, decision.case.previous_case_id) == ("", "CASE_001")
        assert decision.case.is_open

    def test_that_it_did_not_arrive_is_told(self) -> None:
        case = after(began(at()))
        decision = decided(case, DeliveryFailed(at(1), 7, None, ADA.id, "user_disabled"))
        assert notices(decision) == [ThreadNotice.DELIVERY_FAILED]
        assert not of_kind(decision, Mark)
        assert decision.case is not None
        assert (decision.case.unanswered, decision.case.waiting_since) == (0, None)


class TestAMessageIsTakenUp:
    def test_it_opens_a_case_of_its_author(self) -> None:
        decision = decided(None, taken_up(at()))
        assert decision.case is not None
        assert (decision.case.unanswered, decision.case.waiting_since) == (1, at())
        assert decision.case.reply_to == ReplyTo(DANA.id)
        assert notices(decision) == [ThreadNotice.TAKEN_UP]

    def test_its_author_learns_by_whom_and_for_what(self) -> None:
        decision = decided(None, taken_up(at(), "The printer\nis broken"))
        assert the(decision, SayTakenUp) == SayTakenUp(ReplyTo(DANA.id), ADA.name, "The printer is broken")
        assert not of_kind(decision, SayReceived)
        assert not of_kind(decided(None, taken_up(at()), Policy(say_received=False)), SayTakenUp)

    def test_it_joins_an_open_case_and_answers_go_where_they_went(self) -> None:
        case = after(wrote(at()), answered(at(1)))
        decision = decided(case, taken_up(at(5)))
        assert decision.case is not None
        assert (decision.case.case_id, decision.case.reply_to) == ("CASE_001", DM)
        assert (decision.case.unanswered, decision.case.message_count) == (1, 3)
        assert not of_kind(decision, SayTakenUp)
        assert notices(decision) == [ThreadNotice.TAKEN_UP]

    def test_urgent_words_escalate_it(self) -> None:
        assert of_kind(decided(None, taken_up(at(), "This is urgent")), RaiseAlert)


class TestLastWords:
    def test_they_are_sent_and_say_that_the_case_is_closed(self) -> None:
        case = after(wrote(at()))
        decision = decided(case, closed(at(5), last_words="All is repaired."))
        message = recorded(decision)
        assert (message.written.text, message.author, message.ref) == ("All is repaired.", ADA, None)
        assert (message.is_answer, message.closing, message.reply_to) == (True, True, DM)
        assert not of_kind(decision, SayClosed)
        assert notices(decision) == [ThreadNotice.CLOSED]
        assert of_kind(decision, LogClosing)
        assert isinstance(decision.effects[-1], RefreshCard)

    def test_they_count_as_an_answer(self) -> None:
        case = after(wrote(at()), closed(at(5), last_words="All is repaired."))
        assert (case.message_count, case.unanswered, case.waiting_since) == (2, 0, None)
        assert (case.last_answer_at, case.last_answer_by, case.last_message_at) == (at(5), ADA.name, at(5))
        assert not case.is_open

    @pytest.mark.parametrize("last_words", [None, "Bye"])
    def test_nothing_is_sent_or_closed_over_a_message_that_came_while_the_form_was_open(
        self, last_words: str | None
    ) -> None:
        case = after(wrote(at()), wrote(at(4)))
        decision = decided(case, closed(at(5), last_words=last_words, seen=at()))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.CUSTOMER_WROTE_MEANWHILE, "CASE_001")
        assert not after(closed(at(5), last_words=last_words, seen=at(4)), case=case).is_open

    def test_an_answer_that_came_meanwhile_stops_nothing(self) -> None:
        case = after(wrote(at()), answered(at(4)))
        assert not after(closed(at(5), seen=at()), case=case).is_open


class TestEscalatingByButton:
    def test_it_escalates(self) -> None:
        decision = decided(after(wrote(at())), escalation_requested(at(1), "", once=True))
        assert of_kind(decision, RaiseAlert)
        assert notices(decision) == [ThreadNotice.ESCALATED]

    def test_a_second_click_adds_nothing(self) -> None:
        case = after(wrote(at()), escalation_requested(at(1), "", once=True))
        decision = decided(case, escalation_requested(at(1, seconds=1), "", once=True))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.ALREADY_ESCALATED, "CASE_001")

    def test_a_closed_case_is_not_escalated(self) -> None:
        case = after(wrote(at()), closed(at(1)))
        decision = decided(case, escalation_requested(at(2), "", once=True))
        assert decision.reply == Reply(ReplyKind.CASE_CLOSED, "CASE_001")


def test_a_failed_answer_from_a_form_that_is_posted_is_marked_there() -> None:
    ref = post()
    decision = decided(after(began(at())), DeliveryFailed(at(1), 7, ref, ADA.id, "user_disabled"))
    assert the(decision, Mark).ref == ref
