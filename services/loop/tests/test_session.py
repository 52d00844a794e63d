"""As whom the loop signs people in, when that is renewed while it runs."""

from pathlib import Path

import pytest

from chassis.settings import SettingsInvalid
from loop.session import CALLBACK, client_settings


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "SIGN_IN_CLIENT_SECRET"
    file.write_text("old\n")
    monkeypatch.setenv("SIGN_IN_CLIENT_ID", "sixfold-page")
    monkeypatch.setenv("SIGN_IN_CLIENT_SECRET_FILE", str(file))
    monkeypatch.setenv("LOOP_PUBLIC_URL", "https://loop.example.com")
    return file


def test_a_renewed_secret_is_shown_from_the_next_request_on(secret: Path) -> None:
    """Nobody could sign in, and every session would end, until somebody restarts the loop."""
    client = client_settings()
    assert client is not None
    assert client.redirect_uri == f"https://loop.example.com{CALLBACK}"
    assert client.client_secret() == "old"
    secret.write_text("new\n")
    assert client.client_secret() == "new"


def test_a_secret_that_is_away_for_a_moment_stays_as_it_was(secret: Path) -> None:
    """A file that is being replaced would sign everybody out."""
    client = client_settings()
    assert client is not None
    for broken in (b"", b"\xff\xfe"):
        secret.write_bytes(broken)
        assert client.client_secret() == "old"
    secret.unlink()
    assert client.client_secret() == "old"


def test_a_client_without_its_secret_is_refused(secret: Path) -> None:
    """The loop would start, and refuse everybody who signs in."""
    secret.write_text("")
    with pytest.raises(SettingsInvalid, match="SIGN_IN_CLIENT_SECRET"):
        client_settings()
