"""The threat model names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/threat-model.md"
ROW = re.compile(r"^\| ([STRIDE]) \| (.+?) \| (.+?) \| `([\w/.]+)::(\w+)` \|$", re.MULTILINE)


def test_every_threat_names_a_test_that_exists() -> None:
    """A threat would count as shown while nothing looks at it any more."""
    rows = ROW.findall(PAGE.read_text())
    tables = re.findall(r"^\| [A-Z] \|", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(tables) >= 40
    for _, threat, _, path, name in rows:
        assert f"def {name}(" in (ROOT / path).read_text(), threat


def test_every_kind_of_threat_is_thought_of() -> None:
    """One of STRIDE's letters would have been forgotten."""
    assert {kind for kind, *_ in ROW.findall(PAGE.read_text())} == set("STRIDE")
