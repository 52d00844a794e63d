"""Print each row of tests/requirements.csv as shown or not yet, by service and stage.

A row of several services is shown by a test of the whole, or when each service's half is.
"""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

STAGES = ("listen", "crm", "segment", "content", "ad", "commerce", "all")
SHOWN, NOT_YET = "shown", "not yet"

Row = Mapping[str, str]


def lines(rows: Sequence[Row], shown: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give the whole report."""
    for service in sorted({row["service"] for row in rows}):
        own = [row for row in rows if row["service"] == service]
        yield from service_lines(service, own, shown)
    yield from total_lines(rows, shown)


def service_lines(
    service: str, rows: Sequence[Row], shown: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Give one service's rows, stage by stage."""
    yield f"\n{service}: {tally(rows, shown)}"
    for stage in stages_of(rows):
        own = [row for row in rows if row["stage"] == stage]
        yield f"  {stage}: {tally(own, shown)}"
        for row in own:
            yield f"    {row['id']:6} {state(row, shown):8} {shorten(row['requirement'])}"


def total_lines(rows: Sequence[Row], shown: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give the totals by stage, then of all."""
    yield "\nby stage"
    for stage in stages_of(rows):
        yield f"  {stage:10} {tally([r for r in rows if r['stage'] == stage], shown)}"
    yield f"\nin all: {tally(rows, shown)}"


def stages_of(rows: Iterable[Row]) -> list[str]:
    """List the stages that occur, in the order of the loop."""
    present = Counter(row["stage"] for row in rows)
    return sorted(present, key=lambda s: (STAGES.index(s) if s in STAGES else len(STAGES), s))


def tally(rows: Sequence[Row], shown: Mapping[str, Sequence[str]]) -> str:
    """Count the shown rows among some."""
    return f"{sum(state(row, shown) == SHOWN for row in rows)} of {len(rows)} shown"


def state(row: Row, shown: Mapping[str, Sequence[str]]) -> str:
    """Say whether a row is shown, and of one that is shown in part, which halves are."""
    services = row["service"].split("+")
    done = [bool(shown.get(f"{row['id']}/{service}")) for service in services]
    if shown.get(row["id"]) or (len(services) > 1 and all(done)):
        return SHOWN
    if len(services) == 1 or not any(done):
        return NOT_YET
    parts = zip(services, done, strict=True)
    return ", ".join(f"{service} {SHOWN if there else NOT_YET}" for service, there in parts)


def shorten(text: str, width: int = 90) -> str:
    """Cut a requirement to one line."""
    return text if len(text) <= width else text[: width - 1] + "…"


def main(rows_file: str, shown_file: str) -> int:
    """Read both files and print; fails when the tests did not get so far as to write theirs."""
    with Path(rows_file).open(encoding="utf-8", newline="") as content:
        rows = list(csv.DictReader(content))
    if not Path(shown_file).exists():
        print(f"{shown_file} is missing: the marked tests did not run")
        return 1
    print("\n".join(lines(rows, json.loads(Path(shown_file).read_text()))))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
