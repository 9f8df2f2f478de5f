"""What is shown or stored cannot be markup, reorder its surroundings, overflow or tear a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import RichTextBlock, RichTextElementParts, RichTextSectionElement

from bot.text.graphemes import is_boundary
from bot.text.safe import (
    clean,
    cut_bytes,
    escape,
    is_blank,
    preview,
    rich_text_block,
    show,
    split_parts,
    unescape,
)
from tests.text.builders import HOSTILE, any_text

FAMILY = "👨\u200d👩\u200d👧\u200d👦"


class TestClean:
    @pytest.mark.parametrize(
        ("text", "cleaned"),
        [
            ("a\x00b", "ab"),
            ("a\x07\x1b[31mb\x7f", "a[31mb"),
            ("a\tb\nc", "a\tb\nc"),
            ("a\r\nb\rc\r\r\n", "a\nb\nc\n\n"),
            ("\ud83d", "\ufffd"),
            ("x\udc00\ud800y", "x\ufffd\ufffdy"),
            (FAMILY, FAMILY),
        ],
    )
    def test_drops_what_cannot_be_stored(self, text: str, cleaned: str) -> None:
        assert clean(text) == cleaned

    @given(any_text)
    def test_is_encodable_and_changes_nothing_twice(self, text: str) -> None:
        once = clean(text)
        once.encode()
        assert "\x00" not in once
        assert "\r" not in once
        assert clean(once) == once


class TestShow:
    @pytest.mark.parametrize(
        "text", ["", " \n", "\u200b", "\u2060\ufeff", "\u202e\u202c", "\u3164\u2800", "\ufe0f\u200d", "\x00"]
    )
    def test_the_invisible_is_said_to_be_empty(self, text: str) -> None:
        assert show(text) == "(empty message)"
        assert is_blank(text)

    def test_overrides_embeddings_and_isolates_go_marks_stay(self) -> None:
        assert show("a\u202a\u202b\u202c\u202d\u202eb\u2066\u2067\u2068\u2069c\u200e\u200f") == "abc\u200e\u200f"

    @pytest.mark.parametrize("text", [FAMILY, "❤️", "क्‍ष", "می‌خواهم", "🇩🇪", "0", " a "])
    def test_joiners_and_everything_visible_stay(self, text: str) -> None:
        assert show(text) == text

    def test_a_character_newer_than_our_tables_counts_as_visible(self) -> None:
        assert show("\U0001faea") == "\U0001faea"


class TestEscape:
    @pytest.mark.parametrize(
        ("text", "escaped"),
        [
            ("<!channel>", "&lt;!channel&gt;"),
            ("<@U012AB3CD>", "&lt;@U012AB3CD&gt;"),
            ("<https://evil.example|bank>", "&lt;https://evil.example|bank&gt;"),
            ("&lt;", "&amp;lt;"),
            ("*_~`", "*_~`"),
        ],
    )
    def test_encodes_three_characters_ampersand_first(self, text: str, escaped: str) -> None:
        assert escape(text) == escaped

    @given(any_text)
    def test_is_undone_by_decoding_once(self, text: str) -> None:
        assert unescape(escape(text)) == text
        assert not set("<>") & set(escape(text))

    def test_decodes_once_only(self) -> None:
        assert unescape("&amp;lt;!here&amp;gt;") == "&lt;!here&gt;"


class TestCutBytes:
    @pytest.mark.parametrize(
        ("text", "limit", "cut"),
        [
            ("abc", 3, ("abc", False)),
            ("abcd", 3, ("ab~", True)),
            ("äöü", 5, ("äö~", True)),
            ("äöü", 4, ("ä~", True)),
            ("a" + FAMILY + "b", 12, ("a~", True)),
            ("abc", 1, ("~", True)),
            ("abc", 0, ("", True)),
            ("", 0, ("", False)),
            ("\ud800", 3, ("\ufffd", False)),
        ],
    )
    def test_counts_bytes_and_the_mark(self, text: str, limit: int, cut: tuple[str, bool]) -> None:
        assert cut_bytes(text, limit, "~") == cut

    @given(any_text, st.integers(-1, 60), st.sampled_from(["", "…", "[cut]", "\ud800"]))
    def test_never_exceeds_the_limit(self, text: str, limit: int, mark: str) -> None:
        kept, was_cut = cut_bytes(text, limit, mark)
        assert len(kept.encode()) <= max(limit, 0)
        assert was_cut or kept == text.encode(errors="surrogatepass").decode(errors="replace") or "\ufffd" in kept

    def test_ten_kilobytes_of_a_long_mail(self) -> None:
        kept, was_cut = cut_bytes("ß" * 400_000, 10_240, "\n[…]")
        assert was_cut
        assert kept.endswith("ß\n[…]")
        assert 10_235 < len(kept.encode()) <= 10_240


class TestPreview:
    @pytest.mark.parametrize(
        ("text", "size", "shown"),
        [
            ("  a  b\t\tc \n\n\n d ", 300, "a b c\nd"),
            ("one two three", 13, "one two three"),
            ("one two three", 12, "one two…"),
            ("one two three", 8, "one two…"),
            ("onetwothree", 8, "onetwot…"),
            ("ab" + FAMILY, 5, "ab…"),
            ("\u202e", 300, "(empty message)"),
            ("abc", 1, "…"),
            ("abc", 0, "…"),
        ],
    )
    def test_is_one_short_block(self, text: str, size: int, shown: str) -> None:
        assert preview(text, size) == shown

    @given(any_text, st.integers(1, 40))
    def test_never_exceeds_its_size_nor_is_blank(self, text: str, size: int) -> None:
        shown = preview(text, size)
        assert 0 < len(shown) <= size
        shown.encode()


class TestSplitParts:
    @pytest.mark.parametrize(
        ("text", "size", "parts"),
        [
            ("", 5, [""]),
            ("short", 5, ["short"]),
            ("one\n\ntwo three", 9, ["one\n\n", "two three"]),
            ("12345\n\n78 0abcd", 10, ["12345\n\n", "78 0abcd"]),
            ("12345\n78 0abcd", 10, ["12345\n", "78 0abcd"]),
            ("12345 78 0abcd", 10, ["12345 78 ", "0abcd"]),
            ("abcdefgh", 3, ["abc", "def", "gh"]),
            ("ab" + FAMILY, 7, ["ab", FAMILY]),
            ("🇩🇪🇫🇷", 3, ["🇩🇪", "🇫🇷"]),
            ("e\u0301e\u0301", 3, ["e\u0301", "e\u0301"]),
            ("aaक्ष", 4, ["aa", "क्ष"]),
            ("한한", 1, ["한", "한"]),
        ],
    )
    def test_splits_where_a_reader_would(self, text: str, size: int, parts: list[str]) -> None:
        assert split_parts(text, size) == parts

    @given(any_text, st.integers(1, 12))
    def test_loses_nothing_and_keeps_the_size(self, text: str, size: int) -> None:
        parts = split_parts(text, size)
        assert "".join(parts) == text
        assert all(0 < len(part) <= size for part in parts) or parts == [""]

    @given(st.lists(st.sampled_from([FAMILY, "e\u0301", "🇩🇪", "👍🏽", "क्षि", "a", " ", "\n"])))
    def test_tears_no_grapheme_that_fits(self, graphemes: list[str]) -> None:
        text = "".join(graphemes)
        at = 0
        for part in split_parts(text, 20):
            at += len(part)
            assert is_boundary(text, at)

    def test_a_part_of_no_size_is_an_error_in_the_call(self) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            split_parts("a", 0)


class TestRichTextBlock:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_slack_takes_it_and_parses_nothing(self, text: str) -> None:
        block = rich_text_block(text)
        parsed = RichTextBlock(**{key: value for key, value in block.items() if key != "type"})
        parsed.validate_json()
        [part] = parsed.elements
        assert isinstance(part, RichTextSectionElement)
        [words] = part.elements
        assert isinstance(words, RichTextElementParts.Text)
        assert words.text == show(text)
        assert words.style is None
        assert parsed.to_dict() == block

    def test_keeps_lines(self) -> None:
        assert rich_text_block("a\n\nb")["elements"][0]["elements"] == [{"type": "text", "text": "a\n\nb"}]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_come_out_encodable(text: str) -> None:
    cut, _ = cut_bytes(text, 100, "…")
    for shown in (clean(text), show(text), escape(clean(text)), cut, preview(text)):
        shown.encode()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", [">", "&", "\u200b", "\u0301", " ", "\n", " \n", "\u200d", "🇩", "\r", "\u094d", "\ud800"]
)
@pytest.mark.parametrize("length", [40_000, 400_000])
def test_takes_time_in_proportion_to_length(unit: str, length: int) -> None:
    text = unit * (length // len(unit))
    show(text)
    unescape(escape(text))
    preview(text)
    cut_bytes(text, 10_240, "…")
    rich_text_block(text)
    assert "".join(split_parts(text)) == text
