"""Reopening by an admin, and sending what a closed case held back."""

import pytest

from bot.desk.effects import Mark, MarkState, RaiseAlert, RecordMessage, Reply, ReplyKind, ThreadNotice
from bot.desk.policy import Policy, SilenceClock
from tests.desk.factories import (
    after,
    answered,
    answered_closing,
    at,
    closed,
    decided,
    kinds,
    notices,
    of_kind,
    recorded,
    reopened,
    the,
    wrote,
)

CLOSED = after(wrote(at()), answered_closing(at(5)))


def test_an_admin_takes_up_a_closed_case_again() -> None:
    decision = decided(CLOSED, reopened(at(9)))
    case = decision.case
    assert case is not None
    assert case.is_open
    assert (case.closed_at, case.closed_by, case.case_id) == (None, None, CLOSED.case_id)
    assert notices(decision) == [ThreadNotice.REOPENED]
    assert kinds(decision.effects) == {"SayInThread", "RefreshCard"}
    assert decision.reply == Reply(ReplyKind.REOPENED, "CASE_001")


def test_the_customer_is_not_told() -> None:
    assert not kinds(decided(CLOSED, reopened(at(9))).effects) & {"RecordMessage", "SayReceived", "SayClosed"}


def test_it_is_refused_with_the_newer_case_named_if_that_one_is_open() -> None:
    decision = decided(CLOSED, reopened(at(9), newer_open="CASE_007"))
    assert (decision.case, decision.effects) == (CLOSED, ())
    assert decision.reply == Reply(ReplyKind.NEWER_OPEN, "CASE_001", other_case_id="CASE_007")


def test_sending_is_refused_likewise() -> None:
    decision = decided(CLOSED, reopened(at(9), newer_open="CASE_007", send=answered(at(9))))
    assert (decision.case, decision.effects) == (CLOSED, ())
    assert decision.reply is not None
    assert decision.reply.kind is ReplyKind.NEWER_OPEN


def test_an_open_case_is_open_already() -> None:
    case = after(wrote(at()))
    decision = decided(case, reopened(at(9)))
    assert (decision.case, decision.effects) == (case, ())
    assert decision.reply == Reply(ReplyKind.ALREADY_OPEN, "CASE_001")


class TestReopenAndSend:
    def test_sends_the_post_that_was_held(self) -> None:
        held = answered(at(9), "One thing more.")
        decision = decided(CLOSED, reopened(at(9), send=held))
        assert decision.case is not None
        assert decision.case.is_open
        assert decision.case.message_count == CLOSED.message_count + 1
        message = recorded(decision)
        assert (message.ref, message.written, message.is_answer) == (held.ref, held.written, True)
        assert the(decision, Mark) == Mark(held.ref, MarkState.WAITING)
        assert notices(decision) == [ThreadNotice.REOPENED]
        assert decision.reply == Reply(ReplyKind.REOPENED_AND_SENT, "CASE_001")

    def test_sends_it_in_a_case_somebody_has_reopened_meanwhile(self) -> None:
        case = after(reopened(at(8)), case=CLOSED)
        decision = decided(case, reopened(at(9), send=answered(at(9))))
        assert of_kind(decision, RecordMessage)
        assert notices(decision) == []


class TestSilenceAfterReopening:
    def test_starts_anew(self) -> None:
        case = after(reopened(at(hours=500)), case=CLOSED)
        assert case.due_at == at(hours=548)

    def test_by_the_waiting_clock_only_if_the_customer_waits(self) -> None:
        policy = Policy(silence_clock=SilenceClock.CUSTOMER_WAITING)
        assert after(reopened(at(hours=500)), case=CLOSED, policy=policy).due_at is None
        unanswered = after(wrote(at()), closed(at(5)), reopened(at(hours=500)), policy=policy)
        assert unanswered.due_at == at(hours=548)


@pytest.mark.parametrize(("minutes", "alerts"), [(31, 1), (30, 1), (29, 0)])
def test_a_reopened_case_escalates_anew_but_not_within_half_an_hour_of_its_last_alert(
    minutes: int, alerts: int
) -> None:
    case = after(wrote(at(), "urgent"), closed(at(1)), reopened(at(2)))
    assert not case.escalated
    decision = decided(case, wrote(at(minutes), "urgent"))
    assert len(of_kind(decision, RaiseAlert)) == alerts
    assert decision.case is not None
    assert decision.case.escalated
    assert notices(decision) == [ThreadNotice.ESCALATED]
