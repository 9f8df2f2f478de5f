"""Escalation: what raises an alert, what is added under it, what lets the next one through."""

from datetime import timedelta

import pytest

from bot.desk.effects import (
    AddUnderAlert,
    RaiseAlert,
    RefreshAlert,
    RemindOfAlert,
    Reply,
    ReplyKind,
    ThreadNotice,
)
from bot.desk.effects import SayInThread as Said
from bot.desk.events import Event
from bot.desk.model import Case, TriggerKind
from bot.desk.policy import Policy
from tests.desk.factories import (
    GRACE,
    POLICY,
    acknowledged,
    after,
    answered,
    at,
    closed,
    decided,
    delivery_failed,
    escalation_requested,
    kinds,
    noted,
    notices,
    of_kind,
    reopened,
    the,
    time_came,
    wrote,
)

ALERTED = after(wrote(at(), "urgent"))


class TestKeyword:
    def test_in_a_first_message_alerts(self) -> None:
        decision = decided(None, wrote(at(), "This is urgent,\nplease"))
        alert = the(decision, RaiseAlert)
        assert (alert.alert_no, alert.waiting_since, alert.quiet_since) == (1, at(), at())
        assert (alert.trigger.kind, alert.trigger.detail) == (TriggerKind.KEYWORD, "urgent")
        assert alert.trigger.quote == "This is urgent, please"

    def test_in_a_further_message_alerts(self) -> None:
        assert of_kind(decided(after(wrote(at())), wrote(at(1), "CRITICAL")), RaiseAlert)

    def test_counts_only_in_what_was_newly_typed(self) -> None:
        event = wrote(at(), "> urgent\nthank you")
        quoting = type(event)(
            event.at,
            event.customer,
            type(event.written)(event.written.text, "thank you"),
            event.ref,
            event.reply_to,
        )
        assert not of_kind(decided(None, quoting), RaiseAlert)

    def test_comes_from_the_settings(self) -> None:
        policy = Policy(keywords=("dringend",))
        assert of_kind(decided(None, wrote(at(), "Dringend!"), policy), RaiseAlert)
        assert not of_kind(decided(None, wrote(at(), "urgent"), policy), RaiseAlert)


class TestFollowUps:
    def test_the_fourth_message_in_a_row_escalates_and_not_the_third(self) -> None:
        third = after(*(wrote(at(n)) for n in range(3)))
        assert not third.escalated
        alert = the(decided(third, wrote(at(3), "Hello?")), RaiseAlert)
        assert (alert.trigger.kind, alert.trigger.detail) == (TriggerKind.FOLLOW_UPS, "4")
        assert alert.trigger.quote == "Hello?"
        assert alert.waiting_since == at()

    def test_an_answer_starts_the_row_anew(self) -> None:
        case = after(*(wrote(at(n)) for n in range(3)), answered(at(3)), *(wrote(at(n)) for n in range(4, 7)))
        assert not case.escalated
        assert after(wrote(at(7)), case=case).escalated

    def test_a_note_does_not(self) -> None:
        case = after(*(wrote(at(n)) for n in range(3)), noted(at(3)))
        assert after(wrote(at(4)), case=case).escalated

    @pytest.mark.parametrize("follow_ups", [0, 1, 5])
    def test_how_many_is_a_setting(self, follow_ups: int) -> None:
        policy = Policy(follow_ups=follow_ups)
        case = None
        for n in range(follow_ups):
            case = after(wrote(at(n)), policy=policy, case=case)
        assert case is None or not case.escalated
        assert after(wrote(at(9)), policy=policy, case=case).escalated


class TestEscalation:
    def test_is_said_in_the_thread_once(self) -> None:
        decision = decided(after(wrote(at())), wrote(at(1), "urgent"))
        said = the(decision, Said)
        assert said.notice is ThreadNotice.ESCALATED
        assert said.trigger == the(decision, RaiseAlert).trigger
        again = decided(after(answered(at(40)), case=ALERTED), wrote(at(41), "urgent"))
        assert of_kind(again, RaiseAlert)
        assert notices(again) == []

    def test_stays_until_closing(self) -> None:
        events: list[Event] = [
            answered(at(1)),
            acknowledged(at(2)),
            wrote(at(3)),
            noted(at(4)),
            delivery_failed(at(5)),
            time_came(at(hours=100)),
        ]
        case: Case = ALERTED
        for event in events:
            case = after(event, case=case)
            assert (case.escalated, case.escalated_at) == (True, at())
        assert not after(closed(at(hours=101)), case=case).escalated

    def test_starts_anew_after_closing_and_reopening(self) -> None:
        case = after(closed(at(1)), reopened(at(40)), wrote(at(41), "urgent"), case=ALERTED)
        assert (case.escalated, case.escalated_at, case.alert_no) == (True, at(41), 2)


class TestOneAlertPerEscalation:
    def test_further_triggers_are_added_under_the_standing_alert(self) -> None:
        decision = decided(ALERTED, wrote(at(hours=5), "CRITICAL now"))
        assert not of_kind(decision, RaiseAlert)
        added = the(decision, AddUnderAlert)
        assert (added.alert_no, added.addition_no, added.last) == (1, 1, False)
        assert (added.trigger.detail, added.trigger.quote) == ("critical", "CRITICAL now")

    def test_a_message_without_a_trigger_adds_nothing(self) -> None:
        assert kinds(decided(ALERTED, wrote(at(5))).effects) == {"RecordMessage", "RefreshCard"}

    def test_additions_end_at_their_limit_and_the_last_says_so(self) -> None:
        policy = Policy(max_alert_additions=2)
        first = decided(ALERTED, wrote(at(1), "urgent"), policy)
        second = decided(first.case, wrote(at(2), "urgent"), policy)
        third = decided(second.case, wrote(at(3), "urgent"), policy)
        assert [of_kind(one, AddUnderAlert)[0].last for one in (first, second)] == [False, True]
        assert not of_kind(third, AddUnderAlert)
        assert third.case is not None
        assert third.case.message_count == 4

    def test_a_new_alert_has_room_for_additions_again(self) -> None:
        policy = Policy(max_alert_additions=1)
        case = after(wrote(at(1), "urgent"), answered(at(2)), wrote(at(40), "urgent"), policy=policy, case=ALERTED)
        added = the(decided(case, wrote(at(41), "urgent"), policy), AddUnderAlert)
        assert (added.alert_no, added.addition_no, added.last) == (2, 1, True)


class TestNextAlert:
    @pytest.mark.parametrize("event", [answered(at(5)), acknowledged(at(5))], ids=["answer", "acknowledgement"])
    def test_comes_with_the_next_trigger_after(self, event: Event) -> None:
        case = after(event, case=ALERTED)
        assert the(decided(case, wrote(at(31), "urgent")), RaiseAlert).alert_no == 2

    @pytest.mark.parametrize("event", [noted(at(5)), wrote(at(5)), delivery_failed(at(5)), time_came(at(5))])
    def test_does_not_come_after_anything_else(self, event: Event) -> None:
        case = after(event, case=ALERTED)
        assert not of_kind(decided(case, wrote(at(31), "urgent")), RaiseAlert)

    @pytest.mark.parametrize(
        ("seconds", "alerts"), [(1799.999, False), (1800, True), (1801, True)], ids=["before", "at", "after"]
    )
    def test_comes_at_most_once_in_half_an_hour(self, seconds: float, alerts: bool) -> None:
        case = after(answered(at(5)), case=ALERTED)
        decision = decided(case, wrote(at(seconds=seconds), "urgent"))
        assert bool(of_kind(decision, RaiseAlert)) is alerts
        assert bool(of_kind(decision, AddUnderAlert)) is not alerts

    def test_triggers_in_between_leave_it_due(self) -> None:
        case = after(answered(at(5)), wrote(at(10), "urgent"), wrote(at(20), "urgent"), case=ALERTED)
        assert the(decided(case, wrote(at(31), "urgent")), RaiseAlert).alert_no == 2

    def test_needs_an_answer_or_acknowledgement_of_its_own(self) -> None:
        case = after(answered(at(5)), wrote(at(31), "urgent"), case=ALERTED)
        assert case.alert_no == 2
        assert not of_kind(decided(case, wrote(at(90), "urgent")), RaiseAlert)

    def test_says_that_the_case_was_answered_if_it_was(self) -> None:
        case = after(wrote(at()), answered(at(1)))
        alert = the(decided(case, time_came(at(hours=50))), RaiseAlert)
        assert (alert.waiting_since, alert.quiet_since) == (None, at(1))


class TestReopenedWithinHalfAnHour:
    """An escalation too soon for an alert of its own must not be one that nobody is ever alerted to."""

    CASE = after(closed(at(1)), reopened(at(2)), case=ALERTED)

    def test_the_alert_no_longer_says_that_the_case_is_closed(self) -> None:
        closed_case = after(closed(at(1)), case=ALERTED)
        assert the(decided(closed_case, reopened(at(2))), RefreshAlert).alert_no == 1
        late = wrote(at(0.5), "I wrote this before")
        assert the(decided(closed_case, late), RefreshAlert).alert_no == 1

    def test_is_added_under_the_last_alert_which_stands_again(self) -> None:
        decision = decided(self.CASE, wrote(at(3), "urgent"))
        assert the(decision, AddUnderAlert).alert_no == 1
        assert the(decision, RefreshAlert).alert_no == 1
        assert notices(decision) == [ThreadNotice.ESCALATED]

    def test_the_next_trigger_alerts(self) -> None:
        case = after(wrote(at(3), "urgent"), case=self.CASE)
        assert the(decided(case, wrote(at(33), "urgent")), RaiseAlert).alert_no == 2

    def test_the_last_alert_is_reminded_of_unless_acknowledged(self) -> None:
        policy = Policy(remind_every=timedelta(hours=1))
        case = after(wrote(at(3), "urgent"), case=self.CASE, policy=policy)
        assert of_kind(decided(case, time_came(at(64)), policy), RemindOfAlert)
        seen = after(acknowledged(at(1)), closed(at(1)), reopened(at(2)), case=ALERTED, policy=policy)
        assert after(wrote(at(3), "urgent"), case=seen, policy=policy).remind_due_at is None


class TestAcknowledgement:
    def test_is_shown_on_the_alert_and_the_card(self) -> None:
        decision = decided(ALERTED, acknowledged(at(5)))
        assert kinds(decision.effects) == {"RefreshAlert", "RefreshCard"}
        assert decision.reply == Reply(ReplyKind.ACKNOWLEDGED, "CASE_001")
        assert decision.case is not None
        assert (decision.case.acknowledged_at, decision.case.acknowledged_by) == (at(5), GRACE.name)

    def test_is_no_answer(self) -> None:
        case = after(acknowledged(at(5)), case=ALERTED)
        assert (case.unanswered, case.waiting_since, case.message_count) == (1, at(), 1)
        assert case.escalated

    def test_a_second_one_says_who_was_first(self) -> None:
        case = after(acknowledged(at(5)), case=ALERTED)
        decision = decided(case, acknowledged(at(6)))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.ALREADY_ACKNOWLEDGED, "CASE_001", by=GRACE.name)

    def test_a_second_one_is_told_apart_whatever_two_clocks_say(self) -> None:
        case = after(acknowledged(at(-5)), case=ALERTED)
        reply = decided(case, acknowledged(at(-4))).reply
        assert reply is not None
        assert reply.kind is ReplyKind.ALREADY_ACKNOWLEDGED

    def test_a_new_alert_is_acknowledged_by_nobody(self) -> None:
        case = after(acknowledged(at(5)), wrote(at(40), "urgent"), case=ALERTED)
        assert (case.alert_no, case.acknowledged_by, case.acknowledged_at) == (2, None, None)

    def test_each_alert_has_its_own(self) -> None:
        case = after(acknowledged(at(5)), wrote(at(40), "urgent"), case=ALERTED)
        reply = decided(case, acknowledged(at(41))).reply
        assert reply == Reply(ReplyKind.ACKNOWLEDGED, "CASE_001")

    def test_there_is_nothing_to_acknowledge_without_an_alert(self) -> None:
        case = after(wrote(at()))
        decision = decided(case, acknowledged(at(5)))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.ALREADY_ACKNOWLEDGED, "CASE_001", by="")

    def test_nor_on_a_closed_case(self) -> None:
        case = after(closed(at(1)), case=ALERTED)
        decision = decided(case, acknowledged(at(5)))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.CASE_CLOSED, "CASE_001")


class TestRequest:
    def test_of_an_admin_alerts(self) -> None:
        decision = decided(after(wrote(at())), escalation_requested(at(1), "VIP"))
        alert = the(decision, RaiseAlert)
        assert (alert.trigger.kind, alert.trigger.detail, alert.trigger.by) == (
            TriggerKind.MANUAL,
            "VIP",
            GRACE.name,
        )
        assert the(decision, Said).by == GRACE.name
        assert decision.reply == Reply(ReplyKind.ESCALATED, "CASE_001")

    def test_is_added_under_a_standing_alert(self) -> None:
        decision = decided(ALERTED, escalation_requested(at(hours=1)))
        assert the(decision, AddUnderAlert).trigger.kind is TriggerKind.MANUAL
        assert decision.reply == Reply(ReplyKind.ADDED_UNDER_ALERT, "CASE_001")

    def test_is_refused_on_a_closed_case(self) -> None:
        case = after(wrote(at()), closed(at(1)))
        decision = decided(case, escalation_requested(at(2)))
        assert (decision.case, decision.effects) == (case, ())
        assert decision.reply == Reply(ReplyKind.CASE_CLOSED, "CASE_001")


def test_the_moment_of_an_alert_is_when_it_is_raised_not_when_the_message_was_written() -> None:
    decision = decided(None, wrote(at(), "urgent"), now=at(hours=3))
    assert decision.case is not None
    assert (decision.case.alerted_at, decision.case.escalated_at) == (at(hours=3), at(hours=3))
    assert POLICY.realert_after == timedelta(minutes=30)
