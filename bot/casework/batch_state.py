"""The state of one transaction's work on cases: what is loaded, how it stands by now, and storing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from bot.desk.decide import Decision, decide
from bot.desk.effects import Reply
from bot.desk.events import AdminAnswered, Event
from bot.desk.mail_rules import Place
from bot.desk.model import PostRef
from bot.desk.policy import Policy
from storage import cases, messages, post_changes
from storage.post_changes import PostChange

from .filing import Filing
from .filing_rows import Channels, Slot
from .mail_placing import Waits


@dataclass(frozen=True, slots=True)
class Desk:
    """What a batch needs to know besides the database: by which rules, and where things are told."""

    policy: Policy
    channels: Channels


@dataclass(frozen=True, slots=True)
class Aim:
    """Which cases an item turned out to concern: none where it is about no case, or opens one.

    `place` is where a mail belongs.
    """

    case_ids: tuple[str, ...] = ()
    place: Place | Waits | None = None

    @property
    def case_id(self) -> str:
        return self.case_ids[0] if self.case_ids else ""


@dataclass(slots=True)
class Batch:
    connection: Connection
    desk: Desk
    now: datetime
    by_case: dict[str, Slot] = field(default_factory=dict)
    current: dict[str, Slot] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """What those who write without a name were called before."""
    subjects: dict[str, list[str]] = field(default_factory=dict)
    """What the stored mails of cases bore, of those that were asked for."""
    bounced: set[int] = field(default_factory=set)
    """The messages of which this batch has learned that they came back."""
    _known_current: dict[str, str | None] = field(default_factory=dict)
    _changes: dict[tuple[str, str], PostChange] = field(default_factory=dict)
    filing: Filing = field(init=False)

    def __post_init__(self) -> None:
        self.filing = Filing(self.connection, self.desk.channels, self.now)
        self.filing.auto_mails.policy = self.desk.policy.mail

    def load(self, writers: Sequence[cases.Customer], case_ids: Iterable[str]) -> None:
        """Lock and load the cases named, their customers, and every such customer's current case."""
        cases.add_customers(self.connection, writers, self.now)
        wanted = set(case_ids)
        owners = set(cases.customers_of_cases(self.connection, wanted).values())
        customers = cases.lock_customers(self.connection, owners | {one.identifier for one in writers})
        wanted |= {one.current_case_id for one in customers.values() if one.current_case_id is not None}
        threads = cases.threads_of(self.connection, wanted)
        for case_id, case in cases.load_cases(self.connection, wanted).items():
            slot = Slot(case, case, threads.get(case_id))
            self.by_case[case_id] = slot
            self.slots.append(slot)
            if customers[case.customer].current_case_id == case_id:
                self.current[case.customer] = slot
        self._known_current = {one.identifier: one.current_case_id for one in customers.values()}

    def learn_changes(self, written: Iterable[PostRef]) -> None:
        """Look up what became of the posts before they arrived."""
        self._changes = post_changes.of_posts(self.connection, [(ref.channel, ref.ts) for ref in written])

    def change_of(self, ref: PostRef) -> PostChange | None:
        return self._changes.get((ref.channel, ref.ts))

    def apply(self, slot: Slot | None, event: Event) -> Reply | None:
        """Decide one event and take the decision over."""
        decision = decide(slot.case if slot else None, event, self.desk.policy, self.now)
        self._take(slot, event, decision)
        return decision.reply

    def _take(self, slot: Slot | None, event: Event, decision: Decision) -> None:
        case = decision.case
        if case is None:
            return
        if slot is None or (case.case_id == "" and slot.case.case_id != ""):
            slot = Slot(case, None)
            self.slots.append(slot)
        slot.case = case
        if case.is_open:
            self.current[case.customer] = slot
        self.filing.add(slot, event, decision.effects)

    def store(self) -> None:
        """Write what changed: cases first, then what refers to them."""
        new = [slot for slot in self.slots if slot.before is None]
        numbers = cases.draw_numbers(self.connection, len(new)) if new else range(0)
        for number, slot in zip(numbers, new, strict=True):
            slot.case = replace(slot.case, case_id=cases.case_id_of(number))
        changed = [slot.case for slot in self.slots if slot.before is not None and slot.case != slot.before]
        # Closings first: the customer's next case can only be open once the last one is not.
        cases.update_cases(self.connection, [case for case in changed if not case.is_open])
        cases.update_cases(self.connection, [case for case in changed if case.is_open])
        cases.insert_cases(
            self.connection, [(number, slot.case) for number, slot in zip(numbers, new, strict=True)]
        )
        cases.set_current_cases(
            self.connection,
            {
                customer: slot.case.case_id
                for customer, slot in self.current.items()
                if self._known_current.get(customer) != slot.case.case_id
            },
        )
        self.filing.store()
        change: Counter[str] = Counter()
        for slot in self.slots:
            change.update(cases.tally(slot.case))
            change.subtract(cases.tally(slot.before))
        cases.change_counters(self.connection, change)

    def followed(self, slot: Slot, answer: AdminAnswered) -> AdminAnswered:
        """Let the answer know of customer messages that were written after it but processed before it."""
        last = slot.case.last_customer_at
        if last is None or last <= answer.at:
            return answer
        stored = messages.customer_times_after(self.connection, slot.case.case_id, answer.at)
        pending = self.filing.customer_times_after(slot, answer.at)
        return replace(answer, followed_by=tuple(sorted([*stored, *pending])))
