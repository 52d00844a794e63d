"""Where commands look: in an installation that variables name, or in a stack."""

import json
from pathlib import Path

import pytest

from chassis.errors import Invalid
from sixfold.client import Unreachable
from sixfold.installation import Installation
from sixfold.stack import NotRunning


@pytest.fixture
def nowhere(tmp_path: Path) -> Installation:
    return Installation(directory=tmp_path)


def test_without_variables_and_stack_one_is_told_how_to_start_one(nowhere: Installation) -> None:
    """A newcomer would be asked for variables of somebody else's cluster."""
    with pytest.raises(NotRunning, match="make demo"):
        nowhere.clients("acme")
    with pytest.raises(NotRunning, match="make demo"):
        assert nowhere.databases


def test_an_installation_needs_a_token(
    nowhere: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call would be refused without a word of why."""
    monkeypatch.setenv("SIXFOLD_SERVICES", "commerce=https://commerce.example")
    with pytest.raises(Invalid) as refused:
        nowhere.clients("acme")
    assert "SIXFOLD_TOKEN" in str(refused.value.problems)
    monkeypatch.setenv("SIXFOLD_TOKEN", "a-token")
    assert nowhere.clients("acme")["commerce"].url == "https://commerce.example"
    with pytest.raises(Unreachable, match="where loop is; name it in SIXFOLD_SERVICES"):
        assert nowhere.clients("acme")["loop"]


def test_databases_are_those_of_the_file(
    nowhere: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`log verify` would check the demonstration's logs, or nobody's."""
    named = {"commerce": "postgresql://owner@db/commerce"}
    (tmp_path / "databases.json").write_text(json.dumps(named))
    monkeypatch.setenv("SIXFOLD_DATABASES_FILE", str(tmp_path / "databases.json"))
    assert nowhere.databases == named
