"""`.env` as text: what is written is read back, and nothing else in it changes."""

import io
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from bot.setup import env_file

VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


def read(text: str) -> dict[str, str | None]:
    return dict(dotenv_values(stream=io.StringIO(text)))


@given(VALUES)
def test_what_it_can_hold_is_read_back(value: str) -> None:
    if env_file.can_hold(value):
        text = env_file.changed("", [("Some", {"V": value})])
        assert read(text).get("V", "") == value


@pytest.mark.parametrize(
    "value",
    [
        *("", "xoxb-1-abc", "Support <a@b.example>", "it's #1", "p$word", 'say "no"', "back\\slash", "päss wörd"),
        *("urgent,immediately", "sqlite:///./case_management.db", "a#b", "move:Done"),
    ],
)
def test_it_can_hold_what_people_write(value: str) -> None:
    assert env_file.can_hold(value)


@pytest.mark.parametrize("value", ["a${HOME}b", " blank", "'quoted'", "trailing "])
def test_it_says_what_it_cannot_hold(value: str) -> None:
    assert not env_file.can_hold(value)


def test_the_rest_of_the_text_stays() -> None:
    text = '# head\n\nA=1 # one\nexport B="two\nlines"\n\n# tail\nC=3'
    assert env_file.changed(text, [("New", {"A": "x y", "D": "4", "E": ""})]) == (
        "# head\n\nA='x y'\nexport B=\"two\nlines\"\n\n# tail\nC=3\n\n# New\nD=4\n"
    )


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(OSError, match="directory"):
        env_file.write(tmp_path / ".env", "A=1\n")
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "env").write_text("A=1\n")
    (tmp_path / ".env").symlink_to("kept/env")
    env_file.write(tmp_path / ".env", "A=2\n")
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "kept" / "env").read_text() == "A=2\n"
    assert (tmp_path / "kept" / "env.old").read_text() == "A=1\n"
