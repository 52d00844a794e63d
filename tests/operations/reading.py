"""What one version makes of its databases; run by either, so it uses only what both have.

``python reading.py SERVICE DATABASE KEYS MASTER_KEY`` prints a JSON object.
"""

import hashlib
import json
import sys
from base64 import b64decode
from typing import Any

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.key_store import SqlKeys
from chassis.log_verify import pages, verify
from chassis.migrations import ensure_current
from chassis.rebuild_progress import build, described
from chassis.rebuilding import CannotBuildAnew, ReadModel
from chassis.roles import blueprint_of
from chassis.storage import Storage, log_on


def read(service: str, url: str, keys_url: str, master_key: str) -> dict[str, Any]:
    """Start on a schema, verify and decode the whole log, and build every read model anew."""
    ensure_current(url, service)
    ensure_current(keys_url, "chassis.key_store")
    blueprint, clock = blueprint_of(service), SystemClock()
    keys = SqlKeys(Database(keys_url), master_key=b64decode(master_key), clock=clock)
    storage = Storage(
        service=service,
        database=Database(url),
        registry=blueprint.registry,
        keys=keys,
        clock=clock,
        secret=bytes(32),
        inline=blueprint.inline,
    )
    stored, decoded = hashlib.sha256(), 0
    with storage.database.read() as db:
        log = log_on(db)
        verified = verify(log)
        for each in pages(log):
            stored.update(each.chain + each.data + each.type.encode())
            decoded += blueprint.registry.decode(each, keys) is not None
    return {
        "events": verified.events,
        "decoded": decoded,
        "digest": stored.hexdigest(),
        "read_models": _rebuilt(storage, blueprint),
    }


def _rebuilt(storage: Storage, blueprint: Any) -> dict[str, Any]:
    found = {}
    for projection in blueprint.projections:
        model = ReadModel(storage, blueprint, projection.name)
        try:
            list(build(model))
        except CannotBuildAnew:
            continue
        found[projection.name] = described(model.compare())
        model.discard()
    return found


if __name__ == "__main__":
    print(json.dumps(read(*sys.argv[1:])))  # noqa: T201  # this is its answer
