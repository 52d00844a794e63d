"""The small services as the fault lab sees them: their load, and what it should leave behind."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bus_service import counted, seen
from chassis.envelope import Recorded
from chassis.testing.faultlab.subject import (
    Answer,
    Command,
    Effects,
    Logs,
    Look,
    Scene,
    Shown,
    Subject,
)

ALONE, CROWD, CROWDS = 4, 4, 3
FEWEST, MOST = 5, 12
PACE_SECONDS = 1.0
CONTENDED = "crowd"
Pairs = Sequence[tuple[str, str]]


def load(scene: Scene) -> list[list[Command]]:
    """Some customers have a stream for themselves, others write to the same ones at once."""
    streams = [f"alone{customer}" for customer in range(ALONE)]
    streams += [f"{CONTENDED}{scene.chance.randrange(CROWDS)}" for _ in range(CROWD)]
    return [_customer(scene, customer, name) for customer, name in enumerate(streams)]


def _customer(scene: Scene, customer: int, name: str) -> list[Command]:
    stream, first = scene.stream(name), scene.first + customer * MOST
    return [
        Command(
            service="greeter",
            path=f"/v1/greetings/{stream}",
            body={"number": number},
            key=f"{stream}-{number}",
            stream=stream,
            mark=str(number),
            pause=scene.chance.uniform(0.0, PACE_SECONDS),
        )
        for number in range(first, first + scene.chance.randint(FEWEST, MOST))
    ]


def number_in(*types: str) -> Any:
    """Return what reads the number of events of some types, None for others."""

    def mark(event: Recorded) -> str | None:
        return str(json.loads(event.data)["number"]) if event.type in types else None

    return mark


def written_down(look: Look) -> Iterator[tuple[str, str]]:
    """Yield what the listener wrote down, in its order."""
    for row in look.db.execute(select(seen.c.stream, seen.c.number).order_by(seen.c.id)):
        yield row.stream, str(row.number)


def counts(look: Look) -> Iterator[tuple[str, str]]:
    """Yield one pair for each time that the read model counted."""
    for row in look.db.execute(select(counted)):
        yield from [(row.stream, "counted")] * row.times


def cards(look: Look) -> Iterator[tuple[str, str]]:
    """Yield the cards that were sent."""
    file = look.folder / "postcards"
    for line in file.read_text().splitlines() if file.exists() else ():
        stream, number = line.split()
        yield stream, number


def model(scene: Scene, effects: Mapping[str, Pairs], _shown: Any) -> Any:
    """Return what the listener knows; who wrote first in a crowd is nobody's business."""
    by_stream: dict[str, list[int]] = {}
    for stream, number in effects["listener"]:
        by_stream.setdefault(stream, []).append(int(number) - scene.first)
    return {
        stream: sorted(numbers) if stream.startswith(CONTENDED) else numbers
        for stream, numbers in by_stream.items()
    }


def expects(logs: Logs, answers: Sequence[Answer], _shown: Shown) -> Iterator[str]:
    """Of concurrent writers one wins: no version is told to two; each guest leaves once."""
    told = Counter((answer.command.stream, answer.body["version"]) for answer in answers)
    yield from (f"version {at} was told {n} times" for at, n in told.items() if n > 1)
    greeted, parted = (
        Counter(filter(None, map(number_in(name), logs["greeter"])))
        for name in ("greeted", "parted")
    )
    if greeted != parted:
        yield f"greeted and not parted, or parted twice: {(greeted - parted) + (parted - greeted)}"


def poison(folder: Path, breaks: bool) -> None:  # noqa: FBT001  # the lab's signature
    """Break the listener's handler, or mend it."""
    if breaks:
        (folder / "broken").touch()
    else:
        (folder / "broken").unlink(missing_ok=True)


SUBJECT = Subject(
    roles={"greeter": ("worker", "relay"), "listener": ("worker",)},
    upstream={"listener": ("greeter",)},
    scopes=("greet",),
    load=load,
    effects=[
        Effects(
            name="listener", service="listener", source="greeter",
            mark=number_in("greeted", "parted"), read=written_down,
        ),
        Effects(
            name="counting", service="greeter", source="greeter",
            mark=lambda event: "counted" if event.type == "greeted" else None, read=counts,
        ),
        Effects(
            name="postcards", service="greeter", source="greeter",
            mark=number_in("parted"), read=cards, repeats=True,
        ),
    ],
    model=model,
    expects=expects,
    environment=lambda around: {
        "POSTCARDS": str(around.folder / "postcards"), "BROKEN": str(around.folder / "broken"),
    },
    poison=poison,
)  # fmt: skip
