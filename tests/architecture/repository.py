"""Finds the services of this repository and their parts, for the tests beside it."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData

from chassis.audit import AuditRecorded
from chassis.blueprint import Blueprint
from chassis.erasure import ErasureConfirmed
from chassis.events import EventRegistry
from chassis.roles import blueprint_of, edge_of
from chassis.subscribe import Subscription
from chassis.upstream import Consumed, Upstream

ROOT = Path(__file__).parents[2]
CHASSIS_EXAMPLES = (
    ErasureConfirmed(request_id=UUID(int=1), subjects=("person-1", "account-1")),
    AuditRecorded(
        entry_id=UUID(int=1),
        action="person.erase",
        outcome="done",
        staff="staff-u1",
        detail='{"address": "192.0.2.7"}',
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service, as its package tells it."""

    name: str
    sources: Path

    @property
    def blueprint(self) -> Blueprint:
        """What it consists of."""
        return blueprint_of(self.name)

    @property
    def registry(self) -> EventRegistry:
        """What it records."""
        return self.blueprint.registry

    @property
    def upstream(self) -> Upstream:
        """What it reads of others."""
        upstream: Upstream = import_module(f"{self.name}.upstream").upstream
        return upstream

    @property
    def metadata(self) -> MetaData:
        """Its tables."""
        metadata: MetaData = import_module(f"{self.name}.tables").metadata
        return metadata

    @property
    def examples(self) -> Mapping[type[Any], Any]:
        """One example of each event, the chassis's own included."""
        module = import_module(f"{self.name}.examples")
        return {type(value): value for value in (*CHASSIS_EXAMPLES, *vars(module).values())}

    @property
    def contracts(self) -> Path:
        """The folder of its contract files."""
        return self.sources.parents[1] / "contracts"

    def subscriptions(self) -> Iterator[tuple[str, str]]:
        """Yield producer and wire name of everything that its edge takes."""
        edge = edge_of(blueprint_of(self.name))
        for _, method in inspect.getmembers(edge, inspect.isfunction):
            for entrypoint in getattr(method, "nameko_entrypoints", ()):
                if isinstance(entrypoint, Subscription):
                    yield from ((entrypoint.source, name) for name in entrypoint.types)


def services() -> dict[str, Service]:
    """Return every service that can be put together, by name."""
    found = sorted(ROOT.glob("services/*/src/*/bootstrap.py"))
    return {path.parent.name: Service(name=path.parent.name, sources=path.parent) for path in found}


def consumed() -> list[tuple[Service, Consumed]]:
    """Return everything that any service reads of another one."""
    return [(service, event) for service in services().values() for event in service.upstream]
