"""Names that any system can keep and nobody can disguise; sizes as people read them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.files import NAME_SIZE, file_name, file_size


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("Übersicht – Köln (2).xlsx", "Übersicht – Köln (2).xlsx"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\Windows\\a.exe", "C__Windows_a.exe"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\x00b\nc\td.txt", "ab_c_d.txt"),
        ("in\u200bvisi\ufeffble.txt", "invisible.txt"),
        ("<!channel> |x|*?", "_!channel_ _x___"),
        ("  spaced   out .txt  ", "spaced out .txt"),
        (".bashrc", "bashrc"),
        ("...", "file"),
        ("", "file"),
        (" \u3164\u200b ", "file"),
        ("x" * 500 + ".jpeg", "x" * 115 + ".jpeg"),
        ("y" * 500, "y" * 120),
        ("z." + "e" * 500, "z." + "e" * 118),
    ],
)
def test_a_name_is_made_fit(given_name: str, name: str) -> None:
    assert file_name(given_name) == name


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_name_is_a_name_afterwards(text: str) -> None:
    name = file_name(text)
    assert 0 < len(name) <= NAME_SIZE
    assert name.encode()
    assert not set(name) & set('<>:"/\\|?*\x00\n\r\u202e')
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in name)
    assert name not in {".", ".."}


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (1, "1 byte"),
        (2, "2 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KB"),
        (300_000, "293 KB"),
        (1_258_291, "1.2 MB"),
        (26_214_400, "25 MB"),
        (1024**3, "1 GB"),
        (10**15, "931323 GB"),
    ],
)
def test_a_size_as_people_read_it(size: int, said: str) -> None:
    assert file_size(size) == said
