"""Print what the loop found: six stages, the hash, the time it took, where to look."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from loop.stages import BY_NAME
from sixfold.feeding import Fed

STAGES = ("listen", "segment", "content", "ad", "crm", "commerce")
_MOST_KEYS = 6
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
            number = BY_NAME[name]
            table.add_row(
                "" if place else stage.capitalize(),
                number.title,
                shown(numbers[name]),
                number.unit,
                end_section=place == len(numbers) - 1,
            )
    return table


def shown(value: Any) -> str:
    """Return a number, or the entries of one, as people read them.

    >>> shown({"social": 3, "email": 1})
    'social 3, email 1'
    """
    if not isinstance(value, Mapping):
        return "-" if value is None else str(value)
    entries = [f"{key} {shown(entry)}" for key, entry in value.items()]
    more = f", and {len(entries) - _MOST_KEYS} more" if len(entries) > _MOST_KEYS else ""
    return ", ".join(entries[:_MOST_KEYS]) + more


def require_six(stages: Outputs) -> None:
    """Refuse a loop in which a stage is empty; raises EmptyStage."""
    empty = [stage for stage in STAGES if not any(map(_says_something, stages[stage].values()))]
    if empty:
        raise EmptyStage(", ".join(empty))


def show(
    console: Console,
    answer: Mapping[str, Any],
    *,
    seconds: float,
    fed: Fed,
    where: Sequence[str],
) -> None:
    """Print everything; raises EmptyStage."""
    require_six(answer["stages"])
    console.print(stage_table(answer["stages"]))
    console.print(
        f"{fed.people} people, {fed.visits} visits, {fed.mentions} mentions, {fed.chats} chats and "
        f"{fed.orders} orders were fed in their own time; {len(fed.refused)} rows were refused."
    )
    console.print(f"hash  {answer['hash']}")
    console.print(f"time  {seconds:.0f} s")
    for line in where:
        console.print(line)


def _says_something(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_says_something(entry) for entry in value.values())
    return value not in (None, "", 0, "0")
