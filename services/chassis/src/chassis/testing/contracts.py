"""A service's contract files: an example of every public event, and its HTTP contract.

``python -m chassis.testing.contracts <package> <folder>`` writes them; a test compares
them with what the code gives, so that nobody changes a promise without seeing it.
"""

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from chassis import openapi, schemas
from chassis.entrypoints import routes_of
from chassis.events import EventKind
from chassis.roles import blueprint_of, edge_of


def documents(package: str) -> dict[str, str]:
    """Return what a service's contract files must say, by their path in its folder."""
    blueprint = blueprint_of(package)
    examples = _examples(package)
    public = [kind for kind in blueprint.registry if kind.public]
    events = {f"events/{kind.name}.json": _text(_event(kind, examples)) for kind in public}
    edge: Any = edge_of(blueprint)
    routes = routes_of(edge) if isinstance(edge, type) else edge()
    http = openapi.document(blueprint.name, "1", routes)
    return {**events, "openapi.json": _text(http)}


def assert_contracts(package: str, folder: Path) -> None:
    """Fail when the files in a folder are not what the code gives."""
    found = {
        str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.json"))
    }
    expected = documents(package)
    names = {name for name in {*found, *expected} if found.get(name) != expected.get(name)}
    assert not names, f"write {package}'s contracts again, then read what changed: {sorted(names)}"


def write(package: str, folder: Path) -> None:
    """Replace the contract files in a folder."""
    for path in folder.rglob("*.json"):
        path.unlink()
    for name, text in documents(package).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _examples(package: str) -> Mapping[type[Any], Any]:
    module = import_module(f"{package}.examples")
    return {type(value): value for value in vars(module).values()}


def _event(kind: EventKind, examples: Mapping[type[Any], Any]) -> dict[str, Any]:
    assert kind.cls in examples, f"{kind.name} is public, so it needs an example"
    data = schemas.dump(examples[kind.cls])
    return {"type": kind.name, "schema_version": kind.version, "data": data}


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
