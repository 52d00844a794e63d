"""Work on a read model's versions: ``python -m chassis.rebuild_job commerce rebuild order_board``.

Prints a JSON object a line.  It is told its settings as the relay is, which may go on beside it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from chassis import logs
from chassis.errors import Alarm, Conflict, Rejected, Unavailable
from chassis.migrations import ensure_current
from chassis.rebuild_progress import build, described
from chassis.rebuilding import ReadModel, VersionsDiffer
from chassis.roles import blueprint_of, storage_of
from chassis.settings import from_environment

ACTIONS = ("status", "rebuild", "compare", "swap", "rollback", "discard")


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; returns the exit code, 1 for a refusal and for versions that differ."""
    asked = _parser().parse_args(arguments)
    settings = from_environment()
    logs.configure(settings)
    ensure_current(settings.database_url, asked.service)
    blueprint = blueprint_of(asked.service)
    # Versions are tables that come and go, so whoever works on them owns the schema.
    owner, _ = settings.owner_urls
    owning = replace(settings, database_url=owner, system_database_url=None)
    model = ReadModel(storage_of(blueprint, owning), blueprint, asked.name)
    try:
        for said in act(model, asked):
            _say(said)
    except VersionsDiffer as differ:
        _say({"refused": str(differ), **described(differ.comparison)})
        return 1
    except (Alarm, Rejected, Conflict, Unavailable) as refused:
        _say({"refused": str(refused)})
        return 1
    return 0


def act(model: ReadModel, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Do one action; yields what there is to say about it.

    Raises:
        Rejected: it cannot be done.
        Unavailable: the tables are in use; try again.
    """
    match asked.action:
        case "rebuild":
            yield from map(asdict, build(model, resume=asked.resume))
        case "compare":
            yield described(model.compare())
        case "swap":
            model.swap(accept_differences=asked.accept_differences)
        case "rollback":
            model.rollback()
        case "discard":
            model.discard()
    yield asdict(model.standing())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chassis.rebuild_job")
    parser.add_argument("service")
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("name", help="of the read model")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--accept-differences", action="store_true")
    return parser


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
