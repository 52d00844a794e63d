"""A real Prometheus of our own that scrapes our processes and evaluates our rules, only faster."""

import json
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from chassis.testing.nodes import Command, free_ports
from chassis.testing.private import PrivateServer
from chassis.testing.programs import find_prometheus
from watched import RULES

_MINUTES = re.compile(r"\[(\d+)m\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One process to scrape."""

    job: str
    port: int


class PrivatePrometheus(PrivateServer):
    """Scrapes every half second; what a rule waits for in minutes it waits for in seconds.

    Args:
        directory: Where it keeps what it measured.
        targets: What it scrapes.
    """

    name = "prometheus"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path, targets: Sequence[Target]) -> None:
        super().__init__(directory)
        self._targets = targets
        (self._port,) = free_ports(1)

    def commands(self) -> list[Command]:
        """Give the one process, after writing what it is to read."""
        rules = [self._hurried(path) for path in RULES]
        config = self.directory / "prometheus.yml"
        config.write_text(yaml.safe_dump(_config(rules, self._targets)))
        argv = [
            str(find_prometheus().server),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.directory / 'measured'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        return [Command(argv=argv, environment={}, port=self._port)]

    def ready(self) -> bool:
        """Say whether it answers."""
        try:
            return bool(self.ask("query", query="up"))
        except OSError:
            return False

    def ask(self, path: str, **wanted: str) -> Any:
        """Return what its API answers."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urlencode(wanted)}"
        with urlopen(url, timeout=10) as answer:  # our own address
            return json.loads(answer.read())["data"]

    def firing(self) -> dict[str, list[Mapping[str, str]]]:
        """Return the labels of every alert that fires, by its name."""
        found: dict[str, list[Mapping[str, str]]] = {}
        for alert in self.ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                labels = dict(alert["labels"])
                found.setdefault(labels.pop("alertname"), []).append(labels)
        return found

    def series(self) -> set[str]:
        """Return the name of every series that it has seen."""
        return set(self.ask("label/__name__/values"))

    def values(self, query: str) -> list[Any]:
        """Return what a query gives now, each with its labels."""
        return list(self.ask("query", query=query)["result"])

    def _hurried(self, path: Path) -> str:
        """Copy a file of rules: expressions and thresholds as they are, times by the sixtieth."""
        document = yaml.safe_load(_MINUTES.sub(r"[\1s]", path.read_text()))
        for group in document["groups"]:
            group["interval"] = "500ms"
            for rule in group["rules"]:
                if "for" in rule:
                    rule["for"] = "1s"
        hurried = self.directory / path.name
        hurried.write_text(yaml.safe_dump(document))
        return str(hurried)


def _config(rules: Sequence[str], targets: Sequence[Target]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "rule_files": list(rules),
        "scrape_configs": [
            {
                "job_name": target.job,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{target.port}"], "labels": {"namespace": "shop"}}
                ],
            }
            for target in targets
        ],
    }
