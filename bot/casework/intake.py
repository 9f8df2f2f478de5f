"""What arrives, as inbox items: which key it has, whom it is about, when it was written.

Whatever route an item takes (a socket, a replay of history), it gets the same key here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.slack_ids import slack_id, slack_ts
from bot.slack_time import moment
from storage import deliveries
from storage.inbox import About, NewItem

# What people write: https://docs.slack.dev/reference/events/message#subtypes
_WRITTEN_SUBTYPES = {None, "file_share", "me_message", "thread_broadcast"}
# Ours, in an event made of history: what it shows was sent to the customer before.
WAS_SENT = "casewire_was_sent"
_SLACKS_OWN = {"USLACKBOT", "USLACK"}


class ItemKind(StrEnum):
    MESSAGE = "message"
    EDIT = "edit"
    DELETION = "deletion"
    MENTION = "mention"
    REQUEST = "request"
    DELIVERY = deliveries.KIND
    MAIL = "mail"
    UNREADABLE = "unreadable"


class UnreadableEvent(ValueError):
    """An event that is not as Slack's events are: no waiting makes it readable."""


class Verb(StrEnum):
    """What an admin can ask for by command or button."""

    CLOSE = "close"
    REOPEN = "reopen"
    ESCALATE = "escalate"
    ACKNOWLEDGE = "acknowledge"
    REOPEN_AND_SEND = "reopen_and_send"
    BEGIN = "begin"
    TAKE_UP = "take_up"
    BLOCK = "block"
    ACCEPT_MAIL = "accept_mail"
    OPEN_MAIL = "open_mail"
    BLOCK_MAIL = "block_mail"
    SET_MAIL_ASIDE = "set_mail_aside"


# What is asked about a person, of whom there may be no case yet.
FOR_A_PERSON = {Verb.BEGIN, Verb.TAKE_UP}
# What is decided of a mail that no case has taken.
FOR_A_MAIL = {Verb.ACCEPT_MAIL, Verb.OPEN_MAIL, Verb.BLOCK_MAIL, Verb.SET_MAIL_ASIDE}


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is a case id, an alert post's key, `CASE_001|channel|ts` of a post to send after all, the number of
    a held mail, or (to begin a case, or to take a message up) somebody's Slack id.

    `text` is a reason, or what to send. `seen` is when the newest message was written that the asker can have
    seen; `once`: asked by a button that is not there once it is done; `message` is Slack's, to be taken up.
    """

    verb: Verb
    user: str
    target: str
    text: str = ""
    quiet: bool = False
    once: bool = False
    seen: str = ""
    message: Mapping[str, Any] | None = None

    @property
    def case_id(self) -> str:
        return self.target.partition("|")[0]

    @property
    def held_id(self) -> int:
        """The number of a mail to decide on, 0 where the target names none."""
        return int(self.target) if self.target.isdecimal() and len(self.target) < 16 else 0

    @property
    def post(self) -> tuple[str, str]:
        """Channel and ts of the post to send after all. Raises ValueError where the target names none."""
        _, channel, ts = self.target.split("|")
        return channel, ts


def message_item(body: Mapping[str, Any]) -> NewItem | None:
    """The item of a `message` event; None for what no case is made of: bots' posts, chatter, joins.

    Raises UnreadableEvent.
    """
    return _readable(_message_item, body)


def mention_item(body: Mapping[str, Any]) -> NewItem | None:
    """The item of an `app_mention`; it has a twin `message` event, which alone counts inside case threads.

    Raises UnreadableEvent.
    """
    return _readable(_mention_item, body)


def unreadable_item(body: Mapping[str, Any], at: datetime) -> NewItem:
    """Kept for a person to look at, in a lane of its own. Slack may send it again: the same body has one key."""
    raw = _raw(body)
    key = f"unreadable:{hashlib.sha256(raw).hexdigest()[:32]}"
    return NewItem(key, ItemKind.UNREADABLE, About(lane=key), at, raw)


def why_unreadable(raw: bytes) -> UnreadableEvent:
    body = json.loads(raw)
    event = body.get("event")
    is_mention = isinstance(event, dict) and event.get("type") == "app_mention"
    try:
        (mention_item if is_mention else message_item)(body)
    except UnreadableEvent as error:
        return error
    return UnreadableEvent("an event could not be read when it came, though it has the right form")


def _readable(make: Callable[[Mapping[str, Any]], NewItem | None], body: Mapping[str, Any]) -> NewItem | None:
    try:
        return make(body)
    except KeyError as error:
        raise UnreadableEvent(f"Slack sent an event without {error}") from error
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise UnreadableEvent(f"Slack sent an event that cannot be read: {error}") from error


def _message_item(body: Mapping[str, Any]) -> NewItem | None:
    event: Mapping[str, Any] = body["event"]
    subtype = event.get("subtype")
    if subtype == "message_changed":
        return _edit_item(body, event)
    if subtype == "message_deleted":
        previous = event.get("previous_message") or {}
        return _deletion_item(body, event, previous, slack_ts(event["deleted_ts"]))
    if subtype not in _WRITTEN_SUBTYPES or event.get("hidden") or not _by_a_person(event):
        return None
    about = _about(event, event)
    if about is None:
        return None
    channel, ts = slack_id(event["channel"]), slack_ts(event["ts"])
    twin = None
    if event.get("client_msg_id"):
        client_msg_id = slack_id(event["client_msg_id"])
        text = str(event.get("text", ""))
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
        twin = f"twin:{channel}:{client_msg_id}:{digest}"
    return NewItem(f"post:{channel}:{ts}", ItemKind.MESSAGE, about, moment(ts), _raw(body), twin)


def _mention_item(body: Mapping[str, Any]) -> NewItem | None:
    event: Mapping[str, Any] = body["event"]
    if not _by_a_person(event) or event.get("edited"):
        return None
    channel, ts = slack_id(event["channel"]), slack_ts(event["ts"])
    about = About(person=slack_id(event["user"]))
    return NewItem(f"mention:{channel}:{ts}", ItemKind.MENTION, about, moment(ts), _raw(body))


def request_item(request: Request, gesture: str, at: datetime) -> NewItem:
    """`gesture` names the click or command (its trigger id): the same one twice is one request."""
    match request.verb:
        case Verb.ACKNOWLEDGE:
            about = About(alert_key=request.target, person=request.user)
        case Verb.BEGIN | Verb.TAKE_UP:
            about = About(customer=request.target)
        case Verb.ACCEPT_MAIL | Verb.OPEN_MAIL | Verb.BLOCK_MAIL | Verb.SET_MAIL_ASIDE:
            about = About(person=request.user)
        case _:
            about = About(case_id=request.case_id, person=request.user)
    return NewItem(f"request:{gesture}", ItemKind.REQUEST, about, at, _raw(asdict(request)))


def take_up_request(payload: Mapping[str, Any]) -> Request | None:
    """The request of a message shortcut; None for a message that nobody wrote."""
    message: Mapping[str, Any] = payload["message"]
    if not _by_a_person(message) or message.get("subtype") not in _WRITTEN_SUBTYPES:
        return None
    kept = {name: message[name] for name in ("text", "blocks", "files", "ts", "thread_ts") if name in message}
    kept["channel"] = str(payload["channel"]["id"])
    return Request(Verb.TAKE_UP, str(payload["user"]["id"]), str(message["user"]), message=kept)


def read_request(raw: bytes) -> Request:
    values = json.loads(raw)
    return Request(**(values | {"verb": Verb(values["verb"])}))


def _edit_item(body: Mapping[str, Any], event: Mapping[str, Any]) -> NewItem | None:
    message: Mapping[str, Any] = event.get("message") or {}
    previous: Mapping[str, Any] = event.get("previous_message") or {}
    if message.get("subtype") == "tombstone":
        # How Slack deletes a message that has replies.
        return _deletion_item(body, event, previous, slack_ts(message["ts"]))
    edited = (message.get("edited") or {}).get("ts")
    if edited is None or edited == (previous.get("edited") or {}).get("ts") or not _by_a_person(message):
        return None  # an unfurl or thread bookkeeping, no edit
    about = _about(event, message)
    if about is None:
        return None
    channel, ts, edited = slack_id(event["channel"]), slack_ts(message["ts"]), slack_ts(edited)
    return NewItem(f"edit:{channel}:{ts}:{edited}", ItemKind.EDIT, about, moment(edited), _raw(body))


def _deletion_item(
    body: Mapping[str, Any], event: Mapping[str, Any], previous: Mapping[str, Any], deleted_ts: str
) -> NewItem | None:
    by_a_person = _by_a_person(previous)
    about = _about(event, previous) if by_a_person else _about_our_root(event, previous, deleted_ts)
    if about is None:
        return None
    at = moment(slack_ts(event.get("event_ts") or event.get("ts") or deleted_ts))
    return NewItem(f"delete:{slack_id(event['channel'])}:{deleted_ts}", ItemKind.DELETION, about, at, _raw(body))


def _by_a_person(message: Mapping[str, Any]) -> bool:
    user = message.get("user")
    return bool(user) and user not in _SLACKS_OWN and not message.get("bot_id")


def _about(event: Mapping[str, Any], message: Mapping[str, Any]) -> About | None:
    channel = slack_id(event["channel"])
    if event.get("channel_type") == "im" or channel.startswith("D"):
        return About(customer=slack_id(message["user"]))
    if event.get("channel_type") == "mpim":
        return None
    thread_ts = message.get("thread_ts")
    if thread_ts is None or thread_ts == message.get("ts"):
        return None
    return About(thread=(channel, slack_ts(thread_ts)))


def _about_our_root(event: Mapping[str, Any], previous: Mapping[str, Any], deleted_ts: str) -> About | None:
    """The thread whose root an app posted: it may be a case's card. Of other apps' posts no thread is known."""
    is_root = previous.get("thread_ts") in (None, deleted_ts)
    channel = slack_id(event["channel"])
    if not previous.get("bot_id") or not is_root or channel.startswith("D"):
        return None
    return About(thread=(channel, deleted_ts))


def _raw(body: Mapping[str, Any]) -> bytes:
    """Without the verification token: it is a secret, of no use on a socket."""
    body = {name: value for name, value in body.items() if name != "token"}
    return json.dumps(body, separators=(",", ":")).encode()
