"""What a person typed is read whole, decoded once, and told apart from what they quoted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.inbound import MessageText, mentioned_users, read_message
from tests.text.builders import (
    HOSTILE,
    any_json,
    any_text,
    blockish,
    bullets,
    code,
    preformatted,
    quote,
    rich,
    section,
    user,
)

NAMES = {"U1": "Ada", "U2": "Bob Böll", "S1": "ops", "C9": "secret"}


def read(text: str) -> MessageText:
    return read_message({"text": text}, NAMES)


class TestTokens:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("hello", "hello"),
            ("a &amp; b &lt;c&gt;", "a & b <c>"),
            ("&amp;lt;!channel&amp;gt;", "&lt;!channel&gt;"),
            ("&quot;&nbsp;", "&quot;&nbsp;"),
            ("<@U1> hi <@U2>", "@Ada hi @Bob Böll"),
            ("<@U404>", "@someone"),
            ("<@U404|grace>", "@grace"),
            ("<#C1|general>", "#general"),
            ("<#C1|>", "#channel"),
            ("<#C9|>", "#secret"),
            ("<!channel> <!here|here> <!everyone>", "@channel @here @everyone"),
            ("<!subteam^S1> <!subteam^S2|@x> <!subteam^S3>", "@ops @x @group"),
            ("<!date^1392734382^{date}|Feb 18, 2014>", "Feb 18, 2014"),
            ("<!date^1392734382^{date}^https://x.example/|Feb 18>", "Feb 18"),
            ("<!unheard-of>", "<!unheard-of>"),
            ("<https://evil.example|https://bank.example>", "https://bank.example (https://evil.example)"),
            ("<https://evil.example|bank>", "bank (https://evil.example)"),
            ("<https://a.example/?x=1&amp;y=2>", "https://a.example/?x=1&y=2"),
            ("<http://www.foo.com|www.foo.com>", "www.foo.com"),
            ("<https://foo.com/|https://foo.com>", "https://foo.com"),
            ("<https://foo.com/|foo.com/>", "foo.com/"),
            ("<mailto:a@b.example|a@b.example>", "a@b.example"),
            ("<mailto:a@b.example>", "a@b.example"),
            ("<mailto:evil@b.example|boss>", "boss (mailto:evil@b.example)"),
            ("<https://x.example|\u200b>", "https://x.example"),
            (":wave: :+1::skin-tone-2:", ":wave: :+1::skin-tone-2:"),
            ("if a < b > c", "if a < b > c"),
            ("<not a token>", "<not a token>"),
            ("<>", "<>"),
        ],
    )
    def test_reads_as_a_person_reads_it(self, text: str, plain: str) -> None:
        assert read(text).plain == plain

    def test_a_name_cannot_bring_lines_controls_or_a_second_at_sign(self) -> None:
        message = read_message({"text": "<@U1> ok"}, {"U1": "@Eve\n// note\x00\ud800"})
        assert message.plain == "@Eve // note\ufffd ok"

    def test_names_chosen_by_others_are_not_the_authors_words(self) -> None:
        names = {"U1": "I'm closing this case.", "S1": "urgent"}
        message = read_message({"text": "<@U1> <!subteam^S1> see <#C1|emergency>"}, names)
        assert message.typed == "@someone @group see #channel"


class TestOwnWords:
    @pytest.mark.parametrize(
        ("text", "typed"),
        [
            ("&gt; urgent!\nno hurry", "no hurry"),
            ("> urgent!\nno hurry", "no hurry"),
            ("fine\n&gt; urgent\nbye", "fine\n…\nbye"),
            ("mine\n&gt;&gt;&gt; quoted\nstill quoted\n\nand this", "mine"),
            ("run `urgent` now", "run … now"),
            ("ur`x`gent", "ur…gent"),
            ("`only code`", ""),
            ("a ` b", "a ` b"),
            ("a `b\nc` d", "a `b\nc` d"),
            ("see\n```\nurgent\n```\nok", "see\n…\nok"),
            ("see ```urgent``` ok", "see \n…\n ok"),
            ("see ```urgent and never closed", "see"),
            ("it is 5 &gt; 4", "it is 5 > 4"),
            ("I’m closing this case.", "I’m closing this case."),
        ],
    )
    def test_quotes_and_code_are_cut(self, text: str, typed: str) -> None:
        assert read(text).typed == typed

    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("&gt;quoted\nmine", "> quoted\nmine"),
            ("&gt;&gt;&gt; a\nb", "> a\n> b"),
            ("run `make &lt;x&gt;`", "run `make <x>`"),
            ("x ```a &amp;&amp; b``` y", "x \n```\na && b\n```\n y"),
            ("```\nindented:\n    yes", "```\nindented:\n    yes\n```"),
        ],
    )
    def test_but_read_in_the_whole_text(self, text: str, plain: str) -> None:
        assert read(text).plain == plain


class TestRichText:
    def test_text_is_not_decoded_again(self) -> None:
        assert read_message(rich(section("&lt; & <!channel>")), {}).plain == "&lt; & <!channel>"

    def test_every_inline_element_is_read(self) -> None:
        event = rich(
            section(
                user("U1"),
                " ",
                {"type": "usergroup", "usergroup_id": "S1"},
                " ",
                {"type": "channel", "channel_id": "C1"},
                " ",
                {"type": "broadcast", "range": "here"},
                " ",
                {"type": "link", "url": "https://evil.example", "text": "bank"},
                " ",
                {"type": "emoji", "name": "wave", "skin_tone": 2, "unicode": "1f44b"},
                " ",
                {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "May 1"},
                " ",
                {"type": "color", "value": "#ff0000"},
                " ",
                {"type": "text", "text": "bold", "style": {"bold": True}},
            ),
            text="<@U1> <!subteam^S1> <#C1|general> …",
        )
        plain = "@Ada @ops #general @here bank (https://evil.example) :wave::skin-tone-2: May 1 #ff0000 bold"
        assert read_message(event, NAMES).plain == plain

    def test_lists_quotes_and_code_become_readable(self) -> None:
        event = rich(
            section("Steps:\n"),
            bullets(section("one"), section("two\nlines\n")),
            bullets(section("inner"), indent=1),
            bullets(section("third"), section("fourth"), style="ordered", offset=2),
            quote("said\nbefore\n"),
            preformatted("x = 1\n  y"),
            section("run ", code("make"), " & go"),
        )
        assert read_message(event, {}).plain == (
            "Steps:\n• one\n• two\n  lines\n  • inner\n3. third\n4. fourth\n> said\n> before\n"
            "```\nx = 1\n  y\n```\nrun `make` & go"
        )

    def test_own_words_leave_out_quotes_code_and_quoted_lists(self) -> None:
        event = rich(
            quote("urgent"),
            section("a ", code("urgent"), " b"),
            preformatted("urgent"),
            bullets(section("quoted urgent"), border=1),
            bullets(section("mine")),
        )
        assert read_message(event, {}).typed == "a … b\n…\n\n• mine"

    def test_a_new_kind_of_element_gives_its_text(self) -> None:
        event = rich(section("see ", {"type": "citation", "text": "page 3"}), text="fallback")
        assert read_message(event, {}).plain == "see page 3"

    @pytest.mark.parametrize(
        "blocks",
        [
            [{"type": "rich_text", "elements": [section("half ", {"type": "hologram", "id": 7})]}],
            [{"type": "rich_text", "elements": [section("half")]}, {"type": "call", "call_id": "R1"}],
            [{"type": "rich_text", "elements": []}],
            [{"type": "rich_text", "elements": [section(" \n")]}],
            [{"type": "rich_text"}],
            [None, 3, "x"],
            {"type": "rich_text"},
            "x",
            None,
        ],
    )
    def test_what_cannot_be_read_whole_is_read_from_text(self, blocks: Any) -> None:
        assert read_message({"text": "half &amp; whole", "blocks": blocks}, {}).plain == "half & whole"

    def test_a_part_is_better_than_nothing(self) -> None:
        event = rich(section("half ", {"type": "hologram"}), text="")
        assert read_message(event, {}).plain == "half"

    def test_a_list_nested_without_end_is_read_from_text(self) -> None:
        nested = section("deep")
        for _ in range(5_000):
            nested = bullets(nested)
        assert read_message(rich(nested, text="deep"), {}).plain == "deep"

    @pytest.mark.parametrize("event", [{}, {"text": None}, {"text": 5, "blocks": 5}, {"files": [{"id": "F1"}]}])
    def test_a_message_without_words_is_empty(self, event: dict[str, Any]) -> None:
        assert read_message(event, {}) == MessageText("", "", None)


class TestMentions:
    @pytest.mark.parametrize(
        ("text", "leading"),
        [
            ("<@U1> please look", "U1"),
            ("  <@U1|ada>, look", "U1"),
            ("*<@U1>* look", "U1"),
            ("\u200b<@U1> look", "U1"),
            ("• <@U1> look", "U1"),
            ("<!subteam^S1|@ops> look", "S1"),
            ("&gt; what the customer said\n<@U1> look", "U1"),
            ("hi <@U1>", None),
            ("<!here> hi", None),
            ("`<@U1>` is a mention", None),
            ("&gt; <@U1> said\nhello", None),
            ("", None),
        ],
    )
    def test_leading_mention(self, text: str, leading: str | None) -> None:
        assert read(text).leading_mention == leading

    def test_leading_mention_in_a_rich_text_list(self) -> None:
        assert read_message(rich(bullets(section(user("U1"), " look"))), {}).leading_mention == "U1"

    def test_mentions_are_in_order_and_once_quoted_ones_too(self) -> None:
        text = "&gt; <@U3>\n<@U2> <@U1|ada> <@U2> <!subteam^S1> <#C1|x>"
        assert mentioned_users({"text": text}) == ("U3", "U2", "U1")


def assert_sound(message: MessageText) -> None:
    for word in (message.plain, message.typed, message.leading_mention or ""):
        word.encode()
        assert "\x00" not in word


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_come_out_sound_in_either_form(text: str) -> None:
    assert_sound(read(text))
    assert_sound(read_message(rich(section(text), quote(text), bullets(section(text))), {"U1": text}))


@given(text=any_text, blocks=blockish | st.lists(blockish, max_size=4), names=st.dictionaries(any_text, any_text))
def test_no_message_raises_whatever_its_shape(text: str, blocks: Any, names: dict[str, str]) -> None:
    event = {"text": text, "blocks": blocks}
    message = read_message(event, names)
    assert_sound(message)
    assert all(mentioned_users(event))


@given(st.dictionaries(st.sampled_from(["text", "blocks", "user"]), any_json))
def test_no_event_raises(event: dict[str, Any]) -> None:
    assert_sound(read_message(event, {}))


words = st.text("abcxyz", min_size=1)


@given(st.lists(st.tuples(st.sampled_from([section, quote, preformatted]), words), min_size=1))
def test_no_word_is_lost(parts: list[tuple[Any, str]]) -> None:
    plain = read_message(rich(*(build(word) for build, word in parts)), {}).plain
    assert [line for line in plain.replace("> ", "").split("\n") if line != "```"] == [word for _, word in parts]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", [">", "`", "<", "&gt;", "```", "<@U1", "`a\n", "|", "\n> ", "<a:", "&", " ", "`a`<"]
)
@pytest.mark.parametrize("length", [40_000, pytest.param(400_000, marks=pytest.mark.slow)])
def test_reading_takes_time_in_proportion_to_length(unit: str, length: int) -> None:
    text = unit * (length // len(unit))
    assert_sound(read(text))
    assert_sound(read_message(rich(section(text), preformatted(text)), {}))
