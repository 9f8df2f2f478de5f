"""HTML to text as a person reads it, and without what its mail program marked as quoted."""

from __future__ import annotations

import re
from html import unescape
from itertools import islice

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml.etree import strip_elements
from lxml.html import HtmlElement, HTMLParser, document_fromstring, tostring

HTML_SIZE = 1024 * 1024  # characters
_DEPTH = 200  # elements within each other; beyond it the converter would recurse too deep

_CELLS = 20_000  # of tables; laying out more takes seconds

# What mail programs put around the mail that is answered: Gmail, Apple Mail and Thunderbird, Yahoo, Proton …
_QUOTES = (
    "//div[contains(concat(' ', normalize-space(@class), ' '), ' gmail_quote ')]",
    "//div[contains(concat(' ', normalize-space(@class), ' '), ' gmail_quote_container ')]",
    "//blockquote[@type='cite']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' moz-cite-prefix ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' yahoo_quoted ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' protonmail_quote ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' tutanota_quote ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' zmail_extra ')]",
    "//blockquote[contains(concat(' ', normalize-space(@class), ' '), ' gmail_quote ')]",
)
# Outlook and Zimbra only mark where the quoted mail begins: it and all that follows is quoted.
_QUOTED_FROM_HERE = (
    "//*[@id='divRplyFwdMsg']",
    "//*[@id='appendonsend']",
    "//*[@id='x_divRplyFwdMsg']",
    "//hr[@id='zwchr' or @data-marker='__DIVIDER__']",
    "//*[@id='reply-intro']",
)
_SIGNATURES = (
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' gmail_signature ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' moz-signature ')]",
    "//*[@id='Signature' or @id='ms-outlook-mobile-signature']",
)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_BREAKING_TAG = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]{0,2000}>", re.IGNORECASE)
_UNREAD = re.compile(r"<(script|style|head|title)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BLANK_LINES = re.compile(r"\n{3,}")
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}\?>")


def to_text(html: str) -> str:
    """The whole text."""
    root = _tree(html)
    return _without_tags(html) if root is None else _text(root, html)


def to_new_words(html: str) -> str:
    """The text without what is marked as quoted or as signature; "" if nothing else is there."""
    root = _tree(html)
    if root is None:
        return ""
    found = False
    for path in _QUOTED_FROM_HERE:
        for element in _elements(root, path):
            found = True
            _drop_from(element)
    for path in (*_QUOTES, *_SIGNATURES):
        for element in _elements(root, path):
            found = True
            _drop(element)
    return _text(root, html) if found else ""


def _tree(html: str) -> HtmlElement | None:
    html = _XML_DECLARATION.sub("", html[:HTML_SIZE], count=1)
    if not html.strip():
        return None
    try:
        root = document_fromstring(html.encode("utf-8", "replace"), parser=HTMLParser(encoding="utf-8"))
        strip_elements(root, "script", "style", "title", "noscript", "template", with_tail=False)
    except MemoryError:
        raise
    except Exception:
        return None
    return None if _is_deep(root) or _is_vast(root) else root


def _is_deep(root: HtmlElement) -> bool:
    level: list[HtmlElement] = [root]
    for _ in range(_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True


def _is_vast(root: HtmlElement) -> bool:
    return sum(1 for _ in islice(root.iter("td", "th"), _CELLS + 1)) > _CELLS


def _text(root: HtmlElement, html: str) -> str:
    try:
        text = get_text(tostring(root, encoding="unicode"), ParserConfig(css=CSS_PROFILES["strict"]))
    except MemoryError:
        raise
    except Exception:
        return _without_tags(html)
    return _tidy(text)


def _without_tags(html: str) -> str:
    """The words of HTML that cannot be laid out."""
    html = _BREAKING_TAG.sub("\n", _UNREAD.sub("", html[:HTML_SIZE]))
    return _tidy(unescape(_TAG.sub("", html)))


def _tidy(text: str) -> str:
    lines = (line.rstrip() for line in text.replace("\xa0", " ").splitlines())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def _elements(root: HtmlElement, path: str) -> list[HtmlElement]:
    found = root.xpath(path)
    return [each for each in found if isinstance(each, HtmlElement)] if isinstance(found, list) else []


def _drop(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _drop_from(element: HtmlElement) -> None:
    """Drop the element and everything behind it in the document."""
    here = element
    while (parent := here.getparent()) is not None and here.tag != "body":
        for later in list(here.itersiblings()):
            parent.remove(later)
        here.tail = None
        here = parent
    _drop(element)
