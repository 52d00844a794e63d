"""One entry starts every role, and says plainly what it will not start."""

from pathlib import Path

import pytest

from chassis import run
from chassis.settings import SettingsInvalid
from chassis.testing.servers import PrivatePostgreSQL
from chassis.testing.web import Tokens
from service_process import Place, wait_for

ROLES = ("worker", "relay", "publisher", "projector", "migrate", "loop", "console")


def test_every_role_is_listed_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator who asks for nothing is told what can be asked for."""
    assert run.main([]) == run.USAGE
    said = capsys.readouterr().err
    assert all(f"\n  {role}" in said for role in ROLES)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["wroker", "greeter"], "wroker is no role"),
        (["worker"], "which service?"),
        (["worker", "greeter", "--now"], "takes no more than a service: --now"),
    ],
)
def test_a_mistyped_start_is_refused(
    words: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A typing mistake does not start something else."""
    monkeypatch.delenv("SERVICE", raising=False)
    assert run.main(words) == run.USAGE
    assert reason in capsys.readouterr().err


def test_settings_that_are_wrong_are_said_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator reads what to mend, not a stack of calls."""

    def refuse() -> None:
        raise SettingsInvalid(["AMQP_URI: not given", "SECRET: not given"])

    monkeypatch.setattr("chassis.migrate_job.from_environment", refuse)
    assert run.main(["migrate", "greeter"]) == run.REFUSED
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "migrate greeter: AMQP_URI: not given",
        "migrate greeter: SECRET: not given",
    ]


@pytest.mark.journey
@pytest.mark.parametrize("half", ["publisher", "projector"])
def test_a_half_refuses_a_sqlite_file(tmp_path: Path, half: str) -> None:
    """Two publishers would take turns at one file, and nothing would keep them apart."""
    place = Place("greeter", tmp_path, "amqp://u:p@127.0.0.1:1/none", Tokens(tmp_path))
    with place.running(half) as (process,):
        assert process.ended()[0] == run.REFUSED
        assert f"{half} greeter: DATABASE_URL: publisher and projector" in process.said()
        assert "Traceback" not in process.said()


@pytest.mark.servers
@pytest.mark.journey
def test_the_relays_two_halves_do_its_work(
    tmp_path: Path, amqp_uri: str, postgresql: PrivatePostgreSQL
) -> None:
    """A large installation scales and restarts what publishes apart from what projects."""
    tokens, name = Tokens(tmp_path), f"halves_{tmp_path.name}"
    urls = {each: postgresql.database(f"{name}_{each}") for each in ("greeter", "listener")}
    greeter = Place("greeter", tmp_path, amqp_uri, tokens, database_url=urls["greeter"])
    listener = Place(
        "listener", tmp_path, amqp_uri, tokens,
        feeds=f"greeter={greeter.address}", database_url=urls["listener"],
    )  # fmt: skip
    with greeter.running("worker") as (worker,), listener.running("worker"):
        wait_for(lambda: greeter.answers("/healthz") is not None, "it answers")
        greeter.post("/v1/greetings/a", {"number": 1})
        with greeter.running("projector") as (projector,), greeter.running("publisher") as (sends,):
            wait_for(lambda: listener.numbers("a") == [1], "it was published and handled")
            wait_for(lambda: all_read(greeter), "everybody has read it")
            assert [process.stop()[0] for process in (projector, sends)] == [0, 0]
        assert worker.stop()[0] == 0
    greeter.database.close()
    listener.database.close()


def all_read(place: Place) -> bool:
    """Say whether every reader of the own log has come to its end."""
    progress = place.answers("/internal/v1/progress")
    readers = progress["readers"].values()
    return {at for lanes in readers for at in lanes.values()} == {progress["position"]}
