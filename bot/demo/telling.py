"""What a record of the traffic says, in words: who did what where. Nothing is told that was not recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

from bot.demo.reading import BETWEEN, Reader, Row, RowKind, facts, shown
from bot.sandbox.block_kit import buttons
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Json
from bot.sandbox.people import LOG, SUPPORT
from bot.sandbox.traffic import Record
from bot.sandbox.web_api.call import Args
from bot.sandbox.workspace import Workspace

BOT = "Casewire"
SIGNS = {
    "white_check_mark": "✓ sent",
    "hourglass_flowing_sand": "… on its way",
    "x": "✗ not delivered",
    "lock": "⊘ not sent, stays inside",
}

_CASE = re.compile(r"CASE_\d+")
_BELOW = re.compile(r"^(?:-- ?$|>|On .{1,200} wrote:\s*$)", re.M)


class Voice(Enum):
    """Whose line it is, which decides how it looks."""

    CUSTOMER = auto()
    DESK = auto()
    BOT = auto()
    LOG = auto()
    SLACK = auto()
    TROUBLE = auto()


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the tale: `who ▸ where` and what."""

    voice: Voice
    who: str
    where: str
    rows: tuple[Row, ...]


class Teller:
    """Puts records into words, and remembers what it needs to understand the next ones."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read = Reader(workspace)
        self._cases: dict[tuple[str, str], str] = {}
        self._shown: dict[tuple[str, str], list[str]] = {}
        self._asking: dict[str, str] = {}
        self._writers: dict[str, str] = {}

    def tell(self, record: Record) -> Told | None:
        """The record in words; None for what only machines care about."""
        detail = record.detail
        match record.direction:
            case _ if record.what.startswith("mail_"):
                return self._mail(record.what, detail)
            case "person":
                return self._gesture(record.what, detail)
            case "to_bot":
                self._remember_who_asks(record.what, detail)
                return None
            case "from_bot" if record.what.startswith("call:"):
                return self._call(record.what.removeprefix("call:"), detail)
            case "from_bot" if record.what == "ack":
                return self._whispered(self._asking.pop(detail["envelope_id"], ""), detail.get("payload"))
            case "from_bot" if record.what == "response_url":
                return self._whispered("", detail.get("args"))
            case "sandbox":
                return self._slack(record)
            case _:
                return None

    # what people do

    def _gesture(self, what: str, detail: Json) -> Told | None:
        user, channel = str(detail.get("user", "")), str(detail.get("channel") or "")
        where = self._where(channel, detail.get("thread_ts")) if channel else ""
        match what:
            case "post":
                files = ", ".join(detail.get("files", ()))
                rows = [_row(self._read.text(detail["text"])), _row(f"(file: {files})") if files else None]
            case "edit":
                rows = [_row("(edits) " + self._read.text(detail["text"]))]
            case "delete":
                rows = [_row("(deletes a message)")]
            case "react":
                rows = [_row(f"(reacts) :{detail['name']}:")]
            case "command":
                rows = [_row(shown(f"{detail['command']} {detail['text']}"))]
            case "click":
                rows = [Row(RowKind.BUTTONS, f"presses [{self._caption(channel, detail)}]")]
            case _:
                rows = [_row(f"({what})")]
        voice = Voice.DESK if self._works_here(user) else Voice.CUSTOMER
        return Told(voice, self._name(user), where, _some(rows))

    def _caption(self, channel: str, detail: Json) -> str:
        """What stands on the button."""
        try:
            post = self._workspace.message(self._workspace.channel(channel), str(detail.get("ts")))
        except SlackError:
            post = {}
        for _, element in buttons(post.get("blocks", [])):
            if element["action_id"] == detail["action_id"]:
                return str(element.get("text", {}).get("text", ""))
        return str(detail["action_id"])

    # what the bot does

    def _call(self, method: str, detail: Json) -> Told | None:
        args, answer = detail.get("args", {}), detail.get("answer", {})
        if not answer.get("ok"):
            reason = answer.get("error") or detail.get("fault") or detail.get("status") or "no answer"
            return Told(Voice.TROUBLE, BOT, "Slack", (_row(f"{method} was refused: {reason}"),))
        match method:
            case "chat.postMessage":
                return self._posted(args, str(answer["channel"]), str(answer["ts"]))
            case "chat.update":
                return self._updated(args, str(answer["channel"]), str(answer["ts"]))
            case "chat.postEphemeral":
                return self._whispered(str(args.get("user", "")), args)
            case "files.completeUploadExternal":
                return self._file_posted(args)
            case "reactions.add":
                return self._marked(str(args["channel"]), str(args["timestamp"]), str(args["name"]))
            case _:
                return None

    def _posted(self, args: Json, channel: str, ts: str) -> Told:
        rows = self._read.post(args)
        self._shown[channel, ts] = facts(rows)
        thread_ts = args.get("thread_ts")
        title = rows[0].text if rows and rows[0].kind is RowKind.TITLE else ""
        if not thread_ts and (case := _CASE.search(title)):
            self._cases[channel, ts] = case[0]
        author = args.get("username")
        if author and rows:
            rows = [Row(rows[0].kind, f"{author}: {rows[0].text}"), *rows[1:]]
        if args.get("reply_broadcast"):
            rows = [*rows, Row(RowKind.ASIDE, f"(also in {self._where(channel, None)})")]
        voice = Voice.LOG if channel == LOG else Voice.BOT
        return Told(voice, BOT, self._where(channel, thread_ts, to=True), tuple(rows))

    def _file_posted(self, args: Json) -> Told:
        comment = self._read.text(str(args.get("initial_comment") or ""))
        names = ", ".join(str(file.get("title")) for file in Args(args).structure("files") or ())
        where = self._where(str(args["channel_id"]), args.get("thread_ts"), to=True)
        return Told(Voice.BOT, BOT, where, (_row(comment), _row(f"(file: {names})")))

    def _updated(self, args: Json, channel: str, ts: str) -> Told | None:
        """Only what has changed: a card is updated often."""
        rows = self._read.post(args)
        before, now = self._shown.get((channel, ts), []), facts(rows)
        self._shown[channel, ts] = now
        changed = [fact for fact in now if fact not in before]
        gone = [f"no longer: {fact}" for fact in before if fact not in now and not changed]
        if not changed and not gone:
            return None
        titles = [row for row in rows if row.kind is RowKind.TITLE] or [_row("(edited)")]
        change = Row(RowKind.PLAIN, "→ " + BETWEEN.join(changed or gone))
        return Told(Voice.BOT, BOT, self._where(channel, None, to=True), (*titles[:1], change))

    def _whispered(self, user: str, body: object) -> Told | None:
        """An answer that one person alone is shown."""
        if not isinstance(body, dict) or not (body.get("text") or body.get("blocks")):
            return None
        name = self._name(user) if user else ""
        alone = Row(RowKind.ASIDE, f"(only {name or 'one person'} sees this)")
        return Told(Voice.BOT, BOT, name, (*self._read.post(body), alone))

    def _marked(self, channel: str, ts: str, name: str) -> Told:
        post = self._workspace.channels[channel].messages.get(ts, {})
        quoted = self._read.text(str(post.get("text", "")))
        quoted = quoted if len(quoted) <= 40 else quoted[:39].rstrip() + "…"
        where = self._where(channel, post.get("thread_ts"), to=True)
        return Told(Voice.BOT, BOT, where, (Row(RowKind.MARK, f"{SIGNS.get(name, name)}: “{quoted}”"),))

    def _remember_who_asks(self, what: str, detail: Json) -> None:
        if what in ("envelope:slash_commands", "envelope:interactive"):
            payload = detail["payload"]
            self._asking[detail["envelope_id"]] = str(payload.get("user_id") or payload["user"]["id"])

    # mail

    def _mail(self, what: str, detail: Json) -> Told | None:
        match what:
            case "mail_written":
                sender = str(detail["sender"])
                self._writers[sender] = str(detail["name"])
                voice = Voice.DESK if self._works_here(self._person_of(sender)) else Voice.CUSTOMER
                return Told(voice, self._name_of(sender), "mail", self._letter(detail))
            case "mail_sent":
                names = ", ".join(self._name_of(str(address)) for address in detail["to"])
                return Told(Voice.BOT, BOT, names, self._letter(detail))
            case "mail_bounced":
                said = f"A mail to {detail['to']} bounced: {detail['said']}"
            case "mail_outage":
                said = "Mail is away." if detail["on"] else "Mail is back."
            case _:
                return None
        return Told(Voice.TROUBLE, "mail", "", (_row(shown(said)),))

    def _letter(self, detail: Json) -> tuple[Row, ...]:
        """Subject and words, without the signature and what is quoted below them."""
        own = _BELOW.split(str(detail["text"]), maxsplit=1)[0]
        return Row(RowKind.TITLE, shown(f"Mail: {detail['subject'] or 'without subject'}")), _row(shown(own))

    def _name_of(self, address: str) -> str:
        """The first name of who has that address or wrote under it, else what stands before its @."""
        if person := self._person_of(address):
            return self._name(person)
        named = shown(self._writers.get(address, "")).split()
        return named[0] if named else shown(address.partition("@")[0]) or "somebody"

    def _person_of(self, address: str) -> str:
        known = (user.id for user in self._workspace.users.values() if user.email == address)
        return next(known, "")

    # what Slack does

    def _slack(self, record: Record) -> Told | None:
        match record.what:
            case "clock":
                now = datetime.fromtimestamp(record.time, UTC)
                return Told(Voice.SLACK, "clock", "", (_row(f"It is now {now:%A %Y-%m-%d %H:%M} UTC."),))
            case "outage":
                said = "Slack is away." if record.detail["on"] else "Slack is back."
            case "event_unacked":
                said = "An event was not acknowledged in time. It comes again."
            case "event_lost":
                said = "An event was never acknowledged. Slack gives it up."
            case "unanswered" | "no_connection":
                said = "The bot did not answer a command or a click."
            case _:
                return None
        return Told(Voice.TROUBLE, "Slack", "", (_row(said),))

    # names

    def _where(self, channel_id: str, thread_ts: object, *, to: bool = False) -> str:
        """A case's thread by its case, a channel by its name, a DM by who is at its other end."""
        channel = self._workspace.channels.get(channel_id)
        if channel is None:
            return channel_id
        if channel.kind == "im":
            return self._name(channel.other) if to else BOT
        return self._cases.get((channel_id, str(thread_ts)), f"#{channel.name}")

    def _name(self, user: str) -> str:
        """First names are enough here."""
        return (shown(self._read.name(user)).split() or ["somebody"])[0]

    def _works_here(self, user: str) -> bool:
        support = self._workspace.channels.get(SUPPORT)
        return support is not None and user in support.members


def _row(text: str) -> Row:
    return Row(RowKind.PLAIN, text)


def _some(rows: Iterable[Row | None]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row is not None)
