"""`make bench`: measure, print one table, write bench.json.

    python -m tests.bench [--only 1 --only 4] [--json bench.json]

FULL=1 asks for the large sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
import time
from pathlib import Path

from tests.bench.figures import Figure, table, write
from tests.bench.stage import stage

# By the number of the figure; in the order in which they are measured.
PARTS = {
    "7": "idle",
    "1": "slack_in",
    "3": "reaction",
    "4": "escalation",
    "5": "looking",
    "6": "burst",
    "2": "backlog",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=sorted(PARTS), help="one figure; may be given again")
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    figures: list[Figure] = []
    began = time.monotonic()
    with stage(full=os.environ.get("FULL") == "1") as on:
        for number, name in PARTS.items():
            if options.only and number not in options.only:
                continue
            part = importlib.import_module(f"tests.bench.{name}")
            print(f"{time.monotonic() - began:5.0f} s  measuring {part.__doc__.splitlines()[0]}", file=sys.stderr)
            figures += asyncio.run(part.measure(on))
    figures.sort(key=lambda figure: figure.name)
    print(table(figures))
    print(f"\n{time.monotonic() - began:.0f} s on {os.cpu_count()} processors; written to {options.json}")
    write(figures, options.json)


if __name__ == "__main__":
    main()
