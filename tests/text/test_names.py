"""A customer's name is shown as a name and as nobody else's."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.text.lookalikes import skeleton
from bot.text.safe import NAME_SIZE, NAMELESS, RESERVED, display_name
from tests.text.builders import HOSTILE, any_text

ADMINS = ("Ada Lovelace", "Ian", "Мария")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Dana Lee", "Dana Lee"),
        ("  Dana \t\n Lee  ", "Dana Lee"),
        ("Dana\u202e\u200b\x00 Lee\ufeff", "Dana Lee"),
        ("Zoë Ångström", "Zoë Ångström"),
        ("山田 太郎", "山田 太郎"),
        ("Ｄａｎａ", "Dana"),
        ("<!channel>", "channel"),
        ("<@U012AB3CD>", "U012AB3CD"),
        ("*bold* _it_ ~no~ `code` :wave:", "bold it no code wave"),
        ("<https://evil.example|bank>", "https //evil.example bank"),
        ("dana@example.com", "dana at example.com"),
        ("@dana", "dana"),
        ("O'Neil-Smith, Jr.", "O'Neil-Smith, Jr."),
        ("😀", "😀"),
        ("", NAMELESS),
        (" \u200b\u3164 ", NAMELESS),
        ("<@>", NAMELESS),
        ("\ud800", NAMELESS),
    ],
)
def test_is_one_harmless_line(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize(
    "name",
    [
        "admin", "ADMIN", "Аdmіn", "Αdmin", "ａｄｍｉｎ", "𝐚𝐝𝐦𝐢𝐧", "ᴀᴅᴍɪɴ", "🅰🅳🅼🅸🅽", "Ádmïn", "adm1n",
        "admln", "4dmin", "adrnin", "a d m i n", "a.d-m i.n", "ad\u200bmin", "a\u0332d\u0332m\u0332i\u0332n",
        "xXadminXx", "Slackbot", "slackb0t", "5lackbot", "Casewire", "casevvire", "CaseDesk", "Case Desk",
        "Ѕuppоrt", "ⓢⓤⓟⓟⓞⓡⓣ",
        "Ada Lovelace", "ada lovelace", "AdaLovelace", "Ada-Lovelace", "Αda Ꮮovelace",
        "ADA  LOVELACE", "1an", "Мария", "МАРИЯ",
    ],
)  # fmt: skip
def test_a_name_that_is_only_someone_elses_is_not_shown(name: str) -> None:
    assert display_name(name, ADMINS) == NAMELESS


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Dana Support", "Dana S."),
        ("Dana (Admin)", "Dana A."),
        ("Casewire Dana", "C. Dana"),
        ("Dana Ada Lovelace", "Dana A. L."),
        ("Ian Fleming", "I. Fleming"),
        ("support@example.com", "s. at example.com"),
        ("s u p p o r t Dana", NAMELESS),
    ],
)
def test_the_part_that_poses_is_cut_to_its_initial(name: str, shown: str) -> None:
    assert display_name(name, ADMINS) == shown


@pytest.mark.parametrize("name", ["Brian May", "Brad Minton", "Ada Byron", "Christian", "Case Deskins"])
def test_a_likeness_by_chance_is_left_alone(name: str) -> None:
    assert display_name(name, ADMINS) == name


def test_is_cut_between_graphemes() -> None:
    assert display_name("x" * 59 + "👍🏽" + "y") == "x" * 59
    assert display_name("ab " * 40) == ("ab " * 20).strip()


def test_reserved_names_without_letters_reserve_nothing() -> None:
    assert display_name("Dana", ["", " ", "***", "\u200b"]) == "Dana"


nameish = any_text | st.lists(
    st.sampled_from([*"adminAI1l0 .\u0301@<\u200bоі", "Аdm", "in", "sup", "port", "Ada", " Lovelace", "Ian"])
).map("".join)


@given(nameish, st.lists(nameish, max_size=3))
def test_holds_for_every_name(name: str, reserved: list[str]) -> None:
    assume(not any("".join(skeleton(other)) in "customer" for other in reserved if skeleton(other)))
    shown = display_name(name, reserved)
    shown.encode()
    assert 0 < len(shown) <= NAME_SIZE
    assert not set("<>@#!|*_~`:\n\t") & set(shown)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in shown)
    assert display_name(shown, reserved) == shown
    parts = skeleton(shown)
    for word in RESERVED:
        spelt = "".join(skeleton(word))
        assert not any(spelt in part for part in parts)
    for other in (*RESERVED, *reserved):
        assert not skeleton(other) or "".join(skeleton(other)) != "".join(parts)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_out_sound(name: str) -> None:
    display_name(name, HOSTILE).encode()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["ﷺ", "a", "\u0301", "<", " ", "\u200b", "rn", "admin"])
def test_a_name_of_any_length_is_quick(unit: str) -> None:
    display_name(unit * 400_000, [unit * 1_000, "admin"])
