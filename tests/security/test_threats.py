"""docs/security.md: each threat names tests, and the tests are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py::[\w:]+)`", PAGE)))
ROWS = [row for row in PAGE.partition("## Threats")[2].partition("\n## ")[0].splitlines() if row.startswith("| ")][
    2:
]


@cache
def names_in(file: str) -> frozenset[str]:
    found = set()
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{part.name}" for part in node.body if isinstance(part, FUNCTIONS)}
        elif isinstance(node, FUNCTIONS):
            found.add(node.name)
    return frozenset(found)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert test in names_in(file)


def test_every_threat_names_one() -> None:
    assert len(ROWS) > 15
    assert [row for row in ROWS if not re.search(r"`tests/[\w/]+\.py::", row)] == []


@pytest.mark.parametrize("who", ["stranger", "customer", "bystander", "admin", "operator"])
def test_it_says_what_each_can_and_cannot_do(who: str) -> None:
    (row,) = re.findall(rf"^\| an? \*\*{who}\*\*.*\|$", PAGE, re.M)
    assert all(cell.strip() for cell in row.strip("|").split("|"))
