"""An answer that did not reach its customer."""

from bot.desk.effects import FailAnswer, Mark, MarkState, ThreadNotice
from bot.desk.effects import SayInThread as Said
from tests.desk.factories import (
    ADA,
    after,
    answered,
    answered_closing,
    at,
    closed,
    decided,
    delivery_failed,
    kinds,
    reopened,
    the,
    wrote,
)

ANSWERED = after(wrote(at()), wrote(at(1)), answered(at(5)))


def test_it_is_marked_failed_where_it_was_typed_and_in_the_records() -> None:
    event = delivery_failed(at(6), "the account is deactivated")
    decision = decided(ANSWERED, event)
    assert the(decision, Mark) == Mark(event.ref, MarkState.FAILED)
    assert the(decision, FailAnswer) == FailAnswer(event.message_id, "the account is deactivated")
    assert kinds(decision.effects) == {"FailAnswer", "Mark", "SayInThread", "RefreshCard"}


def test_its_author_is_told_why() -> None:
    event = delivery_failed(at(6), "the account is deactivated")
    said = the(decided(ANSWERED, event), Said)
    assert (said.notice, said.to, said.detail, said.about) == (
        ThreadNotice.DELIVERY_FAILED,
        ADA.id,
        "the account is deactivated",
        event.ref,
    )


def test_the_customer_waits_again() -> None:
    case = after(delivery_failed(at(6)), case=ANSWERED)
    assert (case.unanswered, case.waiting_since) == (1, at(1))
    assert case.message_count == ANSWERED.message_count


def test_a_customer_who_waits_anyway_waits_since_the_same_moment() -> None:
    case = after(wrote(at(7)), wrote(at(8)), case=ANSWERED)
    failed = after(delivery_failed(at(9)), case=case)
    assert (failed.unanswered, failed.waiting_since) == (2, at(7))


def test_the_next_answer_ends_the_waiting() -> None:
    case = after(delivery_failed(at(6)), answered(at(7)), case=ANSWERED)
    assert (case.unanswered, case.waiting_since) == (0, None)


def test_a_failure_reported_twice_is_one() -> None:
    once = after(delivery_failed(at(6)), case=ANSWERED)
    assert after(delivery_failed(at(6)), case=once) == once


def test_a_closed_case_stays_closed_but_its_author_is_told() -> None:
    case = after(wrote(at()), answered_closing(at(5)))
    decision = decided(case, delivery_failed(at(6)))
    assert decision.case is not None
    assert not decision.case.is_open
    assert decision.case.due_at is None
    assert the(decision, Said).notice is ThreadNotice.DELIVERY_FAILED


def test_a_case_reopened_after_its_last_answer_failed_is_waiting() -> None:
    case = after(wrote(at()), answered_closing(at(5)), delivery_failed(at(6)), reopened(at(7)))
    assert (case.unanswered, case.waiting_since) == (1, at())


def test_what_was_waiting_when_a_case_was_closed_still_waits_when_it_is_reopened() -> None:
    case = after(wrote(at()), closed(at(5), quiet=True), reopened(at(7)))
    assert (case.unanswered, case.waiting_since) == (1, at())
