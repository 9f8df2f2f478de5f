"""The Home tab as admins and customers see it."""

from dataclasses import replace
from typing import Any

from bot.blocks import home
from bot.blocks.home import ClosedCase, DeskHomeView, HomeRow, OwnHomeView, desk_home, own_home
from bot.blocks.status import CustomerStatusView, DeskCounts
from bot.desk.model import CaseStatus
from tests.blocks.reading import LATER, LINK, THEN, assert_valid_view, seen_in

ROW = HomeRow("CASE_001", "Dana Lee", CaseStatus.OPEN, THEN, LATER, waiting_since=THEN, link=LINK)
COUNTS = DeskCounts(open=12, waiting=5, escalated=2)


def buttons(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [
        element
        for block in view["blocks"]
        for element in (*block.get("elements", ()), block.get("accessory"))
        if isinstance(element, dict) and "action_id" in element
    ]
    return {element["action_id"]: element for element in found}


def test_a_row_says_how_the_case_stands_and_leads_to_its_thread() -> None:
    view = desk_home(DeskHomeView("waiting", COUNTS, (ROW,)))

    said = seen_in(view)
    assert "CASE_001: Dana Lee\nwaiting since 2026-01-31 12:34 UTC · opened 2026-01-31 12:34 UTC" in said
    button = buttons(view)[home.ACTION_OPEN_THREAD]
    assert (button["url"], button["accessibility_label"]) == (LINK, "Go to the thread of CASE_001")
    assert_valid_view(view)


def test_a_case_without_a_thread_has_no_button() -> None:
    view = desk_home(DeskHomeView("waiting", COUNTS, (replace(ROW, link=None),)))

    assert home.ACTION_OPEN_THREAD not in buttons(view)


def test_the_states_of_a_case() -> None:
    rows = (
        replace(ROW, escalated_since=LATER),
        replace(ROW, waiting_since=None),
        replace(ROW, status=CaseStatus.CLOSED, closed_at=LATER, closed_by="Ada"),
    )
    said = seen_in(desk_home(DeskHomeView("open", COUNTS, rows)))

    assert "escalated since 2026-01-31 14:34 UTC · waiting since 2026-01-31 12:34 UTC" in said
    assert "answered, quiet since 2026-01-31 14:34 UTC" in said
    assert "closed 2026-01-31 14:34 UTC by Ada" in said


def test_the_queues_are_counted_and_the_one_shown_stands_out() -> None:
    offered = buttons(desk_home(DeskHomeView("escalated", COUNTS, ())))

    captions = [offered[action]["text"]["text"] for action in (home.ACTION_ESCALATED, home.ACTION_WAITING)]
    assert captions == ["Escalated (2)", "Waiting longest (5)"]
    assert offered[home.ACTION_ESCALATED]["style"] == "primary"
    assert "style" not in offered[home.ACTION_OPEN]


def test_there_is_a_way_to_each_page_that_there_is() -> None:
    first = buttons(desk_home(DeskHomeView("open", COUNTS, (ROW,), next_value="behind")))
    last = buttons(desk_home(DeskHomeView("open", COUNTS, (ROW,), page=3)))

    assert first[home.ACTION_NEXT]["value"] == "behind"
    assert home.ACTION_BACK not in first
    assert home.ACTION_NEXT not in last
    assert {home.ACTION_FIRST, home.ACTION_BACK} <= last.keys()


def test_an_empty_queue_and_a_page_past_the_end_say_so() -> None:
    assert "No case is escalated." in seen_in(desk_home(DeskHomeView("escalated", COUNTS, ())))
    assert "There are no more cases here." in seen_in(desk_home(DeskHomeView("escalated", COUNTS, (), page=2)))


def test_one_customers_cases_can_be_left_again() -> None:
    view = desk_home(DeskHomeView("customer", COUNTS, (ROW,), customer="U123456"))

    assert buttons(view)[home.ACTION_CUSTOMER]["initial_user"] == "U123456"
    assert home.ACTION_ALL in buttons(view)
    assert home.ACTION_ALL not in buttons(desk_home(DeskHomeView("open", COUNTS, ())))


def test_what_waits_for_a_person_is_said_once_there_is_any() -> None:
    assert "Parked" not in seen_in(desk_home(DeskHomeView("open", COUNTS, ())))
    assert "could not be delivered: 3" in seen_in(desk_home(DeskHomeView("open", replace(COUNTS, parked=3), ())))


def test_a_customer_sees_the_own_cases_and_how_to_write() -> None:
    current = CustomerStatusView("CASE_003", CaseStatus.OPEN, THEN)
    said = seen_in(own_home(OwnHomeView(current, (ClosedCase("CASE_001", THEN, LATER),))))

    assert "Your case CASE_003 is open since 2026-01-31 12:34 UTC." in said
    assert "CASE_001: opened 2026-01-31 12:34 UTC, closed 2026-01-31 14:34 UTC" in said
    assert "write to me under “Messages”" in said


def test_who_has_none_is_told_how_to_get_one() -> None:
    said = seen_in(own_home(OwnHomeView()))

    assert "You have no case yet." in said
    assert "write to me" in said
