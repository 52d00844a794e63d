"""The checklist of the first hour names tests that there are, for every step."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "deploy/runbooks/install.md"
FIRST_HOUR = "tests/operations/test_first_hour.py"
ROW = re.compile(r"^\| (\d+)\. (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/.]+)::(\w+)`")


def named() -> dict[int, list[tuple[str, str]]]:
    """Return the file and name of each step's tests."""
    return {
        int(number): [
            (FIRST_HOUR if path == "first_hour" else path, name) for path, name in NAMED.findall(by)
        ]
        for number, _, by, _ in ROW.findall(PAGE.read_text())
    }


def test_every_step_is_shown_by_tests_that_exist() -> None:
    """An operator would trust what nothing looks at any more."""
    assert list(named()) == list(range(1, 11))
    for number, tests in named().items():
        assert tests, number
        for path, name in tests:
            assert f"def {name}(" in (ROOT / path).read_text(), (number, path, name)


def test_every_step_that_is_run_is_on_the_page() -> None:
    """Somebody would do by hand what a test does at every change."""
    run = re.findall(r"^def (test_step_(\d+)_\w+)\(", (ROOT / FIRST_HOUR).read_text(), re.MULTILINE)
    assert {int(number) for _, number in run} == set(range(1, 11)) - {9}
    for name, number in run:
        assert (FIRST_HOUR, name) in named()[int(number)]
