from dataclasses import replace
from typing import Any

import pytest

from bot.blocks.card import CardView
from bot.blocks.listing import CaseLine
from bot.blocks.status import (
    CustomerStatusView,
    DeskCounts,
    admin_case_status,
    case_list,
    customer_status,
    desk_status,
)
from bot.desk.model import CaseStatus, Source
from tests.blocks.reading import LATER, LINK, THEN, assert_valid, links, seen

MINE = CustomerStatusView("CASE_001", CaseStatus.OPEN, THEN)
CASES = tuple(CaseLine(f"CASE_{number:03}", "Dana Lee", THEN, THEN, link=LINK) for number in range(1, 101))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Your case CASE_001 is open since 2026-01-31 12:34 UTC."),
        ({}, "What you wrote was received. There is no answer yet."),
        ({"last_answer_at": LATER, "waits": False}, "Last answer: 2026-01-31 14:34 UTC."),
        ({"last_answer_at": LATER}, "What you wrote since then was received."),
        (
            {"status": CaseStatus.CLOSED, "closed_at": LATER},
            "Your last case, CASE_001, was closed at 2026-01-31 14:34 UTC. Write again and a new case opens.",
        ),
    ],
)
def test_a_customer_is_told_how_the_own_case_stands(changes: dict[str, Any], said: str) -> None:
    post = customer_status(replace(MINE, **changes))

    assert said in post.text
    assert said in seen(post)
    assert_valid(post)


def test_an_answered_customer_does_not_wait() -> None:
    assert "received" not in customer_status(replace(MINE, last_answer_at=LATER, waits=False)).text


def test_a_customer_without_a_case_is_told_how_to_write() -> None:
    assert "You have no case yet." in customer_status(None).text
    assert "direct message" in customer_status(None).text


def test_an_admin_sees_a_case_as_on_its_card_with_the_way_to_it() -> None:
    view = CardView("CASE_001", "Dana Lee", "@dana", Source.SLACK, CaseStatus.OPEN, THEN, "Hello")
    post = admin_case_status(view, LINK)

    assert "Case #CASE_001: Dana Lee" in post.text
    assert links(post) == {"Go to thread": LINK}
    assert "Go to thread" not in admin_case_status(view).text
    assert_valid(post)


def test_the_desk_shows_its_counts_and_who_waits_longest() -> None:
    post = desk_status(DeskCounts(12, 3, 1, held=2, quarantined=4, parked=5), CASES)

    assert "Open: 12, of these waiting for an answer: 3, escalated: 1" in post.text
    for said in ("Held mail", "Quarantined", "Parked"):
        assert said in post.text
    assert list(links(post)) == [f"CASE_{number:03}" for number in range(1, 11)]
    assert "more" not in post.text
    assert_valid(post)


def test_a_desk_without_trouble_does_not_speak_of_it() -> None:
    post = desk_status(DeskCounts(0, 0, 0))

    assert "No customer waits for an answer." in post.text
    assert "Held" not in post.text + seen(post)
    assert "Parked" not in post.text


def test_the_list_shows_forty_cases_and_how_many_more_there_are() -> None:
    post = case_list(CASES, total=150)

    assert "Open cases: 150" in post.text
    assert len(links(post)) == 40
    assert "and 110 more: /case list" in seen(post)
    assert_valid(post)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (CaseLine("CASE_001", "Dana", LATER, THEN), "CASE_001, Dana: waiting since 2026-01-31 12:34 UTC"),
        (CaseLine("CASE_001", "Dana", LATER), "CASE_001, Dana: answered, quiet since 2026-01-31 14:34 UTC"),
        (
            CaseLine("CASE_001", "Dana", LATER, THEN, escalated=True),
            "CASE_001, Dana: escalated, waiting since",
        ),
        (
            CaseLine("CASE_001", "Dana", LATER, escalated=True),
            "CASE_001, Dana: escalated, answered, quiet since",
        ),
    ],
)
def test_each_line_says_how_its_case_stands(case: CaseLine, said: str) -> None:
    assert said in case_list([case], total=1).text


def test_an_empty_list_says_so() -> None:
    assert case_list([], total=0).text == "There is no open case."
