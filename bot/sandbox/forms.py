"""How Slack reports what was chosen or typed in an interactive element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.sandbox.model import Json

ONE_OF = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
}
INITIAL = {
    "users_select": "initial_user",
    "conversations_select": "initial_conversation",
    "channels_select": "initial_channel",
    "datepicker": "initial_date",
    "timepicker": "initial_time",
    "datetimepicker": "initial_date_time",
    "multi_users_select": "initial_users",
    "multi_conversations_select": "initial_conversations",
    "multi_channels_select": "initial_channels",
}
OPTION = ("static_select", "external_select", "radio_buttons", "overflow")
OPTIONS = ("multi_static_select", "multi_external_select", "checkboxes")


def action_of(element: Json, block_id: str, value: Any, action_ts: str) -> Json:
    """An entry of `actions` in block_actions:
    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload."""
    action: Json = {
        "action_id": element["action_id"],
        "block_id": block_id,
        "type": element["type"],
        "action_ts": action_ts,
    }
    if element["type"] == "button":
        kept = ("text", "value", "style", "url", "confirm")
        return action | {name: element[name] for name in kept if name in element}
    return action | _chosen(element, value)


def fill(blocks: list[Json], values: Mapping[str, Any]) -> Json:
    """`view.state.values` after somebody filled in a modal.

    Raises ValueError for a required input that is left empty: Slack's client does not submit that.
    """
    state: Json = {}
    used = set()
    for block in blocks:
        candidates = [block.get("element"), block.get("accessory"), *block.get("elements", [])]
        for element in candidates:
            if not isinstance(element, dict) or "action_id" not in element or element["type"] == "button":
                continue
            keys = [key for key in (element["action_id"], block["block_id"]) if key in values]
            used |= set(keys)
            chosen = _chosen(element, values[keys[0]] if keys else None)
            if block["type"] == "input" and not block.get("optional") and not any(chosen.values()):
                raise ValueError(f"{element['action_id']!r} is required")
            entry = {"type": element["type"], **chosen}
            state.setdefault(block["block_id"], {})[element["action_id"]] = entry
    if unknown := set(values) - used:
        raise ValueError(f"the modal has no input {sorted(unknown)}")
    return state


def _chosen(element: Json, value: Any) -> Json:
    kind = element["type"]
    if kind in OPTION:
        initial = element.get("initial_option")
        return {"selected_option": initial if value is None else _option(element, value)}
    if kind in OPTIONS:
        if value is None:
            return {"selected_options": element.get("initial_options", [])}
        return {"selected_options": [_option(element, item) for item in value]}
    if kind in ONE_OF:
        return {ONE_OF[kind]: element.get(INITIAL[kind]) if value is None else value}
    typed = element.get("initial_value") if value is None else value
    return {"value": typed or None}


def _option(element: Json, value: Any) -> Json:
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    for option in [*element.get("options", []), *grouped]:
        if option.get("value") == value:
            return dict(option)
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": str(value)}, "value": str(value)}
    raise ValueError(f"{element['action_id']!r} does not offer {value!r}")
