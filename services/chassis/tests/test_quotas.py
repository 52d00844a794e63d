"""What a tenant meets at a service's edge when it comes to the end of a quota."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from chassis.clock import FixedClock
from chassis.entrypoints import handlers_of
from chassis.keyed_rows import fold_into
from chassis.quotas.hearing import told
from chassis.quotas.limits import NamedLimit
from chassis.quotas.metering import metering
from chassis.quotas.use import use_of, use_of_all
from chassis.storage import Storage, log_on
from chassis.testing.contexts import NOW
from chassis.testing.notebook import NotebookService, notebook_storage
from chassis.testing.web import Tokens, Web

SCOPES = ("notes:read", "notes:write")
SHANGHAI = "Asia/Shanghai"  # ten in the morning, at NOW


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def storage(tmp_path: Path, clock: FixedClock) -> Storage:
    return notebook_storage(tmp_path, clock)


@pytest.fixture
def web(tmp_path: Path, storage: Storage) -> Web:
    tokens = Tokens(tmp_path / "issuer")
    return Web(tokens, storage, handlers_of(NotebookService()), scopes=SCOPES)


def allow(
    storage: Storage, *, tenant: str = "acme", zone: str = SHANGHAI, **limits: int | None
) -> None:
    named = [NamedLimit(name=name, limit=limit) for name, limit in limits.items()]
    with storage.system.begin() as db:
        fold_into(db, [told(tenant, zone=zone, limits=named)])
    storage.quotas.look_again()


def write(web: Web, title: str = "a", **more: Any) -> Any:
    return web.post("/v1/notes", {"title": title}, **more)


def recorded(storage: Storage) -> int:
    with storage.system.read() as db:
        return log_on(db).head()


def used(storage: Storage, name: str) -> int:
    with storage.system.read() as db:
        uses = use_of(db, storage.quotas.plan, "acme", storage.clock.now())
        return next(use.used for use in uses if use.name == name)


def used_by_all(storage: Storage, name: str) -> int:
    with storage.system.read() as db:
        uses = use_of_all(db, storage.quotas.plan, storage.clock.now())
        return next(use.used for use in uses if (use.tenant, use.name) == ("acme", name))


def meter(storage: Storage) -> None:
    projection = metering()
    with storage.system.begin() as db:
        projection.apply_all([(None, event) for event in log_on(db).after(0, limit=1000)], db)
    storage.quotas.look_again()


def test_without_quotas_nothing_is_refused(web: Web) -> None:
    """An installation that never heard of quotas would stop working after an upgrade."""
    assert [write(web).status_code for _ in range(20)] == [201] * 20


def test_a_command_beyond_the_quota_is_refused_and_says_when_to_come_again(
    web: Web, storage: Storage, clock: FixedClock
) -> None:
    """A caller could not tell a quota from a defect, nor how long to wait."""
    allow(storage, commands_a_day=2)
    first, second, third = write(web), write(web), write(web)
    midnight = datetime(2026, 5, 6, 16, tzinfo=UTC)

    assert [first.status_code, second.status_code, third.status_code] == [201, 201, 429]
    assert third.json["code"] == "quota_exceeded"
    assert third.json["quota"] == {
        "name": "commands_a_day", "limit": 2, "ends": midnight.isoformat(),
    }  # fmt: skip
    assert int(third.headers["Retry-After"]) == (midnight - NOW).total_seconds()
    assert recorded(storage) == 2
    clock.set(midnight - timedelta(microseconds=1))
    assert write(web).status_code == 429
    clock.set(midnight)
    assert write(web).status_code == 201


def test_a_month_and_a_day_are_both_kept(web: Web, storage: Storage, clock: FixedClock) -> None:
    """A tenant could use a month's events on every day of it, or a day's only once."""
    allow(storage, events_a_day=2, events_a_month=3)
    days = []
    for _ in range(3):
        days.append([write(web).status_code for _ in range(3)])
        clock.advance(timedelta(days=1))

    assert days == [[201, 201, 429], [201, 429, 429], [429, 429, 429]]
    clock.set(datetime(2026, 5, 31, 16, tzinfo=UTC))
    assert write(web).status_code == 201


def test_a_refusal_takes_nothing_of_any_quota(web: Web, storage: Storage) -> None:
    """Trying again all day would use up the month."""
    allow(storage, commands_a_day=1, events_a_month=100)
    for _ in range(5):
        write(web)

    assert used(storage, "events_a_month") == 1


def test_what_records_nothing_costs_nothing(web: Web, storage: Storage) -> None:
    """Refusals and repeats would use up what was paid for."""
    allow(storage, commands_a_day=2, events_a_day=2)
    kept = write(web, key="once")
    for _ in range(3):
        assert write(web, "forbidden").status_code == 409
        assert write(web, "").status_code == 400
    write(web)
    again = write(web, key="once")

    assert (again.status_code, again.json) == (201, kept.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert write(web).status_code == 429


def test_a_key_that_was_refused_can_be_used_when_there_is_more(
    web: Web, storage: Storage, clock: FixedClock
) -> None:
    """The refusal would be replayed for ever."""
    allow(storage, commands_a_day=0)
    assert write(web, key="k").status_code == 429
    clock.advance(timedelta(days=1))
    allow(storage, commands_a_day=1)

    assert write(web, key="k").status_code == 201


def test_requests_a_minute_count_readings_too(
    web: Web, storage: Storage, clock: FixedClock
) -> None:
    """A tenant that only reads could keep everybody else waiting."""
    allow(storage, requests_a_minute=3)
    answers = [web.get("/v1/notes") for _ in range(4)]
    clock.advance(timedelta(seconds=59))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Retry-After"] == "60"
    assert web.get("/v1/notes").headers["Retry-After"] == "1"
    clock.advance(timedelta(seconds=1))
    assert web.get("/v1/notes").status_code == 200


def test_one_tenants_use_is_not_anothers(web: Web, storage: Storage) -> None:
    """A busy neighbour would close the door for everybody."""
    allow(storage, commands_a_day=1)
    allow(storage, tenant="other", commands_a_day=1)

    assert [write(web).status_code for _ in range(2)] == [201, 429]
    assert [write(web, tenant="other").status_code for _ in range(2)] == [201, 429]
    assert write(web, tenant="third").status_code == 201


def test_what_is_promised_is_never_refused(web: Web, storage: Storage) -> None:
    """What was begun could not be ended, and money would be lost."""
    allow(
        storage, commands_a_day=0, events_a_month=0, requests_a_minute=0, stored_events=0, notes=0
    )
    path = f"/v1/notes/{uuid4()}/last-words"

    assert web.post(path, {"title": "kept"}).status_code == 201
    assert write(web).status_code == 429


def test_limits_can_change_in_the_middle_of_a_period(web: Web, storage: Storage) -> None:
    """A tenant that pays for more would have to wait, one that pays for less would go on."""
    allow(storage, events_a_day=2)
    assert [write(web).status_code for _ in range(3)] == [201, 201, 429]
    allow(storage, events_a_day=4)
    assert [write(web).status_code for _ in range(3)] == [201, 201, 429]
    allow(storage, events_a_day=1)  # below what is used: nothing is taken back
    assert write(web).status_code == 429
    assert used(storage, "events_a_day") == 4
    allow(storage, events_a_day=None)
    assert write(web).status_code == 201


def test_the_installations_limits_count_where_no_others_are_set(web: Web, storage: Storage) -> None:
    """Whoever was forgotten could do without limit what others pay for."""
    storage.quotas.plan.defaults["commands_a_day"] = 1  # type: ignore[index]  # as a setting
    assert [write(web).status_code for _ in range(2)] == [201, 429]
    allow(storage, commands_a_day=2)
    assert [write(web).status_code for _ in range(2)] == [201, 429]


def test_a_tenant_has_no_more_of_something_than_it_may(web: Web, storage: Storage) -> None:
    """Stocks of things would grow without end; waiting would not help, so 429 would mislead."""
    allow(storage, notes=2)
    first, second, third = write(web), write(web), write(web)

    assert [first.status_code, second.status_code, third.status_code] == [201, 201, 403]
    assert third.json["code"] == "quota_exceeded"
    assert third.json["quota"] == {"name": "notes", "limit": 2, "ends": None}
    assert recorded(storage) == 2
    assert used(storage, "notes") == 2


def test_stored_events_are_limited_by_what_was_metered(web: Web, storage: Storage) -> None:
    """A log could fill a disk."""
    allow(storage, stored_events=2)
    assert [write(web).status_code for _ in range(2)] == [201, 201]
    meter(storage)

    assert write(web).status_code == 403
    assert used(storage, "stored_events") == 2


def test_a_day_without_its_midnight_is_a_day(web: Web, storage: Storage, clock: FixedClock) -> None:
    """Where the clock is put forward over midnight, a quota would never begin anew."""
    beirut = ZoneInfo("Asia/Beirut")
    with storage.system.begin() as db:
        limit = [NamedLimit(name="commands_a_day", limit=1)]
        fold_into(db, [told("acme", zone="Asia/Beirut", limits=limit)])
    clock.set(datetime(2025, 3, 29, 23, 30, tzinfo=beirut).astimezone(UTC))
    assert [write(web).status_code for _ in range(2)] == [201, 429]
    clock.advance(timedelta(minutes=30))  # one o'clock: there was no midnight

    assert write(web).status_code == 201


def test_a_day_that_became_longer_is_shown_until_its_end(
    web: Web, storage: Storage, clock: FixedClock
) -> None:
    """A tenant that moved west would be refused with a quota of which nothing seems to be used."""
    allow(storage, commands_a_day=2, events_a_day=9)
    assert [write(web).status_code for _ in range(2)] == [201, 201]
    allow(storage, zone="UTC", commands_a_day=2, events_a_day=9)
    clock.set(datetime(2026, 5, 6, 17, tzinfo=UTC))  # past midnight in Shanghai

    assert used(storage, "commands_a_day") == used(storage, "events_a_day") == 2
    assert write(web).status_code == 429
    allow(storage, zone="UTC", commands_a_day=3, events_a_day=9)
    assert [write(web).status_code for _ in range(2)] == [201, 429]
    for shown in (used, used_by_all):
        assert (shown(storage, "commands_a_day"), shown(storage, "events_a_day")) == (3, 3)
