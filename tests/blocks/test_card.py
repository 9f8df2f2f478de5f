from dataclasses import replace
from typing import Any

import pytest

from bot.blocks.card import (
    ACTION_CLOSE_CASE,
    ACTION_ESCALATE_CASE,
    ACTION_REOPEN_CASE,
    CardView,
    CaseLink,
    card,
)
from bot.desk.model import CaseStatus, Source
from tests.blocks.reading import LATER, LINK, THEN, assert_valid, buttons, links, seen

OPEN = CardView(
    case_id="CASE_001",
    customer_name="Dana Lee",
    customer_handle="@dana",
    source=Source.SLACK,
    status=CaseStatus.OPEN,
    created_at=THEN,
    preview="The printer is on fire.",
    message_count=2,
    waiting_since=THEN,
)
CLOSED = replace(OPEN, status=CaseStatus.CLOSED, closed_at=LATER, closed_by="Ada Admin", waiting_since=None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Case #CASE_001: Dana Lee"),
        ({}, "Status: open\n"),
        ({}, "Customer: Dana Lee (@dana)"),
        ({}, "Writes by: Slack"),
        ({"source": Source.EMAIL}, "Writes by: email"),
        ({}, "Opened: 2026-01-31 12:34 UTC"),
        ({}, "Messages: 2"),
        ({}, "Customer waiting since: 2026-01-31 12:34 UTC"),
        ({}, "Last answer: none yet"),
        ({}, "The printer is on fire."),
        ({"escalated": True}, "Status: open, escalated"),
        (
            {"last_answer_by": "Ada Admin", "last_answer_at": LATER},
            "Last answer: Ada Admin, 2026-01-31 14:34 UTC",
        ),
        ({"escalated": True, "acknowledged_by": "Ada Admin"}, "Acknowledged: by Ada Admin"),
        ({"previous_case_id": "CASE_000"}, "Previous case: CASE_000"),
        ({"customer_name": "", "customer_handle": "dana@example.com"}, "Customer: dana@example.com"),
        (
            {"customer_name": "dana@example.com", "customer_handle": "dana@example.com"},
            "Customer: dana@example.com\n",
        ),
    ],
)
def test_an_open_case_is_shown_as_it_stands(changes: dict[str, Any], said: str) -> None:
    post = card(replace(OPEN, **changes))

    assert said in post.text
    assert said in seen(post)
    assert_valid(post)


def test_a_closed_case_says_when_and_by_whom_and_that_nobody_waits() -> None:
    post = card(replace(CLOSED, waiting_since=THEN))

    assert "Status: closed\n" in post.text
    assert "Closed: 2026-01-31 14:34 UTC by Ada Admin" in post.text
    assert "waiting" not in post.text
    assert "nothing written in the thread is sent" in seen(post)


def test_a_reopened_case_does_not_speak_of_its_closing() -> None:
    assert "Closed:" not in card(replace(CLOSED, status=CaseStatus.OPEN)).text


def test_an_acknowledgement_of_an_earlier_escalation_is_not_shown() -> None:
    assert "Acknowledged" not in card(replace(OPEN, acknowledged_by="Ada Admin")).text


def test_the_preview_is_cut_to_300_characters() -> None:
    post = card(replace(OPEN, preview="word " * 200))

    quoted = seen(post).split("\n")[-3]
    assert quoted.endswith("…")
    assert 280 < len(quoted) <= 300


def test_other_cases_are_linked() -> None:
    post = card(
        replace(OPEN, previous_case_id="CASE_000", previous_link=LINK, related=(CaseLink("CASE_007", LINK),))
    )

    assert links(post) == {"CASE_000": LINK, "CASE_007": LINK}


def test_a_name_is_nowhere_parsed() -> None:
    post = card(replace(OPEN, customer_name="<!here> *Dana*", customer_handle="<@U1>"))

    assert "&lt;!here&gt; *Dana*" in post.text
    assert "<!here> *Dana* (<@U1>)" in seen(post)
    assert_valid(post)


@pytest.mark.parametrize(
    ("view", "offered"),
    [
        (OPEN, {ACTION_ESCALATE_CASE, ACTION_CLOSE_CASE}),
        (replace(OPEN, escalated=True), {ACTION_CLOSE_CASE}),
        (CLOSED, {ACTION_REOPEN_CASE}),
    ],
)
def test_it_offers_what_can_be_done_as_the_case_stands(view: CardView, offered: set[str]) -> None:
    post = card(view)

    assert buttons(post).keys() == offered
    assert {button["value"] for button in buttons(post).values()} == {"CASE_001"}
    assert all("CASE_001" in button["accessibility_label"] for button in buttons(post).values())
    assert_valid(post)


def test_escalating_asks_first() -> None:
    button = buttons(card(OPEN))[ACTION_ESCALATE_CASE]

    assert "CASE_001" in button["confirm"]["text"]["text"]
