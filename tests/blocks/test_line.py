"""Our own words keep their marks; other people's words in them stay words."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.blocks.line import Channel, Link, User, Value, cut, line, listed, name, one_line, plain, utc
from bot.text.safe import is_blank, unescape


def test_marks_of_a_template_become_styles() -> None:
    said = line("a *bold* and `code`")

    assert said.text == "a bold and code"
    assert said.elements == (
        {"type": "text", "text": "a "},
        {"type": "text", "text": "bold", "style": {"bold": True}},
        {"type": "text", "text": " and "},
        {"type": "text", "text": "code", "style": {"code": True}},
    )


def test_marks_in_a_value_stay_words() -> None:
    assert line("a {value}", value="*b* `c` {value} <!here>").elements == (
        {"type": "text", "text": "a *b* `c` {value} <!here>"},
    )


@pytest.mark.parametrize(
    ("value", "element", "text"),
    [
        (User("U123"), {"type": "user", "user_id": "U123"}, "<@U123>"),
        (User("Ada <!here>"), {"type": "text", "text": "Ada <!here>"}, "Ada &lt;!here&gt;"),
        (User("U1> <!here>"), {"type": "text", "text": "U1> <!here>"}, "U1&gt; &lt;!here&gt;"),
        (User(""), {"type": "text", "text": "somebody"}, "somebody"),
        (Channel("C123"), {"type": "channel", "channel_id": "C123"}, "<#C123>"),
        (Channel("D123"), {"type": "text", "text": "D123"}, "D123"),
        (Link("a", "https://b.c/d"), {"type": "link", "url": "https://b.c/d", "text": "a"}, "a"),
        (Link("a", "javascript:b"), {"type": "text", "text": "a"}, "a"),
        (Link("a"), {"type": "text", "text": "a"}, "a"),
        (3, {"type": "text", "text": "3"}, "3"),
        (" a\n\tb ", {"type": "text", "text": "a b"}, "a b"),
    ],
)
def test_each_value_has_two_forms(value: Value, element: dict[str, str], text: str) -> None:
    said = line("{value}", value=value)

    assert said.elements == (element,)
    assert said.text == text


def test_a_line_without_words_has_no_elements() -> None:
    assert line("{value}", value="\u200b ").elements == ()


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        line("{missing}")


@given(st.text(st.characters(exclude_categories=())))
def test_both_forms_of_a_line_say_the_same(value: str) -> None:
    assert unescape(line("x {value}", value=value).text) == plain("x {value}", value=value)


@given(st.text(st.characters(exclude_categories=())), st.integers(2, 80))
def test_one_line_is_one_line_and_no_longer_than_asked(text: str, size: int) -> None:
    shown = one_line(text, size)

    assert len(shown) <= size
    assert shown == " ".join(shown.split())
    assert (shown == "") == is_blank(text) or is_blank(text.strip()[: size * 20])
    assert name(text)


def test_what_is_cut_shows_it_and_tears_no_character() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"
    assert cut("ab👍🏽cd", 4) == "ab…"


@pytest.mark.parametrize(
    ("things", "said"),
    [
        (["a"], "a"),
        (["a", "b"], "a, b"),
        ([str(number) for number in range(12)], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"),
    ],
)
def test_many_things_are_listed_and_counted(things: list[str], said: str) -> None:
    assert listed(things) == said


def test_times_are_shown_in_utc() -> None:
    moment = datetime(2026, 1, 31, 23, 34, tzinfo=timezone(timedelta(hours=-2)))

    assert utc(moment) == "2026-02-01 01:34 UTC"
