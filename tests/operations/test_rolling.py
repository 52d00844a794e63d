"""One version gives way to the next and comes back, under traffic, on real servers."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from chassis.testing.faultlab.witness import Witness
from chassis.testing.servers import PrivatePostgreSQL
from kill_checks import check_all, log_of
from kill_load import Town, started_at, visits
from site_of_two import Site
from sixfold.parts import LOOP, SERVICES
from sixfold.shop import TENANT
from sixfold.stack import clients_of
from versions import CURRENT, PACKAGES, Version, previous

pytestmark = [pytest.mark.journey, pytest.mark.servers]
DEADLINE = 240.0
VISITS = 12
# One that others listen to and one that listens, there and back; the others go forward at the end.
ROLLED, OTHERS = ("commerce", "campaigns"), ("identity", "listening")


class Calls:
    """What came of every attempt at a call."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the attempts of every client in this process."""
        whole = httpx.Client.request

        def request(client: httpx.Client, *words: Any, **more: Any) -> httpx.Response:
            ours = "authorization" in client.headers  # and no probe of a process that starts
            try:
                answer = whole(client, *words, **more)
            except httpx.TransportError:
                self.made["broken off"] += ours
                raise
            self.made[f"{answer.status_code}"] += ours
            return answer

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(httpx.Client, "request", request)
            yield


@pytest.fixture
def site(tmp_path: Path, amqp_uri: str, postgresql: PrivatePostgreSQL) -> Iterator[Site]:
    """Give an installation on PostgreSQL in which nothing runs yet."""
    names = {name: f"rolling_{name}" for name in PACKAGES}
    made = Site(
        tmp_path,
        amqp_uri=amqp_uri,
        databases={name: postgresql.database(named) for name, named in names.items()},
        keys={name: postgresql.database(f"{named}_keys") for name, named in names.items()},
        start_at=started_at(visits()[:VISITS]),
    )
    yield made
    made.close()
    for named in names.values():
        postgresql.drop_database(named)
        postgresql.drop_database(f"{named}_keys")


@pytest.fixture
def witnesses(amqp_uri: str) -> Iterator[dict[str, Witness]]:
    """Give somebody who writes down every event that reaches the bus."""
    watching = {name: Witness(name, amqp_uri) for name in SERVICES}
    for each in watching.values():
        each.start()
    yield watching
    for each in watching.values():
        each.stop()


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """Wait until something holds; fail after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"did not happen in {DEADLINE} s: {what}"
        time.sleep(0.1)


def order_from(town: Town, site: Site, version: Version, numbers: range) -> None:
    """Order from one version's own workers, whoever else serves."""
    urls = {"commerce": f"http://127.0.0.1:{site.port(version, 'commerce')}"}
    callers = clients_of(urls, site.token, TENANT)
    for number in numbers:
        town.order(callers, number)


def holders(server: PrivatePostgreSQL, service: str) -> list[set[int]]:
    """Return the ports of the workers that hold shares of each of a service's subscriptions."""
    found: dict[str, set[int]] = {}
    with psycopg.connect(server.dsn(f"rolling_{service}")) as db:
        for name, worker, shares in db.execute("SELECT name, worker, shares FROM leases"):
            if shares:
                found.setdefault(name, set()).add(int(worker.rpartition(":")[2]))
    return list(found.values())


def shared(site: Site, server: PrivatePostgreSQL, *versions: Version) -> bool:
    """Say whether both versions' workers take events of every subscription of what is rolled."""
    for service in ROLLED:
        both = {site.port(version, service) for version in versions}
        found = holders(server, service)
        if not found or not all(both <= ports for ports in found):
            return False
    return True


def roll(site: Site, old: Version, new: Version, services: Sequence[str]) -> None:
    """Start a version beside the other, then let the other leave, service by service."""
    site.start(new, services)
    for service in services:
        site.leave(old, [service])


def test_versions_roll_forward_and_back_under_traffic(
    site: Site, postgresql: PrivatePostgreSQL, witnesses: dict[str, Witness], tmp_path: Path
) -> None:
    """An upgrade or the way back from it would cost customers, events or a night's sleep."""
    before, calls, begun = previous(tmp_path / "previous"), Calls(), time.monotonic()
    site.start_world()
    site.migrate(before)
    site.start(before)
    with calls.counted():
        town = Town(site, visits()[:VISITS])  # type: ignore[arg-type]  # a site has what it needs
        with town.busy():
            served(town, 3)
            site.migrate(CURRENT)
            served(town, 3)

            site.start(CURRENT, ROLLED)
            wait_for(lambda: shared(site, postgresql, before, CURRENT), "both take events")
            for version, first in ((before, 20_001), (CURRENT, 20_009)):
                order_from(town, site, version, range(first, first + 6))
            for service in ROLLED:
                site.leave(before, [service])
            served(town, 3)

            roll(site, CURRENT, before, ROLLED)
            served(town, 3)

            # What only the newer version reads stood still meanwhile, and catches up.
            roll(site, before, CURRENT, (*ROLLED, *OTHERS))
            # One process owns the live facts, so the loop's page is away for a moment.
            site.leave(before, [LOOP])
            site.start(CURRENT, [LOOP])
            served(town, 3)
        town.finish()
    assert site.dead() == []
    check_all(town)
    for name, witness in witnesses.items():
        assert witness.missing(len(log_of(town, name)), 60) == [], f"{name} lost events"
    recorded = sum(len(log_of(town, name)) for name in SERVICES)
    sys.stdout.write(
        f"{town.placed} orders, {recorded} events, attempts {dict(calls.made)}, "
        f"{time.monotonic() - begun:.0f} s\n"
    )
    assert town.placed > 12 + 15
    failed = {
        what: many for what, many in calls.made.items() if what in {"400", "401", "403", "500"}
    }
    assert failed == {}


def served(town: Town, orders: int) -> None:
    """Wait until so many more customers were served."""
    enough = town.placed + orders

    def done() -> bool:
        town.check_customers()
        return town.placed >= enough

    wait_for(done, f"{orders} more orders")
