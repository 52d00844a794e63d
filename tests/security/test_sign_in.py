"""Signing in to the loop's pages at a real issuer: who it vouches for, and no longer."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import Client

from chassis.rates import Rate
from chassis.testing.issuer import PrivateIssuer
from chassis.testing.programs import run_directory
from chassis.throttle import Throttle
from four_logs import MONDAY, FourLogs, tell
from loop.main import app_of
from loop.session import CALLBACK
from loop_site import CLIENT, PERSON, Browser, LoopSite, page_port

PORT = page_port()


@pytest.fixture(scope="module")
def page_issuer() -> Iterator[PrivateIssuer]:
    client = {"secret": "page", "redirect_uris": [f"https://127.0.0.1:{PORT}{CALLBACK}"]}
    with PrivateIssuer(
        run_directory() / f"page-issuer-{os.getpid()}",
        clients={CLIENT: client},
        users={
            "ada": PERSON,
            "globe": {**PERSON, "sub": "u2", "tenant": "globex"},
            "clerk": {**PERSON, "sub": "u3", "scope": "orders.read"},
        },
    ) as running:
        yield running


@pytest.fixture(scope="module")
def whole_site(
    tmp_path_factory: pytest.TempPathFactory, page_issuer: PrivateIssuer
) -> Iterator[LoopSite]:
    folder: Path = tmp_path_factory.mktemp("site")
    logs = tell(FourLogs(folder))
    site = LoopSite(folder, logs, MONDAY, page_issuer, PORT)
    site.start()
    yield site
    site.close()
    logs.close()


@pytest.fixture
def site(whole_site: LoopSite) -> Iterator[LoopSite]:
    yield whole_site
    whole_site.issuer.start()
    whole_site.issuer.behave()
    whole_site.issuer.control("user", name="ada", user=PERSON)
    whole_site.clock.ahead = timedelta(0)
    whole_site.secret = "page"


@pytest.fixture
def browser(site: LoopSite) -> Browser:
    return Browser(site)


def test_one_signs_in_sees_ones_tenant_and_signs_out(site: LoopSite, browser: Browser) -> None:
    """Nobody could look at the loop in production, or everybody at everything."""
    assert browser.get("/").status_code == 401
    answer = browser.sign_in("/numbers/gmv?cycle=2026-W19")
    assert answer.headers["Location"] == "/numbers/gmv?cycle=2026-W19"
    shown = browser.get("/")
    assert shown.status_code == 200
    assert "Ada of Acme · acme" in shown.text
    assert "EUR 50.00" in shown.text
    leaving = re.search(r'name="form_token" value="([^"]+)"', shown.text)
    assert leaving
    out = browser.post("/sign-out", {"form_token": leaving[1]})
    assert out.headers["Location"] == "/signed-out"
    assert f"{site.issuer.url}/logout?" in browser.get("/signed-out").text
    assert browser.get("/").status_code == 401
    assert site.entries()[-2:] == [("sign_in", "done", "user:u1"), ("sign_out", "done", "user:u1")]


def test_one_sees_no_other_tenant(browser: Browser) -> None:
    """One company would read another one's numbers."""
    browser.sign_in(user="globe")
    shown = browser.get("/?tenant=acme", headers={"X-Tenant": "acme"})
    assert shown.status_code == 200
    assert "· globex" in shown.text
    assert "EUR 50.00" not in shown.text


def test_the_request_to_the_issuer_is_bound_to_this_browser(browser: Browser) -> None:
    """Whoever sees a code on its way could use it."""
    asked = [parse_qs(urlsplit(browser.begin()).query) for _ in range(2)]
    assert asked[0]["code_challenge_method"] == ["S256"]
    assert asked[0]["response_type"] == ["code"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[0][name][0]) >= 43
        assert asked[0][name] != asked[1][name]


def test_the_cookies_are_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    """A script, another site or a plain connection could use somebody's session."""
    cookies = [
        browser.get("/sign-in").headers["Set-Cookie"],
        browser.sign_in().headers["Set-Cookie"],
    ]
    for cookie, name in zip(cookies, ("__Host-sign-in", "__Host-session"), strict=True):
        assert cookie.startswith(f"{name}=")
        for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age="):
            assert attribute in cookie
        assert "acme" not in cookie


def test_an_answer_to_another_browsers_question_is_refused(site: LoopSite) -> None:
    """Somebody could have a victim work in a session of theirs, or take over the victim's."""
    attacker, victim = Browser(site), Browser(site)
    address = attacker.consent(attacker.begin())
    assert victim.client.get(address).status_code == 401
    victim.begin()
    assert victim.client.get(address).status_code == 401
    assert victim.get("/").status_code == 401
    assert site.entries("installation")[-1] == ("sign_in", "refused", "anonymous")


def test_a_code_is_good_once(site: LoopSite) -> None:
    """A code out of a history or a log would open a session."""
    browser = Browser(site)
    address = browser.consent(browser.begin())
    assert browser.client.get(address).status_code == 303
    again = Browser(site)
    again.begin()
    assert again.client.get(address).status_code == 401


@pytest.mark.parametrize(
    "modes",
    [
        {"id_token": {"nonce": "another"}},
        {"id_token": {"nonce": None}},
        {"id_token": {"aud": "another-client"}},
        {"id_token": {"aud": [CLIENT, "another"], "azp": "another"}},
        {"id_token": {"aud": [CLIENT, "another"]}},
        {"id_token": {"iss": "https://evil.test"}},
        {"id_token": {"exp": 1}},
        {"id_token": {"sub": "somebody-else"}},
        {"access_token": {"aud": "another"}},
        {"access_token": {"tenant": None}},
        {"answer": {"state": "another"}},
        {"answer": {"iss": "https://evil.test"}},
    ],
    ids=str,
)
def test_what_the_issuer_says_is_checked_whole(
    site: LoopSite, browser: Browser, modes: dict[str, object]
) -> None:
    """A token that was made for another program or sign-in would open the pages."""
    site.issuer.behave(**modes)
    assert browser.sign_in().status_code == 401
    assert browser.get("/").status_code == 401


def test_who_refuses_at_the_issuer_is_not_signed_in(browser: Browser) -> None:
    """A refusal would be taken for a consent."""
    address = browser.begin()
    answer = browser.client.post(address, data={"user": "ada", "consent": "no"})
    back = browser.client.get(answer.headers["Location"])
    assert back.status_code == 401
    assert "refused" in back.text
    wrong = browser.client.post(address, data={"user": "ada", "password": "x", "consent": "yes"})
    assert wrong.status_code == 401


def test_who_may_not_look_is_told_and_written_down(site: LoopSite, browser: Browser) -> None:
    """Every employee of a company would read its numbers."""
    assert browser.sign_in(user="clerk").status_code == 403
    assert browser.get("/").status_code == 401
    assert site.entries()[-1] == ("sign_in", "refused", "user:u3")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.test/", "//evil.test/", "/\\evil.test", "evil", "/\n/evil.test"]
)
def test_one_comes_back_to_our_own_pages_only(browser: Browser, elsewhere: str) -> None:
    """A link to our sign-in would end at somebody else's copy of it."""
    assert browser.sign_in(elsewhere).headers["Location"] == "/"


def test_a_session_is_prolonged_while_the_issuer_agrees(site: LoopSite, browser: Browser) -> None:
    """People would sign in every ten minutes, or stay in after they were let go."""
    browser.sign_in()
    asked = site.issuer.counts()["/token"]
    assert browser.get("/").status_code == 200
    assert site.issuer.counts()["/token"] == asked
    site.clock.advance(timedelta(minutes=9, seconds=45))
    assert browser.get("/").status_code == 200
    assert site.issuer.counts()["/token"] == asked + 1


def test_who_lost_the_right_is_out_with_the_next_token(site: LoopSite, browser: Browser) -> None:
    """Whoever changed teams would go on looking for half a day."""
    browser.sign_in()
    site.issuer.control("user", name="ada", user={**PERSON, "scope": "orders.read"})
    site.clock.advance(timedelta(minutes=9, seconds=45))
    assert browser.get("/").status_code == 403


def test_a_session_ends_when_nobody_uses_it(site: LoopSite, browser: Browser) -> None:
    """A machine that was left behind would stay open."""
    browser.sign_in()
    site.clock.advance(timedelta(hours=1, seconds=1))
    assert browser.get("/").status_code == 401
    site.clock.advance(timedelta(hours=-1))
    assert browser.get("/").status_code == 401


def test_a_session_outlives_the_issuers_outage_only_as_long_as_its_token(
    site: LoopSite, browser: Browser
) -> None:
    """An outage would sign everybody out at once, or nobody for ever."""
    browser.sign_in()
    site.issuer.stop()
    site.clock.advance(timedelta(minutes=9, seconds=45))
    assert browser.get("/").status_code == 200
    site.clock.advance(timedelta(minutes=1))
    assert browser.get("/").status_code == 401


@pytest.mark.parametrize("answer", [401, 403, 408, 429, 500, "garbage", "wrong secret"])
def test_an_issuer_that_is_not_asked_well_ends_no_session(
    site: LoopSite, browser: Browser, answer: int | str
) -> None:
    """A rush at the issuer, or a secret renewed there a minute ago, would throw everybody out."""
    browser.sign_in()
    if answer == "wrong secret":
        site.secret = "of-yesterday"
    else:
        site.issuer.behave(**{"/token": answer})
    site.clock.advance(timedelta(minutes=9, seconds=45))
    assert browser.get("/").status_code == 200
    site.issuer.behave()
    site.secret = "page"
    asked = site.issuer.counts()["/token"]
    assert browser.get("/").status_code == 200
    assert site.issuer.counts()["/token"] == asked + 1


def test_who_cannot_be_signed_in_now_is_told_to_come_back(site: LoopSite, browser: Browser) -> None:
    """People would be told that they may not enter while it is our secret that is wrong."""
    site.secret = "of-yesterday"
    assert browser.sign_in().status_code == 503
    site.secret = "page"
    assert browser.sign_in().status_code == 303


def test_the_last_page_is_counted_and_asks_the_issuer_rarely(
    site: LoopSite, browser: Browser
) -> None:
    """Anybody could have us ask the issuer as often as they ask us."""
    assert browser.get("/signed-out").status_code == 200
    asked = site.issuer.counts()["/.well-known/openid-configuration"]
    assert [browser.get("/signed-out").status_code for _ in range(5)] == [200] * 5
    assert site.issuer.counts()["/.well-known/openid-configuration"] == asked
    throttle = Throttle(rates={"address": Rate(requests=2, seconds=60)})
    limited = Client(app_of(replace(site.console, throttle=throttle), []))
    assert [limited.get("/signed-out").status_code for _ in range(4)] == [200, 200, 429, 429]


def test_a_copied_cookie_opens_nothing_after_signing_out(site: LoopSite, browser: Browser) -> None:
    """Signing out would only hide the session from its owner."""
    browser.sign_in()
    copy = browser.client.cookies["__Host-session"]
    shown = browser.get("/")
    leaving = re.search(r'name="form_token" value="([^"]+)"', shown.text)
    assert leaving
    browser.post("/sign-out", {"form_token": leaving[1]})
    thief = Browser(site)
    assert thief.get("/", headers={"Cookie": f"__Host-session={copy}"}).status_code == 401
    changed = copy[:-4] + ("AAAA" if copy[-4:] != "AAAA" else "BBBB")
    assert thief.get("/", headers={"Cookie": f"__Host-session={changed}"}).status_code == 401


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"form_token": "AAAA"}, {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Origin": "https://evil.test"}),
    ],
)
def test_another_site_cannot_sign_somebody_out(
    browser: Browser, form: dict[str, str] | None, headers: dict[str, str]
) -> None:
    """Any page could act in the name of whoever visits it."""
    browser.sign_in()
    leaving = re.search(r'name="form_token" value="([^"]+)"', browser.get("/").text)
    assert leaving
    sent = {"form_token": leaving[1]} if form is None else form
    assert browser.post("/sign-out", sent, headers=headers).status_code == 403
    assert browser.get("/").status_code == 200


def test_a_token_in_an_address_or_form_does_not_sign_in(site: LoopSite, browser: Browser) -> None:
    """Tokens would stand in histories and logs, and a program's would be a person's."""
    token = site.issuer.token(scope="loop.read")
    assert browser.get(f"/?token={token}").status_code == 401
    assert browser.post("/session", {"token": token}).status_code == 401
