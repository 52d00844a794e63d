"""Print what the loop found: six stages, the hash, the time it took, where to look."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from loop.numbers import Stage
from loop.stages import BY_NAME
from loop.views import TITLES, NumberView, number_view
from sixfold.feeding import Fed

STAGES: tuple[Stage, ...] = ("listen", "segment", "content", "ad", "crm", "commerce")
_MOST_ENTRIES = 6
Outputs = Mapping[str, Mapping[str, Any]]


class EmptyStage(Exception):
    """A stage of the loop has no number that is not zero; something is wrong."""


def stage_table(stages: Outputs) -> Table:
    """Return the stages of one cycle as a table."""
    table = Table(title="Listen → Segment → Content → Ad → CRM → Commerce → Listen")
    for heading in ("stage", "number", "value", "unit"):
        table.add_column(heading)
    for stage in STAGES:
        numbers = stages[stage]
        for place, name in enumerate(numbers):
            view = number_view(BY_NAME[name], numbers[name])
            table.add_row(
                "" if place else TITLES[stage][0],
                view.title,
                entries(view),
                "" if BY_NAME[name].money else view.unit,
                end_section=place == len(numbers) - 1,
            )
    return table


def entries(view: NumberView) -> str:
    """Return a number, or the entries of one, on a line.

    >>> entries(number_view(BY_NAME["orders"], {"confirmed": 1, "placed": 2}))
    'confirmed 1, placed 2'
    >>> entries(number_view(BY_NAME["gmv"], {"HKD": 149000, "USD": 990}))
    'HKD 1,490.00, USD 9.90'
    """
    if view.entries is None:
        return view.value
    money = BY_NAME[view.name].money  # its value names the currency already
    said = [value if money else f"{key} {value}" for key, value in view.entries]
    more = f", and {len(said) - _MOST_ENTRIES} more" if len(said) > _MOST_ENTRIES else ""
    return ", ".join(said[:_MOST_ENTRIES]) + more


def require_six(stages: Outputs) -> None:
    """Refuse a loop in which a stage is empty; raises EmptyStage."""
    empty = [stage for stage in STAGES if not any(map(_says_something, stages[stage].values()))]
    if empty:
        raise EmptyStage(", ".join(empty))


def show(
    console: Console,
    stages: Outputs,
    whole: str,
    *,
    seconds: float,
    fed: Fed,
    where: Sequence[str],
) -> None:
    """Print everything.

    Args:
        console: Where to.
        stages: The numbers of all time.
        whole: The hash over every week, which a replay of the same logs gives again.
        seconds: How long everything took.
        fed: What the services were given.
        where: Lines that say where to look.

    Raises:
        EmptyStage: a stage has nothing to show.
    """
    require_six(stages)
    console.print(stage_table(stages))
    console.print(
        f"{fed.people} people, {fed.visits} visits, {fed.mentions} mentions, {fed.chats} chats and "
        f"{fed.orders} orders were fed in their own time; {len(fed.refused)} rows were refused."
    )
    console.print(f"hash  {whole}")
    console.print(f"time  {seconds:.0f} s")
    for line in where:
        console.print(line)


def _says_something(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_says_something(entry) for entry in value.values())
    return value not in (None, "", 0, "0")
