"""What was found: one line each, with what mends it in the same sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    level: Level
    text: str


def ok(check: str, text: str) -> Finding:
    return Finding(check, Level.OK, text)


def warning(check: str, text: str) -> Finding:
    return Finding(check, Level.WARNING, text)


def error(check: str, text: str) -> Finding:
    return Finding(check, Level.ERROR, text)


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether the bot can run; warnings do not keep it from that."""
    return all(finding.level is not Level.ERROR for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    width = max(len(finding.check) for finding in findings)
    lines = [f"{finding.level:7}  {finding.check:{width}}  {finding.text}" for finding in findings]
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    return "\n".join([*lines, "", ", ".join(f"{number} {level}" for level, number in counts.items())])


def as_json(findings: Sequence[Finding]) -> str:
    return json.dumps({"ok": is_well(findings), "checks": [asdict(one) for one in findings]}, indent=2)
