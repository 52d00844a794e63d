"""Alerts fire for what is wrong and lead to a page that helps; nothing they need is missing."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.testing.programs import ServerMissing, find_prometheus
from watched import (
    DASHBOARDS,
    RULES,
    RUNBOOKS,
    UNIT_TESTS,
    alerts,
    exported,
    foreign,
    metrics_in,
    queries,
    rules,
)  # fmt: skip

ALERTS = alerts()
PARTS = ["Meaning.", "See.", "Do.", "If that fails."]
FIRING = re.compile(r'ALERTS\{alertname="(\w+)",alertstate="firing"\}')


def promtool(*arguments: object) -> str:
    """Run promtool; return what it said."""
    try:
        tool = find_prometheus().promtool
    except ServerMissing as missing:
        pytest.skip(str(missing))
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expectations() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each expectation about an alert in promtool's unit tests."""
    for path in sorted(UNIT_TESTS.glob("*.yaml")):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for expected in test["promql_expr_test"]:
                found = FIRING.search(expected["expr"])
                assert found, f"{path.name}: {expected['expr']} is not about an alert"
                yield found[1], {**test, **expected}


def test_there_are_alerts_and_no_two_share_a_name() -> None:
    """An alert that silently disappears is missed when it is needed."""
    names = [alert["alert"] for alert in ALERTS]
    assert len(names) >= 30
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"Sixfold[A-Z]\w+", name) for name in names)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_it_means_and_leads_to_its_runbook(alert: Mapping[str, Any]) -> None:
    """Whoever is woken at night would have to find out first what the alert is about."""
    assert alert["labels"]["severity"] in {"critical", "warning"}
    notes = alert["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert notes["summary"] != notes["description"]
    place, page, anchor = re.fullmatch(
        r"(deploy/runbooks)/([\w-]+\.md)#(\w+)", notes["runbook_url"]
    ).groups()
    assert place
    assert anchor == alert["alert"].lower()
    _, found, section = (RUNBOOKS / page).read_text().partition(f"\n## {alert['alert']}\n")
    assert found, f"{page} has no section {alert['alert']}"
    section = section.partition("\n## ")[0]
    assert re.findall(r"^\*\*(.+?)\*\*", section, re.MULTILINE) == PARTS


def test_no_runbook_has_a_section_whose_alert_is_gone() -> None:
    """Operators would learn signs that never come."""
    headings = {
        heading
        for page in RUNBOOKS.glob("*.md")
        for heading in re.findall(r"^## (Sixfold\w+)$", page.read_text(), re.MULTILINE)
    }
    assert headings == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize(
    "rule", list(rules()), ids=lambda rule: rule.get("alert", rule.get("record"))
)
def test_a_rule_uses_only_what_is_exported(rule: Mapping[str, Any]) -> None:
    """A rule over a metric that nobody exports looks healthy for ever."""
    recorded = {one["record"] for one in rules() if "record" in one}
    used = metrics_in(rule["expr"])
    assert used
    assert used <= exported() | foreign() | recorded


def test_the_guide_lists_no_foreign_metric_that_nothing_uses() -> None:
    """An operator would install an exporter for nothing."""
    shown = (query for path in DASHBOARDS for query in queries(path))
    asked = [*(rule["expr"] for rule in rules()), *shown]
    used = set().union(*map(metrics_in, asked))
    assert foreign() <= used
    assert not foreign() & exported()


def test_every_alert_is_tested_firing_and_not_firing() -> None:
    """An alert that was never seen to fire probably does not."""
    fired, quiet = set(), set()
    for name, expected in expectations():
        seen = {_who(sample["labels"]) for sample in expected["exp_samples"]}
        involved = {_who(series["series"]) for series in expected["input_series"]}
        if seen:
            fired.add(name)
        if involved - seen:
            quiet.add(name)
    names = {alert["alert"] for alert in ALERTS}
    assert (names - fired, names - quiet) == (set(), set())
    assert fired <= names


def _who(labels: str) -> str:
    """Return whatever name of the series says whether it is the bad or a good one."""
    found = re.search(
        r'(?:service_name|tenant|job_name|name|persistentvolumeclaim|namespace|instance)="([^"]+)"',
        labels,
    )
    return found[1] if found else ""


def test_prometheus_takes_the_rules() -> None:
    """One mistake in a file and Prometheus loads none of it."""
    assert promtool("check", "rules", *RULES).count("SUCCESS") == len(RULES)


def test_the_rules_do_what_their_tests_say() -> None:
    """An alert would fire for a healthy installation, or not for a sick one."""
    files = sorted(UNIT_TESTS.glob("*.yaml"))
    assert [path.name for path in files] == [path.name for path in RULES]
    assert promtool("test", "rules", *files).count("SUCCESS") == len(files)


def test_a_rule_that_never_fires_is_noticed(tmp_path: Path) -> None:
    """The tests of the rules would be content with anything."""
    dulled = tmp_path / "deploy/helm/sixfold/rules/log.yaml"
    dulled.parent.mkdir(parents=True)
    text = (RULES[0].parent / "log.yaml").read_text()
    dulled.write_text(
        text.replace("sixfold_publisher_blocked) == 1", "sixfold_publisher_blocked) == 2")
    )
    assert dulled.read_text() != text
    beside = tmp_path / "tests/operations/rules/log.yaml"
    beside.parent.mkdir(parents=True)
    beside.write_text((UNIT_TESTS / "log.yaml").read_text())
    with pytest.raises(AssertionError, match="SixfoldPublisherBlocked"):
        promtool("test", "rules", beside)
