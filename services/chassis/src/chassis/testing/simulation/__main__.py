"""``python -m chassis.testing.simulation``: look for a schedule that breaks a promise."""

import argparse
import os
import sys

from chassis.testing.simulation.broken import BROKEN, broken
from chassis.testing.simulation.runner import PING_PONG, first_violation, lab_of, run_all


def main(arguments: list[str] | None = None) -> int:
    """Run schedules, or one again; return 1 when a promise was broken."""
    wanted = _parser().parse_args(arguments)
    if wanted.seed is not None:
        return _again(wanted.lab, wanted.seed, wanted.without)
    seeds = range(wanted.first, wanted.first + wanted.schedules)
    verdict = run_all(wanted.lab, seeds, processes=wanted.processes, without=wanted.without)
    sys.stdout.write(f"{verdict}\n")
    return 0 if verdict.violation is None else 1


def _again(made_by: str, seed: int, without: str | None) -> int:
    lab = lab_of(made_by)
    if without is None:
        found = first_violation(lab, [seed])
    else:
        with broken(without):
            found = first_violation(lab, [seed])
    if found is None:
        lines = "\n".join(lab.check(seed).schedule.lines())
        sys.stdout.write(f"seed {seed}: every promise kept\n{lines}\n")
        return 0
    sys.stdout.write(f"{found}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chassis.testing.simulation")
    parser.add_argument("--schedules", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--seed", type=int, help="run this one again, and show its steps")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--lab", default=PING_PONG, help="package.module:function that makes it")
    parser.add_argument("--without", choices=sorted(BROKEN), help="take a promise out of the build")
    return parser


if __name__ == "__main__":
    sys.exit(main())
