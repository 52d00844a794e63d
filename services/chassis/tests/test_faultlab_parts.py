"""The fault lab's own parts, without a server: what it draws, what it holds, what it notices."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from bus_service import embedded, greet
from chassis.log_verify import pages
from chassis.storage import log_on
from chassis.testing.faultlab.checks import Found, violations
from chassis.testing.faultlab.proxy import Proxy
from chassis.testing.faultlab.rounds import scene
from chassis.testing.faultlab.schedule import plan
from greetings_lab import SUBJECT, load

FAULTS = ["kill", "cut", "stall", "poison", "pause"]


def test_a_seed_draws_the_same_round_again() -> None:
    """A failing seed would show something else the second time."""
    assert plan(7, 3, FAULTS) == plan(7, 3, FAULTS) != plan(8, 3, FAULTS)
    assert load(scene(7, 3, calm=False)) == load(scene(7, 3, calm=False))
    assert load(scene(7, 3, calm=False)) != load(scene(8, 3, calm=False))


def test_each_fault_comes_before_any_comes_again() -> None:
    """A long run could leave a fault out."""
    dealt = [one.fault for number in range(1, 6) for one in plan(7, number, FAULTS, at_once=2)]
    assert sorted(dealt[:5]) == sorted(dealt[5:]) == sorted(FAULTS)


def test_calm_and_storm_are_the_same_load() -> None:
    """Their results could not be compared."""
    calm, storm = (scene(7, 3, calm=calm) for calm in (True, False))
    shapes = [
        [[(one.plain(c.stream), int(c.mark) - one.first, c.pause) for c in row] for row in rows]
        for one, rows in ((calm, load(calm)), (storm, load(storm)))
    ]
    assert shapes[0] == shapes[1]


@pytest.fixture
def whole(tmp_path: object) -> Found:
    """Give what a round leaves behind in which nothing went wrong: three greetings."""
    storage = embedded(tmp_path)  # type: ignore[arg-type]  # pytest's own
    greet(storage, "tea", [1, 2, 3])
    with storage.system.read() as db:
        log = list(pages(log_on(db)))
    subject = replace(SUBJECT, effects=SUBJECT.effects[:1], expects=lambda *_: iter(()))
    effects = {"listener": [("tea", "1"), ("tea", "2"), ("tea", "3")]}
    return Found(
        subject=subject, logs={"greeter": log}, effects=effects, answers=[], unanswered=0,
        refused=[], unpublished={"greeter": []}, unsettled=[], alarms=[], models=("a", "a"),
        shown={},
    )  # fmt: skip


def test_a_whole_round_is_green(whole: Found) -> None:
    """The lab would cry wolf."""
    assert violations(whole) == []


@pytest.mark.parametrize(
    ("handled", "sign"),
    [("12", "lost"), ("1223", "too much"), ("132", "out of order")],
)
def test_what_a_handler_did_wrong_is_seen(whole: Found, handled: str, sign: str) -> None:
    """A lost, doubled or misplaced effect would pass."""
    found = replace(whole, effects={"listener": [("tea", mark) for mark in handled]})
    assert [sign in line for line in violations(found)] == [True]


def test_everything_else_that_must_not_be_is_seen(whole: Found) -> None:
    """A check would never fail."""
    wrong = {
        "answered": {"unanswered": 2},
        "at rest": {"unsettled": ["greeter: 1 parked"]},
        "no alarm": {"alarms": ["subscription.alarm"]},
        "published": {"unpublished": {"greeter": [2]}},
        "chain": {"logs": {"greeter": whole.logs["greeter"][1:]}, "effects": {"listener": []}},
        "same as calm": {"models": ("a", "b")},
    }
    for name, change in wrong.items():
        assert any(line.startswith(name) for line in violations(replace(whole, **change))), name


@pytest.fixture
def line() -> Iterator[tuple[Proxy, socket.socket, socket.socket]]:
    """Give a proxy with one connection through it: the proxy and both ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = Proxy(listening.getsockname()[1])
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as near:
            far, _ = listening.accept()
            far.settimeout(5)
            with far:
                yield proxy, near, far
        proxy.close()


def test_what_is_held_is_lost_when_the_line_is_cut(
    line: tuple[Proxy, socket.socket, socket.socket],
) -> None:
    """A cut in the middle of publishing would lose nothing, so it would show nothing."""
    proxy, near, far = line
    near.sendall(b"passes")
    assert far.recv(100) == b"passes"
    proxy.hold(both=False)
    near.sendall(b"is lost")
    far.sendall(b"answers pass")
    assert near.recv(100) == b"answers pass"

    assert proxy.cut() == 1

    with suppress(ConnectionResetError):  # or an orderly end: in either case nothing came
        assert far.recv(100) == b""
