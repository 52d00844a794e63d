"""What is told of a sign-in: spans, logs and metrics hold no secret and nothing personal."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from chassis.testing.issuer import PrivateIssuer
from chassis.testing.programs import run_directory
from chassis.testing.telemetry import recorded_telemetry
from desk import Desk
from four_logs import MONDAY, FourLogs
from loop.session import CALLBACK
from loop_site import CLIENT, PERSON, Browser, LoopSite, page_port

PORT = page_port()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LoopSite]:
    client = {"secret": "page", "redirect_uris": [f"https://127.0.0.1:{PORT}{CALLBACK}"]}
    place = run_directory() / f"told-issuer-{os.getpid()}"
    with PrivateIssuer(place, clients={CLIENT: client}, users={"ada": PERSON}) as issuer:
        logs = FourLogs(tmp_path)
        site = LoopSite(tmp_path, logs, MONDAY, issuer, PORT)
        site.start()
        yield site
        site.close()
        logs.close()


def test_nothing_secret_or_personal_of_a_sign_in_is_told(
    site: LoopSite,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whoever reads dashboards could act as somebody, or learn where they were."""
    caplog.set_level(logging.INFO)
    (tmp_path / "front").mkdir()
    desk = Desk(tmp_path / "front", site.issuer)
    token = site.issuer.token(scope="people.read", name=PERSON["name"])
    with recorded_telemetry(strict=False) as recorded:
        browser = Browser(site)
        asked = browser.begin()
        answer = browser.consent(asked)
        browser.client.get(answer)
        browser.get("/")
        browser.client.get(answer)
        desk.ask("/v1/people/p-1", token, environ_base={"REMOTE_ADDR": "192.0.2.77"})
        desk.ask("/v1/people/p-1", f"{token[:-8]}AAAAAAAA")
        told = f"{recorded.spans()} {recorded.measurements()}"
    assert "GET /v1/people" in told
    output = capfd.readouterr()
    # The test's own browser logs where it goes.
    ours = (line.getMessage() for line in caplog.records if line.name != "httpx")
    told += " ".join(ours) + output.out + output.err
    question, reply = parse_qs(urlsplit(asked).query), parse_qs(urlsplit(answer).query)
    secret = [
        question["state"][0],
        question["nonce"][0],
        reply["code"][0],
        browser.client.cookies["__Host-session"],
        token,
        token.rpartition(".")[2],
        "192.0.2.77",
        *(str(PERSON[name]) for name in ("name", "email", "password")),
    ]
    assert [each for each in secret if each in told] == []
    desk.storage.database.close()
