"""What holds whatever happens, in whatever order, whatever people write."""

from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.effects import RecordMessage
from bot.desk.events import CustomerWrote, Event
from bot.desk.model import Person, ReplyTo, Written
from bot.desk.policy import Policy, SilenceClock
from bot.desk.thread_posts import read_thread_post
from tests.desk.factories import (
    ADA,
    BOB,
    DANA,
    DM,
    GRACE,
    PHRASE,
    acknowledged,
    after,
    answered,
    at,
    began,
    closed,
    decided,
    deleted,
    delivery_failed,
    edited,
    escalation_requested,
    file,
    file_failed,
    of_kind,
    post,
    reopened,
    taken_up,
    time_came,
    wrote,
)
from tests.desk.world import World

FRAGMENTS = [
    PHRASE,
    "I’m closing this case",
    "closing this case",
    "// ",
    "note: ",
    "urgent",
    "EMERGENCY",
    "> ",
    "```",
    "`",
    "\n",
    "<!channel>",
    "<@UADA>",
    "&gt;",
    "\u202e",
    "\u200b",
    "\x00",
    "\ud800",
    "'; DROP TABLE cases; --",
    "{0} %s {name}",
]
hostile = st.lists(
    st.sampled_from(FRAGMENTS) | st.text(st.characters(exclude_categories=()), max_size=8), max_size=6
).map("".join)

policies = st.builds(
    Policy,
    follow_ups=st.integers(0, 4),
    followup_merge=st.sampled_from([timedelta(0), timedelta(seconds=120)]),
    silence=st.sampled_from([timedelta(minutes=20), timedelta(hours=2), timedelta(hours=48)]),
    silence_clock=st.sampled_from(SilenceClock),
    remind_every=st.sampled_from([None, timedelta(minutes=15), timedelta(hours=3)]),
    max_alert_additions=st.integers(0, 3),
    say_received=st.booleans(),
)

FILES = (file("film.mp4", size=10**9), file("a.png"))

KINDS = [
    "customer",
    "customer",
    "customer",
    "admin",
    "admin",
    "bystander",
    "close",
    "reopen",
    "reopen and send",
    "escalate",
    "acknowledge",
    "time",
    "time",
    "edit",
    "delete",
    "failed",
    "begin",
    "take up",
    "file failed",
]
steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from([0, 1, 60, 130, 700, 1800, 7300, 180_000]),  # seconds since the last step
        st.sampled_from([0, 0, 0, 1, 90, 1000, 10_000]),  # seconds it is late
        hostile,
        st.integers(0, 3),
    ),
    max_size=40,
)


def event_of(kind: str, when: datetime, text: str, number: int, policy: Policy) -> Event:
    written = Written(text, text, FILES[: max(0, number - 1)], GRACE.id if number == 2 else None)
    by = (ADA, GRACE)[number % 2]
    match kind:
        case "customer":
            reply_to = DM if number else ReplyTo(DM.channel, "1769860801.000000")
            return CustomerWrote(when, DANA, written, post(DM.channel), reply_to)
        case "admin":
            return read_thread_post(by, written, post(), when, DANA.id, policy)
        case "bystander":
            return read_thread_post((BOB, DANA)[number % 2], written, post(), when, DANA.id, policy)
        case "close":
            return closed(when, by=by, quiet=number > 1, last_words=text if number == 1 and text.strip() else None)
        case "begin":
            return began(when, text)
        case "take up":
            return taken_up(when, text)
        case "reopen":
            return reopened(when)
        case "reopen and send":
            return reopened(when, send=answered(when, text))
        case "escalate":
            return escalation_requested(when, text)
        case "acknowledge":
            return acknowledged(when, by)
        case "time":
            return time_came(when)
        case "edit":
            return edited(when, post(), text)
        case "delete":
            return deleted(when, post())
        case "failed":
            return delivery_failed(when, text)
        case "file failed":
            return file_failed(when, is_answer=number > 0, nothing_arrived=number > 1)
        case _:
            raise AssertionError(kind)


@given(policies, steps)
def test_whatever_happens_the_invariants_hold(policy: Policy, story: list[tuple[str, int, int, str, int]]) -> None:
    world, now = World(policy), at()
    for kind, gap, late, text, number in story:
        now += timedelta(seconds=gap)
        names = list(world.cases)
        named = names[-1 - number % len(names)] if names else ""
        world.happen(event_of(kind, now - timedelta(seconds=late), text, number, policy), now, named)


@given(policies, steps, hostile)
def test_an_open_case_is_closed_by_a_second_try_at_the_latest(
    policy: Policy, story: list[tuple[str, int, int, str, int]], text: str
) -> None:
    world, now = World(policy), at()
    for kind, gap, late, words, number in story:
        now += timedelta(seconds=gap)
        current = world.current
        event = event_of(kind, now - timedelta(seconds=late), words, number, policy)
        world.happen(event, now, current.case_id if current else "")
    current = world.current
    if current is not None:
        world.happen(closed(now), now, current.case_id)
        assert world.current is not None
        assert not world.current.is_open
        world.happen(event_of("customer", now + timedelta(seconds=1), text, 1, policy), now)
        assert world.current.is_open
        assert world.current.previous_case_id == current.case_id


moments = st.lists(
    st.tuples(st.integers(1, 10_000), st.booleans()), min_size=1, max_size=8, unique_by=lambda m: m[0]
)


@given(moments, st.randoms(use_true_random=False), st.sampled_from(SilenceClock))
def test_the_order_of_processing_makes_no_difference_to_what_counts(
    story: list[tuple[int, bool]], random: Any, clock: SilenceClock
) -> None:
    policy = Policy(silence_clock=clock, keywords=(), follow_ups=99)
    events: list[Event] = [
        wrote(at(seconds=second), reply_to=ReplyTo(DM.channel, str(second)))
        if by_customer
        else answered(at(seconds=second))
        for second, by_customer in story
    ]
    opening, now = wrote(at()), at(hours=9)
    in_order = World(policy)
    for event in sorted([opening, *events], key=lambda one: one.at):
        in_order.happen(event, now, "CASE_001")

    shuffled = World(policy)
    random.shuffle(events)
    for event in [opening, *events]:
        shuffled.happen(event, now, "CASE_001")

    assert shuffled.cases == in_order.cases


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_a_case_may_open_with_any_of_its_messages(seconds: list[int], random: Any) -> None:
    events = [wrote(at(second / 60)) for second in seconds]
    in_order = after(*sorted(events, key=lambda event: event.at), policy=Policy(follow_ups=99))
    random.shuffle(events)
    shuffled = after(*events, policy=Policy(follow_ups=99))
    assert replace(shuffled, created_at=in_order.created_at) == in_order


@given(hostile, hostile, policies, st.lists(st.text(max_size=5), max_size=4), st.text(max_size=9))
def test_no_text_and_no_setting_makes_it_fail(
    text: str, typed: str, policy: Policy, keywords: list[str], phrase: str
) -> None:
    policy = replace(policy, keywords=tuple(keywords), closure_phrase=phrase)
    event = CustomerWrote(at(), DANA, Written(text, typed), post(), DM)
    decision = decided(None, event, policy)
    posted = read_thread_post(ADA, Written(text, typed), post(), at(1), DANA.id, policy)
    assert decided(decision.case, posted, policy).case is not None


@given(hostile)
def test_whatever_a_customer_or_bystander_writes_acts_on_nothing(text: str) -> None:
    case = after(wrote(at(), "Hello"))
    written = decided(case, wrote(at(1), text))
    assert written.case is not None
    assert written.case.is_open
    assert not [message for message in of_kind(written, RecordMessage) if message.is_answer]
    for author in (BOB, DANA, Person(BOB.id, ADA.name)):
        posted = read_thread_post(author, Written(text, text), post(), at(1), DANA.id, Policy())
        assert decided(case, posted).case == case


def test_cases_and_events_cannot_be_changed() -> None:
    event = wrote(at(), "urgent")
    decision = decided(None, event)
    for value in (event, event.written, decision, decision.case, *decision.effects):
        assert is_dataclass(value)
        for field in fields(value)[:1]:
            with pytest.raises(AttributeError):
                setattr(value, field.name, None)
