"""Silence and reminders: what the passing of time does to a case."""

from datetime import timedelta

import pytest

from bot.desk.effects import AddUnderAlert, RaiseAlert, RefreshCard, RemindOfAlert
from bot.desk.events import Event
from bot.desk.model import TriggerKind
from bot.desk.policy import Policy, SilenceClock
from tests.desk.factories import (
    acknowledged,
    after,
    answered,
    at,
    bystander_posted,
    closed,
    decided,
    delivery_failed,
    noted,
    of_kind,
    reopened,
    the,
    time_came,
    wrote,
)

WAITING = Policy(silence_clock=SilenceClock.CUSTOMER_WAITING)
HOURLY = Policy(remind_every=timedelta(hours=1))


class TestSilence:
    def test_escalates_after_more_than_two_days(self) -> None:
        case = after(wrote(at()))
        decision = decided(case, time_came(at(hours=48, seconds=1)))
        alert = the(decision, RaiseAlert)
        assert (alert.trigger.kind, alert.trigger.detail) == (TriggerKind.SILENCE, "48")
        assert (alert.waiting_since, alert.quiet_since) == (at(), at())
        assert of_kind(decision, RefreshCard)

    @pytest.mark.parametrize("hours", [0, 47, 48])
    def test_escalates_nothing_before_however_often_it_is_checked(self, hours: float) -> None:
        case = after(wrote(at()))
        decision = decided(case, time_came(at(hours=hours)))
        assert (decision.case, decision.effects) == (case, ())

    @pytest.mark.parametrize("event", [wrote(at(hours=40)), answered(at(hours=40))], ids=["customer", "answer"])
    def test_ends_with_a_message_of_the_customer_or_an_answer(self, event: Event) -> None:
        case = after(wrote(at()), event)
        assert case.due_at == at(hours=88)
        assert decided(case, time_came(at(hours=80))).effects == ()

    @pytest.mark.parametrize(
        "event", [noted(at(hours=40)), bystander_posted(at(hours=40))], ids=["note", "bystander"]
    )
    def test_does_not_end_with_anything_else(self, event: Event) -> None:
        assert of_kind(decided(after(wrote(at()), event), time_came(at(hours=49))), RaiseAlert)

    def test_escalates_once(self) -> None:
        case = after(wrote(at()), time_came(at(hours=49)))
        assert case.due_at is None
        assert decided(case, time_came(at(hours=500))).effects == ()

    def test_a_check_that_comes_late_escalates_all_the_same(self) -> None:
        alert = the(decided(after(wrote(at())), time_came(at(hours=4800))), RaiseAlert)
        assert alert.trigger.detail == "4800"

    def test_on_an_escalated_case_is_added_under_its_alert(self) -> None:
        case = after(wrote(at(), "urgent"))
        assert the(decided(case, time_came(at(hours=49))), AddUnderAlert).trigger.kind is TriggerKind.SILENCE

    def test_after_an_answer_alerts_again(self) -> None:
        case = after(wrote(at(), "urgent"), answered(at(hours=1)))
        alert = the(decided(case, time_came(at(hours=50))), RaiseAlert)
        assert (alert.alert_no, alert.waiting_since, alert.quiet_since) == (2, None, at(hours=1))

    def test_after_an_acknowledgement_alerts_again_when_the_whole_time_has_passed_anew(self) -> None:
        case = after(wrote(at()), time_came(at(hours=49)), acknowledged(at(hours=50)))
        assert case.due_at == at(hours=98)
        assert decided(case, time_came(at(hours=98))).effects == ()
        assert the(decided(case, time_came(at(hours=99))), RaiseAlert).alert_no == 2

    def test_never_escalates_a_closed_case(self) -> None:
        case = after(wrote(at()), closed(at(1)))
        decision = decided(case, time_came(at(hours=500)))
        assert (decision.case, decision.effects) == (case, ())

    def test_a_late_message_does_not_prolong_it(self) -> None:
        assert after(wrote(at()), wrote(at(hours=2)), wrote(at(hours=1))).due_at == at(hours=50)


class TestWaitingClock:
    def test_runs_while_the_customer_waits(self) -> None:
        case = after(wrote(at()), policy=WAITING)
        assert case.due_at == at(hours=48)
        assert of_kind(decided(case, time_came(at(hours=49)), WAITING), RaiseAlert)

    def test_stops_with_an_answer_and_starts_with_the_next_message(self) -> None:
        case = after(wrote(at()), answered(at(hours=1)), policy=WAITING)
        assert case.due_at is None
        assert after(wrote(at(hours=9)), case=case, policy=WAITING).due_at == at(hours=57)

    def test_runs_on_behind_an_answer_given_before_the_newest_message(self) -> None:
        event = answered(at(hours=1), followed_by=(at(hours=2),))
        assert after(wrote(at()), wrote(at(hours=2)), event, policy=WAITING).due_at == at(hours=50)

    def test_starts_again_when_the_answer_did_not_arrive(self) -> None:
        case = after(wrote(at()), answered(at(hours=1)), delivery_failed(at(hours=2)), policy=WAITING)
        assert case.due_at == at(hours=49)

    def test_is_not_started_by_an_acknowledgement_of_an_answered_case(self) -> None:
        case = after(wrote(at(), "urgent"), answered(at(1)), acknowledged(at(2)), policy=WAITING)
        assert case.due_at is None

    def test_by_the_other_clock_an_answered_case_is_due_too(self) -> None:
        assert after(wrote(at()), answered(at(hours=1))).due_at == at(hours=49)


class TestChangedSettings:
    """A case due by the old settings is judged by the new ones, and forgotten by neither."""

    def test_a_longer_time_makes_it_due_later(self) -> None:
        decision = decided(after(wrote(at())), time_came(at(hours=49)), Policy(silence=timedelta(hours=72)))
        assert decision.effects == ()
        assert decision.case is not None
        assert decision.case.due_at == at(hours=72)

    def test_the_waiting_clock_takes_an_answered_case_off(self) -> None:
        decision = decided(after(wrote(at()), answered(at(1))), time_came(at(hours=49)), WAITING)
        assert decision.effects == ()
        assert decision.case is not None
        assert decision.case.due_at is None

    def test_reminders_switched_off_are_not_sent(self) -> None:
        case = after(wrote(at(), "urgent"), policy=HOURLY)
        decision = decided(case, time_came(at(hours=2)))
        assert decision.effects == ()
        assert decision.case is not None
        assert decision.case.remind_due_at is None


class TestReminders:
    CASE = after(wrote(at(), "urgent"), policy=HOURLY)

    def test_are_off_by_default(self) -> None:
        assert after(wrote(at(), "urgent")).remind_due_at is None

    def test_come_every_time_until_acknowledged(self) -> None:
        assert self.CASE.due_at == at(hours=1)
        case = self.CASE
        for hour in (1, 2, 3):
            decision = decided(case, time_came(at(hours=hour, seconds=hour)), HOURLY)
            reminder = the(decision, RemindOfAlert)
            assert (reminder.alert_no, reminder.at) == (1, at(hours=hour, seconds=hour))
            assert decision.case is not None
            case = decision.case
        case = after(acknowledged(at(hours=3, minutes=30)), case=case, policy=HOURLY)
        assert case.remind_due_at is None
        assert decided(case, time_came(at(hours=5)), HOURLY).effects == ()

    def test_do_not_come_before_their_time(self) -> None:
        assert decided(self.CASE, time_came(at(hours=1)), HOURLY).effects == ()

    def test_missed_ones_are_not_made_up_for(self) -> None:
        decision = decided(self.CASE, time_came(at(hours=20)), HOURLY)
        assert len(of_kind(decision, RemindOfAlert)) == 1
        assert decision.case is not None
        assert decision.case.remind_due_at == at(hours=21)

    @pytest.mark.parametrize("event", [answered(at(5)), noted(at(5)), wrote(at(5))])
    def test_go_on_after_anything_but_an_acknowledgement(self, event: Event) -> None:
        case = after(event, case=self.CASE, policy=HOURLY)
        assert of_kind(decided(case, time_came(at(hours=2)), HOURLY), RemindOfAlert)

    def test_end_with_the_closing_and_stay_ended_when_reopened(self) -> None:
        case = after(closed(at(5)), case=self.CASE, policy=HOURLY)
        assert case.due_at is None
        assert after(reopened(at(6)), case=case, policy=HOURLY).remind_due_at is None

    def test_start_again_with_the_next_alert(self) -> None:
        case = after(acknowledged(at(5)), wrote(at(40), "urgent"), case=self.CASE, policy=HOURLY)
        assert case.remind_due_at == at(100)

    def test_a_new_alert_in_the_same_check_needs_no_reminder(self) -> None:
        case = after(answered(at(1)), case=self.CASE, policy=HOURLY)
        decision = decided(case, time_came(at(hours=49)), HOURLY)
        assert of_kind(decision, RaiseAlert)
        assert not of_kind(decision, RemindOfAlert)


def test_a_case_is_due_when_the_first_of_both_is() -> None:
    weekly = Policy(remind_every=timedelta(days=7))
    assert after(wrote(at(), "urgent"), policy=HOURLY).due_at == at(hours=1)
    assert after(wrote(at(), "urgent"), policy=weekly).due_at == at(hours=48)
    assert after(wrote(at()), time_came(at(hours=49)), policy=weekly).due_at == at(hours=49 + 7 * 24)
