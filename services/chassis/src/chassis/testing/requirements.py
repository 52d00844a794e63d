"""A pytest plugin that notes which rows of tests/requirements.csv are shown by a passing test.

A row that names several services ("commerce+identity") may be shown by halves: a test with
``@pytest.mark.requirement("C13", half="commerce")`` shows only that service's part of it.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

MARK = "requirement"
ROWS = Path("tests") / "requirements.csv"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name the rows and the file to write."""
    group = parser.getgroup("requirements")
    group.addoption("--requirements-json", type=Path, help="write {row: [passing tests]} here")
    group.addoption("--requirements-csv", type=Path, help=f"the rows; {ROWS} unless given")


def pytest_configure(config: pytest.Config) -> None:
    """Start the notebook."""
    config.pluginmanager.register(ShownRows(config), "shown-rows")


class ShownRows:
    """The rows each test claims and the outcome of each of its phases."""

    def __init__(self, config: pytest.Config) -> None:
        """Read the options of one run."""
        self.target: Path | None = config.getoption("--requirements-json")
        self.rows: Path = config.getoption("--requirements-csv") or config.rootpath / ROWS
        self.claims: dict[str, list[str]] = {}
        self.passed: defaultdict[str, list[bool]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note what each test claims.

        Raises:
            UsageError: a mark names no row, one that does not exist, or a service that it is
                not about.
        """
        self.claims = {item.nodeid: claimed for item in items if (claimed := list(marks(item)))}
        if self.claims:
            known = claimable(self.rows)
            unknown = [
                f"{t}: {i!r}" for t, ids in self.claims.items() for i in ids if i not in known
            ]
            if unknown:
                raise pytest.UsageError("no such requirement: " + "; ".join(unknown))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how one phase of a test ended; expected failures do not count as passing."""
        ok = report.passed and not hasattr(report, "wasxfail")
        self.passed[report.nodeid].append(ok)

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        if self.target is not None:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self.target.write_text(json.dumps(self.shown(), indent=2) + "\n")

    def shown(self) -> dict[str, list[str]]:
        """Give each shown row, or "row/service" for a half, with its passing tests."""
        rows: defaultdict[str, list[str]] = defaultdict(list)
        for test, ids in self.claims.items():
            if self.passed[test] and all(self.passed[test]):
                for row in ids:
                    rows[row].append(test)
        return dict(sorted(rows.items()))


def marks(item: pytest.Item) -> Iterator[str]:
    """Yield the rows that a test's marks name, halves as ``row/service``."""
    for mark in item.iter_markers(MARK):
        if not mark.args:
            raise pytest.UsageError(f"{item.nodeid}: a requirement mark names no row")
        half = f"/{mark.kwargs['half']}" if "half" in mark.kwargs else ""
        yield from (f"{row}{half}" for row in mark.args)


def claimable(rows: Path) -> set[str]:
    """Read what a mark may name: every row, and each half of a row of several services."""
    with rows.open(encoding="utf-8", newline="") as lines:
        return {name for row in csv.DictReader(lines) for name in (row["id"], *halves(row))}


def halves(row: Mapping[str, str]) -> list[str]:
    """Return the halves of a row; none where it is about one service."""
    services = (row.get("service") or "").split("+")
    return [f"{row['id']}/{service}" for service in services] if len(services) > 1 else []
