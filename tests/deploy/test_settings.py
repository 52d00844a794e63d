"""What the chart tells a process: read by the code's own settings, and no secret among it."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from joserfc.jwk import KeySet, OKPKey

from chassis.break_glass import Emergencies
from chassis.clock import SystemClock
from chassis.ids import LANES
from chassis.run import ROLES
from chassis.settings import Settings, from_environment
from chassis.topology import SHARES, ordered_queues
from rendered import (
    CHART,
    NAMES,
    ROOT,
    Object,
    Renders,
    component,
    env_of,
    of_kind,
    pods,
    table,
    values_of,
    whole,
)

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
KEY = base64.b64encode(bytes(range(32))).decode()
SECRETS = {
    "DATABASE_URL": "postgresql://application@db/identity",
    "SYSTEM_DATABASE_URL": "postgresql://system@db/identity",
    "MIGRATION_DATABASE_URL": "postgresql://owner@db/identity",
    "MIGRATION_KEYS_URL": "postgresql://owner@db/identity_keys",
    "KEYS_URL": "postgresql://application@db/identity_keys",
    "AMQP_URI": "amqps://identity@broker/",
    "SECRET": KEY,
    "MASTER_KEY": KEY,
    "OTHER_MASTER_KEY": base64.b64encode(bytes(range(1, 33))).decode(),
    "SIGN_IN_CLIENT_SECRET": "shown to the issuer by the page",
    "BROKER_MANAGEMENT_URL": "https://admin@broker:15671",
    "CLIENT_SECRET": "shown to the issuer",
}
FILES = {"BROKER_CA", "BROKER_CERTIFICATE", "BROKER_KEY", "HTTP_CA"}
AMAZON = {"AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"}  # read by the S3 client
PLAIN = {"OTEL_EXPORTER_OTLP_ENDPOINT", "SERVICE", "ENVIRONMENT"}


def guide() -> set[str]:
    """Read every setting that the operator's guide lists, of one service or of all."""
    text = (ROOT / "docs/guides/operator.md").read_text()
    return set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))


def processes(objects: list[Object], *, only_whole: bool = False) -> list[tuple[str, Object]]:
    """List the pods of our own image; only those that are told every setting, if wanted."""
    ours = [(component(owner), t) for owner, t in pods(objects) if owner["kind"] != "StatefulSet"]
    return [(where, template) for where, template in ours if whole(where) or not only_whole]


@pytest.mark.parametrize("name", NAMES)
def test_the_code_takes_what_the_chart_tells(
    renders: Renders, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process would name its wrong settings and not start."""
    for secret, value in SECRETS.items():
        (tmp_path / secret).write_text(value)
    for file in FILES:
        (tmp_path / file).touch()
    keys = KeySet([OKPKey.generate_key("Ed25519")]).as_dict(private=False)
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    for where, template in processes(renders.of(name), only_whole=True):
        told = env_of(template)
        with monkeypatch.context() as patch:
            for variable in guide():
                patch.delenv(variable, raising=False)
                patch.delenv(f"{variable}_FILE", raising=False)
            for variable, value in told.items():
                here = value.replace("/run/secrets/sixfold", str(tmp_path))
                patch.setenv(variable, here.replace("/etc/sixfold/break-glass", str(tmp_path)))
            settings = from_environment()
        if settings.break_glass_keys:
            Emergencies(settings.break_glass_keys, audience="a", clock=SystemClock())
        assert settings.production == (name != "evaluation"), where
        assert settings.erasure_list or not settings.production, where
        assert settings.http_host == settings.ops_host == "0.0.0.0", where  # noqa: S104
        assert settings.ops_port == 9464, where
        assert settings.service == where.partition("-")[0]
        assert settings.owner_urls[0].startswith(
            "postgresql://owner@"
            if where.endswith(("-migrate", "-preflight"))
            else "postgresql://app"
        ), where
        assert (where.endswith(("-worker", "-loop"))) == bool(settings.feeds), where


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_one_that_the_code_reads(renders: Renders, name: str) -> None:
    """A variable would be set that nobody reads."""
    backups = (ROOT / "docs/guides/backup.md").read_text()
    known = guide() | {field.name.upper() for field in fields(Settings)} | AMAZON
    known |= set(re.findall(r"^\| `([A-Z_]+)` \|", backups, re.MULTILINE))
    for where, template in processes(renders.of(name)):
        for variable in env_of(template):
            assert variable.removesuffix("_FILE") in known or variable in known, (where, variable)


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_files_and_nothing_else(renders: Renders, name: str) -> None:
    """A secret would be shown by `kubectl describe`, or be left in a crash report."""
    for where, template in processes(renders.of(name)):
        assert "valueFrom" not in json.dumps(template), where
        assert "envFrom" not in json.dumps(template), where
        told = env_of(template)
        mounted = files_of(template)
        for secret in SECRETS.keys() & {v.removesuffix("_FILE") for v in told}:
            assert secret not in told, where
            assert told[f"{secret}_FILE"] == f"/run/secrets/sixfold/{secret}", where
            assert secret in mounted, where
        asked = {v.rpartition("/")[2] for v in told.values() if v.startswith("/run/secrets/")}
        assert asked <= mounted.keys() <= asked | {"DATABASE_CA"}, where


def files_of(template: Object) -> Mapping[str, str]:
    """List the files of the secrets' volume, each with the Secret that it comes from."""
    (volume,) = [each for each in template["spec"]["volumes"] if each["name"] == "secrets"]
    return {
        item["path"]: source["secret"]["name"]
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }


def test_only_jobs_that_migrate_see_the_owner(renders: Renders) -> None:
    """A worker that was taken over could drop the log."""
    for where, template in processes(renders.of("ha"), only_whole=True):
        owners = {secret for secret in files_of(template).values() if secret.endswith("-owner")}
        assert bool(owners) == where.endswith(("-migrate", "-preflight")), where
        others = {s.split("-")[1] for s in files_of(template).values()} - {where.split("-")[0]}
        assert others <= {"shared", "broker", "database", "storage", "issuer"}, where


def test_with_authorities_of_their_own_broker_and_database_are_verified(renders: Renders) -> None:
    """A connection would trust whoever answers."""
    for where, template in processes(renders.of("ha"), only_whole=True):
        told, mounted = env_of(template), files_of(template)
        for setting in FILES:
            assert told[setting] == f"/run/secrets/sixfold/{setting}", where
            assert setting in mounted
        assert "DATABASE_CA" in mounted


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_roles_of_the_entry(renders: Renders, name: str) -> None:
    """A pod would end with a list of the roles that there are."""
    for where, template in processes(renders.of(name)):
        container = template["spec"]["containers"][0]
        if where in table("backups"):
            continue
        assert "command" not in container, where
        role, service = container["args"]
        assert role in ROLES, where
        if role == "topology":
            assert service.split(",") == sorted(table("services"))
        else:
            assert where == f"{service}-{role}"


def test_the_image_starts_what_the_chart_asks_for(renders: Renders) -> None:
    """The chart's arguments would be those of another program."""
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "-m", "chassis.run"]' in dockerfile
    assert "USER 10001:10001" in dockerfile
    ports = set(re.findall(r"^EXPOSE (.+)$", dockerfile, re.MULTILINE)[0].split())
    told = {
        str(port["containerPort"])
        for _, template in processes(renders.of("defaults"))
        for port in template["spec"]["containers"][0].get("ports", ())
    }
    assert told == ports


def test_the_schema_names_every_setting_that_may_be_set() -> None:
    """A setting of the guide could not be set in the chart."""
    of_all = set(SCHEMA["properties"]["settings"]["properties"])
    services = SCHEMA["properties"]["services"]["properties"]
    of_some = {n for s in services.values() for n in s["properties"]["settings"]["properties"]}
    elsewhere = {  # told by values of their own, or never in a cluster
        *(SECRETS.keys() | PLAIN),
        *("JWKS", "ISSUER", "AUDIENCE", "HTTP_HOST", "HTTP_PORT", "OPS_HOST", "OPS_PORT"),
        *("FEEDS", "TOKEN_URL", "CLIENT_ID", "ROLES_FILE", "BREAK_GLASS_KEYS", "FACTS_FILE"),
        *FILES,
        *("SERVICE_TOKEN", "CLOCK_FILE", "PAYMENT_PROVIDER_JOURNAL"),
        *("SIXFOLD_SERVICES", "SIXFOLD_TOKEN"),  # of an operator's command
    }
    assert guide() - elsewhere == of_all | of_some
    assert not of_all & elsewhere
    assert of_all <= {field.name.upper() for field in fields(Settings)}


def test_keda_looks_at_the_queues_of_the_code(renders: Renders) -> None:
    """Workers would be added by the depth of a queue that nobody fills."""
    assert SHARES <= LANES
    for each in of_kind(renders.of("keda"), "ScaledObject"):
        service = component(each).removesuffix("-worker")
        queues = {trigger["metadata"]["queueName"] for trigger in each["spec"]["triggers"]}
        feeds = table("services")[service]["feeds"]
        assert queues == {q.name for feed in feeds for q in ordered_queues(service, feed)}
        # More than a subscription has queues would find none left to read.
        assert each["spec"]["maxReplicaCount"] <= SHARES


def test_keda_verifies_the_broker_as_processes_do(renders: Renders) -> None:
    """KEDA would not believe the broker's certificate, and no worker would ever be added."""
    objects = renders.of("keda")
    switches = {
        each["metadata"]["name"]: each.get("data") for each in of_kind(objects, "ConfigMap")
    }
    broker = "sixfold-broker-tls"
    for each in of_kind(objects, "TriggerAuthentication"):
        told = {
            ref["parameter"]: (ref["name"], ref["key"]) for ref in each["spec"]["secretTargetRef"]
        }
        assert told.pop("host")[1] == "AMQP_URI"
        files = {"ca": "ca.crt", "cert": "tls.crt", "key": "tls.key"}
        assert told == {name: (broker, key) for name, key in files.items()}
        (switch,) = each["spec"]["configMapTargetRef"]
        assert switch["parameter"] == switch["key"] == "tls"
        assert switches[switch["name"]] == {"tls": "enable"}
    plain = renders.render({"roles": {"worker": {"keda": {"enabled": True}}}}).objects
    for each in of_kind(plain, "TriggerAuthentication"):
        assert "configMapTargetRef" not in each["spec"]
        assert [ref["parameter"] for ref in each["spec"]["secretTargetRef"]] == ["host"]


def test_only_jobs_on_the_broker_see_its_administrator(renders: Renders) -> None:
    """A worker that was taken over could delete every queue."""
    for where, template in processes(renders.of("ha")):
        sees = "sixfold-broker-admin" in files_of(template).values()
        assert sees == (where == "topology" or where.endswith("-preflight")), where


def test_external_secrets_bring_every_file(renders: Renders) -> None:
    """A pod would wait for ever for a key that its Secret does not have."""
    made = {
        each["metadata"]["name"]: {entry["secretKey"] for entry in each["spec"]["data"]}
        for each in of_kind(renders.of("external-secrets"), "ExternalSecret")
    }
    for where, template in processes(renders.of("external-secrets")):
        for path, secret in files_of(template).items():
            assert path in made[secret], where
    assert made["sixfold-broker-admin"] == {"BROKER_MANAGEMENT_URL", "AMQP_URI"}


def test_a_setting_of_one_service_wins(renders: Renders) -> None:
    """An operator could not let one service look more often."""
    values = {
        "settings": {"POOL_SIZE": 20, "LOG_LEVEL": "DEBUG"},
        "services": {"loop": {"settings": {"POOL_SIZE": 5}}},
    }
    told = dict(processes(renders.render(values).objects))
    told = {where: env_of(template) for where, template in told.items()}
    assert told["loop-loop"]["POOL_SIZE"] == "5"
    assert told["identity-worker"]["POOL_SIZE"] == "20"
    assert told["loop-loop"]["LOG_LEVEL"] == "DEBUG"


def test_numbers_are_written_as_the_code_reads_them(renders: Renders) -> None:
    """A process with two million for a limit would not start: `2e+06` is no whole number."""
    values = {
        "settings": {"LAG_LIMIT": 2_000_000, "DRAIN_SECONDS": 2.5, "LOG_LEVEL": "DEBUG"},
        "roles": {"worker": {"keda": {"enabled": True, "depth": 3_000_000}}},
    }
    objects = renders.render(values).objects
    told = env_of(dict(processes(objects))["identity-worker"])
    assert told.items() >= {"LAG_LIMIT": "2000000", "DRAIN_SECONDS": "2.5"}.items()
    assert told["LOG_LEVEL"] == "DEBUG"
    triggers = [t for e in of_kind(objects, "ScaledObject") for t in e["spec"]["triggers"]]
    assert {trigger["metadata"]["value"] for trigger in triggers} == {"3000000"}


def test_proxies_are_counted_where_the_ingress_is(renders: Renders) -> None:
    """Every client would have the ingress controller's address, and share its limits."""
    for name in NAMES:
        on = values_of(name).get("ingress", {}).get("enabled", False)
        for where, template in processes(renders.of(name), only_whole=True):
            assert env_of(template).get("PROXIES") == ("1" if on else None), where
