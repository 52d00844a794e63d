"""A watch: which words mean a brand, and on which platforms it listens for them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from listening.events import WatchDefined, WatchEvent, WatchPaused, WatchRevised


class NoSuchWatch(NotFound):
    """The watch does not exist for this tenant."""

    code = "no_such_watch"


class NothingToListenFor(Rejected):
    """A watch needs at least one term that is more than blanks and signs."""

    code = "nothing_to_listen_for"
    status = 422
    requirement = "X12"


class WatchBelongsToAnotherBrand(Rejected):
    """A watch stays with the brand that it was defined for."""

    code = "watch_belongs_to_another_brand"


@dataclass(frozen=True, kw_only=True, slots=True)
class DefineWatch:
    """Listen for a brand."""

    watch_id: UUID
    brand: str
    terms: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    require_at: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviseWatch:
    """Listen by other words from now on."""

    watch_id: UUID
    terms: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    require_at: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PauseWatch:
    """Stop listening."""

    watch_id: UUID


WatchCommand = DefineWatch | ReviseWatch | PauseWatch


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What the rules need to know of a watch."""

    brand: str | None = None
    listening: bool = False
    wanted: tuple[object, ...] = ()


def decide(watch: Watch, command: WatchCommand) -> Sequence[WatchEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case DefineWatch():
            return _define(watch, command)
        case ReviseWatch():
            return _revise(watch, command)
        case PauseWatch():
            return _pause(watch, command)
        case _:
            assert_never(command)


def evolve(watch: Watch, event: WatchEvent) -> Watch:
    """Apply one fact."""
    match event:
        case WatchDefined() | WatchRevised():
            return Watch(brand=event.brand, listening=True, wanted=_wanted(event))
        case WatchPaused():
            return replace(watch, listening=False)
        case _:
            assert_never(event)


def _define(watch: Watch, command: DefineWatch) -> Sequence[WatchEvent]:
    _need_terms(command.terms)
    if watch.brand is not None and watch.brand != command.brand:
        raise WatchBelongsToAnotherBrand(str(command.watch_id))
    if watch.brand is not None:
        return []
    return [
        WatchDefined(
            watch_id=command.watch_id,
            brand=command.brand,
            terms=command.terms,
            exclude=command.exclude,
            platforms=_folded(command.platforms),
            require_at=command.require_at,
        )
    ]


def _revise(watch: Watch, command: ReviseWatch) -> Sequence[WatchEvent]:
    _need_terms(command.terms)
    if watch.brand is None:
        raise NoSuchWatch(str(command.watch_id))
    revised = WatchRevised(
        watch_id=command.watch_id,
        brand=watch.brand,
        terms=command.terms,
        exclude=command.exclude,
        platforms=_folded(command.platforms),
        require_at=command.require_at,
    )
    return [] if watch.listening and _wanted(revised) == watch.wanted else [revised]


def _pause(watch: Watch, command: PauseWatch) -> Sequence[WatchEvent]:
    if watch.brand is None:
        raise NoSuchWatch(str(command.watch_id))
    if not watch.listening:
        return []
    return [WatchPaused(watch_id=command.watch_id, brand=watch.brand)]


def _need_terms(terms: Sequence[str]) -> None:
    if not any(term.strip("@＠ \t") for term in terms):  # noqa: RUF001  # a full-width @ is blank too
        raise NothingToListenFor("Name at least one term.")


def _folded(platforms: Sequence[str]) -> tuple[str, ...]:
    return tuple(platform.strip().lower() for platform in platforms)


def _wanted(event: WatchDefined | WatchRevised) -> tuple[object, ...]:
    return event.terms, event.exclude, event.platforms, event.require_at


WATCH: Decider[Watch, WatchCommand, WatchEvent] = Decider(
    category="watch", initial=Watch(), decide=decide, evolve=evolve
)
