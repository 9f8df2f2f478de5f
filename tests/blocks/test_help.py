import pytest

from bot.blocks import words
from bot.blocks.help import (
    accepted,
    admin_dm_hint,
    case_help,
    mention_help,
    not_allowed,
    reply_text,
    try_again,
    unknown_command,
)
from bot.desk.effects import Reply, ReplyKind
from tests.blocks.reading import LINK, assert_valid, links, seen


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(ReplyKind.CLOSED, "CASE_001"), "Case CASE_001 is closed."),
        (Reply(ReplyKind.ALREADY_CLOSED, "CASE_001", by="Ada"), "Case CASE_001 was already closed by Ada."),
        (Reply(ReplyKind.ALREADY_CLOSED, "CASE_001"), "Case CASE_001 is closed already."),
        (Reply(ReplyKind.REOPENED, "CASE_001"), "Case CASE_001 is open again."),
        (
            Reply(ReplyKind.REOPENED_AND_SENT, "CASE_001"),
            "Case CASE_001 is open again, and your post is on its way to the customer. Write the closing phrase anew "
            "to close it.",
        ),
        (Reply(ReplyKind.ALREADY_OPEN, "CASE_001"), "Case CASE_001 is open already."),
        (
            Reply(ReplyKind.NEWER_OPEN, "CASE_001", "CASE_002"),
            "Case CASE_001 stays closed: this customer has a newer open case, CASE_002. Answer there.",
        ),
        (Reply(ReplyKind.ESCALATED, "CASE_001"), "Case CASE_001 is escalated. The alerting channel is told."),
        (
            Reply(ReplyKind.ADDED_UNDER_ALERT, "CASE_001"),
            "Case CASE_001 has an alert already: your request counts under that one.",
        ),
        (Reply(ReplyKind.ACKNOWLEDGED, "CASE_001"), "You acknowledged the alert on case CASE_001."),
        (
            Reply(ReplyKind.ALREADY_ACKNOWLEDGED, "CASE_001", by="Ada"),
            "The alert on case CASE_001 was already acknowledged by Ada.",
        ),
        (
            Reply(ReplyKind.ALREADY_ACKNOWLEDGED, "CASE_001"),
            "There is nothing to acknowledge on case CASE_001.",
        ),
        (Reply(ReplyKind.NOT_FOUND, "CASE_001"), "There is no case CASE_001."),
        (Reply(ReplyKind.NOT_FOUND), "There is no such case."),
        (Reply(ReplyKind.NOT_ALLOWED), "Sorry, only admins of this desk can do that."),
        (
            Reply(ReplyKind.CASE_CLOSED, "CASE_001"),
            "Case CASE_001 is closed. To work on it, reopen it first: /case reopen CASE_001",
        ),
        (
            Reply(ReplyKind.CUSTOMER_WROTE_MEANWHILE, "CASE_001"),
            "Case CASE_001 was not closed: the customer wrote in the meantime. Read what is new, then close it "
            "again.",
        ),
        (Reply(ReplyKind.ALREADY_ESCALATED, "CASE_001"), "Case CASE_001 is escalated already."),
        (
            Reply(ReplyKind.HAS_OPEN_CASE, "CASE_001", name="Dana"),
            "Dana has an open case, CASE_001. Write in its thread. Your message was not sent.",
        ),
        (Reply(ReplyKind.IN_A_CASE_ALREADY, "CASE_001"), "That message is in case CASE_001 already."),
        (Reply(ReplyKind.IS_AN_ADMIN, name="Ada"), "Ada is an admin of this desk: admins have no cases."),
    ],
)
def test_each_request_is_answered_in_a_sentence(reply: Reply, said: str) -> None:
    post = reply_text(reply)

    assert post.text == said
    assert seen(post) == said
    assert_valid(post)


def test_there_are_words_for_every_reply() -> None:
    assert set(words.REPLIES) == set(ReplyKind)


def test_a_refused_reopening_links_the_newer_case() -> None:
    post = reply_text(Reply(ReplyKind.NEWER_OPEN, "CASE_001", "CASE_002"), {"CASE_002": LINK})

    assert links(post) == {"CASE_002": LINK}


def test_an_admin_learns_where_to_answer_and_how_to_try_it_out() -> None:
    post = admin_dm_hint("C123")

    assert "opens no case" in post.text
    assert "from another account" in post.text
    assert "<#C123>" in post.text
    assert "#C123" in seen(post)
    assert_valid(post, ours=("<#C123>",))


def test_a_mention_is_answered_with_where_to_go() -> None:
    assert "<#C123>" in mention_help("C123", "/desk").text
    assert "/desk help" in mention_help("C123", "/desk").text


@pytest.mark.parametrize(
    "verb",
    ["status", "list", "close CASE_001", "reopen CASE_001", "escalate CASE_001", "new @customer text", "help"],
)
def test_admins_are_shown_every_verb(verb: str) -> None:
    post = case_help(True, "/desk")

    assert f"/desk {verb}" in post.text
    assert_valid(post)


def test_admins_are_told_what_to_type_in_a_thread_instead_of_a_command() -> None:
    text = case_help(True, closure_phrase="Case closed.").text

    assert "Slack allows no slash command inside a thread" in text
    assert "To close the case: Case closed." in text
    assert "//" in text


def test_customers_are_shown_only_what_they_may_do() -> None:
    text = case_help(False).text

    assert "/case status" in text
    assert "direct message" in text
    for verb in ("close", "reopen", "escalate", "list"):
        assert verb not in text


def test_an_unknown_word_is_named_and_followed_by_the_help() -> None:
    post = unknown_command("<!here> frobnicate", is_admin=False)

    assert post.text.startswith("I do not know “&lt;!here&gt; frobnicate”.")
    assert case_help(False).text in post.text
    assert unknown_command("  ", is_admin=False) == case_help(False)
    assert_valid(post)


def test_outcomes_that_are_not_known_yet_are_said_calmly() -> None:
    assert accepted().text == "Accepted. It will be done shortly."
    assert "before you try again" in try_again().text
    assert not_allowed().text == "Sorry, only admins of this desk can do that."
