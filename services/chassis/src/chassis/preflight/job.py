"""``python -m chassis.run preflight commerce``: a line for each check, and 1 if any failed."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from chassis import trust
from chassis.preflight.brokers import broker_checks
from chassis.preflight.databases import database_checks
from chassis.preflight.findings import Finding, findings, secrets_of
from chassis.preflight.outside import outside_checks
from chassis.roles import blueprint_of
from chassis.settings import SettingsInvalid, from_environment


def main(package: str, words: Sequence[str]) -> int:
    """Look at everything; returns 1 if something would keep the service from working."""
    asked = _parser().parse_args(words)
    found = preflight(package, asked.skip, installed=asked.installed)
    if asked.json:
        sys.stdout.write(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{each}\n" for each in found)
    return int(any(each.outcome == "failed" for each in found))


def preflight(
    package: str, skipped: Sequence[str] = (), *, installed: bool = False
) -> list[Finding]:
    """Return how every check of one service went."""
    rule, do = "settings are whole", "mend the variable; docs/guides/operator.md lists them all"
    try:
        settings = from_environment()
    except SettingsInvalid as invalid:
        return [
            Finding(name="settings", outcome="failed", found=reason, rule=rule, do=do)
            for reason in invalid.reasons
        ]
    trust.also(settings.http_ca)
    checks = [
        *database_checks(settings),
        *broker_checks(settings, blueprint_of(package)),
        *outside_checks(settings),
    ]
    return [
        Finding(name="settings", outcome="ok", found=f"{settings.service}, {settings.environment}"),
        *findings(checks, secrets_of(settings, os.environ), skipped=skipped, installed=installed),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chassis.run preflight SERVICE")
    parser.add_argument("--json", action="store_true", help="a list of objects instead of lines")
    parser.add_argument("--skip", action="append", default=[], help="name of a check; repeatable")
    parser.add_argument("--installed", action="store_true", help="nothing may come later")
    return parser
