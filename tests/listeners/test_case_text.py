"""What somebody typed after `/case`, understood."""

import pytest

from bot.listeners.commands.case_text import Typed, Word, read_case_text, read_new


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("", Typed(Word.HELP)),
        ("  ", Typed(Word.HELP)),
        ("help", Typed(Word.HELP)),
        ("help me please", Typed(Word.HELP)),
        ("status", Typed(Word.STATUS)),
        ("STATUS case_012", Typed(Word.STATUS, "CASE_012")),
        ("status CASE_1234", Typed(Word.STATUS, "CASE_1234")),
        ("status case 7", Typed(Word.STATUS, "CASE_007")),
        ("status #7", Typed(Word.STATUS, "CASE_007")),
        ("status 7", Typed(Word.STATUS, "CASE_007")),
        ("status seven", Typed(None, given="status seven")),
        ("list", Typed(Word.LIST)),
        ("close CASE_001", Typed(Word.CLOSE, "CASE_001")),
        ("close CASE_001 quiet", Typed(Word.CLOSE, "CASE_001", "quiet")),
        ("close CASE_001 QUIET", Typed(Word.CLOSE, "CASE_001", "QUIET")),
        ("close CASE_001 quite", Typed(None, given="close CASE_001 quite")),
        ("close CASE_001 CASE_002", Typed(None, given="close CASE_001 CASE_002")),
        ("close", Typed(Word.CLOSE)),
        ("close CASE_001x", Typed(None, given="close CASE_001x")),
        ("reopen 1", Typed(Word.REOPEN, "CASE_001")),
        ("escalate 1 the boss called", Typed(Word.ESCALATE, "CASE_001", "the boss called")),
        ("escalate 1\nthe boss\ncalled", Typed(Word.ESCALATE, "CASE_001", "the boss\ncalled")),
        ("frobnicate", Typed(None, given="frobnicate")),
        ("status 1; DROP TABLE cases", Typed(None, given="status 1; DROP TABLE cases")),
        ("status " + "9" * 16, Typed(None, given="status " + "9" * 16)),
    ],
)
def test_is_read_as_it_was_meant(text: str, typed: Typed) -> None:
    assert read_case_text(text) == typed


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("new", Typed(Word.NEW)),
        (" NEW  ", Typed(Word.NEW)),
        ("new <@U0DANA|dana> Hello", Typed(Word.NEW, customer="U0DANA", rest="Hello")),
        ("new <@W0DANA> Hello", Typed(Word.NEW, customer="W0DANA", rest="Hello")),
        ("new <@U0DANA|dana>", Typed(Word.NEW, customer="U0DANA")),
        ("new <@U0DANA|dana>Hello", Typed(Word.NEW, customer="U0DANA", rest="Hello")),
        ("new\n<@U0DANA|d>\ntwo\nlines", Typed(Word.NEW, customer="U0DANA", rest="two\nlines")),
        ("new <@U0DANA|d> see <@U0OMAR|o>", Typed(Word.NEW, customer="U0DANA", rest="see <@U0OMAR|o>")),
        ("new @dana Hello", Typed(Word.NEW, rest="@dana Hello")),
        ("new <!channel> Hello", Typed(Word.NEW, rest="<!channel> Hello")),
        ("newer", None),
        ("news <@U0DANA|dana> Hello", None),
        ("status", None),
        ("", None),
    ],
)
def test_whom_to_write_to_is_read_from_the_mention(text: str, typed: Typed | None) -> None:
    assert read_new(text) == typed
