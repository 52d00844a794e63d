"""What the pages say, worked out without any markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chassis.clock import moment
from chassis.money import Money
from loop.board import Snapshot
from loop.cycle import TOTAL
from loop.evaluate import Counted, Source
from loop.numbers import STAGES, Number, Stage
from loop.projections import Closed
from loop.stages import BY_NAME, NUMBERS

TITLES: dict[Stage, tuple[str, str]] = {
    "listen": ("Listen", "傾聽"),
    "segment": ("Segment", "分眾"),
    "content": ("Content", "內容"),
    "ad": ("Ad", "廣告"),
    "crm": ("CRM", "客戶關係"),
    "commerce": ("Commerce", "電商"),
    "feedback": ("To the next Listen", "回到傾聽"),
}
_HEADLINES: dict[Stage, str] = {
    "listen": "mention_volume",
    "segment": "known_persons",
    "content": "published_items",
    "crm": "new_members",
}
_SECOND, _MINUTE, _HOUR = 1_000_000, 60_000_000, 3_600_000_000
Entries = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberView:
    """One number as people read it; ``entries`` where it has several."""

    name: str
    title: str
    unit: str
    formula: str
    value: str
    entries: Entries | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """How a number went from week to week."""

    label: str
    points: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageView:
    """One stage's card."""

    name: str
    title: str
    subtitle: str
    numbers: Sequence[NumberView]
    chart: Chart | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopView:
    """The whole page."""

    cycle: str
    cycles: Sequence[str]
    stages: Sequence[StageView]
    hash: str
    cycle_hash: str
    state: str
    positions: str
    unread: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EventLine:
    """An event in a list."""

    service: str
    position: int
    type: str
    time: str
    stream: str


def loop_view(
    snapshot: Snapshot,
    tenant: str,
    *,
    cycle: str | None,
    closed: Mapping[tuple[str, str], Closed],
    unread: int,
) -> LoopView:
    """Return what the page shows of one tenant in one cycle."""
    counted = snapshot.tenants.get(tenant) or nothing()
    chosen = cycle if cycle is not None and cycle in counted.outputs else TOTAL
    return LoopView(
        cycle=chosen,
        cycles=[week.name for week in counted.cycles] or [TOTAL],
        stages=[_stage(stage, counted, chosen) for stage in STAGES],
        hash=counted.hash,
        cycle_hash=counted.hash_of(chosen) if chosen in counted.outputs else "",
        state=_state(chosen, closed.get((tenant, chosen))),
        positions=vector_text(snapshot.positions),
        unread=unread,
    )


def nothing() -> Counted:
    """Return what is counted of a tenant of whom nothing has arrived."""
    return Counted(cycles=[], outputs={}, hash="")


def number_view(number: Number, value: Any) -> NumberView:
    """Return one number as people read it."""
    return NumberView(
        name=number.name,
        title=number.title,
        unit="by currency" if number.money else number.unit.replace("microseconds", ""),
        formula=number.formula,
        value="" if isinstance(value, Mapping) else shown(number, "", value),
        entries=[(key or "-", shown(number, key, one)) for key, one in value.items()]
        if isinstance(value, Mapping)
        else None,
    )


def shown(number: Number, key: str, value: Any) -> str:
    """Return one value as people read it.

    >>> shown(BY_NAME["gmv"], "TWD", 149000), shown(BY_NAME["net_sentiment"], "", "0.500000000")
    ('TWD 1,490.00', '0.5')
    """
    if value is None:
        return "none yet"
    if number.money:
        return f"{key} {Money(amount=value, currency=key).decimal:,f}"
    if number.unit == "microseconds":
        return duration(value)
    if isinstance(value, str):
        return f"{Decimal(value):.4f}".rstrip("0").rstrip(".")
    return f"{value:,}"


def duration(micros: int) -> str:
    """Return a span of time in its two largest units.

    >>> duration(3_723_000_000), duration(5_500_000)
    ('1 h 2 min', '5.5 s')
    """
    if micros >= _HOUR:
        return f"{micros // _HOUR:,} h {micros % _HOUR // _MINUTE} min"
    if micros >= _MINUTE:
        return f"{micros // _MINUTE} min {micros % _MINUTE // _SECOND} s"
    return f"{Decimal(micros) / _SECOND:.1f} s"


def vector_text(positions: Mapping[str, int]) -> str:
    """Return a position vector as one line, and as ``?at=`` takes it."""
    return ",".join(f"{source}={position}" for source, position in sorted(positions.items()))


def event_line(event: Source) -> EventLine:
    """Return an event as a list shows it."""
    return EventLine(
        service=event.service,
        position=event.position,
        type=event.type,
        time=moment(event.occurred_at).isoformat(sep=" ", timespec="seconds"),
        stream=event.stream,
    )


def span_line(span: Mapping[str, Any]) -> dict[str, Any]:
    """Return a span as a list shows it."""
    lasted = Decimal(span["ended"] - span["started"]) / 1_000_000
    kept = {name: span[name] for name in ("service", "name", "kind", "status")}
    return {**kept, "milliseconds": f"{lasted:.1f}"}


def spans_for(tenant: str, trace: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the spans of a trace that a tenant may see.

    Callers choose trace ids, so several tenants may share one.  A span that names no tenant
    is shown only where nobody else took part.
    """
    owners = {_tenant_of(span) for span in trace}
    alone = tenant in owners and owners <= {tenant, None}
    shown = {tenant, None} if alone else {tenant}
    return [span for span in trace if _tenant_of(span) in shown]


def _tenant_of(span: Mapping[str, Any]) -> Any:
    return span["attributes"].get("sixfold.tenant")


def _stage(stage: Stage, counted: Counted, cycle: str) -> StageView:
    title, subtitle = TITLES[stage]
    outputs = counted.outputs.get(cycle, {}).get(stage, {})
    numbers = [number for number in NUMBERS if number.stage == stage]
    return StageView(
        name=stage,
        title=title,
        subtitle=subtitle,
        numbers=[
            number_view(number, outputs.get(number.name, number.shape({}))) for number in numbers
        ],
        chart=_chart(stage, counted),
    )


def _chart(stage: Stage, counted: Counted) -> Chart | None:
    weeks = [week.name for week in counted.cycles if week.name != TOTAL]
    if stage not in _HEADLINES or not weeks:
        return None
    number = BY_NAME[_HEADLINES[stage]]
    points = [counted.outputs[week][stage][number.name] for week in weeks]
    return Chart(label=f"{number.title} by week, {weeks[0]} to {weeks[-1]}", points=points)


def _state(cycle: str, closed: Closed | None) -> str:
    if cycle == TOTAL:
        return "all time, never closed"
    if closed is None:
        return "open"
    again = f", restated {closed.times_restated} times" if closed.times_restated else ""
    return f"closed at {vector_text(closed.positions)}{again}"
