"""What was sent: everything that people wrote and asked for, as they know it themselves."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    CUSTOMER = "customer"
    MAIL = "mail"
    ANSWER = "answer"
    NOTE = "note"
    BYSTANDER = "bystander"


@dataclass(slots=True)
class Written:
    """One message, by Slack or by mail (`user` is an address then, and it has no `ts`). `mark` stands in it and in nothing else; an edit raises `version`."""

    kind: Kind
    user: str
    mark: str
    rest: str
    channel: str
    thread_ts: str | None = None
    ts: str = ""
    version: int = 1
    deleted: bool = False
    urgent: bool = False
    file: str | None = None
    case_id: str | None = None
    """Of an admin's or bystander's post: the case whose thread it was written in."""

    @property
    def text(self) -> str:
        return f"{self.before}{self.mark} v{self.version}{self.rest}"

    @property
    def before(self) -> str:
        return "// " if self.kind is Kind.NOTE else ""

    @property
    def current(self) -> str:
        """What stands there now, and did not before the last edit."""
        return f"{self.mark} v{self.version}"

    def __str__(self) -> str:
        state = ", deleted" if self.deleted else ""
        return f"{self.kind} “{self.text}” of {self.user} ({self.channel} {self.ts}{state})"


@dataclass(slots=True)
class Asked:
    """A change that was asked for by command or button, and that the bot said it has taken in."""

    what: str
    case_id: str
    trigger_id: str


@dataclass
class Ledger:
    """Everything written, in its order, and everything asked for."""

    customers: list[str] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    closings_tried: dict[str, int] = field(default_factory=dict)

    def of(self, *kinds: Kind) -> list[Written]:
        return [message for message in self.written if message.kind in kinds]

    def new_mark(self) -> str:
        return f"mark{len(self.written):04d}"

    def tried_to_close(self, case_id: str) -> None:
        self.closings_tried[case_id] = self.closings_tried.get(case_id, 0) + 1
