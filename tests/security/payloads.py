"""Payloads as Slack sends them, all of them Mallory's, and what becomes of them when parts are lost or replaced."""

import copy
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from bot.blocks import alert, card, forms, home, mail, thread
from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, OMAR, SUPPORT

Json = Any
Place = tuple[str | int, ...]

MALLORY, MALLORYS_DM = "U0MALLORY1", "D0MALLORY1"
SAMPLES = Path(__file__).parents[2] / "samples" / "slack"
# Roots of the threads in which Dana's and Omar's cases stand.
THREADS = {DANA: "1000000001.000001", OMAR: "1000000002.000001"}
_seconds = itertools.count(1_800_000_000)

# What an attacker would try, and what a database or a key might stumble over.
WORDS = [
    *("", " ", "x", "0", "-1", "1e999", "NaN", "null", "\x00", "\ud800", "\u202e", "a" * 5000, "é" * 300),
    *("CASE_001", "CASE_002", "CASE_999", "#1", f"CASE_002|{SUPPORT}|{THREADS[OMAR]}", "CASE_002|", "|||"),
    *(SUPPORT, MALLORYS_DM, "C0NOWHERE1", BOT_USER, "USLACKBOT", "U0NOBODY99", "B0SOMEBOT1"),
    *(*THREADS.values(), "1800000000.000001", "99999999999999.1", "-5.0", "1.1.1", "1e5", "１２.0"),
    *("<!channel>", f"<@{ADA}>", "&amp;lt;", "'; DROP TABLE cases; --", "I'm closing this case.", "urgent"),
    *("message", "message_changed", "message_deleted", "file_share", "bot_message", "thread_broadcast", "im"),
    *("channel", "mpim", "home", '{"case_id": "CASE_002", "seen": ""}', "[]", "{}", "../../etc/passwd"),
]
JUNK: st.SearchStrategy[Json] = st.one_of(
    st.sampled_from(WORDS),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    st.text(max_size=30),
    st.recursive(
        st.none() | st.sampled_from(WORDS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
        max_leaves=5,
    ),
)


def events() -> list[Json]:
    """The samples' events, as if Mallory had written all of them, and the events that nobody writes."""
    found = [body for body in map(_mallorys, _samples()) if "event" in body]
    told = [
        {"type": "app_home_opened", "user": MALLORY, "tab": "home", "channel": MALLORYS_DM},
        {"type": "user_change", "user": {"id": MALLORY, "profile": {"display_name": "Mallory"}}},
        {"type": "channel_archive", "channel": "C0NOWHERE1", "user": MALLORY},
        {"type": "channel_rename", "channel": {"id": "C0NOWHERE1", "name": "elsewhere"}},
        {"type": "group_left", "channel": "C0NOWHERE1"},
        {"type": "member_joined_channel", "user": MALLORY, "channel": SUPPORT},
        {"type": "reaction_added", "user": MALLORY, "reaction": "tada", "item": {"channel": SUPPORT}},
    ]
    return found + [{**_mallorys({"type": "event_callback", "event_id": "Ev1"}), "event": event} for event in told]


def interactions() -> list[Json]:
    """Clicks on every button there is, both forms sent, and the shortcut on a message."""
    actions = [
        *((alert.ACTION_ACKNOWLEDGE, "alert:1"), (alert.ACTION_OPEN_THREAD, "")),
        *((card.ACTION_ESCALATE_CASE, "CASE_002"), (card.ACTION_CLOSE_CASE, "CASE_002")),
        *((card.ACTION_REOPEN_CASE, "CASE_002"), (home.ACTION_ESCALATED, ""), (home.ACTION_BACK, "1")),
        *((home.ACTION_NEXT, "[]"), (home.ACTION_CUSTOMER, ""), (home.ACTION_FIRST, ""), (home.ACTION_ALL, "")),
        (thread.ACTION_REOPEN_AND_SEND, f"CASE_002|{SUPPORT}|{THREADS[OMAR]}"),
        *((action, "1") for action in (mail.ACTION_ACCEPT_MAIL, mail.ACTION_OPEN_MAIL)),
        *((action, "1") for action in (mail.ACTION_BLOCK_MAIL, mail.ACTION_SET_MAIL_ASIDE)),
    ]
    clicks = [
        _gesture("block_actions")
        | {
            "container": {"type": "message", "message_ts": THREADS[OMAR], "channel_id": SUPPORT},
            "channel": {"id": SUPPORT, "name": "privategroup"},
            "actions": [
                {"action_id": name, "block_id": "b", "type": "button", "value": value, "action_ts": "1.0"}
            ],
        }
        for name, value in actions
    ]
    words = {forms.INPUT_WORDS: {forms.INPUT_WORDS: {"type": "plain_text_input", "value": "Hello"}}}
    whom = {forms.INPUT_CUSTOMER: {forms.INPUT_CUSTOMER: {"type": "users_select", "selected_user": OMAR}}}
    quiet = {forms.INPUT_QUIET: {forms.INPUT_QUIET: {"type": "checkboxes", "selected_options": []}}}
    seen = json.dumps({"case_id": "CASE_002", "seen": "2026-01-31T12:00:00+00:00"})
    sent = [
        _gesture("view_submission")
        | {
            "view": {
                "id": f"V{name}",
                "type": "modal",
                "callback_id": name,
                "private_metadata": seen,
                "state": {"values": values},
            }
        }
        for name, values in ((forms.CALLBACK_CLOSE, words | quiet), (forms.CALLBACK_BEGIN, words | whom))
    ]
    shortcut = _gesture("message_action") | {
        "callback_id": "case_from_message",
        "channel": {"id": SUPPORT, "name": "privategroup"},
        "message_ts": THREADS[OMAR],
        "message": {"type": "message", "user": BEN, "text": "Take me up", "ts": THREADS[OMAR]},
    }
    return [*clicks, *sent, shortcut]


def command(text: str, user: str = MALLORY) -> Json:
    (found,) = [body for body in _samples() if body.get("text") == "close CASE_001"]
    return {**found, "user_id": user, "text": text, "trigger_id": f"{next(_seconds)}.0.fuzz", "response_url": ""}


def mutated(payloads: list[Json]) -> st.SearchStrategy[Json]:
    """One of the payloads with up to four of its parts dropped, replaced, wrapped or repeated."""

    @st.composite
    def build(draw: st.DrawFn) -> Json:
        payload = copy.deepcopy(draw(st.sampled_from(payloads)))
        for _ in range(draw(st.integers(0, 4))):
            places = [place for place in _places(payload) if place]
            if places:
                _change(draw, payload, draw(st.sampled_from(places)))
        return payload

    return build()


def timed(payload: Json) -> Json:
    """The payload with times and gestures of its own: a second copy of the first would be no news."""
    fresh = f"{next(_seconds)}.000001"
    if isinstance(event := payload.get("event"), dict):
        for name in ("ts", "event_ts"):
            if isinstance(event.get(name), str) and event[name] not in WORDS:
                event[name] = fresh
    if isinstance(payload.get("trigger_id"), str) and payload["trigger_id"] not in WORDS:
        payload["trigger_id"] = f"{fresh}.fuzz"
    return payload


def _change(draw: st.DrawFn, payload: Json, place: Place) -> None:
    *way, last = place
    inside = payload
    for step in way:
        inside = inside[step]
    match draw(st.sampled_from(["drop", "replace", "replace", "wrap", "repeat"])):
        case "drop":
            del inside[last]
        case "replace":
            inside[last] = draw(JUNK)
        case "wrap":
            inside[last] = draw(st.sampled_from([[inside[last]], {"value": inside[last]}]))
        case _:
            inside[last] = [copy.deepcopy(inside[last])] * 3


def _places(value: Json, way: Place = ()) -> Iterator[Place]:
    yield way
    if isinstance(value, dict):
        for name in value:
            yield from _places(value[name], (*way, name))
    elif isinstance(value, list):
        for number in range(len(value)):
            yield from _places(value[number], (*way, number))


def _gesture(kind: str) -> Json:
    return {
        "type": kind,
        "user": {"id": MALLORY, "username": "mallory", "name": "mallory", "team_id": "T0SANDBOX1"},
        "team": {"id": "T0SANDBOX1", "domain": "sandbox"},
        "api_app_id": "A0CASEWIRE",
        "token": "sandbox-verification-token",
        "trigger_id": "1.0.fuzz",
        "response_url": "",
    }


def _samples() -> list[Json]:
    return [json.loads(path.read_text()) for path in sorted(SAMPLES.glob("*.json"))]


def _mallorys(body: Json) -> Json:
    """The same, by Mallory: Slack vouches for who somebody is, so nobody else's name can be tried."""
    text = json.dumps(body)
    for user in (DANA, OMAR, ADA, BEN):
        text = text.replace(user, MALLORY).replace(user.replace("U0", "D0", 1), MALLORYS_DM)
    return json.loads(text.replace('"latest"', json.dumps(THREADS[OMAR])))
