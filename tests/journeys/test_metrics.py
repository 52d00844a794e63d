"""What every running process tells Prometheus: all that dashboards need, and nobody's secrets."""

import re
from contextlib import suppress
from urllib.request import urlopen

import pytest

from installation import Installation, eventually
from leaks import personal, secrets, seen
from watched import DASHBOARDS, exported, metrics_in, names_in, queries, rules

pytestmark = [pytest.mark.journey, pytest.mark.servers]

MOST_SERIES = 6_000
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# A UUID, a hash or a long number: whatever has one in a label has a series for every order.
UNBOUNDED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f]{16}|\d{5}")
# Bounds, a process's own name, and the names that tenants were given: those may look like numbers.
CHOSEN = {"le", "service_instance_id", "tenant"}
NOT_HERE = {
    "sixfold_leader_leading": "the stack is on SQLite, whose one writer needs no leader",
    "sixfold_quota_used": "nobody set a quota",
    "sixfold_commerce_drop_oversold": "the demonstration has no drop",
    "sixfold_commerce_drop_pieces": "the demonstration has no drop",
    "sixfold_listening_case_breached_total": "a reply need not be late",
    "sixfold_break_glass_used_total": "no emergency",
    "sixfold_http_limited_total": "one client plays everybody, without limits",
}


def told(installation: Installation, part: str, page: str) -> tuple[int, str]:
    """Return what one process answers on its ops port."""
    address = f"http://127.0.0.1:{installation.ops_ports[part]}/{page}"
    with urlopen(address, timeout=30) as answer:  # our own address
        return answer.status, answer.read().decode()


def told_by_all(installation: Installation) -> dict[str, str]:
    """Return the metrics of every process."""
    return {part: told(installation, part, "metrics")[1] for part in installation.ops_ports}


def wanted() -> set[str]:
    """Return every metric of ours that a dashboard or a rule asks for."""
    asked = [
        *(rule["expr"] for rule in rules()),
        *(q for path in DASHBOARDS for q in queries(path)),
    ]
    ours = set().union(*map(metrics_in, asked)) & exported()
    return {name for name in ours if not re.match(r"sixfold_(backup|key_backup|drill)_", name)}


def test_every_role_answers_its_probes(installation: Installation) -> None:
    """An orchestrator would start healthy processes anew, or never send them traffic."""
    installation.settle()
    assert {part.rpartition(".")[2] for part in installation.ops_ports} == {
        "worker", "relay", "loop",
    }  # fmt: skip
    for part in installation.ops_ports:
        for page in ("startupz", "readyz", "livez"):
            assert told(installation, part, page)[0] == 200, (part, page)


def test_running_services_export_all_that_dashboards_and_rules_ask_for(
    installation: Installation,
) -> None:
    """A panel over a metric that never comes looks like calm."""
    installation.settle()
    # Some are counted twice a minute only.
    with suppress(AssertionError):
        eventually(lambda: not absent(installation), "every metric is exported")
    assert absent(installation) == set()


def absent(installation: Installation) -> set[str]:
    known = {name for text in told_by_all(installation).values() for name in names_in(text)}
    return wanted() - known - NOT_HERE.keys()


def test_labels_have_few_values_and_hold_nothing_personal_or_secret(
    installation: Installation,
) -> None:
    """Whoever may read metrics could read the customers, and each of them would cost a series."""
    installation.settle()
    values = {*personal(installation), *secrets(installation)}
    tenants = {one.recorded.tenant for one in installation.events("identity", "tenant_created")}
    for part, text in told_by_all(installation).items():
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert len(lines) < MOST_SERIES, part
        labels = [pair for line in lines for pair in LABEL.findall(line)]
        said = "\n".join(value for _, value in labels)
        assert seen(values, said.encode()) == set(), part
        assert {value for name, value in labels if name == "tenant"} <= tenants, part
        odd = {value for name, value in labels if name not in CHOSEN and UNBOUNDED.search(value)}
        assert odd == set(), part
