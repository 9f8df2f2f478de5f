"""Posts about mail that no case has taken."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.blocks import mail_words as words
from bot.blocks.line import Link
from bot.blocks.mail import (
    HeldView,
    admin_mail,
    bounced,
    held_alert,
    held_mail,
    mail_list,
    many_automatic,
    many_cases,
)
from bot.blocks.operations import why
from bot.blocks.post import Post
from bot.desk.mail_rules import WhyHeld
from bot.mail.parsed import Machine, Verdict
from tests.blocks.reading import assert_valid, seen

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
EVIL = "<!channel> *bold* `code` <https://evil.example|click> <@U0ADAADM01>"


def view(**changed: Any) -> HeldView:
    given: dict[str, Any] = {
        "number": 7,
        "why": "stranger",
        "state": "held",
        "at": NOON,
        "sender": "omar@e.example",
        "sender_shown": "Omar <omar@e.example>",
        "subject": "My order",
        "excerpt": "I am the landlord",
        "verdict": "passed",
        "verdict_detail": "dmarc=pass for e.example",
        "case": Link("CASE_001"),
    }
    return HeldView(**(given | changed))


def captions(post: Post) -> dict[str, str]:
    """The buttons and what they carry."""
    elements = [
        element
        for block in post.blocks
        for element in (*block.get("elements", ()), *filter(None, [block.get("accessory")]))
    ]
    return {each["text"]["text"]: each["value"] for each in elements if each.get("type") == "button"}


class TestHeld:
    def test_it_shows_who_wrote_what_and_why_it_is_held(self) -> None:
        post = held_mail(view())
        for said in ("Omar", "omar@e.example", "My order", "I am the landlord", "not in this case", "CASE_001"):
            assert said in post.text
            assert said in seen(post)
        assert "the sender is proven (dmarc=pass for e.example)" in post.text
        assert captions(post) == {"Accept": "7", "New case": "7", "Block": "7", "Set aside": "7"}
        assert_valid(post)

    @pytest.mark.parametrize("why_held", list(WhyHeld))
    def test_every_reason_has_its_words(self, why_held: WhyHeld) -> None:
        post = held_mail(view(why=why_held.value))
        assert words.WHY_SHORT[why_held] in post.text
        assert words.WHY[why_held] in seen(post)
        assert_valid(post)

    def test_every_verdict_has_its_words(self) -> None:
        assert {verdict.value for verdict in Verdict} == set(words.VERDICTS)

    def test_without_a_case_there_is_nothing_to_accept_into(self) -> None:
        assert set(captions(held_mail(view(case=None)))) == {"New case", "Block", "Set aside"}

    def test_without_a_sender_there_is_nobody_to_answer(self) -> None:
        post = held_mail(view(sender="", sender_shown="", why="no_sender", case=None))
        assert set(captions(post)) == {"Set aside"}
        assert words.NO_SENDER in post.text

    def test_an_urgent_one_says_so(self) -> None:
        post = held_mail(view(keyword="urgent"))
        assert "sounds urgent" in post.text
        assert "It says “urgent”." in post.text

    @pytest.mark.parametrize("state", ["accepted", "opened", "blocked", "set_aside"])
    def test_once_decided_it_says_by_whom_and_has_no_buttons(self, state: str) -> None:
        post = held_mail(view(state=state, decided_by="Ada", decided_at=NOON))
        assert "by Ada, 2026-01-31 12:00 UTC" in post.text
        assert captions(post) == {}
        assert_valid(post)

    def test_an_admins_mail_that_fits_no_case_is_only_shown(self) -> None:
        post = held_mail(view(state="shown", why="admin_no_case", case=None))
        assert "fits no case" in post.text
        assert captions(post) == {}
        assert_valid(post)

    def test_nothing_in_it_is_markup(self) -> None:
        evil = dict.fromkeys(("sender", "sender_shown", "subject", "excerpt", "verdict_detail"), EVIL * 30)
        for state in ("held", "shown", "accepted"):
            assert_valid(held_mail(view(state=state, keyword=EVIL, decided_by=EVIL, decided_at=NOON, **evil)))


class TestList:
    def test_each_mail_has_a_line_and_a_button(self) -> None:
        post = mail_list([view(number=n, state="listed", why="list", subject=f"News {n}") for n in range(3)])
        assert all(f"News {n}" in post.text for n in range(3))
        assert "mailing list" in seen(post)
        assert captions(post) == {"Open a case": "2"}
        assert_valid(post)

    @pytest.mark.parametrize("machine", list(Machine))
    def test_every_machine_has_its_words(self, machine: Machine) -> None:
        assert machine.value in words.KINDS

    def test_what_waits_stands_first_and_a_long_list_fits(self) -> None:
        done = [view(number=n, state="opened", decided_by="Ada", why="list") for n in range(50)]
        waits = view(number=99, state="listed", why="bulk", subject="The one that waits")
        post = mail_list([*done, waits])
        assert "The one that waits" in seen(post)
        assert "and 11 more" in seen(post)
        assert len(post.blocks) <= 50
        assert_valid(post)

    def test_nothing_in_it_is_markup(self) -> None:
        assert_valid(mail_list([view(state="listed", why=EVIL, subject=EVIL, sender_shown=EVIL)]))


def test_an_alert_names_the_mails_and_where_to_decide() -> None:
    due = held_alert([view(link="https://acme.slack.com/archives/C1/p1"), view()], "C0SUPPORT1", urgent=False)
    assert "(2)" in due.text
    assert "<#C0SUPPORT1>" in due.text
    assert_valid(due, ours=("<#C0SUPPORT1>",))
    urgent = held_alert([view(subject=EVIL, excerpt=EVIL)], "C0SUPPORT1", urgent=True)
    assert "sounds urgent" in urgent.text
    assert_valid(urgent, ours=("<#C0SUPPORT1>",))


def test_limits_and_bounces_are_told() -> None:
    assert "60" in many_cases(60, "C0SUPPORT1").text
    assert "EMAIL_AUTO_LIMIT_TOTAL" in many_automatic(60).text
    post = bounced(Link("CASE_001"), "U0ADAADM01", why("550 <no such user>"))
    assert "<@U0ADAADM01>" in post.text
    assert "550 &lt;no such user&gt;" in post.text
    assert_valid(post, ours=("<@U0ADAADM01>",))
    assert_valid(admin_mail(words.ADMINS_UNCHECKED))
