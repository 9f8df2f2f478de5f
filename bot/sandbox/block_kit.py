"""Slack's limits on blocks: https://docs.slack.dev/reference/block-kit/blocks."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from bot.sandbox.composer import block_id
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Json

MAX_BLOCKS = 50
MAX_BLOCKS_IN_VIEW = 100
MAX_WEIGHT = 13_200
"""Where msg_blocks_too_long was seen to begin; the limit is undocumented (slackapi/bolt-js#2509, #2867)."""
CONTAINER_WEIGHT = 20
"""What a text object counts beyond its characters: a guess within what those reports measured."""

IN_MESSAGES = frozenset(
    {
        "actions",
        "alert",
        "card",
        "carousel",
        "context",
        "context_actions",
        "data_table",
        "divider",
        "file",
        "header",
        "image",
        "markdown",
        "plan",
        "rich_text",
        "section",
        "table",
        "task_card",
        "video",
    }
)
IN_VIEWS = IN_MESSAGES | {"input"}
ACTION_ELEMENTS = frozenset(
    {
        "button",
        "checkboxes",
        "datepicker",
        "datetimepicker",
        "timepicker",
        "overflow",
        "radio_buttons",
        "static_select",
        "users_select",
        "conversations_select",
        "channels_select",
        "external_select",
        "multi_static_select",
        "multi_users_select",
        "multi_conversations_select",
        "multi_channels_select",
        "multi_external_select",
        "workflow_button",
        "feedback_buttons",
        "icon_button",
    }
)
RICH_TEXT_PARTS = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})


def check_message_blocks(blocks: Any) -> list[Json]:
    """Valid message blocks, each with a block_id; invalid_blocks with Slack's reasons otherwise."""
    checked = _check(blocks, IN_MESSAGES, MAX_BLOCKS)
    if _weight(checked) > MAX_WEIGHT:
        raise SlackError("msg_blocks_too_long")
    return checked


def check_view(view: Any) -> Json:
    """A valid modal or Home tab."""
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        raise _view_error("failed to match all allowed schemas [json-pointer:/view]")
    faults = []
    if view["type"] == "modal":
        faults += _text(view.get("title"), "/view/title", 24, plain=True)
        for name in ("submit", "close"):
            if view.get(name) is not None:
                faults += _text(view[name], f"/view/{name}", 24, plain=True)
    if len(str(view.get("private_metadata") or "")) > 3000:
        faults.append("must be less than 3001 characters [json-pointer:/view/private_metadata]")
    if len(str(view.get("callback_id") or "")) > 255:
        faults.append("must be less than 256 characters [json-pointer:/view/callback_id]")
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if view["type"] == "modal" and has_input and not view.get("submit"):
        faults.append("missing required field: submit [json-pointer:/view]")
    if faults:
        raise _view_error(*faults)
    try:
        return {**view, "blocks": _check(blocks, IN_VIEWS, MAX_BLOCKS_IN_VIEW)}
    except SlackError as error:
        raise _view_error(*error.fields["errors"]) from None


def buttons(blocks: list[Json]) -> Iterator[tuple[str, Json]]:
    """Every interactive element of some blocks, with the id of its block."""
    for block in blocks:
        candidates = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in candidates:
            if isinstance(element, dict) and "action_id" in element:
                yield block["block_id"], element


def _check(blocks: Any, allowed: frozenset[str], most: int) -> list[Json]:
    blocks = deepcopy(blocks)
    if not isinstance(blocks, list):
        raise _error("must provide an array [json-pointer:/blocks]", code="invalid_blocks_format")
    faults: list[str] = []
    if len(blocks) > most:
        faults.append(f"no more than {most} items allowed [json-pointer:/blocks]")
    named = [b["block_id"] for b in blocks if isinstance(b, dict) and b.get("block_id")]
    if len(set(named)) != len(named):
        faults.append("block_id must be unique [json-pointer:/blocks]")
    out: list[Json] = []
    for number, block in enumerate(blocks):
        where = f"/blocks/{number}"
        if not isinstance(block, dict) or block.get("type") not in allowed:
            kind = block.get("type") if isinstance(block, dict) else block
            faults.append(f"unsupported type: {kind} [json-pointer:{where}/type]")
            continue
        if len(str(block.get("block_id", ""))) > 255:
            faults.append(f"must be less than 256 characters [json-pointer:{where}/block_id]")
        faults += _block(block, where)
        out.append(_with_ids({**block, "block_id": block.get("block_id") or block_id()}))
    if faults:
        raise _error(*faults)
    return out


def _with_ids(block: Json) -> Json:
    """The block with an action_id on every interactive element: Slack invents the missing ones."""
    given = block.get("elements")
    elements = given if isinstance(given, list) else []
    for element in [*elements, block.get("accessory"), block.get("element")]:
        if isinstance(element, dict) and element.get("type") in ACTION_ELEMENTS:
            element.setdefault("action_id", block_id())
    return block


def _block(block: Json, where: str) -> list[str]:
    match block["type"]:
        case "section":
            return _section(block, where)
        case "header":
            return _text(block.get("text"), f"{where}/text", 150, plain=True)
        case "context":
            return _context(block.get("elements"), f"{where}/elements")
        case "actions":
            return _actions(block.get("elements"), f"{where}/elements")
        case "markdown":
            return _string(block.get("text"), f"{where}/text", 12_000)
        case "image":
            faults = _string(block.get("alt_text"), f"{where}/alt_text", 2000)
            if not block.get("image_url") and not block.get("slack_file"):
                faults.append(f"missing required field: image_url [json-pointer:{where}]")
            return faults
        case "input":
            faults = _text(block.get("label"), f"{where}/label", 2000, plain=True)
            if not isinstance(block.get("element"), dict):
                faults.append(f"missing required field: element [json-pointer:{where}]")
            return faults
        case "rich_text":
            return _rich_text(block.get("elements"), f"{where}/elements")
        case _:
            return []


def _section(block: Json, where: str) -> list[str]:
    text, fields, accessory = block.get("text"), block.get("fields"), block.get("accessory")
    faults = []
    if text is None and not fields:
        faults.append(f"missing required field: text [json-pointer:{where}]")
    if text is not None:
        faults += _text(text, f"{where}/text", 3000)
    if fields is not None:
        faults += _items(fields, f"{where}/fields", 10)
        for number, item in enumerate(fields if isinstance(fields, list) else []):
            faults += _text(item, f"{where}/fields/{number}", 2000)
    if accessory is not None:
        faults += _element(accessory, f"{where}/accessory")
    return faults


def _context(elements: Any, where: str) -> list[str]:
    faults = _items(elements, where, 10)
    for number, element in enumerate(elements if isinstance(elements, list) else []):
        if isinstance(element, dict) and element.get("type") == "image":
            faults += _string(element.get("alt_text"), f"{where}/{number}/alt_text", 2000)
        else:
            faults += _text(element, f"{where}/{number}", 3000)
    return faults


def _actions(elements: Any, where: str) -> list[str]:
    faults = _items(elements, where, 25)
    items = elements if isinstance(elements, list) else []
    for number, element in enumerate(items):
        faults += _element(element, f"{where}/{number}")
    ids = [e["action_id"] for e in items if isinstance(e, dict) and e.get("action_id")]
    if len(set(ids)) != len(ids):
        faults.append(f"`action_id` already exists [json-pointer:{where}]")
    return faults


def _element(element: Any, where: str) -> list[str]:
    if not isinstance(element, dict):
        return [f"must be an object [json-pointer:{where}]"]
    kind = element.get("type")
    if kind == "image" and where.endswith("/accessory"):
        return _string(element.get("alt_text"), f"{where}/alt_text", 2000)
    if kind not in ACTION_ELEMENTS:
        return [f"unsupported type: {kind} [json-pointer:{where}/type]"]
    faults = []
    if len(str(element.get("action_id", ""))) > 255:
        faults.append(f"must be less than 256 characters [json-pointer:{where}/action_id]")
    if kind == "button":
        faults += _text(element.get("text"), f"{where}/text", 75, plain=True)
        if len(str(element.get("value", ""))) > 2000:
            faults.append(f"must be less than 2001 characters [json-pointer:{where}/value]")
        if len(str(element.get("url", ""))) > 3000:
            faults.append(f"must be less than 3001 characters [json-pointer:{where}/url]")
        if element.get("style") not in (None, "primary", "danger"):
            faults.append(f"must be a valid enum value [json-pointer:{where}/style]")
    if kind in ("overflow", "static_select", "multi_static_select", "radio_buttons", "checkboxes"):
        faults += _options(element, where)
    confirm = element.get("confirm")
    if confirm is not None:
        faults += _confirm(confirm, f"{where}/confirm")
    return faults


def _options(element: Json, where: str) -> list[str]:
    if "option_groups" in element:
        return _items(element["option_groups"], f"{where}/option_groups", 100)
    options = element.get("options")
    most = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}.get(element["type"], 100)
    faults = _items(options, f"{where}/options", most)
    for number, option in enumerate(options if isinstance(options, list) else []):
        text = option.get("text") if isinstance(option, dict) else None
        faults += _text(text, f"{where}/options/{number}/text", 75)
    return faults


def _confirm(confirm: Any, where: str) -> list[str]:
    if not isinstance(confirm, dict):
        return [f"must be an object [json-pointer:{where}]"]
    limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
    return [
        fault
        for name, limit in limits.items()
        for fault in _text(confirm.get(name), f"{where}/{name}", limit, plain=name != "text")
    ]


def _rich_text(elements: Any, where: str) -> list[str]:
    if not isinstance(elements, list):
        return [f"missing required field: elements [json-pointer:{where}]"]
    faults = []
    for number, part in enumerate(elements):
        if not isinstance(part, dict) or part.get("type") not in RICH_TEXT_PARTS:
            faults.append(f"unsupported type [json-pointer:{where}/{number}/type]")
            continue
        leaves = part.get("elements")
        if not isinstance(leaves, list):
            faults.append(f"missing required field: elements [json-pointer:{where}/{number}]")
            continue
        for position, leaf in enumerate(leaves):
            if isinstance(leaf, dict) and leaf.get("type") == "text":
                at = f"{where}/{number}/elements/{position}/text"
                if not isinstance(leaf.get("text"), str) or not leaf["text"]:
                    faults.append(f"must be more than 0 characters [json-pointer:{at}]")
    return faults


def _items(value: Any, where: str, most: int) -> list[str]:
    if not isinstance(value, list) or not value:
        return [f"no less than 1 items allowed [json-pointer:{where}]"]
    if len(value) > most:
        return [f"no more than {most} items allowed [json-pointer:{where}]"]
    return []


def _text(value: Any, where: str, most: int, *, plain: bool = False) -> list[str]:
    if not isinstance(value, dict) or value.get("type") not in ("plain_text", "mrkdwn"):
        return [f"missing or malformed text object [json-pointer:{where}]"]
    faults = _string(value.get("text"), f"{where}/text", most)
    if plain and value["type"] != "plain_text":
        faults.append(f"must be a valid enum value [json-pointer:{where}/type]")
    if value["type"] == "mrkdwn" and "emoji" in value:
        faults.append(f"emoji is not allowed in mrkdwn text [json-pointer:{where}]")
    return faults


def _string(value: Any, where: str, most: int) -> list[str]:
    if not isinstance(value, str) or not value:
        return [f"must be more than 0 characters [json-pointer:{where}]"]
    if len(value) > most:
        return [f"must be less than {most + 1} characters [json-pointer:{where}]"]
    return []


def _weight(value: Any) -> int:
    if isinstance(value, list):
        return sum(_weight(item) for item in value)
    if isinstance(value, dict):
        own = len(value["text"]) + CONTAINER_WEIGHT if isinstance(value.get("text"), str) else 0
        return own + sum(_weight(item) for item in value.values() if isinstance(item, dict | list))
    return 0


def _error(*faults: str, code: str = "invalid_blocks") -> SlackError:
    messages = [f"[ERROR] {fault}" for fault in faults]
    return SlackError(code, errors=list(faults), response_metadata={"messages": messages})


def _view_error(*faults: str) -> SlackError:
    return _error(*faults, code="invalid_arguments")
