from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.blocks.alert import (
    AlertListView,
    AlertView,
    alert,
    alert_addition,
    alert_list,
    alert_reminder,
    log_line,
)
from bot.blocks.listing import CaseLine
from bot.desk.model import Trigger, TriggerKind
from tests.blocks.reading import LATER, LINK, THEN, assert_valid, buttons, links, parsed_words, seen

KEYWORD = Trigger(TriggerKind.KEYWORD, "urgent", "it is urgent, <!here>")
ALERT = AlertView("CASE_001", "Dana Lee", KEYWORD, "CASE_001:1", LATER, THEN, thread_link=LINK)
CASES = tuple(CaseLine(f"CASE_{number:03}", "Dana Lee", THEN, THEN, link=LINK) for number in range(1, 12))


def test_an_alert_says_who_waits_since_when_and_why() -> None:
    post = alert(ALERT)

    for said in (
        "Case #CASE_001 is escalated",
        "Dana Lee",
        "Customer waiting since 2026-01-31 12:34 UTC.",
        "The customer wrote “urgent”.",
    ):
        assert said in post.text
        assert said in seen(post)
    assert "it is urgent, <!here>" in seen(post)
    assert_valid(post)


def test_an_alert_on_an_answered_case_says_since_when_it_is_quiet() -> None:
    post = alert(replace(ALERT, waiting_since=None))

    assert "Answered, quiet since 2026-01-31 14:34 UTC." in post.text
    assert "waiting" not in post.text


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        (KEYWORD, "The customer wrote “urgent”."),
        (Trigger(TriggerKind.FOLLOW_UPS, "4", "hello?"), "4 messages in a row without an answer."),
        (Trigger(TriggerKind.SILENCE, "50"), "Nothing was written for 50 h."),
        (Trigger(TriggerKind.MANUAL, "VIP", by="Bob"), "Bob asked for it: VIP"),
        (Trigger(TriggerKind.MANUAL, by="Bob"), "Bob asked for it."),
    ],
)
def test_each_trigger_has_its_words(trigger: Trigger, said: str) -> None:
    assert said in alert(replace(ALERT, trigger=trigger)).text
    assert alert_addition(trigger).text.startswith(f"Also: {said}")


def test_an_alert_is_acknowledged_and_followed_by_buttons() -> None:
    found = buttons(alert(ALERT))

    assert found["alert_acknowledge"]["value"] == "CASE_001:1"
    assert found["alert_acknowledge"]["text"]["text"] == "Acknowledge"
    assert found["alert_open_thread"]["url"] == LINK
    assert found["alert_open_thread"]["text"]["text"] == "Go to thread"


def test_without_a_usable_link_there_is_no_button_to_the_thread() -> None:
    for link in (None, "", "javascript:alert(1)", "https://x/" + "a" * 3000):
        assert list(buttons(alert(replace(ALERT, thread_link=link)))) == ["alert_acknowledge"]


@pytest.mark.parametrize("mention", ["<!subteam^S1>", "<!here>", "<@U1>"])
def test_the_operators_mention_stands_verbatim_where_slack_parses_it(mention: str) -> None:
    for post in (
        alert(replace(ALERT, mention=mention)),
        alert_reminder(replace(ALERT, mention=mention)),
        alert_list(AlertListView(CASES, "list:1", mention)),
    ):
        assert all(mention in said for said in parsed_words(post))
        assert len(parsed_words(post)) == 2
        assert_valid(post, ours=(mention,))


def test_an_acknowledged_alert_asks_nothing_any_more() -> None:
    post = alert(replace(ALERT, mention="<!here>", acknowledged_by="Ada Admin", acknowledged_at=LATER))

    assert "Acknowledged by Ada Admin at 2026-01-31 14:34 UTC." in post.text
    assert "Acknowledged by Ada Admin at 2026-01-31 14:34 UTC." in seen(post)
    assert list(buttons(post)) == ["alert_open_thread"]
    assert "<!here>" not in post.text


def test_the_alert_of_a_closed_case_asks_nothing_any_more() -> None:
    post = alert(replace(ALERT, closed_by="Ada Admin", closed_at=LATER))

    assert "The case was closed by Ada Admin at 2026-01-31 14:34 UTC." in post.text
    assert list(buttons(post)) == ["alert_open_thread"]


def test_the_last_addition_says_that_no_more_are_listed() -> None:
    assert "Further reasons are not listed here." in alert_addition(KEYWORD, last=True).text
    assert "Further reasons" not in alert_addition(KEYWORD).text


def test_a_reminder_says_that_nobody_acknowledged() -> None:
    post = alert_reminder(ALERT)

    assert "nobody has acknowledged it" in post.text
    assert "Customer waiting since 2026-01-31 12:34 UTC." in post.text
    assert links(post) == {"CASE_001": LINK}
    assert_valid(post)


def test_many_cases_become_one_list_with_one_button() -> None:
    post = alert_list(AlertListView(CASES, "list:1"))

    assert "11 cases are escalated" in post.text
    assert "- CASE_011, Dana Lee: waiting since 2026-01-31 12:34 UTC" in post.text
    assert links(post) == {case.case_id: LINK for case in CASES}
    assert buttons(post)["alert_acknowledge"]["value"] == "list:1"
    assert_valid(post)


@pytest.mark.parametrize("name", ["Dana Lee", "&" * 100])
def test_a_long_list_says_how_many_more_there_are(name: str) -> None:
    cases = tuple(CaseLine(f"CASE_{number:03}", name, THEN, THEN, link=LINK) for number in range(1000))
    post = alert_list(AlertListView(cases, "list:1", total=2000))

    assert len(links(post)) == 40
    assert post.text.endswith("and 1960 more: /case list")
    assert "and 1960 more: /case list" in seen(post)
    assert_valid(post)


def test_an_acknowledged_list_asks_nothing_any_more() -> None:
    post = alert_list(AlertListView(CASES, "list:1", "<!here>", acknowledged_by="Ada", acknowledged_at=LATER))

    assert "Acknowledged by Ada at 2026-01-31 14:34 UTC." in post.text
    assert not buttons(post)
    assert "<!here>" not in post.text


@pytest.mark.parametrize(
    ("at", "by", "logged"),
    [
        (THEN, "Ada Admin", "Case #CASE_001 closed at 2026-01-31T12:34:56Z by Ada Admin"),
        (
            datetime(2026, 1, 31, 14, 34, 56, 999999, tzinfo=timezone(timedelta(hours=2))),
            "ada@example.com",
            "Case #CASE_001 closed at 2026-01-31T12:34:56Z by ada@example.com",
        ),
        (THEN, "<!here>\nAda", "Case #CASE_001 closed at 2026-01-31T12:34:56Z by &lt;!here&gt; Ada"),
        (
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "",
            "Case #CASE_001 closed at 2026-01-02T03:04:05Z by somebody",
        ),
    ],
)
def test_the_log_line_has_exactly_its_form(at: datetime, by: str, logged: str) -> None:
    assert log_line("CASE_001", at, by).text == logged
