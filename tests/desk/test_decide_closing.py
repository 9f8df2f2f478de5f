"""Closing: by the phrase, quietly in a note, by command; and what stops it."""

import pytest

from bot.desk.effects import (
    LogClosing,
    Mark,
    MarkState,
    RecordMessage,
    RefreshAlert,
    Reply,
    ReplyKind,
    SayClosed,
    ThreadNotice,
)
from bot.desk.events import Event
from bot.desk.model import CaseStatus
from tests.desk.factories import (
    ADA,
    DM,
    GRACE,
    after,
    answered,
    answered_closing,
    at,
    closed,
    decided,
    kinds,
    noted,
    notices,
    of_kind,
    recorded,
    reopened,
    the,
    wrote,
)

QUIETLY = [noted(at(5), closes=True), closed(at(5), quiet=True)]
CLOSINGS = [answered_closing(at(5)), closed(at(5)), *QUIETLY]


@pytest.mark.parametrize("event", CLOSINGS, ids=["phrase", "command", "note", "quiet command"])
class TestEveryClosing:
    def test_closes_the_case(self, event: Event) -> None:
        case = decided(after(wrote(at())), event).case
        assert case is not None
        assert (case.status, case.closed_at, case.closed_by) == (CaseStatus.CLOSED, at(5), "Ada Admin")

    def test_is_logged_with_its_moment_and_name(self, event: Event) -> None:
        assert the(decided(after(wrote(at())), event), LogClosing) == LogClosing(at(5), "Ada Admin", 1)

    def test_ends_the_escalation_and_shows_it_on_the_alert(self, event: Event) -> None:
        decision = decided(after(wrote(at(), "urgent")), event)
        assert decision.case is not None
        assert not decision.case.escalated
        assert decision.case.due_at is None
        assert the(decision, RefreshAlert).alert_no == 1

    def test_touches_no_alert_where_there_was_none(self, event: Event) -> None:
        assert not of_kind(decided(after(wrote(at())), event), RefreshAlert)

    def test_leaves_nothing_due(self, event: Event) -> None:
        case = decided(after(wrote(at())), event).case
        assert case is not None
        assert (case.due_at, case.silence_due_at, case.remind_due_at) == (None, None, None)

    def test_refreshes_the_card(self, event: Event) -> None:
        assert "RefreshCard" in kinds(decided(after(wrote(at())), event).effects)


def test_the_whole_message_with_the_phrase_is_sent_and_says_that_the_case_is_closed() -> None:
    event = answered_closing(at(5))
    decision = decided(after(wrote(at())), event)
    message = recorded(decision)
    assert message.written == event.written
    assert message.closing
    assert message.reply_to == DM
    assert notices(decision) == [ThreadNotice.CLOSED]
    assert not of_kind(decision, SayClosed)  # the message says so
    assert the(decision, Mark).state is MarkState.WAITING


@pytest.mark.parametrize("event", QUIETLY, ids=["note", "quiet command"])
def test_a_quiet_closing_tells_the_customer_nothing(event: Event) -> None:
    decision = decided(after(wrote(at())), event)
    assert not kinds(decision.effects) & {"RecordMessage", "SayClosed", "SayReceived"}
    assert notices(decision) == [ThreadNotice.CLOSED_QUIETLY]


def test_a_note_that_closes_is_still_shown_as_not_sent() -> None:
    assert the(decided(after(wrote(at())), noted(at(5), closes=True)), Mark).state is MarkState.NOT_SENT


def test_a_command_tells_the_customer() -> None:
    decision = decided(after(wrote(at())), closed(at(5)))
    assert the(decision, SayClosed).reply_to == DM
    assert notices(decision) == [ThreadNotice.CLOSED]
    assert decision.reply == Reply(ReplyKind.CLOSED, "CASE_001")


def test_a_command_on_a_closed_case_says_who_closed_it() -> None:
    case = after(wrote(at()), closed(at(5), by=ADA))
    decision = decided(case, closed(at(6), by=GRACE))
    assert (decision.case, decision.effects) == (case, ())
    assert decision.reply == Reply(ReplyKind.ALREADY_CLOSED, "CASE_001", by="Ada Admin")


def test_a_note_with_the_phrase_in_a_closed_case_closes_nothing_again() -> None:
    case = after(wrote(at()), closed(at(5)))
    decision = decided(case, noted(at(6), closes=True))
    assert decision.case == case
    assert kinds(decision.effects) == {"Mark"}


def test_two_admins_closing_in_the_same_moment_close_once() -> None:
    case = after(wrote(at()), answered_closing(at(5)))
    decision = decided(case, answered_closing(at(4), by=GRACE))
    assert recorded(decision).is_answer
    assert not recorded(decision).closing
    assert not of_kind(decision, LogClosing)
    assert decision.case is not None
    assert decision.case.closings == 1


def test_each_closing_has_its_own_number() -> None:
    case = after(wrote(at()), closed(at(5)), reopened(at(6)))
    assert the(decided(case, closed(at(7))), LogClosing).closing_no == 2


class TestCustomerWroteMeanwhile:
    """What was written after the closing, but processed before it, must not be buried."""

    def test_an_answer_with_the_phrase_is_sent_but_does_not_close(self) -> None:
        case = after(wrote(at()), wrote(at(6)))
        event = answered_closing(at(5), followed_by=(at(6),))
        decision = decided(case, event, now=at(7))
        assert decision.case is not None
        assert decision.case.is_open
        assert (decision.case.unanswered, decision.case.waiting_since) == (1, at(6))
        assert not recorded(decision).closing
        assert notices(decision) == [ThreadNotice.CUSTOMER_WROTE_MEANWHILE]
        assert not of_kind(decision, LogClosing)

    def test_a_note_with_the_phrase_does_not_close(self) -> None:
        case = after(wrote(at()), wrote(at(6)))
        decision = decided(case, noted(at(5), closes=True), now=at(7))
        assert decision.case == case
        assert notices(decision) == [ThreadNotice.CUSTOMER_WROTE_MEANWHILE]
        assert not of_kind(decision, RecordMessage)

    @pytest.mark.parametrize("quiet", [False, True])
    def test_a_command_does_not_close(self, quiet: bool) -> None:
        case = after(wrote(at()), wrote(at(6)))
        decision = decided(case, closed(at(5), quiet=quiet), now=at(7))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.CUSTOMER_WROTE_MEANWHILE, "CASE_001")

    def test_a_message_of_the_very_moment_stops_nothing(self) -> None:
        case = after(wrote(at(5)))
        assert not after(noted(at(5), closes=True), case=case).is_open
        assert not after(closed(at(5)), case=case).is_open

    def test_a_second_try_closes(self) -> None:
        case = after(wrote(at()), wrote(at(6)), answered_closing(at(5), followed_by=(at(6),)))
        assert not after(answered_closing(at(8)), case=case).is_open
        assert not after(noted(at(8), closes=True), case=case).is_open
        assert not after(closed(at(8)), case=case).is_open


def test_a_closed_case_keeps_what_was_counted() -> None:
    case = after(wrote(at()), answered(at(1)), wrote(at(2)), closed(at(5), quiet=True))
    assert (case.message_count, case.unanswered, case.waiting_since) == (3, 1, at(2))
    assert case.last_message_at == at(2)
