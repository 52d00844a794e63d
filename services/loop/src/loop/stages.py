"""The six stages and what they feed back: every number, and the two queries that compute all."""

from functools import cache

import ibis
from ibis.expr.types import Table

from loop.numbers import Number
from loop.relations import CONTRIBUTION, CYCLES, together
from loop.stage_ad import AD
from loop.stage_commerce import BESTSELLERS, COMMERCE
from loop.stage_content import CONTENT
from loop.stage_crm import CRM
from loop.stage_listen import COMPLAINTS, LISTEN
from loop.stage_segment import SEGMENT

NUMBERS: tuple[Number, ...] = (
    *LISTEN,
    *SEGMENT,
    *CONTENT,
    *AD,
    *CRM,
    *COMMERCE,
    COMPLAINTS,
    BESTSELLERS,
)
BY_NAME = {number.name: number for number in NUMBERS}
QUARTER = 15 * 60 * 1_000_000
GATHERED = ibis.table({**CONTRIBUTION, "number": "string", "stock": "boolean"}, name="contribution")
_RANKS = {"p50": 50, "p95": 95}


@cache
def sql(query: str, dialect: str = "duckdb") -> str:
    """Return the SQL of one of the queries, or of a number's events, for one engine."""
    expression = _QUERIES[query]() if query in _QUERIES else events(BY_NAME[query])
    return str(ibis.to_sql(expression, dialect=dialect))


def sums() -> Table:
    """Add up every number by tenant, cycle, key and part; ranks are picked, not added."""
    rows = in_cycles(GATHERED)
    by = ["number", "tenant", "cycle", "key", "part"]
    added = rows.filter(rows.part != "rank").group_by(by).aggregate(amount=rows.amount.sum())
    picked = [_ranked(rows, name, percent) for name, percent in _RANKS.items()]
    return together(added, *picked)


def moments() -> Table:
    """Return when anything happened, to the quarter of an hour: zones differ by such steps."""
    return GATHERED.select("tenant", "civil", quarter=GATHERED.at // QUARTER).distinct()


def events(number: Number) -> Table:
    """Return the places of the events behind a number, by tenant and cycle."""
    rows = in_cycles(_named(number))
    return rows.select("tenant", "cycle", "service", "position").distinct()


def contributions() -> Table:
    """Return what every number is made of; an engine keeps it as ``contribution`` for a while."""
    first, *others = (_named(number) for number in NUMBERS)
    return together(first, *others)


def in_cycles(rows: Table) -> Table:
    """Join rows with the cycles they count in."""
    start = ibis.ifelse(rows.civil, CYCLES.civil_start, CYCLES.start)
    stop = ibis.ifelse(rows.civil, CYCLES.civil_stop, CYCLES.stop)
    within = [rows.tenant == CYCLES.tenant, rows.stock | (rows.at >= start), rows.at < stop]
    joined = rows.inner_join(CYCLES, within)
    return joined.select(
        rows.number, rows.tenant, CYCLES.cycle, rows.service, rows.position,
        rows.key, rows.part, rows.amount,
    )  # fmt: skip


def _named(number: Number) -> Table:
    return number.rows().mutate(number=ibis.literal(number.name), stock=ibis.literal(number.stock))


def _ranked(rows: Table, name: str, percent: int) -> Table:
    group = ["number", "tenant", "cycle", "key"]
    ranked = rows.filter(rows.part == "rank")
    order = ibis.window(group_by=group, order_by=[ranked.amount, ranked.service, ranked.position])
    numbered = ranked.mutate(
        nth=ibis.row_number().over(order) + 1,
        size=ranked.amount.count().over(ibis.window(group_by=group)),
    )
    here = (numbered.nth * 100 >= numbered["size"] * percent) & (
        (numbered.nth - 1) * 100 < numbered["size"] * percent
    )
    found = numbered.filter(here)
    return found.select(*group, part=ibis.literal(name), amount=found.amount)


_QUERIES = {"contributions": contributions, "sums": sums, "moments": moments}
