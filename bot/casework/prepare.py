"""Prepare: everything about an item that only the outside knows, looked up before any transaction begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.desk.effects import ReplyKind
from bot.desk.model import Person, PostRef, ReplyTo, Written
from bot.people import LookupUnavailable, People, Profile, UnknownUser
from bot.slack_files import read_files
from bot.text.inbound import mentioned_users, read_message
from bot.text.safe import is_blank
from storage.deliveries import DeliveryReport, read_delivery
from storage.inbox import Item

from .intake import FOR_A_PERSON, WAS_SENT, ItemKind, Request, Verb, read_request, why_unreadable
from .mail_prepare import Mail, Mails, read_mail


@dataclass(frozen=True, slots=True)
class DirectMessage:
    """A DM to the bot; its writer is a customer unless an admin."""

    at: datetime
    author: Person
    handle: str
    written: Written
    ref: PostRef
    reply_to: ReplyTo


@dataclass(frozen=True, slots=True)
class ThreadPost:
    at: datetime
    author: Person
    written: Written
    ref: PostRef
    was_sent: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    at: datetime
    ref: PostRef
    text: str
    html: str = ""


@dataclass(frozen=True, slots=True)
class Deletion:
    at: datetime
    ref: PostRef


@dataclass(frozen=True, slots=True)
class Mention:
    at: datetime
    author: Person
    ref: PostRef


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom an admin wants a case for; `refused` says why there can be none. `written` is what is to be in it."""

    person: Person
    handle: str
    written: Written
    ref: PostRef | None = None
    refused: ReplyKind | None = None


@dataclass(frozen=True, slots=True)
class AskedFor:
    at: datetime
    by: Person
    request: Request
    addressee: Addressee | None = None
    mail: Mail | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    at: datetime
    report: DeliveryReport


@dataclass(frozen=True, slots=True)
class Nobody:
    """Written by a bot: nobody's message."""

    user: str


Prepared = DirectMessage | ThreadPost | Edit | Deletion | Mention | AskedFor | Delivery | Nobody | Mail


async def prepare(item: Item, people: People, mails: Mails | None = None) -> Prepared:
    """Raises LookupUnavailable when the outside does not answer, UnknownUser when Slack denies the author.

    Of a mail that cannot be read, raises what its reader does; of an event that cannot be, UnreadableEvent.
    """
    match ItemKind(item.kind):
        case ItemKind.DELIVERY:
            return Delivery(item.at, read_delivery(item.raw))
        case ItemKind.REQUEST:
            request = read_request(item.raw)
            by = await people.person(request.user)
            if not by.is_admin:
                return AskedFor(item.at, by, request)  # it is refused: nothing is looked up for it
            addressee = await _addressee(request, people) if request.verb in FOR_A_PERSON else None
            mail = None
            if request.verb in {Verb.ACCEPT_MAIL, Verb.OPEN_MAIL}:
                mail = await _mails(mails).read_held(request.held_id)
            return AskedFor(item.at, by, request, addressee, mail)
        case ItemKind.MAIL:
            await people.meet_admins()
            return await read_mail(item, _mails(mails))
        case ItemKind.MENTION:
            event = _event(item)
            return Mention(item.at, await people.person(str(event["user"])), _ref(event, event))
        case ItemKind.EDIT:
            event = _event(item)
            message = event["message"]
            words = read_message(message, await people.names(mentioned_users(message)))
            return Edit(item.at, _ref(event, message), words.plain, words.html)
        case ItemKind.DELETION:
            event = _event(item)
            ts = str(event.get("deleted_ts") or (event.get("message") or {}).get("ts"))
            return Deletion(item.at, _ref(event, {**(event.get("previous_message") or {}), "ts": ts}))
        case ItemKind.MESSAGE:
            return await _message(item, people)
        case ItemKind.UNREADABLE:
            raise why_unreadable(item.raw)


def _mails(mails: Mails | None) -> Mails:
    if mails is None:
        raise LookupUnavailable("email is not set up; mail that came before waits")
    return mails


async def _message(item: Item, people: People) -> DirectMessage | ThreadPost | Nobody:
    event = _event(item)
    profile = await people.profile(str(event["user"]))
    if profile.is_bot:
        return Nobody(profile.id)
    author = await _as_person(profile, people)
    words = read_message(event, await people.names(mentioned_users(event)))
    written = Written(words.plain, words.typed, read_files(event), words.leading_mention, words.html)
    ref = _ref(event, event)
    if item.lane.startswith("customer:") and str(event["channel"]).startswith("D"):
        await people.meet_admins()
        return DirectMessage(item.at, author, profile.handle, written, ref, ReplyTo(ref.channel, ref.thread_ts))
    return ThreadPost(item.at, author, written, ref, was_sent=event.get(WAS_SENT) is True)


async def _addressee(request: Request, people: People) -> Addressee:
    message = request.message
    if message is None:
        written, ref = Written(request.text, request.text), None
    else:
        words = read_message(message, await people.names(mentioned_users(message)))
        written = Written(words.plain, words.typed, read_files(message), words.leading_mention)
        ref = _ref(message, message)
    try:
        profile = await people.profile(request.target)
    except UnknownUser:
        return Addressee(Person(request.target, ""), "", written, ref, ReplyKind.NO_SUCH_PERSON)
    await people.meet_admins()
    person = await _as_person(profile, people)
    return Addressee(person, profile.handle, written, ref, _refusal(profile, person, written))


def _refusal(profile: Profile, person: Person, written: Written) -> ReplyKind | None:
    if profile.is_bot:
        return ReplyKind.IS_A_BOT
    if not profile.is_active:
        return ReplyKind.IS_DEACTIVATED
    if person.is_admin:
        return ReplyKind.IS_AN_ADMIN
    return ReplyKind.NO_WORDS if is_blank(written.text) and not written.files else None


async def _as_person(profile: Profile, people: People) -> Person:
    return Person(profile.id, profile.name, await people.is_admin(profile))


def _event(item: Item) -> Mapping[str, Any]:
    body: Mapping[str, Any] = json.loads(item.raw)
    event: Mapping[str, Any] = body["event"]
    return event


def _ref(event: Mapping[str, Any], message: Mapping[str, Any]) -> PostRef:
    thread_ts = message.get("thread_ts")
    ts = str(message["ts"])
    return PostRef(str(event["channel"]), ts, str(thread_ts) if thread_ts and thread_ts != ts else None)
