"""The restore drill: restore elsewhere, check every chain, build read models anew, count the loop.

What is built anew from the restored logs must be, row by row, what was backed up; what the loop
counts from them must have the hash that the running loop recorded.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from chassis.backup.forgetting import confirmed_in, destroy_again, finish
from chassis.backup.manifest import Manifest
from chassis.backup.restoring import KEYS, restore
from chassis.clock import SystemClock
from chassis.comparing import Comparison
from chassis.database import Database
from chassis.feed import LocalFeed
from chassis.key_store import SqlKeys
from chassis.migrations import migrate
from chassis.projections import Projection
from chassis.rebuild_progress import build
from chassis.rebuilding import CannotBuildAnew, ReadModel
from chassis.roles import blueprint_of
from chassis.sequencer import sequence
from chassis.storage import Storage, head_of
from loop.projections import Closed, closed
from loop.replay import replay
from sixfold.backing_up import reported
from sixfold.backup_settings import BackupSettings
from sixfold.drill_ground import Ground, ground_for
from sixfold.erasures import listed, newest_on
from sixfold.parts import LOOP, SERVICES

Say = Callable[[str], None]
_wall = SystemClock()


@dataclass(kw_only=True, slots=True)
class Report:
    """What a drill found.

    Args:
        backup: What was restored.
        seconds: How long each step took.
        events: How many events each log was found to hold, with whole chains.
        keys_destroyed: How many keys of people forgotten since had come back.
        models: By service and read model: rows, and how many of them differ.
        skipped: Read models that cannot be built anew, with the reason.
        positions: How far each log goes.
        hash: What the loop counts at these positions, over all tenants.
        recorded: Recorded weeks that were counted again: tenant, week, recorded and found hash.
    """

    backup: str
    seconds: dict[str, float] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    keys_destroyed: int = 0
    models: dict[str, dict[str, int]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    hash: str = ""
    hashes: dict[str, str] = field(default_factory=dict)
    recorded: list[dict[str, str]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything came out as it was."""
        rows = all(not each["differing"] and not each["parked"] for each in self.models.values())
        return rows and all(each["recorded"] == each["found"] for each in self.recorded)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how long a step takes."""
        began = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - began, 3)


def drill(settings: BackupSettings, name: str | None, *, without_list: bool, say: Say) -> Report:
    """Try a backup, the newest unless named; tell monitoring how it went.

    Raises:
        Alarm, Conflict, Invalid, Rejected, Unavailable: it could not be tried to the end.
    """
    with reported(settings, "drill") as run:
        shelf = settings.shelf
        manifest = shelf.manifest(name) if name else shelf.newest()
        report = Report(backup=manifest.id)
        _tried(settings, manifest, report, without_list=without_list, say=say)
        run.ok = report.passed
        run.values["events"] = sum(report.events.values())
    return report


def _tried(
    settings: BackupSettings, manifest: Manifest, report: Report, *, without_list: bool, say: Say
) -> None:
    entries = listed(settings, manifest, newest_on(settings.shelf), without=without_list)
    with ground_for(manifest, settings.drill_server) as ground:
        with report.timed("restore and verify chains"):
            found = restore(manifest, settings.shelf, ground.databases, say=say)
        report.events = {service: log.events for service, log in found.items()}
        with report.timed("keys"):
            _put_keys(settings, manifest, ground, say)
            counts = destroy_again(
                ground.keys,
                entries,
                master_key=settings.master_key,
                confirmed={each: confirmed_in(url) for each, url in ground.databases.items()},
            )
            report.keys_destroyed = sum(counts.values())
            finish({**ground.databases}, entries)
        with report.timed("build read models anew and compare"):
            for service in manifest.services:
                _rebuild(settings, ground, service, report, say)
        with report.timed("count the loop"):
            _count(manifest, ground, report, say)


def _put_keys(settings: BackupSettings, manifest: Manifest, ground: Ground, say: Say) -> None:
    """Restore the newest copy of keys; without one, everything personal stays sealed."""
    kept = next(settings.key_shelf.finished(), None) if settings.has_key_shelf else None
    if kept is not None:
        urls = {each: url for each, url in ground.keys.items() if each in kept.services}
        restore(kept, settings.key_shelf, urls, key=settings.content_key, say=say)
    for service in manifest.services:
        migrate(ground.keys[service], KEYS)


def _rebuild(
    settings: BackupSettings, ground: Ground, service: str, report: Report, say: Say
) -> None:
    blueprint = blueprint_of(service)
    with (
        closing(Database(ground.databases[service], pool_size=2)) as database,
        closing(Database(ground.keys[service], pool_size=1)) as keys,
    ):
        storage = Storage(
            service=service,
            database=database,
            registry=blueprint.registry,
            keys=SqlKeys(keys, master_key=settings.master_key, clock=_wall),
            clock=_wall,
            secret=settings.secret,
            inline=blueprint.inline,
        )
        _number(database)
        for projection in (*blueprint.projections, *blueprint.inline):
            model = ReadModel(storage, blueprint, projection.name)
            _try_model(service, projection, model, report, say)


def _number(database: Database) -> None:
    """Give positions to what had none yet: inline read models show it already."""
    while not database.is_sqlite:
        with database.begin() as db:
            if not sequence(db):
                return


def _try_model(
    service: str, projection: Projection, model: ReadModel, report: Report, say: Say
) -> None:
    name = f"{service}.{projection.name}"
    try:
        for _ in build(model):
            pass
    except CannotBuildAnew as reason:
        report.skipped[name] = str(reason)
        say(f"{name}: not built anew: {reason}")
        return
    found = model.compare()
    model.discard()
    report.models[name] = _counts(found)
    say(f"{name}: {found.rows} rows at {found.position}, {found.differing} differ")
    for difference in found.first:
        say(f"  {difference.table} {dict(difference.key)}: {dict(difference.columns)}")


def _counts(found: Comparison) -> dict[str, int]:
    return {
        "rows": found.rows,
        "differing": found.differing,
        "parked": found.parked,
        "position": found.position,
    }


def _count(manifest: Manifest, ground: Ground, report: Report, say: Say) -> None:
    with ExitStack() as stack:
        feeds = {
            service: LocalFeed(
                stack.enter_context(closing(Database(url, pool_size=1))).read, service
            )
            for service, url in ground.databases.items()
            if service in SERVICES
        }
        at = {service: manifest.vector[service] for service in feeds}
        result = replay(feeds, at=at)
        report.positions, report.hash = at, result.hash
        report.hashes = {tenant: counted.hash for tenant, counted in result.tenants.items()}
        say(f"loop: {result.events} events, hash {result.hash}")
        for (tenant, week), recorded in _newest(ground):
            again = replay(feeds, at=recorded.positions)
            found = again.tenants[tenant].hash_of(week)
            report.recorded.append(
                {"tenant": tenant, "cycle": week, "recorded": recorded.hash, "found": found}
            )
            say(f"loop: {tenant} {week} was recorded as {recorded.hash}, counted again as {found}")


def _newest(ground: Ground) -> list[tuple[tuple[str, str], Closed]]:
    """Return the week that the running loop recorded last, if it has recorded one."""
    if LOOP not in ground.databases:
        return []
    with closing(Database(ground.databases[LOOP], pool_size=1)) as database, database.read() as db:
        weeks: Mapping[tuple[str, str], Any] = closed(db)
    last = sorted(weeks.items(), key=lambda week: week[1].recorded_at)[-1:]
    return [(week, recorded) for week, recorded in last if _within(recorded, ground)]


def _within(recorded: Closed, ground: Ground) -> bool:
    """Say whether the restored logs go as far as the recorded week was counted."""
    for service, position in recorded.positions.items():
        with closing(Database(ground.databases[service], pool_size=1)) as database:
            if position > head_of(database):
                return False
    return True
