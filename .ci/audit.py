"""Whether what is locked has weaknesses that are known: `make audit`.

Status 0: every locked package was looked up, and none has any. 1: some have; each is named with the version that
mends it. 2: not every package could be looked up, so that nothing can be said of the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CLEAN, WEAK, UNKNOWN = 0, 1, 2
PATIENCE = 300
WORDS = 300
UNASKED = "The advisories could not be asked ({why}): nothing is known of {lock}. Run this again with a network."


def main(lock: str) -> int:
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    try:
        done = subprocess.run(
            [*command, "--format", "json", "-r", lock],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return said([UNASKED.format(why=f"no answer within {PATIENCE} s", lock=lock)], UNKNOWN)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return said([UNASKED.format(why=why[:WORDS], lock=lock)], UNKNOWN)
    return said(*judged(found, lock))


def judged(found: dict[str, Any], lock: str) -> tuple[list[str], int]:
    """What to say of pip-audit's answer, and with which status."""
    packages = found.get("dependencies") or []
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    reasons = [package["skip_reason"] for package in packages if "skip_reason" in package]
    asked = [package for package in packages if "skip_reason" not in package]
    lines = [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in "
        f"{', '.join(weakness['fix_versions']) or 'no version yet'}"
        for package in asked
        for weakness in package["vulns"]
    ]
    weak = bool(lines)
    if skipped or not packages:
        lines.append(
            f"{len(asked)} of {len(packages)} packages of {lock} could be looked up; nothing is known of the rest"
            f"{': ' + ', '.join(skipped) if asked else ''}."
        )
        if reasons:
            lines.append(f"Of the first it was said: {reasons[0][:WORDS]}")
        return lines, WEAK if weak else UNKNOWN
    if not weak:
        lines.append(f"None of the {len(asked)} packages of {lock} has a known weakness.")
    return lines, WEAK if weak else CLEAN


def said(lines: list[str], status: int) -> int:
    print("\n".join(lines), file=sys.stdout if status == CLEAN else sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(Path("requirements.lock"))))
