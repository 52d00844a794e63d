"""A POST on a hot stream keeps every promise that any other POST keeps."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bus_service import embedded
from chassis import idempotency
from chassis.entrypoints import handlers_of, hot_command
from chassis.hot_route import HotCall, Wish
from chassis.routes import Call, Reply
from chassis.storage import Storage
from chassis.testing.contexts import NOW
from chassis.testing.web import Tokens, Web
from hot_tickets import EVENING, SEATS, Take

DOOR = "/v1/evenings/tonight/seats"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a client sends."""

    seats: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Seats:
    """What he gets."""

    numbers: tuple[int, ...]
    left: int


def in_pairs(db: Connection, tenant: str, wanted: Sequence[Take]) -> Sequence[Take]:
    """Return what each is to take, by what the database says."""
    assert tenant == "acme"
    by = db.execute(text("SELECT 2")).scalar_one()
    return [Take(seats=take.seats * by) for take in wanted]


class BoxOffice:
    """Sells seats."""

    name = "box_office"

    @hot_command("/v1/evenings/<evening>/seats", scope="buy", body=Order, reply=Seats)
    def take_seats(self, _hot: HotCall, call: Call[Order]) -> Wish[int]:
        """Take seats."""
        return Wish(
            decider=EVENING,
            entity_id=call.path["evening"],
            command=Take(seats=call.body.seats),
            answer=lambda done: Reply(
                body=Seats(
                    numbers=tuple(event.number for event in done.events), left=SEATS - done.state
                ),
                version=done.version,
            ),
        )

    @hot_command("/v1/evenings/<evening>/pairs", scope="buy", body=Order)
    def take_pairs(self, _hot: HotCall, call: Call[Order]) -> Wish[int]:
        """Take twice as many seats as were asked for, looked up for all at once."""
        return Wish(
            decider=EVENING,
            entity_id=call.path["evening"],
            command=Take(seats=call.body.seats),
            prepare=in_pairs,
            answer=lambda done: Reply(body={"left": SEATS - done.state}),
        )

    @hot_command("/v1/broken", scope="buy", body=Order)
    def forget(self, _hot: HotCall, _call: Call[Order]) -> Reply:
        """Answer without a wish, by mistake."""
        return Reply()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    yield storage
    storage.database.close()


@pytest.fixture
def web(tmp_path: Path, storage: Storage) -> Web:
    return Web(Tokens(tmp_path / "issuer"), storage, handlers_of(BoxOffice()), scopes=["buy"])


def test_seats_are_taken_and_told(web: Web) -> None:
    """A buyer would not know what he has."""
    web.post(DOOR, {"seats": 3})
    answer = web.post(DOOR, {"seats": 2})

    assert (answer.status_code, answer.headers["ETag"]) == (201, '"5"')
    assert answer.get_json() == {"numbers": [4, 5], "left": SEATS - 5}


def test_the_same_key_again_gives_the_same_answer(web: Web, storage: Storage) -> None:
    """Who lost the answer and asks again would be told something else, or buy twice."""
    first = web.post(DOOR, {"seats": 3}, key="k1")
    web.post(DOOR, {"seats": 2})
    again = web.post(DOOR, {"seats": 3}, key="k1")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (again.get_data(), again.headers["ETag"]) == (first.get_data(), first.headers["ETag"])
    assert sold(storage) == 5


def test_the_same_key_with_another_body_is_refused(web: Web, storage: Storage) -> None:
    """A key that was used by mistake would hide a different order."""
    web.post(DOOR, {"seats": 0}, key="k1")
    other = web.post(DOOR, {"seats": 2}, key="k1")

    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert sold(storage) == 0


def test_a_refusal_leaves_the_key_free(web: Web, storage: Storage) -> None:
    """Who was refused too early could never ask again."""
    web.post(DOOR, {"seats": SEATS - 1})
    refused = web.post(DOOR, {"seats": 2}, key="k1")
    mended = web.post(DOOR, {"seats": 1}, key="k1")

    assert (refused.status_code, refused.get_json()["code"]) == (409, "sold_out")
    assert mended.status_code == 201
    assert sold(storage) == SEATS


def test_a_command_outlives_its_answer(web: Web, storage: Storage) -> None:
    """A repeat after the answers were tidied away would buy again."""
    first = web.post(DOOR, {"seats": 3}, key="k1")
    with storage.system.begin() as db:
        assert idempotency.forget(db, NOW.replace(year=2100)) == 1
    again = web.post(DOOR, {"seats": 3}, key="k1")

    assert again.get_json()["numbers"] == first.get_json()["numbers"]
    assert sold(storage) == 3


def test_the_same_request_at_the_same_time_is_one(web: Web, storage: Storage) -> None:
    """Two clicks in one moment would be two orders."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: web.post(DOOR, {"seats": 1}, key=f"k{n % 4}"), range(24)))

    assert len({answer.get_data() for answer in answers}) == 4
    assert sold(storage) == 4


def test_what_a_command_needs_is_looked_up_for_all(web: Web, storage: Storage) -> None:
    """Each buyer would pay for a query of his own before he is in line."""
    path = DOOR.replace("seats", "pairs")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: web.post(path, {"seats": 1}, key=f"k{n}"), range(6)))
    again = web.post(path, {"seats": 1}, key="k3")

    assert sorted(one.get_json()["left"] for one in answers) == [28, 30, 32, 34, 36, 38]
    assert again.get_data() == answers[3].get_data()
    assert sold(storage) == 12


def test_a_key_is_needed(web: Web, storage: Storage) -> None:
    """A request that cannot be told from its repeat would be carried out twice."""
    refused = web.post(DOOR, {"seats": 1}, headers={"Idempotency-Key": ""})

    assert refused.status_code == 400
    assert sold(storage) == 0


def test_a_method_that_wishes_nothing_is_a_defect(web: Web) -> None:
    """A mistake in a service would pass as an empty success."""
    assert web.post("/v1/broken", {"seats": 1}).status_code == 500


def sold(storage: Storage) -> int:
    with storage.system.read() as db:
        return len(storage.log(db).stream("acme", "evening-tonight"))
