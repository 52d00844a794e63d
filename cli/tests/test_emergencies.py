"""The command that makes credentials for emergencies."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chassis.break_glass import Emergencies
from chassis.clock import SystemClock
from sixfold.main import app

SECRET = {"BREAK_GLASS_PASSPHRASE": "correct horse battery staple"}
ASKED = ["--tenant", "acme", "--who", "p1", "--reason", "The issuer is down since nine."]


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "sealed.json"
    made = CliRunner().invoke(app, ["break-glass", "key", str(path)], env=SECRET)
    assert made.exit_code == 0, made.output
    return path, made.output


def test_what_it_signs_counts_by_what_it_printed(sealed: tuple[Path, str]) -> None:
    """On the worst day the credential would not open."""
    path, public = sealed
    made = CliRunner().invoke(app, ["break-glass", "token", str(path), *ASKED], env=SECRET)
    assert made.exit_code == 0, made.output
    found = Emergencies(public, audience="sixfold", clock=SystemClock()).verified(
        made.output.strip()
    )
    assert found
    assert (found["sub"], found["scope"]) == ("break-glass:p1", "audit.read operate")
    assert path.stat().st_mode & 0o077 == 0
    assert "d" not in json.loads(public)["keys"][0]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (ASKED, {"BREAK_GLASS_PASSPHRASE": "a wrong passphrase altogether"}),
        ([*ASKED[:-1], "because"], SECRET),
        ([*ASKED, "--minutes", "500"], SECRET),
    ],
)
def test_it_refuses_to_sign(
    sealed: tuple[Path, str], arguments: list[str], environment: dict[str, str]
) -> None:
    """A credential would be made by whoever has the file, for no reason, or for days."""
    tried = CliRunner().invoke(
        app, ["break-glass", "token", str(sealed[0]), *arguments], env=environment
    )
    assert tried.exit_code == 2


def test_a_sealed_key_is_never_overwritten(sealed: tuple[Path, str]) -> None:
    """The key in the safe would be worthless, and nobody would know until that day."""
    again = CliRunner().invoke(app, ["break-glass", "key", str(sealed[0])], env=SECRET)
    assert again.exit_code == 2
