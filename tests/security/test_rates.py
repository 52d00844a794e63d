"""Rates: who asks too often waits, whoever they say they are; others and providers don't."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Request
from werkzeug.test import EnvironBuilder

from chassis.clients import address_of, site_of
from chassis.rates import Rate
from chassis.testing.issuer import PrivateIssuer
from chassis.testing.telemetry import recorded_telemetry
from chassis.throttle import Buckets, Limit, Throttle, TooManyRequests
from chassis.wsgi import server
from desk import Desk


class Ticking:
    """Seconds that a test counts."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


def desk_with(
    folder: Path, issuer: PrivateIssuer, ticking: Any, proxies: int = 0, **rates: Rate
) -> Desk:
    named: dict[Limit, Rate] = {name.replace("_", "-"): rate for name, rate in rates.items()}  # type: ignore[misc]  # the names are limits
    throttle = Throttle(proxies=proxies, rates=named, monotonic=ticking)
    return Desk(folder, issuer, throttle=throttle)


@pytest.fixture
def desk(tmp_path: Path, issuer: PrivateIssuer, ticking: Ticking) -> Iterator[Desk]:
    """Give a service that takes three requests of one subject in ten seconds."""
    desk = desk_with(tmp_path, issuer, ticking, subject=Rate(requests=3, seconds=10))
    yield desk
    desk.storage.database.close()


def test_who_asks_too_often_is_told_how_long_to_wait(desk: Desk, ticking: Ticking) -> None:
    """A client would not know when to come back, and would try all the time."""
    token = desk.issuer.token(scope="orders.read")
    left = [desk.ask("/v1/orders", token).headers["RateLimit"] for _ in range(3)]
    assert left == ['"subject";r=2;t=4', '"subject";r=1;t=7', '"subject";r=0;t=10']
    refused = desk.ask("/v1/orders", token)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "4")
    assert refused.get_json()["code"] == "too_many_requests"
    assert refused.headers["RateLimit"] == '"subject";r=0;t=4'
    assert refused.headers["RateLimit-Policy"] == '"subject";q=3;w=10'
    ticking.seconds += 4
    assert desk.ask("/v1/orders", token).status_code == 200
    assert desk.ask("/v1/orders", token).status_code == 429


def test_others_are_not_held_up(desk: Desk) -> None:
    """One client's haste would be everybody's outage."""
    for told in ({}, {"sub": "u2"}, {"tenant": "globex"}):
        answers = [desk.ask("/v1/orders", scope="orders.read", **told) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_internal_feeds_and_providers_are_never_held_up(
    tmp_path: Path, issuer: PrivateIssuer, ticking: Ticking
) -> None:
    """Events would be late, or a payment's news be lost, because of a limit meant for strangers."""
    one = Rate(requests=1, seconds=100)
    desk = desk_with(tmp_path, issuer, ticking, subject=one, address=one, forms=one)
    token = issuer.token(scope="log.read operate")
    for path in ("/internal/v1/log/heads", "/internal/v1/progress"):
        assert [desk.ask(path, token).status_code for _ in range(5)] == [200] * 5
    called = [desk.client.post("/v1/tenants/acme/callbacks", json={}) for _ in range(5)]
    assert {answer.status_code for answer in called} == {204}
    assert desk.ask("/v1/orders", token).status_code == 403
    assert desk.ask("/v1/orders", token).status_code == 429
    desk.storage.database.close()


def test_codes_have_a_tighter_limit_of_their_own(
    tmp_path: Path, issuer: PrivateIssuer, ticking: Ticking
) -> None:
    """Somebody could have us send thousands of messages, which others pay for or are woken by."""
    desk = desk_with(tmp_path, issuer, ticking, codes=Rate(requests=4, seconds=60))
    token = issuer.token(scope="orders.read")
    sent = [desk.ask("/v1/codes", token, method="POST").status_code for _ in range(6)]
    assert sent == [202, 202, 202, 202, 429, 429]
    assert desk.ask("/v1/orders", token).status_code == 200
    desk.storage.database.close()


def test_tokens_that_are_guessed_count_against_the_address(
    tmp_path: Path, issuer: PrivateIssuer, ticking: Ticking
) -> None:
    """Somebody could try tokens as fast as we can refuse them."""
    desk = desk_with(tmp_path, issuer, ticking, address=Rate(requests=2, seconds=60))
    guessed = [desk.ask("/v1/orders", f"guess-{number}").status_code for number in range(4)]
    assert guessed == [401, 401, 429, 429]
    desk.storage.database.close()


def request(heard: str, **headers: str) -> Request:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = EnvironBuilder(headers=given, environ_base={"REMOTE_ADDR": heard}).get_environ()
    return Request(environ)


@pytest.mark.parametrize(
    ("proxies", "told", "client"),
    [
        (0, "192.0.2.1", "10.0.0.9"),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "6.6.6.6, 192.0.2.1", "192.0.2.1"),
        (2, "6.6.6.6, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        (2, "6.6.6.6", "10.0.0.9"),
        (1, "not an address", "10.0.0.9"),
        (1, "", "10.0.0.9"),
        (1, "192.0.2.1:4711", "192.0.2.1"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "::ffff:192.0.2.1", "192.0.2.1"),
        (1, "192.0.2.1%0d%0a", "10.0.0.9"),
    ],
)
def test_only_our_own_proxies_are_believed(proxies: int, told: str, client: str) -> None:
    """A client could name a new address with each request, or somebody else's."""
    assert address_of(request("10.0.0.9", X_Forwarded_For=told), proxies) == client


def test_a_forged_header_does_not_make_a_new_client(
    tmp_path: Path, issuer: PrivateIssuer, ticking: Ticking
) -> None:
    """The limit would hold only those who are honest."""
    limit = Rate(requests=5, seconds=60)
    desk = desk_with(tmp_path, issuer, ticking, proxies=1, address=limit)
    token = issuer.token(scope="orders.read")
    codes = Counter(
        desk.ask(
            "/v1/orders", token, headers={"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.7"}
        ).status_code
        for number in range(20)
    )
    assert codes == {200: 5, 429: 15}
    other = desk.ask("/v1/orders", token, headers={"X-Forwarded-For": "192.0.2.8"})
    assert other.status_code == 200
    desk.storage.database.close()


def test_a_network_of_one_user_is_one_client() -> None:
    """Whoever has an IPv6 line would have billions of addresses to come from."""
    assert site_of("2001:db8::1") == site_of("2001:db8::ffff:1")
    assert site_of("2001:db8:0:1::1") != site_of("2001:db8::1")


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=60))
def test_no_pattern_of_requests_gets_more_than_the_rate(pauses: list[float]) -> None:
    """Somebody who times requests well would get through more often than agreed."""
    ticking, taken = Ticking(), 0
    began = ticking.seconds
    buckets = Buckets("subject", Rate(requests=5, seconds=10), ticking)
    for pause in pauses:
        ticking.seconds += pause
        with suppress(TooManyRequests):
            buckets.take("u1")
            taken += 1
    assert taken <= 5 + (ticking.seconds - began) * 0.5 + 1e-6


def test_made_up_clients_do_not_fill_the_memory() -> None:
    """A process would die of addresses that were each used once."""
    buckets = Buckets("address", Rate(requests=5, seconds=10), Ticking(), most=100)
    for number in range(1000):
        buckets.take(str(number))
    assert len(buckets._buckets) == 100


def test_the_limit_holds_under_load(tmp_path: Path, issuer: PrivateIssuer) -> None:
    """With many connections at once more would get through than agreed."""
    desk = desk_with(tmp_path, issuer, Ticking(), proxies=1, address=Rate(requests=40, seconds=600))
    web = server(desk.app, "127.0.0.1", 0, threads=16)
    web.prepare()
    threading.Thread(target=web.serve, daemon=True).start()
    headers = {"Authorization": f"Bearer {issuer.token(scope='orders.read')}"}
    address = f"http://127.0.0.1:{web.bind_addr[1]}/v1/orders"
    codes: list[int] = []

    def hurry(worker: int) -> None:
        with httpx.Client() as client:
            for number in range(25):
                forged = {"X-Forwarded-For": f"10.{worker}.{number}.1, 192.0.2.7"}
                codes.append(client.get(address, headers=headers | forged).status_code)

    with recorded_telemetry():
        workers = [threading.Thread(target=hurry, args=(number,)) for number in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    web.stop()
    assert Counter(codes) == {200: 40, 429: 160}
    desk.storage.database.close()
