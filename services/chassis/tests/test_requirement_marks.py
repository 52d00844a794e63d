"""Which rows count as shown: only those of tests that really passed."""

import json
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.fixture
def breaks_after():
    yield
    raise OSError

@pytest.mark.requirement("A1", "A2")
def test_passes(): pass

@pytest.mark.requirement("A1")
@pytest.mark.parametrize("n", [1, 2])
def test_sometimes(n): assert n == 1

@pytest.mark.requirement("A3")
def test_fails(): assert False

@pytest.mark.requirement("A3")
def test_skips(): pytest.skip("not here")

@pytest.mark.requirement("A3")
@pytest.mark.skip
def test_skipped(): pass

@pytest.mark.requirement("A3")
@pytest.mark.xfail
def test_expected_to_fail(): assert False

@pytest.mark.requirement("A3")
@pytest.mark.xfail
def test_passes_unexpectedly(): pass

@pytest.mark.requirement("A3")
def test_teardown_fails(breaks_after): pass

def test_claims_nothing(): pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a small project with four rows and the plugin."""
    pytester.makeini("[pytest]\nmarkers = requirement(id): a row\n")
    rows = "id,service,requirement\nA1,one,a\nA2,one,b\nA3,one,c\nA4,one+two,d\n"
    pytester.makefile(".csv", rows=rows)
    return pytester


def run(project: pytest.Pytester, *more: str) -> pytest.RunResult:
    """Run the small project's tests with the plugin."""
    plugin = ("-p", "chassis.testing.requirements", "-p", "no:pytest_nameko")
    rows = ("--requirements-csv", "rows.csv", "--requirements-json", "build/shown.json")
    return project.runpytest(*plugin, *rows, *more)


def test_only_passing_tests_show_a_row(project: pytest.Pytester) -> None:
    """The report would praise rows whose tests fail, skip, or are expected to fail."""
    project.makepyfile(test_it=TESTS)
    run(project)
    assert json.loads(Path("build/shown.json").read_text()) == {
        "A1": ["test_it.py::test_passes", "test_it.py::test_sometimes[1]"],
        "A2": ["test_it.py::test_passes"],
    }


def test_an_unknown_row_stops_the_run(project: pytest.Pytester) -> None:
    """A misspelt mark would silently show nothing."""
    project.makepyfile('import pytest\n@pytest.mark.requirement("A9")\ndef test_it(): pass\n')
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no such requirement: *test_it: 'A9'"])


def test_a_half_is_noted_by_itself(project: pytest.Pytester) -> None:
    """One service's part would pass for the whole of what two services do together."""
    project.makepyfile(
        'import pytest\n@pytest.mark.requirement("A4", half="two")\ndef test_half(): pass\n'
    )
    run(project)
    assert json.loads(Path("build/shown.json").read_text()) == {
        "A4/two": ["test_a_half_is_noted_by_itself.py::test_half"]
    }


@pytest.mark.parametrize("claim", ['"A4", half="three"', '"A1", half="one"'])
def test_a_half_of_another_service_stops_the_run(project: pytest.Pytester, claim: str) -> None:
    """A misspelt service would leave its row half shown for ever."""
    project.makepyfile(f"import pytest\n@pytest.mark.requirement({claim})\ndef test_it(): pass\n")
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no such requirement: *test_it: 'A?/*"])


def test_a_mark_without_a_row_stops_the_run(project: pytest.Pytester) -> None:
    """A mark that names nothing would look like a claim."""
    project.makepyfile("import pytest\n@pytest.mark.requirement\ndef test_it(): pass\n")
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*names no row"])


def test_without_marks_no_rows_are_needed(project: pytest.Pytester) -> None:
    """Another project could not use the plugin without a table of rows."""
    project.makepyfile("def test_it(): pass\n")
    Path("rows.csv").unlink()
    assert run(project).ret == pytest.ExitCode.OK
    assert json.loads(Path("build/shown.json").read_text()) == {}
