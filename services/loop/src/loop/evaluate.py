"""Compute every number at a position vector, and find the events behind one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duckdb import DuckDBPyConnection

from loop.cycle import TOTAL, Cycle, cycle_named, cycles_of, hash_of, zone_of
from loop.numbers import STAGES
from loop.stages import BY_NAME, NUMBERS, QUARTER, sql
from loop.store import FactStore

Vector = Mapping[str, int]
Outputs = dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What one tenant's numbers are.

    Args:
        cycles: All time and every week in which something happened.
        outputs: By cycle, stage and number.
        hash: Over all of it.
    """

    cycles: Sequence[Cycle]
    outputs: Mapping[str, Outputs]
    hash: str

    def hash_of(self, cycle: str) -> str:
        """Return the hash over one cycle's outputs."""
        return hash_of(self.outputs[cycle])


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One event behind a number, as far as a list shows it."""

    service: str
    position: int
    type: str
    stream: str
    occurred_at: int
    id: str


def evaluate(store: FactStore, at: Vector) -> dict[str, Counted]:
    """Compute every number of every tenant at a position vector."""
    with store.cursor() as db:
        _set_horizon(db, at)
        db.execute(f"CREATE OR REPLACE TEMP TABLE contribution AS {sql('contributions')}")
        cycles = _cycles(db)
        _set_cycles(db, cycles)
        sums = _sums(db)
    return {tenant: _counted(weeks, sums[tenant]) for tenant, weeks in sorted(cycles.items())}


def events_of(
    store: FactStore,
    number: str,
    *,
    tenant: str,
    cycle: str,
    at: Vector,
    after: tuple[str, int] = ("", 0),
    limit: int = 100,
) -> list[Source]:
    """Return the events that made a number, page by page, by service and position."""
    with store.cursor() as db:
        _set_horizon(db, at)
        _set_cycles(db, {tenant: [cycle_named(cycle, zone_of(_zones(db).get(tenant)))]})
        found = db.execute(
            f"SELECT e.service, e.position, e.type, e.stream, e.occurred_at, e.id "  # noqa: S608  # our own SQL
            f"FROM ({sql(number)}) s JOIN event e USING (service, position) "
            "WHERE s.tenant = ? AND e.tenant = ? AND s.cycle = ? "
            "AND (e.service, e.position) > (?, ?) ORDER BY e.service, e.position LIMIT ?",
            [tenant, tenant, cycle, *after, limit],
        ).fetchall()
    names = Source.__slots__
    return [Source(**dict(zip(names, row, strict=True))) for row in found]


def value_of(counted: Counted, number: str, cycle: str = TOTAL) -> Any:
    """Return one number of one cycle."""
    return counted.outputs[cycle][BY_NAME[number].stage][number]


def overall_hash(counted: Mapping[str, Counted]) -> str:
    """Return the hash over every tenant's outputs."""
    return hash_of({tenant: one.hash for tenant, one in counted.items()})


def _set_horizon(db: DuckDBPyConnection, at: Vector) -> None:
    db.execute("CREATE OR REPLACE TEMP TABLE horizon (service VARCHAR, position BIGINT)")
    _fill(db, "horizon", at.items())


def _set_cycles(db: DuckDBPyConnection, cycles: Mapping[str, Iterable[Cycle]]) -> None:
    db.execute(
        "CREATE OR REPLACE TEMP TABLE cycles (tenant VARCHAR, cycle VARCHAR, start BIGINT, "
        "stop BIGINT, civil_start BIGINT, civil_stop BIGINT)"
    )
    _fill(
        db,
        "cycles",
        (
            (tenant, week.name, week.start, week.stop, week.civil_start, week.civil_stop)
            for tenant, weeks in cycles.items()
            for week in weeks
        ),
    )


def _fill(db: DuckDBPyConnection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    values = list(rows)
    if values:
        places = ", ".join("?" for _ in values[0])
        db.executemany(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608  # our own name


def _cycles(db: DuckDBPyConnection) -> dict[str, list[Cycle]]:
    zones = _zones(db)
    quarters: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for tenant, civil, quarter in db.execute(sql("moments")).fetchall():
        quarters[tenant].append((int(quarter), civil))
    return {
        tenant: cycles_of(zone_of(zones.get(tenant)), quarters[tenant], QUARTER)
        for tenant in {*zones, *quarters}
    }


def _zones(db: DuckDBPyConnection) -> dict[str, str]:
    found = db.execute(
        "SELECT tenant, arg_max(zone, position) FROM tenant "
        "SEMI JOIN horizon h ON tenant.service = h.service AND tenant.position <= h.position "
        "GROUP BY tenant"
    )
    return dict(found.fetchall())


def _sums(db: DuckDBPyConnection) -> dict[str, dict[tuple[str, str], dict[tuple[str, str], int]]]:
    sums: dict[str, Any] = defaultdict(lambda: defaultdict(dict))
    db.execute(sql("sums"))
    for number, tenant, cycle, key, part, amount in db.fetchall():
        sums[tenant][cycle, number][key, part] = int(amount)
    return sums


def _counted(
    cycles: Sequence[Cycle], sums: Mapping[tuple[str, str], dict[tuple[str, str], int]]
) -> Counted:
    outputs = {cycle.name: _outputs(cycle.name, sums) for cycle in cycles}
    return Counted(cycles=cycles, outputs=outputs, hash=hash_of(outputs))


def _outputs(cycle: str, sums: Mapping[tuple[str, str], dict[tuple[str, str], int]]) -> Outputs:
    outputs: Outputs = {stage: {} for stage in STAGES}
    for number in NUMBERS:
        outputs[number.stage][number.name] = number.shape(sums.get((cycle, number.name), {}))
    return outputs
