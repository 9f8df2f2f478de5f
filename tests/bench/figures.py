"""What was measured: one line of the table, one entry of `bench.json`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """`floor` is what the same machine does without Casewire; `aim` is None for what is told and not aimed at."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    aim: str | None = None
    met: bool | None = None


def compared(
    name: str,
    values: Sequence[float],
    floors: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """A figure of interleaved rounds: the ratio is the median of those within each round."""
    ratio = statistics.median(value / floor for value, floor in zip(values, floors, strict=True))
    aim, met = None, None
    if at_least is not None:
        aim, met = f">= {at_least:g} x", ratio >= at_least
    elif at_most is not None:
        aim, met = f"<= {at_most:g} x", ratio <= at_most
    return Figure(name, statistics.median(values), unit, statistics.median(floors), ratio, aim, met)


def bounded(
    name: str, values: Sequence[float], unit: str, at_most: float | None = None, floors: Sequence[float] = ()
) -> Figure:
    """A figure with a bound of its own; a floor is told beside it."""
    value = statistics.median(values)
    floor = statistics.median(floors) if floors else None
    ratio = value / floor if floor else None
    if at_most is None:
        return Figure(name, value, unit, floor, ratio)
    return Figure(name, value, unit, floor, ratio, f"<= {at_most:g} {unit}", value <= at_most)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


HEADINGS = ("figure", "value", "unit", "floor", "ratio", "aim", "met")


def table(figures: Sequence[Figure]) -> str:
    """For a terminal, and as it stands in Markdown."""
    rows = [HEADINGS, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def write(figures: Sequence[Figure], path: Path) -> None:
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")


def _cells(figure: Figure) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    return (
        figure.name,
        _number(figure.value),
        figure.unit,
        _number(figure.floor),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        figure.aim or "",
        met,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = {1, 3, 4}
    padded = [
        cell.rjust(width) if column in numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
