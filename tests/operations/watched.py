"""What operators watch: rules, dashboards and runbooks, and the metrics that the code exports."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from chassis.backup import textfile
from chassis.telemetry import metrics, setup

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy/helm/sixfold/rules").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "deploy/helm/sixfold/dashboards").glob("*.json"))
RUNBOOKS = ROOT / "deploy/runbooks"
GUIDE = ROOT / "docs/guides/observability.md"
UNIT_TESTS = Path(__file__).with_name("rules")
# Importing these declares every metric that a process of any role may export.
DECLARING = (
    "chassis.loops", "chassis.ops_port", "chassis.roles", "chassis.wsgi", "chassis.feed",
    "commerce.bootstrap", "listening.bootstrap", "identity.bootstrap", "campaigns.bootstrap",
    "loop.bootstrap",
)  # fmt: skip
JOBS = ("backup", "key_backup", "drill")
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NOISE = re.compile(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\$\w+|\boffset\s+\w+|\b\d[\w.]*')
_WORD = re.compile(r"[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])")
_OPERATORS = {"and", "or", "unless", "bool", "by", "without"}


def rules() -> Iterator[Mapping[str, Any]]:
    """Yield every rule of every file, recorded ones included."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from ({**rule, "file": path.name} for rule in group["rules"])


def alerts() -> list[Mapping[str, Any]]:
    """Return every alert."""
    return [rule for rule in rules() if "alert" in rule]


def queries(path: Path) -> list[str]:
    """Return every query of a dashboard, its variables' included."""
    document = json.loads(path.read_text())
    panels = [target["expr"] for panel in panels_of(document) for target in panel["targets"]]
    variables = [
        variable["query"]["query"]
        for variable in document["templating"]["list"]
        if variable["type"] == "query"
    ]
    return [*panels, *(re.sub(r"^label_values\((.*), \w+\)$", r"\1", one) for one in variables)]


def panels_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the panels of a dashboard that show something measured."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def metrics_in(expression: str) -> set[str]:
    """Return the names of the metrics in a query.

    >>> sorted(metrics_in('sum by (a) (rate(b_total{c="d"}[5m])) / on (e) f > 3 or g offset 5m'))
    ['b_total', 'f', 'g']
    """
    bare = _NOISE.sub(" ", _GROUPING.sub(" ", expression))
    return set(_WORD.findall(bare)) - _OPERATORS


@cache
def exported() -> frozenset[str]:
    """Return the name of every series that the code can export, as its own exporter spells it."""
    for module in DECLARING:
        import_module(module)
    telemetry = setup.in_memory()
    for metric in metrics.declared():
        metrics.record(metric, 1, **dict.fromkeys(metric.labels, "x"))
    text = telemetry.exposed().decode()
    telemetry.stop()
    copies = {f"sixfold_{job}_{name}" for job in JOBS for name in textfile.MEANINGS}
    return frozenset(names_in(text)) | copies


def names_in(exposition: str) -> Iterator[str]:
    """Yield the name of every sample in Prometheus' text format."""
    yield from re.findall(r"^([a-zA-Z_:][\w:]*)(?:\{| )", exposition, re.MULTILINE)


def foreign() -> frozenset[str]:
    """Return the metrics of other exporters, as the guide lists them."""
    _, _, section = GUIDE.read_text().partition("## What others export")
    return frozenset(re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], re.MULTILINE))
