"""The dashboard, the alert rules and the page of the metrics name what is there, and leave nothing out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Metric

from bot.clock import Clock
from bot.mail.status import MailStatus
from bot.ops.exposition import Exposition
from bot.ops.gauges import Connections, DeskGauges, ProcessGauges
from bot.ops.metrics import Metrics
from storage.watch import Backlog, DeskReading

DOCS = Path(__file__).parents[2] / "docs"
SERVICES = {"database": "connected", "email_listener": "connected", "scheduler": "running", "slack": "connected"}
NAME = re.compile(r"\b(?:casewire|process)_\w+")
# What Prometheus adds of itself to each sample.
ADDED = {"job", "instance", "le"}


class Filled(DeskGauges):
    """A desk that was read."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self._reading = DeskReading(1, 1, 1, 1, Backlog(0, None, 0, None, 0, 0, 0, 0, None, None))


def families() -> dict[str, Metric]:
    """All metrics that there are, by name."""
    metrics = Metrics()
    metrics.received("message")
    metrics.rate_limited("chat.postMessage")
    metrics.canary("mail", 1.0)
    status = MailStatus()
    gauges = ProcessGauges(
        Clock(), "sqlite", lambda: SERVICES, lambda: Connections(2, 2), lambda: status, lambda: 1
    )
    registry: CollectorRegistry = metrics.registry
    Exposition(metrics, Filled(), gauges)
    return {family.name: family for family in registry.collect()}


FAMILIES = families()
SAMPLES = {sample.name: sample for family in FAMILIES.values() for sample in family.samples}
LABELS = {
    name: {
        label
        for family in FAMILIES.values()
        for sample in family.samples
        if sample.name == name
        for label in sample.labels
    }
    for name in SAMPLES
}


def full_name(family: Metric) -> str:
    """As it stands in a query and in the page."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in dashboard()["panels"] if panel["type"] != "row")


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text())
    return loaded


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((DOCS / "alert-rules.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


EXPRESSIONS = [
    *(
        pytest.param(target["expr"], target.get("legendFormat", ""), id=f"{panel['title']} {target['refId']}")
        for panel in panels()
        for target in panel["targets"]
    ),
    *(pytest.param(rule["expr"], "", id=rule["alert"]) for rule in rules()),
]


@pytest.mark.parametrize(("expression", "legend"), EXPRESSIONS)
def test_what_is_asked_for_is_there(expression: str, legend: str) -> None:
    names = NAME.findall(expression)
    assert names or expression.startswith("up{")
    assert [name for name in names if name not in SAMPLES] == []
    known = ADDED.union(*(LABELS[name] for name in names))
    asked = set(re.findall(r"(\w+)\s*=~?\s*\"", expression)) | set(re.findall(r"{{(\w+)}}", legend))
    asked |= {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
    assert asked <= known


@pytest.mark.parametrize(("expression", "legend"), EXPRESSIONS)
def test_a_value_that_a_label_must_have_is_one_it_can_have(expression: str, legend: str) -> None:
    for name, conditions in re.findall(r"((?:casewire|process)_\w+){([^}]*)}", expression):
        for label, value in re.findall(r"(\w+)=\"([^\"$]+)\"", conditions):
            assert value in {
                sample.labels.get(label)
                for family in FAMILIES.values()
                for sample in family.samples
                if sample.name == name
            }, (name, label)


@pytest.mark.parametrize("kind", ["gauge", "counter", "histogram"])
def test_counters_are_asked_for_their_rate_and_gauges_are_not(kind: str) -> None:
    for expression in (parameter.values[0] for parameter in EXPRESSIONS):
        rated = set(re.findall(r"(?:rate|increase)\((\w+)", expression))
        of_kind = {
            sample.name for family in FAMILIES.values() if family.type == kind for sample in family.samples
        } & set(NAME.findall(expression))
        assert (of_kind & rated) == (set() if kind == "gauge" else of_kind), expression


def test_every_metric_is_on_the_dashboard_but_those_that_it_cannot_show() -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name in NAME.findall(target["expr"])}
    ours = {full_name(family) for family in FAMILIES.values() if family.name.startswith("casewire_")}
    missing = {name for name in ours if not any(one.startswith(name) for one in shown)}
    assert missing == {
        "casewire_cases_closed",
        "casewire_mailbox_state",
        "casewire_mailbox_last_look_timestamp_seconds",
    }


def test_panels_stand_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(numbers) == len(set(numbers))


def test_each_rule_says_what_happened_and_what_to_do() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["description"], rule["alert"]
        assert re.fullmatch(r"\d+m", rule.get("for", "0m")), rule["alert"]


def test_labels_are_few() -> None:
    """However many cases and customers there are: a label is one of these, and its values are the program's own."""
    labels = {
        label
        for family in FAMILIES.values()
        if family.name.startswith("casewire_")
        for sample in family.samples
        for label in sample.labels
    }
    assert labels == {
        "source", "author", "kind", "way", "result", "method", "step", "le", "service", "state", "leg", "version", "python",
        "database",
    }  # fmt: skip
    assert sum(len(family.samples) for family in FAMILIES.values()) < 250


def test_the_page_lists_the_metrics_as_they_are() -> None:
    rows = re.findall(r"^\| `((?:casewire|process)_\w+)` \| (\w+) \|([^|]*)\| (.*) \|$", page(), re.MULTILINE)
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels)), words) for name, kind, labels, words in rows}
    for family in FAMILIES.values():
        if not family.name.startswith("casewire_"):
            continue
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert listed.pop(full_name(family)) == (family.type, labels, family.documentation)
    assert listed == {}


def test_the_page_lists_the_alert_rules() -> None:
    listed = set(re.findall(r"^\| `(Casewire\w+)` \|", page(), re.MULTILINE))
    assert listed == {rule["alert"] for rule in rules()}


def page() -> str:
    return (DOCS / "watch.md").read_text()
