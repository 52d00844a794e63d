"""Write down the licence of everything that the image holds: ``docs/licences.md``.

Read from the metadata of the installed packages that ``requirements/run.txt`` locks; what is not
on the list of ``deploy/licences.toml``, or does not say, ends this with an error.
"""

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK, POLICY = ROOT / "requirements/run.txt", ROOT / "deploy/licences.toml"
REPORT = ROOT / "docs/licences.md"
LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)", re.MULTILINE)
VAGUE = {"", "UNKNOWN", "Dual License"}
INTRODUCTION = """\
# Licences

Written by `make licences` from the metadata of what `requirements/run.txt` locks and the image
holds; don't edit. What may stand here is in `deploy/licences.toml`. Debian's packages in the image
carry theirs in `/usr/share/doc/<package>/copyright`, and data that is shipped is in `NOTICE`.

| package | version | licence |
| --- | --- | --- |
"""


class NotAllowed(Exception):
    """A licence is unknown, or not on the list; the message names each package."""


def locked(lock: str) -> dict[str, str]:
    """Return the version of each package in a lock."""
    return dict(LOCKED.findall(lock))


def licence_of(package: Any, words: Mapping[str, str]) -> str:
    """Return what a package's metadata says, as an SPDX expression; empty where it does not say."""
    if package["License-Expression"]:
        return str(package["License-Expression"])
    said = (package["License"] or "").strip().splitlines()
    if len(said) == 1 and said[0] not in VAGUE:
        return words.get(said[0], said[0])
    classifiers = package.get_all("Classifier") or []
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    found = dict.fromkeys(words.get(name, name) for name in named if name != "OSI Approved")
    return " AND ".join(found)


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Say whether one of an expression's alternatives is allowed whole.

    >>> is_allowed("MIT AND (GPL-3.0-only OR ISC)", frozenset({"MIT", "ISC"}))
    True
    >>> is_allowed("MIT AND GPL-3.0-only", frozenset({"MIT"}))
    False
    """
    tokens = re.findall(r"\(|\)|[^\s()]+", expression)
    answer = _either(tokens, allowed)
    return answer and not tokens


def _either(tokens: list[str], allowed: frozenset[str]) -> bool:
    answer = _both(tokens, allowed)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        answer = _both(tokens, allowed) or answer
    return answer


def _both(tokens: list[str], allowed: frozenset[str]) -> bool:
    answer = _one(tokens, allowed)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        answer = _one(tokens, allowed) and answer
    return answer


def _one(tokens: list[str], allowed: frozenset[str]) -> bool:
    if not tokens:
        return False
    if tokens[0] != "(":
        return tokens.pop(0) in allowed
    tokens.pop(0)
    answer = _either(tokens, allowed)
    return bool(tokens) and tokens.pop(0) == ")" and answer


def found(versions: Mapping[str, str], words: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and licence of every package."""
    for name, version in sorted(versions.items()):
        try:
            package = metadata(name)
        except PackageNotFoundError:
            raise NotAllowed(f"{name} is locked but not installed: run `make setup`") from None
        yield name, version, licence_of(package, words)


def report(lock: str, policy: Mapping[str, Any]) -> str:
    """Return the page.

    Raises:
        NotAllowed: a licence is not on the list.
    """
    rows = list(found(locked(lock), policy.get("words", {})))
    allowed = frozenset(policy["allowed"])
    wrong = [
        f"{name}: {its or 'does not say'}" for name, _, its in rows if not is_allowed(its, allowed)
    ]
    if wrong:
        raise NotAllowed("; ".join(wrong))
    lines = [f"| {name} | {version} | {its} |" for name, version, its in rows]
    counted = Counter(its for _, _, its in rows).most_common()
    sums = ", ".join(f"{many} under {its}" for its, many in counted)
    return INTRODUCTION + "\n".join(lines) + f"\n\nIn all {len(rows)}: {sums}.\n"


def main() -> int:
    """Write the page."""
    try:
        REPORT.write_text(report(LOCK.read_text(), tomllib.loads(POLICY.read_text())))
    except NotAllowed as wrong:
        print(f"licences: {wrong}")
        return 1
    print(f"licences: {REPORT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
