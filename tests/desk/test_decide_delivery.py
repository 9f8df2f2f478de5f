"""An answer that did not reach its customer."""

from dataclasses import replace

import pytest

from bot.desk.effects import FailAnswer, Mark, MarkState, SayClosed, SayFilesNotSent, ThreadNotice
from bot.desk.effects import SayInThread as Said
from bot.desk.events import AnswerRecalled, DeliveryUnknown
from bot.desk.model import FileTrouble, ReplyTo, Source
from tests.desk.factories import (
    ADA,
    DM,
    after,
    answered,
    answered_closing,
    at,
    closed,
    decided,
    delivery_failed,
    file_failed,
    kinds,
    of_kind,
    post,
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


class TestAFile:
    def test_of_an_answer_marks_it_failed_and_tells_both_sides(self) -> None:
        event = file_failed(at(6))
        decision = decided(ANSWERED, event)
        assert the(decision, Mark) == Mark(event.ref, MarkState.FAILED)
        said, told = the(decision, Said), the(decision, SayFilesNotSent)
        assert (said.notice, said.to, said.files) == (ThreadNotice.FILES_NOT_SENT, ADA.id, (event.file,))
        assert (told.reply_to, told.files, told.by_customer) == (DM, (event.file,), False)
        assert decision.case == ANSWERED

    def test_that_was_all_there_was_leaves_the_customer_waiting(self) -> None:
        event = file_failed(at(6), nothing_arrived=True)
        decision = decided(ANSWERED, event)
        assert the(decision, FailAnswer).message_id == event.message_id
        assert decision.case is not None
        assert (decision.case.unanswered, decision.case.waiting_since) == (1, at(1))

    @pytest.mark.parametrize("trouble", [FileTrouble.DELETED, FileTrouble.UNREACHABLE])
    def test_taken_back_or_for_nobody_there_is_not_told_to_the_customer(self, trouble: FileTrouble) -> None:
        assert not of_kind(decided(ANSWERED, file_failed(at(6), trouble)), SayFilesNotSent)

    @pytest.mark.parametrize("trouble", FileTrouble)
    def test_of_a_customer_is_told_of_where_it_was_written_and_in_the_thread(self, trouble: FileTrouble) -> None:
        event = file_failed(at(6), trouble, is_answer=False)
        decision = decided(ANSWERED, event)
        assert the(decision, SayFilesNotSent).reply_to == ReplyTo("DDANA", "1769860801.000000")
        assert the(decision, Said).notice is ThreadNotice.CUSTOMERS_FILES_NOT_SENT
        assert not of_kind(decision, Mark)
        assert decision.case == ANSWERED


class TestByMail:
    UNKNOWN = DeliveryUnknown(at(6), 7, post(), ADA.id, "the connection broke")
    RECALLED = AnswerRecalled(at(6), 7, post(), ADA.id)

    def test_one_of_which_nobody_knows_is_told_to_its_author_and_changes_nothing_else(self) -> None:
        decision = decided(ANSWERED, self.UNKNOWN)
        said = the(decision, Said)
        assert (said.notice, said.to, said.detail) == (
            ThreadNotice.DELIVERY_UNKNOWN,
            ADA.id,
            "the connection broke",
        )
        assert decision.case == ANSWERED

    def test_one_taken_back_in_time_answered_nobody(self) -> None:
        decision = decided(ANSWERED, self.RECALLED)
        assert the(decision, Said).notice is ThreadNotice.ANSWER_RECALLED
        assert decision.case is not None
        assert (decision.case.unanswered, decision.case.waiting_since) == (1, at(1))

    def test_beside_another_answer_it_leaves_nobody_waiting(self) -> None:
        decision = decided(ANSWERED, replace(self.RECALLED, answered_otherwise=True))
        assert decision.case == ANSWERED

    def test_a_closing_that_went_with_it_stands(self) -> None:
        case = after(answered_closing(at(7)), case=ANSWERED)
        assert decided(case, self.RECALLED).case == case

    def test_a_case_that_came_by_mail_is_told_of_its_closing_by_mail(self) -> None:
        by_mail = replace(ANSWERED, source=Source.EMAIL, reply_to=None)
        assert the(decided(by_mail, closed(at(9))), SayClosed) == SayClosed(None)
        assert not of_kind(decided(by_mail, closed(at(9), quiet=True)), SayClosed)
