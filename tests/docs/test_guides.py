"""The guides do what they say: their blocks are applied to a copy of a service and tested there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/guides/platform-engineer.md"
LAB = ROOT / "docs/guides/lab.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"# (services/\S+\.py)\n")
TESTED = "services/commerce"


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One fenced block: a new file, a change to a file, or something to run."""

    kind: str
    text: str


class Copy:
    """A copy of the repository's commerce that the guide may change."""

    def __init__(self, directory: Path) -> None:
        self.root = directory
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / TESTED, directory / TESTED, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", directory)
        for name in ("conftest.py", "typings", "services/chassis"):
            (directory / name).symlink_to(ROOT / name)

    def apply(self, block: Block) -> list[str]:
        """Do what a block says; return the tests that it brought."""
        if block.kind == "diff":
            return self._change(block.text)
        named = PATH.match(block.text)
        if named is None:
            self.run("-c", block.text)
            return []
        path = self.root / named[1]
        assert not path.exists(), f"{named[1]} exists already"
        path.write_text(block.text.removeprefix(named[0]))
        return [named[1]]

    def _change(self, text: str) -> list[str]:
        head, *hunks = re.split(r"^@@\n", text, flags=re.MULTILINE)
        path = self.root / head.removeprefix("--- ").strip()
        for hunk in hunks:
            before, after = (_side(hunk, sign) for sign in "-+")
            found = path.read_text()
            assert found.count(before) == 1, f"{path.name} has not exactly once:\n{before}"
            path.write_text(found.replace(before, after))
        return []

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a Python program inside the copy; return what it said."""
        sources = [f"{self.root}/{TESTED}/src", f"{ROOT}/services/chassis/src"]
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sources)},
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, said
        return said

    def types(self, *, fails: bool = False) -> str:
        """Run mypy on the copy."""
        return self.run("-m", "mypy", "--cache-dir", ".mypy", f"{TESTED}/src", fails=fails)

    def check(self, tests: Sequence[str]) -> None:
        """Format, then run ruff, mypy and the new tests, as the guide says."""
        self.run("-m", "ruff", "check", "--fix", "--select", "I", TESTED)
        self.run("-m", "ruff", "format", TESTED)
        self.run("-m", "ruff", "check", f"{TESTED}/src", *tests)
        self.types()
        self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


def _side(hunk: str, sign: str) -> str:
    lines = [line for line in hunk.splitlines() if line[:1] in (sign, " ", "")]
    return "".join(f"{line[1:]}\n" for line in lines)


def sections(guide: Path = GUIDE) -> list[list[Block]]:
    """Return a guide's blocks, section by section."""
    parts = re.split(r"^## ", guide.read_text(), flags=re.MULTILINE)[1:]
    found = [
        [Block(kind=block[1], text=block[2]) for block in BLOCK.finditer(part)] for part in parts
    ]
    return [blocks for blocks in found if blocks]


@pytest.mark.tools
def test_each_change_of_the_guide_works(tmp_path: Path) -> None:
    """Somebody who follows the guide would be left with a service that does not pass its checks."""
    copy, (event, *others) = Copy(tmp_path), sections()
    copy.apply(event[0])
    assert 'incompatible type "OrderFlagged"' in copy.types(fails=True)
    for blocks in (event[1:], *others, *sections(LAB)[:1]):
        tests = [test for block in blocks for test in copy.apply(block)]
        assert tests, "a change without a test"
        copy.check(tests)


def test_an_event_costs_two_files_and_a_test() -> None:
    """The guide's promise of how small a change is would be wrong."""
    event, subscription, projection = sections()
    assert _touched(event) == (2, 1)
    assert _touched(subscription) == (2, 1)
    assert _touched(projection) == (3, 1)


def _touched(blocks: Sequence[Block]) -> tuple[int, int]:
    changed = {block.text.splitlines()[0] for block in blocks if block.kind == "diff"}
    added = [block for block in blocks if PATH.match(block.text)]
    return len(changed), len(added)
