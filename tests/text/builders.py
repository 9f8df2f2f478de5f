"""Messages in the shapes Slack delivers, and anything else JSON can say."""

from typing import Any

from hypothesis import strategies as st

HOSTILE = [
    "",
    " \n\t ",
    "\x00",
    "\u200b\u200d\ufe0f",
    "\ud800 lone",
    "\udc00\ud800",
    "\u202eevil\u202c \u2066isolated\u2069",
    "<!channel>",
    "<@U012AB3CD>",
    "<https://evil.example|https://bank.example>",
    "&amp;lt;!here&amp;gt;",
    "`a` ``` b",
    "> > >",
    "😀👨\u200d👩\u200d👧\u200d👦🇩🇪",
    "क्षि \u0301\u0301",
    "a\r\nb\rc",
    "x" * 40_000,
]

any_text = st.text(
    st.one_of(
        st.characters(), st.characters(categories=["Cs", "Cf", "Cc", "Mn"]), st.sampled_from("<>&|`*\n !@#^")
    )
)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=20,
)

_KINDS = st.sampled_from(
    [
        "rich_text", "rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted",
        "text", "user", "usergroup", "channel", "broadcast", "link", "emoji", "date", "color", "team",
        "citation",
    ]
)  # fmt: skip
_FIELDS = [
    "text",
    "user_id",
    "usergroup_id",
    "channel_id",
    "range",
    "url",
    "name",
    "fallback",
    "value",
    "style",
]


def _element(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    optional: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(_FIELDS, any_text | any_json),
        "elements": st.lists(inner, max_size=4) | any_json,
        "indent": st.integers() | any_json,
        "offset": st.integers() | any_json,
        "border": st.integers() | any_json,
        "skin_tone": st.integers() | any_json,
    }
    return st.fixed_dictionaries({"type": _KINDS}, optional=optional)


blockish = st.recursive(any_json, lambda inner: _element(inner) | st.lists(inner, max_size=3), max_leaves=10)


def rich(*parts: dict[str, Any], text: str = "") -> dict[str, Any]:
    """A message event with one rich_text block."""
    return {"type": "message", "text": text, "blocks": [{"type": "rich_text", "elements": list(parts)}]}


def section(*elements: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": _inline(elements)}


def quote(*elements: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": "rich_text_quote", "elements": _inline(elements)}


def preformatted(*elements: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": "rich_text_preformatted", "elements": _inline(elements), "border": 0}


def bullets(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "rich_text_list", "style": "bullet", "elements": list(items), "indent": 0, **fields}


def code(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "style": {"code": True}}


def user(user_id: str) -> dict[str, Any]:
    return {"type": "user", "user_id": user_id}


def _inline(elements: tuple[dict[str, Any] | str, ...]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in elements]
