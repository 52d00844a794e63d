"""Many buyers of one article in the same moment: what is there is sold, and no more."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.errors import Rejected
from chassis.ids import derived_id
from chassis.migrations import migrate
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context
from commerce import examples
from commerce.events import StockReserved, registry
from commerce.stock import (
    STOCK,
    Adjust,
    Confirm,
    Expire,
    OutOfStock,
    Place,
    Receive,
    Release,
    Reserve,
    Ship,
    Stock,
    StockCommand,
    Wanted,
)

PLACE = Place(sku="shirt-m", location="main")
UNITS, BUYERS = 50, 120


def storage_at(url: str) -> Storage:
    migrate(url, "commerce")
    return Storage(
        service="commerce",
        database=Database(url),
        registry=registry,
        keys=MemoryKeys(),
        clock=FixedClock(NOW),
        secret=SECRET,
    )


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = storage_at(f"sqlite:///{tmp_path}/commerce.db")
    yield storage
    storage.database.close()


def wanted(order_id: UUID, qty: int = 1) -> Reserve:
    line = Wanted(reservation=f"{order_id}.1.0", qty=qty)
    return Reserve(place=PLACE, order_id=order_id, lines=(line,), expires_at=examples.LATER)


def order_of(buyer: int) -> UUID:
    return derived_id("order of", buyer)


def buy(storage: Storage, buyer: int) -> bool:
    """Want a piece; the same buyer's wish is the same command whenever it is made."""
    once = context(command_id=derived_id("wish of", buyer), command=f"{buyer}".encode())
    try:
        return bool(storage.hot.execute(once, STOCK, PLACE, wanted(order_of(buyer))).events)
    except OutOfStock:
        return False


def stock(storage: Storage) -> Stock:
    with storage.begin(context()) as work:
        return work.load(STOCK, PLACE).state


def rush(storage: Storage) -> tuple[int, Stock]:
    """Let everybody want a piece twice, all at once; return how many had one."""
    storage.hot.execute(context(), STOCK, PLACE, Receive(place=PLACE, qty=UNITS))
    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(lambda n: buy(storage, n), range(BUYERS)))
        again = list(pool.map(lambda n: buy(storage, n), range(BUYERS)))
    assert again == first
    return sum(first), stock(replace(storage, states=type(storage.states)()))


def test_a_rush_sells_what_is_there(storage: Storage) -> None:
    """A piece would be promised to two buyers, or stay on the shelf with buyers waiting."""
    sold, left = rush(storage)

    assert (sold, left.available, len(left.held)) == (UNITS, 0, UNITS)


@pytest.mark.servers
def test_a_rush_on_postgresql_sells_what_is_there(postgresql_url: str) -> None:
    """What holds for the demo would not hold where it counts."""
    storage = storage_at(postgresql_url)
    sold, left = rush(storage)

    assert (sold, left.available, len(left.held)) == (UNITS, 0, UNITS)
    storage.database.close()


def test_a_reservation_is_a_fact_of_its_own(storage: Storage) -> None:
    """Nobody could tell afterwards who held what, and by which request."""
    storage.hot.execute(context(), STOCK, PLACE, Receive(place=PLACE, qty=UNITS))
    once = context()
    (event,) = storage.hot.execute(once, STOCK, PLACE, wanted(order_of(1), 2)).events

    assert isinstance(event, StockReserved)
    assert (event.order_id, event.qty) == (order_of(1), 2)
    with storage.system.read() as db:
        recorded = storage.log(db).stream("acme", STOCK.stream(PLACE))[-1]
    assert recorded.command_id == once.command_id


ORDERS = st.integers(1, 5).map(order_of)
NAMES = st.lists(ORDERS.map(lambda order: f"{order}.1.0"), min_size=1, max_size=2, unique=True)
COMMANDS = st.one_of(
    st.builds(Receive, place=st.just(PLACE), qty=st.integers(1, 9)),
    st.builds(wanted, ORDERS, st.integers(1, 4)),
    st.builds(
        Confirm, place=st.just(PLACE), reservations=NAMES.map(tuple), at=st.just(examples.LATER)
    ),
    st.builds(Release, place=st.just(PLACE), reservations=NAMES.map(tuple), reason=st.just("so")),
    st.builds(Expire, place=st.just(PLACE), reservations=NAMES.map(tuple)),
    st.builds(
        lambda names, qty: Ship(
            place=PLACE, lines=tuple(Wanted(reservation=name, qty=qty) for name in names)
        ),
        NAMES,
        st.integers(1, 3),
    ),
    st.builds(Adjust, place=st.just(PLACE), qty=st.integers(-3, 3), reason=st.just("counted")),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(COMMANDS, max_size=30))
def test_what_is_promised_is_the_sum_of_what_is_held(commands: list[StockCommand]) -> None:
    """A count that drifts from its parts would sell what is promised, or refuse what is free."""
    state, states = STOCK.initial, [STOCK.initial]
    for command in commands:
        try:
            events = STOCK.decide(state, command)
        except Rejected:
            continue
        for event in events:
            state = STOCK.evolve(state, event)
            states.append(state)

    for one in states:
        assert one.promised == sum(held.qty for held in one.held.values())
        assert one.available >= 0


def test_a_state_is_not_changed_by_what_follows() -> None:
    """A decision that is undone would leave its holds in the state that others decide on."""
    (event,) = STOCK.decide(Stock(on_hand=3), wanted(order_of(1)))
    before = Stock(on_hand=3)
    after = STOCK.evolve(before, event)

    assert (len(before.held), len(after.held)) == (0, 1)
    assert (before.promised, after.promised) == (0, 1)
