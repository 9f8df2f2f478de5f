"""An app on the sandbox that does as a test tells it, and what it shows there."""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.sockets import Socket


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(value: str, text: str) -> dict[str, Any]:
    return {"value": value, "text": plain(text)}


def button(action: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": plain(text), **more}


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def home(count: int = 2) -> dict[str, Any]:
    """A queue as a desk shows it."""
    which = {
        "type": "static_select",
        "action_id": "which",
        "placeholder": plain("Which cases"),
        "initial_option": option("open", "All open"),
        "options": [option("open", "All open"), option("escalated", "Escalated")],
    }
    figures = [("Open", count), ("Escalated", 1)]
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": plain("The desk")},
            {
                "type": "section",
                "fields": [{"type": "mrkdwn", "text": f"*{name}*\n{number}"} for name, number in figures],
            },
            {"type": "actions", "block_id": "filter", "elements": [which, button("next", "Next page")]},
            {"type": "divider"},
            section(":rotating_light: *CASE_003* Dana Lee", block_id="row", accessory=button("look", "Look")),
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "Waiting for 5 h"}]},
        ],
    }


def form() -> dict[str, Any]:
    """A modal with each kind of input that a desk asks for."""
    return {
        "type": "modal",
        "callback_id": "new_case",
        "title": plain("New case"),
        "submit": plain("Open it"),
        "close": plain("Not now"),
        "blocks": [
            section("Begin a conversation with a *customer*."),
            {
                "type": "input",
                "block_id": "customer",
                "label": plain("Customer"),
                "element": {"type": "users_select", "action_id": "who", "placeholder": plain("Choose somebody")},
            },
            {
                "type": "input",
                "block_id": "words",
                "label": plain("First message"),
                "hint": plain("It is sent as it stands."),
                "element": {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 200},
            },
            {
                "type": "input",
                "block_id": "how",
                "optional": True,
                "label": plain("How"),
                "element": {
                    "type": "checkboxes",
                    "action_id": "ways",
                    "options": [option("quiet", "Quietly"), option("alert", "With an alert")],
                },
            },
        ],
    }


class App:
    """Its Web API client, and the connection on which it is told what people do."""

    def __init__(self, web: AsyncWebClient, socket: Socket) -> None:
        self.web = web
        self.socket = socket

    async def told(self, kind: str, answer: dict[str, Any] | None = None) -> dict[str, Any]:
        """The next command or interaction, answered."""
        frame = await self.socket.next(kind)
        await self.socket.ack(frame, answer)
        payload: dict[str, Any] = frame["payload"]
        return payload
