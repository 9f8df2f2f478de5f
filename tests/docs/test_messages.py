"""What the guide to troubles quotes is what the code says, word for word; and other promises of the guides hold."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.reading import DOCS, GUIDES, ROOT, anchors, rows, spans
from tests.test_config import DEFAULTS

TROUBLES = (DOCS / "troubleshoot.md").read_text()
QUOTED = re.findall(r"“([^”]+)”", TROUBLES)
GAP = "…"


@cache
def said_by_the_code() -> str:
    """All texts of the code: what is filled in is a gap, marks are gone."""
    found = []
    for package in ("bot", "storage"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(re.sub(r"\{\w*(:[^}]*)?\}", GAP, node.value))
    return "\n".join(found).replace("*", "")


def test_there_are_messages_to_check() -> None:
    assert len(QUOTED) > 35


@pytest.mark.parametrize("message", QUOTED)
def test_each_quoted_message_is_in_the_code(message: str) -> None:
    assert message.removesuffix(GAP).strip(" :.") in said_by_the_code()


def test_a_message_that_is_not_would_be_found_out() -> None:
    assert "the desk is on fire" not in said_by_the_code()


def test_every_setting_is_explained_once_with_its_default() -> None:
    told = [
        (cells[0].strip("`"), cells[1].strip("`"))
        for cells in rows((DOCS / "configure.md").read_text())
        if re.fullmatch(r"`[A-Z_]+`", cells[0])
    ]
    assert sorted(told) == sorted((DEFAULTS | {"RECEIVED_TEXT": "*in `.env.example`*"}).items())


@pytest.mark.parametrize("guide", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_guide_is_found_from_the_readme(guide: Path) -> None:
    assert f"](docs/{guide.name})" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_setting_that_a_guide_names_exists(guide: object) -> None:
    known = set(DEFAULTS) | {f"{name}_FILE" for name in DEFAULTS} | {"NAME_FILE", "NAME"}
    prefixes = ("SLACK_", "IMAP_", "SMTP_", "EMAIL_", "ADMIN_", "ESCALATION_")
    named = {span.partition("=")[0] for span in spans(guide.read_text())}  # type: ignore[attr-defined]
    assert {name for name in named if re.fullmatch(r"[A-Z_]+", name) and name.startswith(prefixes)} <= known


LINKS = [
    pytest.param(guide, target, id=f"{guide.name}-{target}")
    for guide in GUIDES
    for target in re.findall(r"\]\(([^)\s]+)\)", guide.read_text())
    if "://" not in target
]


@pytest.mark.parametrize(("guide", "target"), LINKS)
def test_every_link_leads_somewhere(guide: object, target: str) -> None:
    file, _, anchor = target.partition("#")
    there = guide.parent / file if file else guide  # type: ignore[attr-defined]
    assert there.exists(), target
    if anchor:
        assert anchor in anchors(there.read_text())


def test_the_installation_takes_ten_steps_at_most() -> None:
    steps = re.findall(r"^## (\d+)\. ", (DOCS / "install.md").read_text(), re.MULTILINE)
    assert steps == [str(number) for number in range(1, len(steps) + 1)]
    assert 1 < len(steps) <= 10


# Menus of Slack, Google and Microsoft, and their addresses.
LIVE = re.compile(
    r"api\.slack\.com/apps|google\.com|entra\.microsoft|\*(Features|Settings|OAuth & Permissions|Basic Information|"
    r"Event Subscriptions|App Home|App Manifest|Socket Mode|Install App)\*"
)


@pytest.mark.parametrize("guide", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_what_was_not_tried_on_a_live_workspace_is_marked(guide: Path) -> None:
    """In its own paragraph or row, or in the heading above it."""
    heading = ""
    for part in re.split(r"\n\n|\n(?=\|)", guide.read_text()):
        if part.startswith("#"):
            heading = part.splitlines()[0]
        if LIVE.search(part):
            assert "†" in part + heading, part
            assert "was not tried" in guide.read_text() or "install.md" in part, "what the mark means is said"


def test_the_three_fates_are_in_one_table() -> None:
    text = (DOCS / "operate.md").read_text()
    assert "| | held | quarantined | parked |" in text
