"""How well promises are kept: attainment, coverage, and how long things took."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select

from listening.answers import Lag, LostEnquiries, SlaReport
from listening.queries import unanswered
from listening.tables import mentions, turns

_SECOND = 1_000_000
_PLACES = Decimal("0.0001")
_ENQUIRIES = frozenset({"consultation", "purchase"})


def sla_report(db: Connection, tenant: str, *, brand: str | None) -> SlaReport:
    """Report on everything that was owed so far."""
    owed = _rows(db, tenant, brand)
    due = [turn for turn in owed if not turn["open"] or turn["breached"]]
    within = sum(1 for turn in due if not turn["breached"])
    latencies = [turn["latency_s"] for turn in owed if turn["latency_s"] is not None]
    discovery, handling = _lags(db, tenant, brand)
    return SlaReport(
        turns=len(owed),
        due=len(due),
        within=within,
        attainment=_share(within, len(due)),
        coverage=_share(sum(1 for turn in owed if not turn["open"]), len(owed)),
        unanswered_mentions=_unanswered(db, tenant, brand),
        latency_p50_s=percentile(latencies, 50),
        latency_p90_s=percentile(latencies, 90),
        discovery_lag=_lag(discovery),
        handling_lag=_lag(handling),
        post_to_case=_lag([a + b for a, b in zip(discovery, handling, strict=True)]),
        possible_lost_orders=tuple(_lost(owed)),
    )


def percentile(values: Iterable[int], percent: int) -> int | None:
    """Return the smallest value that so many percent of all do not exceed (nearest rank).

    >>> percentile([4, 1, 3, 2], 50), percentile([7], 95), percentile([], 50)
    (2, 7, None)
    """
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1] if ordered else None


def _rows(db: Connection, tenant: str, brand: str | None) -> Sequence[RowMapping]:
    found = select(turns).where(turns.c.tenant == tenant, *_of(turns.c.brand, brand))
    return db.execute(found).mappings().all()


def _lags(db: Connection, tenant: str, brand: str | None) -> tuple[list[int], list[int]]:
    """Return, in seconds, posting to discovery and discovery to case of each case's mention."""
    same = and_(
        turns.c.tenant == mentions.c.tenant,
        turns.c.mention_id == mentions.c.mention_id,
        turns.c.brand == mentions.c.brand,
    )
    found = db.execute(
        select(
            (mentions.c.detected_at - mentions.c.posted_at).label("discovery"),
            (turns.c.recorded_at - mentions.c.recorded_at).label("handling"),
        )
        .select_from(mentions.join(turns, same))
        .where(mentions.c.tenant == tenant, *_of(mentions.c.brand, brand))
    ).all()
    return [max(0, row[0]) // _SECOND for row in found], [row[1] // _SECOND for row in found]


def _unanswered(db: Connection, tenant: str, brand: str | None) -> int:
    rules = (mentions.c.tenant == tenant, *_of(mentions.c.brand, brand), unanswered())
    return db.execute(select(func.count()).select_from(mentions).where(*rules)).scalar_one()


def _of(column: ColumnElement[str], brand: str | None) -> list[ColumnElement[bool]]:
    return [] if brand is None else [column == brand]


def _lag(seconds: Sequence[int]) -> Lag:
    return Lag(count=len(seconds), p50_s=percentile(seconds, 50), p95_s=percentile(seconds, 95))


def _share(part: int, whole: int) -> str | None:
    return str((Decimal(part) / whole).quantize(_PLACES)) if whole else None


def _lost(owed: Sequence[RowMapping]) -> list[LostEnquiries]:
    """Count enquiries whose time ran out and that nobody has answered since."""
    counted: Counter[str | None] = Counter()
    for turn in owed:
        if turn["type"] in _ENQUIRIES and turn["breached"] and turn["replied_at"] is None:
            counted.update(turn["product_refs"] or [None])
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0] or ""))
    return [LostEnquiries(product=product, enquiries=number) for product, number in ordered]
