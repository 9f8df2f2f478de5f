"""The oracle: knows what was sent, and says what is lost, doubled or unexplained of it."""

import email
import email.policy
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.courier.states import EMOJI
from bot.desk.effects import MarkState
from bot.sandbox.people import BOT_USER, SUPPORT
from bot.slack_time import moment
from storage.outbox import MAIL
from tests.faults.harness.ledger import Kind, Ledger, Written
from tests.support.desk import Desk
from tests.support.posts import words

LATE = "earlier than what stands above"
TOO_LATE = "the mail with it had gone already, and the customer of case"
SILENCE = timedelta(hours=48)
REALERT = timedelta(minutes=30)
FOLLOW_UPS = 3


class Wrong(StrEnum):
    LOST = "lost"
    DOUBLED = "doubled"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Finding:
    wrong: Wrong
    what: str

    def __str__(self) -> str:
        return f"{self.wrong}: {self.what}"


@dataclass(slots=True)
class Held:
    """What the database holds, read at once when everything has settled."""

    cases: dict[str, dict[str, Any]]
    messages: dict[tuple[str, str], dict[str, Any]]
    held_posts: set[tuple[str, str]]
    outbox: list[dict[str, Any]]
    inbox: dict[str, dict[str, Any]]
    alerts: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    mails: list[dict[str, Any]]


@dataclass
class Oracle:
    """Compares the ledger with the database, the support channel, the DMs and the alerting and logging channels."""

    desk: Desk
    ledger: Ledger
    findings: list[Finding] = field(default_factory=list)
    _too_late: Counter[str] = field(default_factory=Counter)

    async def judge(self) -> list[Finding]:
        held = await self._read()
        shown = _Shown(self.desk)
        self._cases(held, shown)
        for message in self.ledger.of(Kind.CUSTOMER):
            self._customer_message(message, held, shown)
        for message in self.ledger.of(Kind.MAIL):
            self._mail(message, held, shown)
        self._order(shown)
        for message in self.ledger.of(Kind.ANSWER):
            self._answer(message, held, shown)
        for message in self.ledger.of(Kind.NOTE, Kind.BYSTANDER):
            self._kept_inside(message, held, shown)
        self._strangers(held)
        self._posts_once(held)
        self._set_aside(held)
        self._escalations(held, shown)
        self._closings(held)
        self._requests(held)
        return self.findings

    def _say(self, wrong: Wrong, what: str) -> None:
        self.findings.append(Finding(wrong, what))

    def _count(self, count: int, what: str, expected: int = 1) -> None:
        if count < expected:
            self._say(Wrong.LOST, f"{what}: {count} instead of {expected}")
        if count > expected:
            self._say(Wrong.DOUBLED, f"{what}: {count} instead of {expected}")

    # what it compares

    async def _read(self) -> Held:
        rows = self.desk.rows
        return Held(
            cases={row["case_id"]: row for row in await rows("SELECT * FROM cases ORDER BY number")},
            messages={
                (row["channel"], row["ts"]): row
                for row in await rows(
                    "SELECT * FROM messages WHERE ts IS NOT NULL AND source = 'slack' ORDER BY id"
                )
            },
            held_posts={
                (row["channel"], row["ts"])
                for row in await rows("SELECT channel, ts, data FROM case_events WHERE kind = 'AdminAnswered'")
                if "held" in str(row["data"])
            },
            outbox=await rows("SELECT * FROM outbox ORDER BY id"),
            inbox={row["key"]: row for row in await rows("SELECT key, kind, state, error FROM inbox")},
            alerts=await rows("SELECT case_id, alert_key, raised_at FROM alerts ORDER BY raised_at"),
            mails=await rows(
                "SELECT id, case_id, sender, body FROM messages WHERE source = 'email' AND NOT is_admin ORDER BY id"
            ),
            attachments=await rows("SELECT message_id, name, trouble FROM attachments WHERE kind = 'file'"),
        )

    def _cases(self, held: Held, shown: "_Shown") -> None:
        """One open case at most for each customer; each case with one card, one opening line, one notice."""
        numbers = [row["number"] for row in held.cases.values()]
        if numbers != list(range(1, len(numbers) + 1)):
            self._say(Wrong.UNEXPLAINED, f"the numbers of cases are {numbers}")
        open_cases = Counter(c["customer_identifier"] for c in held.cases.values() if c["status"] == "open")
        for customer, count in open_cases.items():
            if count > 1:
                self._say(Wrong.DOUBLED, f"{customer} has {count} open cases")
        for case_id, case in held.cases.items():
            cards = shown.cards.get(case_id, [])
            self._count(len(cards), f"the card of {case_id}")
            for card in cards:
                self._count(
                    sum("What you write in this thread" in text for text in shown.thread(card["ts"])),
                    f"the first line in the thread of {case_id}",
                )
            if case["source"] == "email":
                continue
            received = shown.direct(case["customer_identifier"])
            self._count(
                sum(f"was received. Your case is {case_id}." in text for text in received),
                f"the notice that {case_id} was received",
            )

    def _customer_message(self, message: Written, held: Held, shown: "_Shown") -> None:
        row = held.messages.get((message.channel, message.ts))
        places = shown.places(message.mark)
        if message.deleted:
            if row is not None and row["deleted_at"] is None:
                self._say(Wrong.LOST, f"the deletion of {message}")
            if places:
                self._say(Wrong.LOST, f"the deletion in the thread of {message}")
            return
        if row is None:
            self._say(Wrong.LOST, f"{message} is not in the database")
            return
        case = held.cases[row["case_id"]]
        if row["body"] != message.text:
            self._say(Wrong.LOST, f"the last edit of {message} in the database: {row['body']!r}")
        if case["customer_identifier"] != message.user or row["sender"] != message.user:
            self._say(Wrong.UNEXPLAINED, f"{message} is on {case['case_id']} of {case['customer_identifier']}")
        at = _utc(row["timestamp"])
        if at != moment(message.ts):
            self._say(Wrong.UNEXPLAINED, f"{message} has the time {at}")
        if case["closed_at"] is not None and at > _utc(case["closed_at"]):
            self._say(Wrong.UNEXPLAINED, f"{message} is on {case['case_id']}, closed before it was written")
        self._count(len(places), f"{message} in the thread of {case['case_id']}")
        if any(place.case_id != case["case_id"] for place in places):
            self._say(Wrong.UNEXPLAINED, f"{message} of {case['case_id']} in another's thread")
        if places and not any(message.current in place.text for place in places):
            self._say(Wrong.LOST, f"the last edit of {message} in the thread")
        if message.file is not None:
            self._file(message, row, held, SUPPORT)

    def _mail(self, message: Written, held: Held, shown: "_Shown") -> None:
        rows = [row for row in held.mails if message.mark in row["body"]]
        self._count(len(rows), f"{message} in the database")
        for row in rows:
            case = held.cases[row["case_id"]]
            if case["customer_identifier"] != message.user:
                self._say(Wrong.UNEXPLAINED, f"{message} is on {case['case_id']} of {case['customer_identifier']}")
            places = shown.places(message.mark)
            self._count(len(places), f"{message} in the thread of {case['case_id']}")
            if any(place.case_id != case["case_id"] for place in places):
                self._say(Wrong.UNEXPLAINED, f"{message} of {case['case_id']} in another's thread")

    def _file(self, message: Written, row: dict[str, Any], held: Held, channel: str) -> None:
        lost = [a for a in held.attachments if a["message_id"] == row["id"] and a["trouble"] is not None]
        if lost:
            self._say(Wrong.LOST, f"the file of {message}: {lost[0]['trouble']}")
            return
        copies = [
            file
            for file in self.desk.slack.workspace.files.values()
            if file.user == BOT_USER and file.name == message.file and channel in str(file.shares)
        ]
        self._count(len(copies), f"the file of {message}")

    def _order(self, shown: "_Shown") -> None:
        """In the order of writing in each thread, but for latecomers, which say so."""
        order = {message.mark: moment(message.ts) for message in self.ledger.written if message.ts}
        for case_id, threads in shown.mirrored.items():
            for mirrors in threads:
                times = [
                    (order[mark], mark)
                    for text in mirrors
                    if LATE not in text
                    for mark in sorted((m for m in order if m in text), key=text.index)
                ]
                for (earlier, first), (later, second) in zip(times, times[1:], strict=False):
                    if later < earlier:
                        self._say(Wrong.UNEXPLAINED, f"in the thread of {case_id}, {second} stands after {first}")

    def _answer(self, message: Written, held: Held, shown: "_Shown") -> None:
        """Once at its customer, or shown as failed or unknown, or held back because its case was closed."""
        row = held.messages.get((SUPPORT, message.ts))
        case = held.cases.get(message.case_id or "")
        by_mail = case is not None and case["source"] == "email"
        sent = shown.mailed(message.mark) if by_mail else shown.sent(message.mark)
        if case is None:
            self._say(Wrong.UNEXPLAINED, f"{message} stands under a card of no case: {message.case_id}")
            return
        if row is None:
            if sent:
                self._say(Wrong.UNEXPLAINED, f"{message} was sent without being kept")
            if (SUPPORT, message.ts) not in held.held_posts and not message.deleted:
                self._say(Wrong.LOST, f"{message}: neither sent nor held back")
            return
        if row["case_id"] != case["case_id"]:
            self._say(Wrong.UNEXPLAINED, f"{message} is on {row['case_id']}")
        if any(user != case["customer_identifier"] for user, _ in sent):
            self._say(Wrong.UNEXPLAINED, f"{message} went to {sent}")
        if message.deleted:
            if row["deleted_at"] is None and sent and by_mail:  # a mail that has gone cannot be called back
                self._too_late[case["case_id"]] += 1
                if self._too_late[case["case_id"]] > len(shown.told_too_late(case["case_id"])):
                    self._say(
                        Wrong.LOST, f"its author was not told that it was too late for the deletion of {message}"
                    )
            elif (sent and not by_mail) or row["deleted_at"] is None:
                self._say(Wrong.LOST, f"the deletion of {message}")
            return
        marks = self.desk.slack.reactions(SUPPORT, message.ts)
        if row["delivery"] == "sent":
            self._count(len(sent), f"{message} at the customer")
            if EMOJI[MarkState.SENT] not in marks and message.file is None:
                self._say(Wrong.LOST, f"the mark of {message}: {marks}")
            if sent and not by_mail and not any(message.current in text for _, text in sent):
                self._say(Wrong.LOST, f"the last edit of {message} at the customer")
        elif row["delivery"] in ("failed", "unknown"):
            if EMOJI[MarkState.FAILED] not in marks:
                self._say(Wrong.LOST, f"{message} is {row['delivery']}, and its author is not shown it: {marks}")
        else:
            self._say(Wrong.UNEXPLAINED, f"{message} is {row['delivery']} though everything has settled")
        if row["delivery"] == "sent" and message.file is not None and not by_mail:
            self._file(message, row, held, f"D{case['customer_identifier'][1:]}")

    def _kept_inside(self, message: Written, held: Held, shown: "_Shown") -> None:
        if shown.sent(message.mark) or shown.mailed(message.mark) or (SUPPORT, message.ts) in held.messages:
            self._say(Wrong.UNEXPLAINED, f"{message} was to stay inside")
        marks = self.desk.slack.reactions(SUPPORT, message.ts)
        if EMOJI[MarkState.NOT_SENT] not in marks:
            self._say(Wrong.LOST, f"the mark of {message}: {marks}")

    def _strangers(self, held: Held) -> None:
        """Nothing is in the database that nobody wrote."""
        known = {(message.channel, message.ts) for message in self.ledger.written}
        for place in held.messages.keys() - known:
            self._say(Wrong.UNEXPLAINED, f"a message of {place} that nobody wrote")
        for row in held.mails:
            if not any(message.mark in row["body"] for message in self.ledger.of(Kind.MAIL)):
                self._say(Wrong.UNEXPLAINED, f"a mail on {row['case_id']} that nobody wrote: {row['body']!r}")

    def _posts_once(self, held: Held) -> None:
        """Each post of ours carries its row's id: no two the same, and none missing that is said to be sent."""
        posts = Counter[str]()
        standing: set[tuple[str, str]] = set()
        for channel in self.desk.slack.workspace.channels.values():
            for post in channel.messages.values():
                payload = (post.get("metadata") or {}).get("event_payload") or {}
                if "outbox_id" in payload:
                    posts[payload["outbox_id"]] += 1
                    standing.add((channel.id, post["ts"]))
        rows = {str(row["id"]): row for row in held.outbox}
        for row_id, count in posts.items():
            row = rows.get(row_id)
            if row is None:
                self._say(Wrong.UNEXPLAINED, f"a post of the row {row_id}, which does not exist")
            elif count > 1:
                self._say(Wrong.DOUBLED, f"{row['kind']} of {row['case_id']} ({row['dedupe_key']}): {count} posts")
        everywhere = {ts for _, ts in standing}
        for row in held.outbox:
            is_post = (
                row["kind"] != "file"
                and row["destination"] != MAIL
                and row["state"] == "sent"
                and row["result_ts"] is not None
            )
            if is_post and row["result_ts"] not in everywhere:
                self._say(Wrong.LOST, f"the post of {row['dedupe_key']}, said to be at {row['result_ts']}")

    def _set_aside(self, held: Held) -> None:
        """Nothing in this world is refused for good: whatever was set aside is wrong, however well it is told."""
        taken_back = {row["id"] for row in held.messages.values() if row["deleted_at"] is not None}
        for row in held.outbox:
            is_dropped = row["state"] == "dropped" and row["message_id"] not in taken_back
            if row["state"] == "parked" or is_dropped:
                self._say(Wrong.LOST, f"{row['dedupe_key']} is {row['state']}: {row['error']}")
        for key, item in held.inbox.items():
            if item["state"] == "quarantined":
                self._say(Wrong.LOST, f"{key} is quarantined: {item['error']}")

    def _escalations(self, held: Held, shown: "_Shown") -> None:
        posted = Counter(
            case_id for text in shown.alerts for case_id in held.cases if f"Case #{case_id} is escalated" in text
        )
        raised: dict[str, list[datetime]] = {}
        for alert in held.alerts:
            raised.setdefault(alert["case_id"], []).append(_utc(alert["raised_at"]))
        now = datetime.fromtimestamp(self.desk.slack.clock.now(), UTC)
        for case_id, case in held.cases.items():
            self._count(posted[case_id], f"alerts on {case_id}", case["alert_no"])
            times = raised.get(case_id, [])
            self._count(len(times), f"alerts kept of {case_id}", case["alert_no"])
            for earlier, later in zip(times, times[1:], strict=False):
                if later - earlier < REALERT:
                    self._say(Wrong.DOUBLED, f"{case_id} was escalated at {earlier} and again at {later}")
            if case["alert_no"] == 0 and (why := self._should_alert(case, held, now)):
                self._say(Wrong.LOST, f"the escalation of {case_id}: {why}")

    def _should_alert(self, case: dict[str, Any], held: Held, now: datetime) -> str | None:
        of_case = [
            message
            for message in self.ledger.of(Kind.CUSTOMER, Kind.ANSWER)
            if (row := held.messages.get((message.channel, message.ts))) and row["case_id"] == case["case_id"]
        ]
        if urgent := [message for message in of_case if message.urgent]:
            return f"{urgent[0]} is urgent"
        silent = now - _utc(case["last_message_at"])
        if case["status"] == "open" and case["closings"] == 0 and silent > SILENCE + timedelta(minutes=1):
            return f"silent for {silent}"
        in_turn = sorted(of_case, key=lambda message: moment(message.ts), reverse=True)
        unanswered = next((n for n, m in enumerate(in_turn) if m.kind is Kind.ANSWER), len(in_turn))
        return f"{unanswered} messages without an answer" if unanswered > FOLLOW_UPS else None

    def _closings(self, held: Held) -> None:
        lines = self.desk.log_lines()
        for case_id, case in held.cases.items():
            count = sum(line.startswith(f"Case #{case_id} closed at ") for line in lines)
            self._count(count, f"lines on the closing of {case_id}", case["closings"])
            if case["closings"] > self.ledger.closings_tried.get(case_id, 0):
                self._say(Wrong.DOUBLED, f"{case_id} was closed {case['closings']} times")

    def _requests(self, held: Held) -> None:
        for asked in self.ledger.asked:
            if f"request:{asked.trigger_id}" not in held.inbox:
                self._say(Wrong.LOST, f"{asked.what} of {asked.case_id}, which was said to be taken in")


@dataclass(frozen=True, slots=True)
class _Place:
    case_id: str
    text: str


class _Shown:
    """What stands in Slack, in the words that people read."""

    def __init__(self, desk: Desk) -> None:
        self.cards: dict[str, list[dict[str, Any]]] = {}
        self.mirrored: dict[str, list[list[str]]] = {}
        self.alerts = [words(post) for post in desk.alerts()]
        self._desk = desk
        for card in desk.cards():
            if "Case #" not in (title := words(card)):
                continue
            case_id = title.partition("Case #")[2].partition(":")[0]
            self.cards.setdefault(case_id, []).append(card)
            mirrors = [text for text in self.thread(card["ts"]) if "(customer)" in text]
            self.mirrored.setdefault(case_id, []).append(mirrors)
        self._sent = [
            (channel.other, words(post))
            for channel in desk.slack.workspace.channels.values()
            if channel.kind == "im"
            for post in channel.messages.values()
            if post.get("bot_id") and not post.get("files")
        ]

    def mailed(self, mark: str) -> list[tuple[str, str]]:
        """Who was mailed an admin's message; a mail repeated under the same Message-ID counts once."""
        mail = self._desk.slack.mail
        found: dict[tuple[str, str], str] = {}
        for box in mail.store.mailboxes.values() if mail is not None else ():
            if mail is None or box.address == mail.desk:
                continue
            for lying in box.inbox:
                read = email.message_from_bytes(lying.raw, policy=email.policy.default)
                part = read.get_body(("plain",))
                if part is not None and mark in (text := str(part.get_content())):
                    found.setdefault((box.address, str(read["Message-ID"])), text)
        return [(address, text) for (address, _), text in found.items()]

    def thread(self, root: str) -> list[str]:
        """What the bot wrote under a card."""
        return [words(post) for post in self._desk.thread(root) if post.get("bot_id") and not post.get("files")]

    def told_too_late(self, case_id: str) -> list[str]:
        """The notices that a deleted answer had been mailed already."""
        threads = [self.thread(card["ts"]) for card in self.cards.get(case_id, [])]
        return [text for posts in threads for text in posts if TOO_LATE in text]

    def direct(self, user: str) -> list[str]:
        return [text for other, text in self._sent if other == user]

    def places(self, mark: str) -> list[_Place]:
        """Where a customer's message is shown; a post that shows it twice counts twice."""
        return [
            _Place(case_id, text)
            for case_id, threads in self.mirrored.items()
            for mirrors in threads
            for text in mirrors
            for _ in range(text.count(mark))
        ]

    def sent(self, mark: str) -> list[tuple[str, str]]:
        """Who was sent an admin's message, and in which words."""
        return [(user, text) for user, text in self._sent for _ in range(text.count(mark))]


def _utc(value: Any) -> datetime:
    """A moment as either database gives it to a query without types."""
    at: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def counted(findings: Iterable[Finding]) -> Counter[Wrong]:
    return Counter(finding.wrong for finding in findings)
