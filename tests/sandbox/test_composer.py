import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.composer import decode, posted_text, rich_text, typed_text


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("hello <@U0CASEWIRE>", "hello <@U0CASEWIRE>"),
        ("<script>", "&lt;script&gt;"),
        ("see https://a.example/x?a=1&b=2.", "see <https://a.example/x?a=1&amp;b=2>."),
        ("<https://a.example|the page>", "<https://a.example|the page>"),
        ("mail me: dana@customer.example", "mail me: <mailto:dana@customer.example|dana@customer.example>"),
        ("> quoted", "&gt; quoted"),
        ("`a<b https://x.example`", "`a&lt;b https://x.example`"),
    ],
)
def test_typed_text_is_encoded_as_slack_sends_it(typed, text):
    assert typed_text(typed) == text


@pytest.mark.parametrize(
    ("posted", "stored"),
    [
        ("a & b", "a &amp; b"),
        ("a &amp; b", "a &amp; b"),
        ("1 < 2", "1 &lt; 2"),
        ("<!channel> <@U0ADAADM01> <https://a.example|x>", "<!channel> <@U0ADAADM01> <https://a.example|x>"),
        ("@channel", "@channel"),
    ],
)
def test_posted_text_keeps_tokens_and_encodes_strays(posted, stored):
    assert posted_text(posted) == stored


def test_link_names_turns_words_into_mentions():
    assert posted_text("@channel", names=True) == "<!channel>"


def elements(typed):
    return rich_text(typed_text(typed))["elements"]


def test_a_plain_line_is_one_section():
    assert elements("hi & bye") == [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "hi & bye"}]}
    ]


def test_quotes_are_rich_text_quotes_and_what_follows_is_not():
    assert elements("> I'm closing\n> this case.\nreally?") == [
        {
            "type": "rich_text_quote",
            "elements": [{"type": "text", "text": "I'm closing\nthis case."}],
        },
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "really?"}]},
    ]


def test_fences_are_preformatted():
    assert elements("look:\n```\nif a < b:\n    *x*\n```\nok") == [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "look:"}]},
        {
            "type": "rich_text_preformatted",
            "elements": [{"type": "text", "text": "if a < b:\n    *x*"}],
            "border": 0,
        },
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "ok"}]},
    ]


def test_inline_code_styles_mentions_links_and_emoji_are_elements():
    (section,) = elements("*b* `c<d` <@U0ADAADM01> <https://a.example|x> :wave: <!here>")
    found = [part for part in section["elements"] if part.get("text") != " "]
    assert found == [
        {"type": "text", "text": "b", "style": {"bold": True}},
        {"type": "text", "text": "c<d", "style": {"code": True}},
        {"type": "user", "user_id": "U0ADAADM01"},
        {"type": "link", "url": "https://a.example", "text": "x"},
        {"type": "emoji", "name": "wave"},
        {"type": "broadcast", "range": "here"},
    ]


def test_times_and_snake_case_are_not_markup():
    (section,) = elements("at 10:30:15 run my_little_tool 2*3*4")
    assert section["elements"] == [{"type": "text", "text": "at 10:30:15 run my_little_tool 2*3*4"}]


@given(st.text(alphabet="ab <>&;\n'", max_size=200))
def test_words_survive_the_way_to_slack_and_back(typed):
    assert decode(typed_text(typed)) == typed


@given(st.text(alphabet="ab1 <>&@#!|:/.*_~`\n", max_size=300))
def test_whatever_is_typed_has_a_rich_text_block_without_empty_texts(typed):
    leaves = [leaf for part in elements(typed) for leaf in part["elements"]]
    assert all(leaf["text"] for leaf in leaves if leaf["type"] == "text")
