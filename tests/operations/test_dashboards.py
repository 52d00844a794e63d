"""Dashboards show what the code exports: a panel without data would be taken for calm."""

import json
import re
from pathlib import Path

import pytest
import yaml

from chassis.roles import blueprint_of
from test_alerts import promtool
from watched import DASHBOARDS, exported, foreign, metrics_in, panels_of, queries

SERVICES = ("identity", "listening", "campaigns", "commerce", "loop")
VARIABLES = {"$__rate_interval": "5m", "$namespace": ".*", "$service": ".*", "$tenant": ".*"}
WANTED = {"overview", "log-and-bus", "subscriptions", "http", "commerce", "cases", "processes"}
each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def test_every_dashboard_is_there_under_a_name_of_its_own() -> None:
    """Grafana would replace one by another without a word."""
    found = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert {path.stem for path in DASHBOARDS} == WANTED
    assert [one["uid"] for one in found] == [f"sixfold-{path.stem}" for path in DASHBOARDS]
    assert len({one["title"] for one in found}) == len(found)


@each_dashboard
def test_a_dashboard_can_be_brought_into_any_grafana(path: Path) -> None:
    """A data source by somebody's own id shows nothing anywhere else."""
    document = json.loads(path.read_text())
    assert "id" not in document
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels_of(document):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["title"]
        assert panel["targets"]
    names = {variable["name"] for variable in document["templating"]["list"]}
    used = {name for query in queries(path) for name in re.findall(r"\$(\w+)", query)}
    assert used - {"__rate_interval"} <= names


@each_dashboard
def test_a_dashboard_uses_only_what_is_exported(path: Path) -> None:
    """A metric that was renamed leaves a panel empty, which looks like calm."""
    known = exported() | foreign()
    for query in queries(path):
        used = metrics_in(query)
        assert used, query
        assert used <= known, query


@each_dashboard
def test_a_dashboard_counts_events_that_exist(path: Path) -> None:
    """A type that was misspelt counts nothing for ever."""
    types = {kind.name for service in SERVICES for kind in blueprint_of(service).registry}
    used = {name for query in queries(path) for name in re.findall(r'[{,]type="(\w+)"', query)}
    assert used <= types


def test_prometheus_takes_every_query(tmp_path: Path) -> None:
    """A panel would show an error."""
    wanted = {query for path in DASHBOARDS for query in queries(path)}
    filled = [_filled(query) for query in sorted(wanted)]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(filled)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


def _filled(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query
