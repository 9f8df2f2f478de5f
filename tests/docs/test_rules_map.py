"""The map of the rules names code and tests that exist, and none of the named functions is missing."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.reading import DOCS, ROOT, rows

TEXT = (DOCS / "rules.md").read_text()
CODE = sorted(set(re.findall(r"`((?:bot|storage)\.[\w.]+)`", TEXT)))
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)+)`", TEXT)))


@cache
def tree(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text()).body


def named(body: list[ast.stmt], name: str) -> ast.stmt | None:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets):
            return node
    return None


def exists(body: list[ast.stmt], names: list[str]) -> bool:
    found = named(body, names[0])
    if found is None or len(names) == 1:
        return found is not None
    return exists(getattr(found, "body", []), names[1:])


def is_code(dotted: str) -> bool:
    parts = dotted.split(".")
    for end in range(len(parts) - 1, 0, -1):
        path = ROOT.joinpath(*parts[:end])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists():
                return exists(tree(file), parts[end:])
    return False


def is_test(node_id: str) -> bool:
    path, *names = node_id.split("::")
    return (ROOT / path).exists() and names[-1].startswith("test_") and exists(tree(ROOT / path), names)


def test_there_is_a_map() -> None:
    assert len(CODE) > 20
    assert len(TESTS) > 50


@pytest.mark.parametrize("dotted", CODE)
def test_each_piece_of_code_exists(dotted: str) -> None:
    assert is_code(dotted)


@pytest.mark.parametrize("node_id", TESTS)
def test_each_test_exists(node_id: str) -> None:
    assert is_test(node_id)


def test_what_does_not_exist_would_be_found_out() -> None:
    assert not is_code("bot.desk.rules.detect_nothing")
    assert not is_code("bot.nowhere.rules")
    assert not is_test("tests/desk/test_rules.py::test_nothing_at_all")


def test_each_rule_and_each_named_function_has_code_and_a_test() -> None:
    for rule, code, tests in rows(TEXT):
        assert re.search(r"`(bot|storage)\.", code), rule
        assert re.search(r"`tests/", tests), rule


@pytest.mark.parametrize(
    "name",
    [
        *("detect_urgent_keywords", "is_admin_message", "detect_closure_phrase", "check_time_escalation"),
        *("check_followup_escalation", "should_escalate_case"),
    ],
)
def test_the_named_functions_are_on_it(name: str) -> None:
    assert f"bot.desk.rules.{name}" in CODE
    assert is_code(f"bot.desk.rules.{name}")
