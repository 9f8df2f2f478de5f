"""The HTML twin of a mail: what was formatted stays so, and nothing that was written is markup."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given

from bot.text import formatted, twin
from bot.text.inbound import read_message
from bot.text.runs import Naming
from tests.text.builders import any_json, any_text

TAGS = {"p", "br", "pre", "blockquote", "ul", "ol", "li", "a", "b", "i", "s", "u", "code"}
ATTRIBUTES = {"href", "type", "start", "style"}


class Reader(HTMLParser):
    """Notes each tag and attribute, and the text between."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def assert_harmless(html: str) -> None:
    for tag, attributes in read(html).tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        assert (attributes.get("href") or "https://").startswith(("http://", "https://"))
        assert (attributes.get("style") or "margin-left: ").startswith("margin-left: ")


class TestPlain:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("Hello", "<p>Hello</p>"),
            ("a\nb\n\nc", "<p>a<br>\nb</p>\n<p>c</p>"),
            ("• one\n• two", "<ul><li>one</li><li>two</li></ul>"),
            ("> said\nsure", '<blockquote type="cite">said</blockquote>\n<p>sure</p>'),
            ("run `ls -l` now", "<p>run <code>ls -l</code> now</p>"),
            ("see\n```\nx < 1\n```", "<p>see</p>\n<pre>x &lt; 1</pre>"),
            ("<b>&amp;", "<p>&lt;b&gt;&amp;amp;</p>"),
            (
                "at https://x.y/?a=1&b=2.",
                '<p>at <a href="https://x.y/?a=1&amp;b=2">https://x.y/?a=1&amp;b=2</a>.</p>',
            ),
            ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
        ],
    )
    def test_it_looks_as_the_text_does(self, text: str, html: str) -> None:
        assert twin.html_of(text) == html

    @given(any_text)
    def test_whatever_is_written_is_text(self, text: str) -> None:
        assert_harmless(twin.html_of(text))
        assert_harmless(twin.quoted_html(text))


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def text(words: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"style": style} if style else {})}


def rich(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "rich_text", "elements": list(parts)}]


class TestFormatted:
    @pytest.mark.parametrize(
        ("parts", "html"),
        [
            ([section(text("a "), text("b", bold=True))], "<p>a <b>b</b></p>"),
            ([section(text("x", italic=True, strike=True))], "<p><s><i>x</i></s></p>"),
            ([section(text("a<b", code=True))], "<p><code>a&lt;b</code></p>"),
            ([section(text("one\ntwo"))], "<p>one<br>\ntwo</p>"),
            ([section({"type": "user", "user_id": "U1"})], "<p>@Dana</p>"),
            (
                [section({"type": "link", "url": "https://x.y", "text": "here"})],
                '<p>here (<a href="https://x.y">https://x.y</a>)</p>',
            ),
            (
                [{"type": "rich_text_list", "style": "ordered", "offset": 2, "elements": [section(text("c"))]}],
                '<ol start="3"><li>c</li></ol>',
            ),
            (
                [{"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [section(text("c"))]}],
                '<ul style="margin-left: 2em"><li>c</li></ul>',
            ),
            ([{"type": "rich_text_quote", "elements": [text("q")]}], "<blockquote>q</blockquote>"),
            ([{"type": "rich_text_preformatted", "elements": [text("a\n b")]}], "<pre>a\n b</pre>"),
        ],
    )
    def test_formatting_is_kept(self, parts: list[dict[str, Any]], html: str) -> None:
        assert formatted.html_of(rich(*parts), Naming({"U1": "Dana"})) == html

    @given(any_json)
    def test_whatever_slack_sends_is_harmless(self, blocks: Any) -> None:
        assert_harmless(formatted.html_of(blocks, Naming({})))

    @given(any_text, any_text)
    def test_whatever_is_typed_is_text(self, words: str, url: str) -> None:
        link = {"type": "link", "url": url, "text": words}
        assert_harmless(formatted.html_of(rich(section(text(words, bold=True), link)), Naming({})))

    def test_a_message_read_from_its_text_has_no_html_of_its_own(self) -> None:
        assert read_message({"text": "*hi*"}, {}).html == ""
        assert (
            read_message({"text": "hi", "blocks": rich(section(text("hi", bold=True)))}, {}).html
            == "<p><b>hi</b></p>"
        )
