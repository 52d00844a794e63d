"""What the command says to whoever mistypes, and how it leaves."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sixfold import main
from sixfold.demo import leave_in_order
from sixfold.occupation import Occupation

NAMES = ("identity", "listening", "campaigns", "commerce", "loop")


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put the signals' handlers back afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("log verify nosuch", NAMES),
        ("parked list nosuch", NAMES),
        ("parked show nosuch subscription 1", NAMES),
        ("parked retry-all nosuch ValueError", NAMES),
        ("replay --partitions 0", ("partitions",)),
    ],
)
def test_mistyped_arguments_are_refused_in_words(
    arguments: str, said: tuple[str, ...], tmp_path: Path
) -> None:
    """An operator under pressure would be shown a traceback instead of the names there are."""
    done = CliRunner().invoke(main.app, [*arguments.split(), "--stack", str(tmp_path)])
    assert done.exit_code == 2
    assert all(name in done.stderr for name in said)


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE", "mysql"), ("DEMO_ROWS", "abc"), ("DEMO_ROWS", "-3")]
)
def test_a_demonstration_that_cannot_be_had_is_refused(
    name: str, value: str, tmp_path: Path
) -> None:
    """Whoever asks for another database would watch SQLite and believe it was theirs."""
    arguments = ["demo", "--stack", str(tmp_path / "demo")]
    done = CliRunner().invoke(main.app, arguments, env={name: value})
    assert done.exit_code == 2
    assert name in done.stderr
    assert not (tmp_path / "demo").exists()


def test_a_second_demonstration_in_one_place_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    handlers: None,
) -> None:
    """The running demonstration would lose its files, or the user read a traceback."""
    del handlers
    held = Occupation(tmp_path / "demo")
    held.begin()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(sys, "argv", ["sixfold", "demo", "--stack", str(tmp_path / "demo")])
    # As make passes a variable that nobody set.
    monkeypatch.setenv("DATABASE", "")
    with pytest.raises(SystemExit) as left:
        main.run()
    held.end()
    assert left.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"sixfold: a stack already runs in {tmp_path / 'demo'} (process ")
    assert said.count("\n") == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_stops_what_a_script_started_in_the_background(handlers: None) -> None:
    """A demonstration that a script started could only be killed, and its servers with it."""
    del handlers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_in_order()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_is_no_error_to_read_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Everybody who ends the demonstration would be shown a traceback."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sixfold.demo.run", interrupted)
    monkeypatch.setattr(sys, "argv", ["sixfold", "demo", "--stack", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == 130
    assert capsys.readouterr().err == ""
