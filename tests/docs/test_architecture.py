"""The pictures of the architecture are of this code: its packages, its imports, and the contracts on them."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

from tests.docs.reading import DOCS, ROOT, fenced, spans

TEXT = (DOCS / "architecture.md").read_text()
WAY, IMPORTS = [code for language, code in fenced(TEXT) if language == "mermaid"]
DRAWN = {(found[1], found[2]) for found in re.finditer(r"^ *([\w.]+) --> ([\w.]+)$", IMPORTS, re.MULTILINE)}
NODES = {node for arrow in DRAWN for node in arrow}
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def node_of(module: str) -> str | None:
    return next((node for node in NODES if module == node or module.startswith(f"{node}.")), None)


def imported(path: Path) -> set[str]:
    """The modules that a file imports, by their full names."""
    package = path.relative_to(ROOT).parent.parts
    found: set[str] = set()
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            found |= {name.name for name in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            above = package[: len(package) - statement.level + 1] if statement.level else ()
            base = ".".join([*above, *([statement.module] if statement.module else [])])
            found |= {base, *(f"{base}.{name.name}" for name in statement.names)}
    return found


@cache
def real_arrows() -> frozenset[tuple[str, str]]:
    arrows = set()
    for top in ("bot", "storage"):
        for path in (ROOT / top).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            here = node_of(module)
            for there in map(node_of, imported(path)):
                if here and there and here != there:
                    arrows.add((here, there))
    return frozenset(arrows)


def test_the_imports_drawn_are_those_of_the_code() -> None:
    assert real_arrows() == DRAWN


def test_every_arrow_is_allowed_by_the_contracts() -> None:
    for contract in CONTRACTS:
        if contract["type"] == "layers":
            level = {
                name: at for at, layer in enumerate(contract["layers"]) for name in re.findall(r"[\w.]+", layer)
            }
            for here, there in DRAWN:
                if here in level and there in level:
                    assert level[here] < level[there], f"{here} --> {there}: {contract['name']}"
        elif contract["type"] == "forbidden":
            forbidden = [name.removesuffix(".*") for name in contract["forbidden_modules"]]
            ignored = " ".join(contract.get("ignore_imports", []))
            for here, there in DRAWN:
                if here in contract["source_modules"] and f"{here} -> {there}" not in ignored:
                    assert there not in forbidden, f"{here} --> {there}: {contract['name']}"


def test_every_package_with_a_direction_is_drawn() -> None:
    layered = {
        name
        for contract in CONTRACTS
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for name in re.findall(r"[\w.]+", layer)
    }
    assert layered <= NODES


def test_the_way_leads_through_parts_that_exist() -> None:
    parts = re.findall(r"\[(bot/[\w/.]+)\]", WAY)
    assert len(parts) >= 6
    assert all((ROOT / part).exists() for part in parts)
    tables = re.findall(r"\[\((\w+)\)\]", WAY)
    declared = (ROOT / "storage" / "tables.py").read_text()
    assert all(f'\n    "{table}",\n    metadata,' in declared for table in tables)


def test_every_package_has_its_line_and_every_line_its_package() -> None:
    packages = {
        f"bot/{path.name}" for path in (ROOT / "bot").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    listed = set(re.findall(r"^\| `([\w/]+)` \|", TEXT, re.MULTILINE))
    assert listed == {*packages, "storage"}


def test_every_file_that_it_names_exists() -> None:
    named = [span for span in spans(TEXT) if re.fullmatch(r"[\w/]+\.(py|md|toml)", span)]
    assert named
    assert all((ROOT / name).exists() for name in named)
