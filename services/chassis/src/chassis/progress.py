"""How far a service has come: its log's heads and where each of its readers stands."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chassis import checkpoints, parked, timers
from chassis.storage import log_on
from chassis.versions import is_version

_WHOLE_LOG = str(checkpoints.WHOLE_LOG)


def progress(db: Connection) -> dict[str, Any]:
    """Return what an operator, or a test that waits for quiet, needs to know.

    Returns:
        ``unplaced``: committed events that have no position yet; ``position``: the log's
        head; ``lanes``: each lane's head; ``readers``: each reader's position by lane, -1
        being the whole log; ``versions``: where the versions of read models stand that are
        not live; ``next_timer``: when one is due; ``parked``: how many wait.
    """
    log, due, places = log_on(db), timers.next_due(db), checkpoints.load_all(db)
    beside = {
        name: lanes[checkpoints.WHOLE_LOG].position
        for name, lanes in places.items()
        if is_version(name)
    }
    return {
        "unplaced": log.unplaced(),
        "position": log.head(),
        "lanes": {str(lane): head.position for lane, head in log.lane_heads().items()},
        "readers": {
            name: {str(lane): head.position for lane, head in lanes.items()}
            for name, lanes in places.items()
            if name not in beside
        },
        "versions": beside,
        "next_timer": due.isoformat() if due else None,
        "parked": parked.count(db),
    }


def unsettled(
    services: Mapping[str, Mapping[str, Any]], now: datetime | None = None
) -> Iterator[str]:
    """Yield what is still under way in services, in words.

    Args:
        services: The progress of each.
        now: The moment until which timers must have fired.
    """
    for service, its in services.items():
        if its["unplaced"]:
            yield f"{service}: {its['unplaced']} events without a position"
        if _due(its.get("next_timer"), now):
            yield f"{service}: a timer is due"
        for reader, lanes in its["readers"].items():
            yield from _behind(service, reader, lanes, services)


def _behind(
    service: str,
    reader: str,
    lanes: Mapping[str, int],
    services: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    _, subscribes, source = reader.partition(".on.")
    if not subscribes:
        at, end = lanes.get(_WHOLE_LOG, 0), services[service]["position"]
        if at < end:
            yield f"{service}: {reader} is at {at} of {end}"
    elif source in services:
        for lane, head in services[source]["lanes"].items():
            if lanes.get(lane, 0) < head:
                yield f"{reader}: lane {lane} is at {lanes.get(lane, 0)} of {head}"


def _due(timer: str | None, now: datetime | None) -> bool:
    return bool(timer and now and datetime.fromisoformat(timer) <= now)
