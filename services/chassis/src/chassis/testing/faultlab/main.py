"""Runs rounds until the time is over; prints what was drawn, what was done and what was broken."""

import argparse
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from random import SystemRandom

from chassis.testing.faultlab.catalogue import FAULTS
from chassis.testing.faultlab.lab import Lab
from chassis.testing.faultlab.points import unreached
from chassis.testing.faultlab.rounds import Draw, Length, Played, play
from chassis.testing.faultlab.site import Site
from chassis.testing.faultlab.subject import subject_of
from chassis.testing.programs import run_directory
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ

Say = Callable[[str], None]


def main() -> None:
    """Run the lab as the command line says; exit with 1 if anything was broken."""
    asked = _arguments()
    subject = subject_of(asked.subject)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # as Ctrl-C: everything is stopped
    seed = SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    say(f"SEED={seed} draws these faults and this load again; real processes keep their own time")
    folder = run_directory() / f"faults-{os.getpid()}"
    begun = time.monotonic()
    with ExitStack() as opened:
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        rabbitmq = opened.enter_context(PrivateRabbitMQ(folder / "rabbitmq", fsync=False))
        postgresql = opened.enter_context(PrivatePostgreSQL(folder / "postgresql"))
        site = Site(subject, folder / "site", rabbitmq, postgresql)
        lab = Lab(site=opened.enter_context(site))
        say(f"everything answers after {time.monotonic() - begun:.0f} s")
        until = begun + asked.seconds
        played = run(lab, seed, asked.fault or list(FAULTS), until=until, first=asked.round)
        keep_logs(site, played)
        missed = unreached(point for _, point in lab.points())
        say(f"crash points that nothing here came by: {', '.join(missed) or 'none'}")
    sys.exit(summary(seed, played))


def run(
    lab: Lab,
    seed: int,
    faults: Sequence[str],
    *,
    until: float,
    first: int = 1,
    length: Length | None = None,
    tell: Say | None = None,
) -> list[Played]:
    """Play rounds while the longest so far still fits into the time; at least one.

    Args:
        lab: On a site that runs.
        seed: Draws every round.
        faults: The names of those to deal.
        until: The end, on the monotonic clock.
        first: The number of the first round.
        length: How long things may take.
        tell: Where the report goes.
    """
    tell, played, longest = tell or say, list[Played](), 0.0
    while not played or time.monotonic() + longest < until:
        draw = Draw(seed=seed, number=first + len(played), faults=faults)
        one = play(lab, draw, length or Length(), tell)
        played.append(one)
        longest = max(longest, one.seconds)
        tell(f"  {_outcome(one)}")
        for violation in one.violations:
            tell(f"  BROKEN   {violation}")
        if one.violations:
            break
    return played


def summary(seed: int, played: Sequence[Played]) -> int:
    """Print what was shown; return the exit code."""
    times = Counter(planned.fault for one in played for planned in one.planned)
    say("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(times.items())))
    broken = [one.number for one in played if one.violations]
    say(f"{len(played)} rounds, {sum(one.commands for one in played)} commands, SEED={seed}")
    if broken:
        say(f"BROKEN in round {broken[0]}: make faults SEED={seed} ROUND={broken[0]}")
    else:
        say("nothing lost, nothing doubled, every stream in order, every chain whole")
    return int(bool(broken))


def keep_logs(site: Site, played: Sequence[Played]) -> None:
    """Keep the processes' logs of a run that broke something, for whoever looks for the reason."""
    if any(one.violations for one in played):
        kept = run_directory() / "faults-logs"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(site.folder / "logs", kept)
        say(f"the processes' logs are in {kept}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _outcome(one: Played) -> str:
    state = "broken" if one.violations else "green"
    return f"{state}    {one.commands} commands, {one.seconds:.1f} s, model {one.model[:12]}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chassis.testing.faultlab", description=__doc__)
    parser.add_argument("subject", help="package.module:NAME of the services' Subject")
    parser.add_argument("--seconds", type=float, default=600, help="stop after about so long")
    parser.add_argument("--seed", type=int, help="draw what this seed drew")
    parser.add_argument("--round", type=int, default=1, help="begin with this round")
    parser.add_argument("--fault", action="append", choices=list(FAULTS), help="only such faults")
    return parser.parse_args()
