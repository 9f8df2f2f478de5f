from dataclasses import replace

import pytest

from bot.blocks import words
from bot.blocks.customer import (
    RECEIVED_TEMPLATE,
    AnswerView,
    answer,
    closed_notice,
    files_not_sent_to_desk,
    received_notice,
)
from bot.desk.model import File, FileTrouble, LostFile
from tests.blocks.reading import assert_valid, seen

ANSWER = AnswerView("CASE_001", "Ada Admin", "Please try <b>again</b> & tell us.")


def test_an_answer_comes_from_its_author() -> None:
    post = answer(ANSWER)

    assert post.username == "Ada Admin"
    assert post.text == "Please try &lt;b&gt;again&lt;/b&gt; &amp; tell us."
    assert seen(post) == "Please try <b>again</b> & tell us.\nAda Admin · CASE_001"
    assert_valid(post)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Ada *Admin*", "Ada Admin"),
        ("<!here> :fire:", "here fire"),
        ("  Ada \n Admin ", "Ada Admin"),
        ("Ada Support", "Ada Support"),
        ("***", "Support"),
        ("", "Support"),
    ],
)
def test_an_admins_name_loses_only_its_markup(typed: str, shown: str) -> None:
    assert answer(replace(ANSWER, author=typed)).username == shown


def test_a_closing_answer_says_that_the_case_is_closed() -> None:
    post = answer(replace(ANSWER, closing=True))

    assert "Case CASE_001 is closed. Write again and a new case opens." in post.text
    assert "Case CASE_001 is closed. Write again and a new case opens." in seen(post)


def test_of_a_long_closing_answer_only_the_last_part_says_so() -> None:
    first, last = (answer(replace(ANSWER, closing=True, part=part, parts=2)) for part in (1, 2))

    assert "is closed" not in first.text + seen(first)
    assert "is closed" in last.text
    assert "part 1 of 2" in seen(first)


def test_an_edited_answer_says_so_and_names_its_author() -> None:
    post = answer(replace(ANSWER, edited=True))

    assert post.text.startswith("Ada Admin, edited:\n")
    assert seen(post).endswith("Ada Admin · CASE_001 · edited")


def test_a_deleted_answer_is_not_shown_any_more() -> None:
    post = answer(replace(ANSWER, deleted=True, edited=True))

    assert post.text == "This message was deleted."
    assert "try" not in seen(post)


def test_a_deleted_closing_answer_still_says_that_the_case_is_closed() -> None:
    assert "Case CASE_001 is closed." in answer(replace(ANSWER, deleted=True, closing=True)).text


def test_a_customer_learns_that_the_message_was_received() -> None:
    post = received_notice("CASE_001")

    assert "your message was received" in post.text
    assert "CASE_001" in post.text
    assert_valid(post)


def test_the_operators_own_words_are_taken_as_they_are() -> None:
    post = received_notice("CASE_001", "Got it {as {case_id}}, *thanks* & {bye} <3")

    assert seen(post) == "Got it {as CASE_001}, *thanks* & {bye} <3"
    assert_valid(post)


def test_a_customer_learns_that_the_case_is_closed() -> None:
    assert closed_notice("CASE_001").text == "Your case CASE_001 is closed. Write again and a new case opens."


def test_an_answer_of_files_alone_says_whose_and_which_they_are() -> None:
    files = (File("F1", "plan.pdf", "application/pdf", 1_258_291), File("F2", "a.bin"))
    post = answer(AnswerView("CASE_001", "Ada Admin", " ", files=files))

    assert "Ada Admin sent no words, only files." in post.text
    assert "Files: plan.pdf (application/pdf, 1.2 MB), a.bin" in post.text
    assert_valid(post)


def test_a_customer_learns_which_files_did_not_arrive() -> None:
    names = ("a.png", "", "x" * 500)
    post = files_not_sent_to_desk("CASE_001", [LostFile("F1", name, FileTrouble.EMPTY) for name in names])

    assert "a.png (empty), a file without a name (empty), xxx" in post.text
    assert "x… (empty)" in post.text
    assert "CASE_001" in post.text
    assert_valid(post)


def test_customers_are_never_told_that_something_is_acknowledged() -> None:
    told = (
        RECEIVED_TEMPLATE,
        words.CLOSED,
        words.FILES_NOT_SENT_TO_DESK,
        words.FILES_NOT_SENT_TO_CUSTOMER,
        words.ANSWER_CLOSING,
        *(getattr(words, name) for name in dir(words) if name.startswith("STATUS_YOURS")),
        *words.HELP_CUSTOMER,
    )
    assert not any("acknowledge" in said.lower() or "escalat" in said.lower() for said in told)
