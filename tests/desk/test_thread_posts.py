"""What a post in a case's thread is: an answer, a note, or a bystander's word."""

import pytest

from bot.desk.events import AdminAnswered, BystanderPosted, NoteWritten
from bot.desk.model import Person, Written
from bot.desk.policy import Policy
from bot.desk.thread_posts import read_thread_post
from tests.desk.factories import ADA, BOB, DANA, GRACE, PHRASE, POLICY, at, post, words


def read(
    author: Person, written: Written, policy: Policy = POLICY
) -> AdminAnswered | NoteWritten | BystanderPosted:
    return read_thread_post(author, written, post(), at(), DANA.id, policy)


def test_an_admins_post_is_an_answer() -> None:
    ref, written = post(), words("On its way.")
    event = read_thread_post(ADA, written, ref, at(3), DANA.id, POLICY)
    assert event == AdminAnswered(at(3), ADA, written, ref)


@pytest.mark.parametrize("text", ["On its way.", "// hush", PHRASE, f"// {PHRASE}", ""])
@pytest.mark.parametrize("author", [BOB, DANA])
def test_anybody_elses_post_is_a_bystanders_whatever_it_says(author: Person, text: str) -> None:
    assert isinstance(read(author, words(text)), BystanderPosted)


def test_a_name_like_an_admins_makes_no_admin() -> None:
    assert isinstance(read(Person("UBOB", ADA.name), words("I am Ada, an admin")), BystanderPosted)


@pytest.mark.parametrize(
    "text", ["// hush", "//hush", "note: hush", "@channel hush", "NOTE: hush", "  Note: hush", "\u200b//x"]
)
def test_an_admins_post_that_starts_with_the_sign_of_a_note_is_one(text: str) -> None:
    assert isinstance(read(ADA, words(text)), NoteWritten)


@pytest.mark.parametrize("text", ["see // this", "notes: this", "as I note: this", "https://example.org/a"])
def test_the_sign_counts_only_at_the_start(text: str) -> None:
    assert isinstance(read(ADA, words(text)), AdminAnswered)


def test_the_sign_counts_even_where_nothing_was_typed_beside_it() -> None:
    assert isinstance(read(ADA, words("// x = 1", typed="")), NoteWritten)


def test_the_sign_counts_behind_a_quote_of_the_customer() -> None:
    assert isinstance(read(ADA, words("> Where is it?\n// no idea", typed="// no idea")), NoteWritten)


def test_a_post_that_starts_with_a_mention_of_a_colleague_is_a_note() -> None:
    assert isinstance(read(ADA, words("@Grace can you look?", mention=GRACE.id)), NoteWritten)


def test_a_post_that_starts_with_a_mention_of_a_group_is_a_note() -> None:
    assert isinstance(read(ADA, words("@helpdesk can you look?", mention="SHELPDESK")), NoteWritten)


def test_a_post_that_starts_with_a_mention_of_the_customer_is_an_answer() -> None:
    assert isinstance(read(ADA, words("@Dana Lee on its way", mention=DANA.id)), AdminAnswered)


def test_a_note_that_mentions_the_customer_stays_a_note() -> None:
    assert isinstance(read(ADA, words("// @Dana Lee is strange")), NoteWritten)


@pytest.mark.parametrize(
    ("typed", "closes", "near_miss"),
    [
        (f"Thank you. {PHRASE}", True, False),
        ("I am closing this case.", False, True),
        ("On its way.", False, False),
        ("", False, False),
    ],
)
def test_the_phrase_is_looked_for_in_what_the_admin_typed(typed: str, closes: bool, near_miss: bool) -> None:
    event = read(ADA, words(f"> {PHRASE}\n{typed}", typed=typed))
    assert isinstance(event, AdminAnswered)
    assert (event.closes, event.near_miss) == (closes, near_miss)


@pytest.mark.parametrize(
    ("written", "closes"),
    [
        (words(f"// {PHRASE}"), True),
        (words(f"note: {PHRASE}"), True),
        (words("// I am closing this case."), False),
        (words("// hush"), False),
        (words(f"// > {PHRASE}", typed="//"), False),
    ],
)
def test_the_phrase_in_a_note_closes_too(written: Written, closes: bool) -> None:
    event = read(ADA, written)
    assert isinstance(event, NoteWritten)
    assert event.closes is closes


def test_the_configured_phrase_is_the_one_that_counts() -> None:
    policy = Policy(closure_phrase="Fall erledigt.")
    event = read(ADA, words(f"Fall erledigt. {PHRASE}"), policy)
    assert isinstance(event, AdminAnswered)
    assert event.closes
    other = read(ADA, words(PHRASE), policy)
    assert isinstance(other, AdminAnswered)
    assert not other.closes
