"""Calendar parts (RFC 5545) in a line that people read, and whether one is only an answer."""

from __future__ import annotations

import re
from datetime import datetime

from .charsets import one_line

_SIZE = 64 * 1024
_FOLD = re.compile(r"\n[ \t]")
_LINE = re.compile(r"^([A-Z-]{2,20})((?:;[^:;\n]*)*):(.*)$", re.MULTILINE | re.IGNORECASE)
_ESCAPE = re.compile(r"\\([nN;,\\])")
_SAYS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled meeting",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Proposal of another time",
    "PUBLISH": "Event",
}
_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "accepted tentatively"}


def method_of(text: str) -> str:
    return _first(_lines(text), "METHOD").upper()


def summary_of(text: str) -> str:
    """For example: Invitation: Planning, 2026-03-02 10:00 (Europe/Berlin) to 11:00, Room 4."""
    lines = _lines(text)
    start, zone = _when(lines, "DTSTART")
    end, _ = _when(lines, "DTEND")
    if end and start[:11] == end[:11] and len(start) > 10:
        end = end[11:]
    said = _SAYS.get(_first(lines, "METHOD").upper(), "Event")
    answer = next(
        (_ANSWERS[word] for word in re.findall(r"PARTSTAT=([A-Z]+)", text[:_SIZE]) if word in _ANSWERS), ""
    )
    when = f"{start}{f' ({zone})' if zone else ''}{f' to {end}' if end else ''}"
    facts = [
        _first(lines, "SUMMARY") or "without a title",
        when,
        _first(lines, "LOCATION"),
        answer if said == _SAYS["REPLY"] else "",
    ]
    return f"{said}: {', '.join(fact for fact in facts if fact)}"


def _lines(text: str) -> list[tuple[str, str, str]]:
    """Name, parameters and value of the event's lines; those of time zones and alarms are left out."""
    found: list[tuple[str, str, str]] = []
    within: list[str] = []
    for name, parameters, value in _LINE.findall(_FOLD.sub("", text[:_SIZE])):
        if name.upper() == "BEGIN":
            within.append(value.strip().upper())
        elif name.upper() == "END":
            within = within[:-1]
        elif not {"VTIMEZONE", "VALARM"} & set(within):
            found.append((name.upper(), parameters, value.strip()))
    return found


def _first(lines: list[tuple[str, str, str]], wanted: str) -> str:
    value = next((value for name, _, value in lines if name == wanted), "")
    return one_line(_ESCAPE.sub(lambda found: " " if found[1] in "nN" else found[1], value))[:300]


def _when(lines: list[tuple[str, str, str]], wanted: str) -> tuple[str, str]:
    """The moment as the mail has it, and its zone."""
    for name, parameters, value in lines:
        if name != wanted:
            continue
        zone = re.search(r"TZID=\"?([^;:\"]{1,60})", parameters)
        for form, shown in (("%Y%m%dT%H%M%S", "%Y-%m-%d %H:%M"), ("%Y%m%d", "%Y-%m-%d")):
            try:
                moment = datetime.strptime(value.removesuffix("Z"), form)  # noqa: DTZ007 it is shown, not computed with
            except ValueError:
                continue
            return moment.strftime(shown), "UTC" if value.endswith("Z") else one_line(zone[1]) if zone else ""
    return "", ""
