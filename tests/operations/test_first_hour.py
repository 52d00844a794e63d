"""An operator's first hour, step by step as the page about installing has it, on real servers.

The steps share one installation and go on where the one before ended; ``site`` and ``running`` do
the first three for any of them.  Step 9 is ``test_rolling.py``.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

import msgspec
import pytest
from sqlalchemy import text

import reading
from backed_up import events_of, personal_fields
from chassis.database import Database
from chassis.testing.programs import ServerMissing, run_directory
from chassis.testing.servers import PrivatePostgreSQL
from first_people import SERVICES, SMALL, TENANT
from first_shop import Shop
from first_site import ABSENT, GIVEN, PARTS, FirstSite
from rendered import CHART, default_values, table
from service_process import wait_for
from sixfold import quotas
from sixfold.client import Client, Refused
from watched import RUNBOOKS

pytestmark = [pytest.mark.journey, pytest.mark.servers, pytest.mark.tools]
LATER = {"broker reachable", "broker topology", "broker policies", "broker permissions"}
TERMS = {"zone": "Asia/Shanghai", "currency": "CNY", "country": "CN"}
LIMIT = 5
REASON = "INC-4711: the issuer is down since nine"


@pytest.fixture(scope="module")
def site() -> Iterator[FirstSite]:
    """Give prepared servers, on which nothing of Sixfold is."""
    site = FirstSite(run_directory() / f"first-hour-{time.time_ns()}")
    try:
        site.prepare()
        yield site
    except ServerMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    finally:
        site.close()


@pytest.fixture(scope="module")
def jobs(site: FirstSite) -> dict[str, list[tuple[int, str]]]:
    """Run the jobs that come first, topology twice; give their exit codes and what they said."""
    return {
        "migrate": [site.migrate(service) for service in SERVICES],
        "topology": [site.topology(), site.topology()],
    }


@pytest.fixture(scope="module")
def running(site: FirstSite, jobs: dict[str, list[tuple[int, str]]]) -> FirstSite:
    """Give the installation with every process ready, watched by Prometheus."""
    assert jobs
    for part in PARTS:
        site.start(part)
    for part in PARTS:
        site.wait_ready(part)
    site.prometheus.start()
    for name, tenant in (("olga", TENANT), ("oleg", SMALL)):
        site.sign_in(name)["identity"].post("/v1/tenants", {"name": tenant, **TERMS})
    return site


def test_step_1_one_page_names_ports_and_flows() -> None:
    """An operator would open ports that nobody needs, and miss one."""
    numbers = {"http": 8000, "ops": 9464} | default_values()["networkPolicy"]["ports"]
    used = {numbers[flow["port"]] for flow in table("flows")}
    page = (RUNBOOKS / "install.md").read_text()
    (row,) = re.findall(r"^\| ports \| (.+) \|$", page, re.MULTILINE)
    assert {int(found) for found in re.findall(r"\d+", row)} == used
    _, _, section = (CHART / "README.md").read_text().partition("\n## Flows\n")
    rows = re.findall(r"^\| (`.+`) \| (`.+`) \| (\w+) \| (.+) \|$", section, re.MULTILINE)
    told = [(re.findall(r"`(.+?)`", a), re.findall(r"`(.+?)`", b), c, d) for a, b, c, d in rows]
    assert told == [(f["from"], f["to"], f["port"], f["why"]) for f in table("flows")]


def test_step_2_the_preflight_reports_each_check(site: FirstSite) -> None:
    """An operator would learn from a pod that does not start what was not prepared."""
    for service in SERVICES:
        code, found = site.preflight(service)
        by_outcome: dict[str, set[str]] = {}
        for name, each in found.items():
            by_outcome.setdefault(each["outcome"], set()).add(name)
        assert (code, by_outcome.get("failed", set())) == (0, set()), found
        assert by_outcome["later"] >= LATER
        assert by_outcome["ok"] >= {
            "settings", "database reachable", "database durable", "database encrypted",
            "keys database encrypted", "application role", "system role", "owner role",
            "keys apart", "broker encrypted", "issuer keys", "erasure list",
        }  # fmt: skip


def test_step_3_jobs_come_first_and_processes_get_ready(
    jobs: dict[str, list[tuple[int, str]]], running: FirstSite
) -> None:
    """Processes would start on a schema or a broker that is not there."""
    assert [code for code, _ in jobs["migrate"]] == [0, 0], jobs
    (first, made), (second, found) = jobs["topology"]
    assert (first, second) == (0, 0), jobs
    assert "made queue listening.on.identity.0" in made
    assert re.fullmatch(r"(\d+) of \1 were as they should be", found.strip().splitlines()[-1])
    for part in PARTS:
        for page in ("startupz", "readyz", "livez"):
            assert running.probe(part, page), (part, page)
    for service in SERVICES:
        away = [word for each in ABSENT for word in ("--skip", f"feed of {each}")]
        code, checks = running.preflight(service, "--installed", *away)
        failed = {name for name, each in checks.items() if each["outcome"] == "failed"}
        assert (code, failed) == (0, set()), checks


def test_step_4_groups_have_roles_and_all_is_written_down(running: FirstSite) -> None:
    """Rights would be kept person by person, or nobody could work when the issuer is away."""
    person = {"origin": "counter", "email": "first@shop.example"}
    ada = running.sign_in("ada")["identity"]
    assert ada.get("/v1/me")["roles"] == ["care"]
    known = ada.post("/v1/persons", person)
    ada.get(f"/v1/persons/{known['person_id']}")
    with pytest.raises(Refused, match="403"):
        running.sign_in("eve")["identity"].post("/v1/persons", person, key="of-eve")
    with pytest.raises(Refused, match="403"):
        ada.get("/internal/v1/progress")
    olga = running.sign_in("olga")["identity"]
    assert olga.get("/v1/me")["installation"] == ["operate", "platform.admin"]

    running.issuer.stop()
    token = running.sixfold_words(
        "break-glass", "token", f"{running.directory}/sealed.json", "--tenant", TENANT,
        "--who", "p4711", "--reason", REASON,
    )  # fmt: skip
    emergency = running.clients(token.strip())
    for service in SERVICES:
        assert emergency[service].get("/internal/v1/progress")["parked"] == 0
    entries = emergency["identity"].get("/v1/audit")["entries"]
    seen = {(one["action"], one["outcome"], one["actor"]) for one in entries}
    running.issuer.start()
    assert seen >= {
        ("tenant.create", "done", "user:olga"),
        ("person.read", "done", "user:ada"),
        ("break_glass.use", "done", "break-glass:p4711"),
    }
    fires = running.prometheus.firing
    wait_for(lambda: "SixfoldBreakGlassUsed" in fires(), "its use is an alert", GIVEN)


def test_step_5_metrics_are_scraped_and_hold_no_secret(running: FirstSite) -> None:
    """Nobody would see what goes wrong, or whoever may see it could open every door."""
    prometheus = running.prometheus
    wait_for(lambda: len(prometheus.values("up == 1")) == len(PARTS), "all are scraped", GIVEN)
    wait_for(
        lambda: (
            {"sixfold_publisher_lag", "sixfold_leader_leading", "sixfold_check_holds"}
            <= prometheus.series()
        ),
        "what dashboards show is there",
        GIVEN,
    )
    pages = [running.page(part, "metrics") for part in PARTS]
    spans = (running.directory / "spans.jsonl").read_bytes()
    logs = [path.read_bytes() for path in running.directory.glob("logs/*/server.log")]
    for said in (*pages, spans, *logs):
        assert len(said) > 0
        assert running.leaked(said) == set()
        assert b"first@shop.example" not in said


def test_step_6_a_tenant_has_quotas(running: FirstSite) -> None:
    """One company could take the room of all others."""
    operator, sam = running.sign_in("olga"), running.sign_in("sam")["identity"]
    said = quotas.put(operator, SMALL, [("commands_a_day", LIMIT)], "contract of May")
    assert said["limits"] == [{"name": "commands_a_day", "limit": LIMIT}]
    wait_for(lambda: bool(sam.get("/v1/quotas")["quotas"]), "the tenant sees it", GIVEN)
    done, refused = until_refused(sam)
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert refused.problem["quota"]["limit"] == LIMIT
    assert done >= LIMIT
    ada = running.sign_in("ada")["identity"]
    assert ada.post("/v1/persons", {"origin": "counter"}, key="another-tenants")["person_id"]
    recorded = events_of(running.databases, "identity", "person_registered")
    assert sum(one.tenant == SMALL for one in recorded) == done


def test_step_7_whatever_is_killed_nothing_is_lost(running: FirstSite) -> None:
    """What a customer was told to be done would not be."""
    with Shop(running.sign_in("ada")["identity"]) as shop:
        shop.goes_on()
        running.kill("identity-worker")
        wait_for(lambda: down(running, "identity-worker"), "the alert fires", GIVEN)
        running.start("identity-worker")
        shop.goes_on()
        wait_for(lambda: not down(running, "identity-worker"), "the alert clears", GIVEN)
        running.rabbitmq.kill()
        shop.goes_on()
        running.rabbitmq.start()
        shop.goes_on()
        running.postgresql.kill()
        running.postgresql.start()
        shop.goes_on()
    running.settle()
    for part in PARTS:
        running.wait_ready(part)
    assert len(shop.people) >= 5 * Shop.ENOUGH
    linked = Counter(
        msgspec.json.decode(one.data)["person_id"]
        for one in events_of(running.databases, "identity", "account_linked")
    )
    assert linked == Counter(shop.people)
    database = Database(running.databases["listening"])
    with database.read() as db:
        known = db.scalars(text("SELECT person_id FROM accounts")).all()
    database.close()
    assert Counter(known) == Counter(shop.people)
    lag = "max(sixfold_subscription_lag)"
    values = running.prometheus.values
    wait_for(lambda: float(values(lag)[0]["value"][1]) == 0, "lag is back at 0", GIVEN)


def test_step_8_a_backup_restored_elsewhere_is_the_same(running: FirstSite) -> None:
    """A backup that nobody has restored is a hope."""
    running.settle()
    running.sixfold("backup create")
    running.sixfold("backup keys create")
    assert "is what was made" in running.sixfold("backup verify")
    with PrivatePostgreSQL(running.directory / "elsewhere", fsync=False) as elsewhere:
        for service in SERVICES:
            running.make_databases(elsewhere, service)
        logs = {each: elsewhere.url(each) for each in SERVICES}
        keys = {each: elsewhere.url(f"{each}_keys") for each in SERVICES}
        files = running.file("new", logs), running.file("new-keys", keys)
        running.sixfold(f"backup keys restore --keys {files[1]}")
        running.sixfold("backup restore --databases {} --keys {}".format(*files))
        for each in SERVICES:
            master = running.secrets.master_key
            here = reading.read(each, running.databases[each], running.keys[each], master)
            there = reading.read(each, logs[each], keys[each], master)
            assert here == there
            assert here["events"] > 0
            assert here["read_models"]


def test_step_10_who_is_erased_is_in_no_log(running: FirstSite) -> None:
    """A person's name would outlive their wish."""
    ada = running.sign_in("ada")["identity"]
    name, email = "Wanda Wunderlich", "wanda.wunderlich@shop.example"
    follow = {"platform": "weibo", "platform_user_id": "wanda-4711", "name": name,
              "property_id": "official"}  # fmt: skip
    account = ada.post("/v1/follows", follow)["account_id"]
    body = {"origin": "shop", "account_id": account, "email": email}
    person = ada.post("/v1/persons", body)["person_id"]
    assert name in str(ada.get(f"/v1/persons/{person}"))
    assert {name, email} <= said_of(running, person, account)

    request = ada.post(f"/v1/persons/{person}/erasure", None)["request_id"]
    wait_for(
        lambda: set(ada.get(f"/v1/erasures/{request}")["confirmed"]) >= set(SERVICES),
        "both services have forgotten",
        GIVEN,
    )
    running.settle()
    assert said_of(running, person, account) == set()
    for service in SERVICES:
        read = reading.read(
            service, running.databases[service], running.keys[service], running.secrets.master_key
        )
        assert read["decoded"] == read["events"]
    found = running.dumped()
    assert person.encode() in found
    for word in (name, email, "wanda-4711"):
        assert word.encode() not in found
    assert "0 keys had come back" in running.sixfold("backup forget")


def down(site: FirstSite, part: str) -> bool:
    """Say whether somebody is called because a process does not answer."""
    found = site.prometheus.firing().get("SixfoldProcessDown", [])
    return any(one["job"] == f"shop/sixfold-{part}" for one in found)


def until_refused(identity: Client) -> tuple[int, Refused]:
    """Register people until no more may be; return how many were, and the refusal."""
    for done in count():
        try:
            identity.post("/v1/persons", {"origin": "counter"}, key=f"of-the-quota-{done}")
        except Refused as refused:
            return done, refused
    raise AssertionError


def said_of(site: FirstSite, *subjects: str) -> set[str]:
    """Return all that can be read about somebody when every log is read from its beginning."""
    fields = personal_fields(site.known("master_key"), site.databases, site.keys)
    return {str(value) for _, subject, _, value in fields if subject in subjects and value}
