"""The image does its work under the context that the chart gives it: read-only, no rights, no root.

Runs where ``make image`` has built the image; elsewhere it skips with one line.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

import helm
import sbom
from chassis.dev_issuer import DevelopmentIssuer
from chassis.testing.faultlab.witness import Witness
from chassis.testing.nodes import free_ports
from chassis.testing.servers import PrivatePostgreSQL
from pod import Pods, image, words_of
from sixfold.parts import AUDIENCE, ISSUER, Secrets
from sixfold.stack import TOKEN_LIFE

CHART = Path(__file__).parents[2] / "deploy/helm/sixfold"
DEADLINE, GRACE = 120.0, 40
SERVICE = "commerce"
SOCKETS = "/run/postgresql"
BUILD_TOOLS = ["cc", "gcc", "g++", "make", "ld", "pip", "pip3", "cargo", "git"]
WHO = """
import json, os, pathlib
said = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
def writable(path):
    try:
        pathlib.Path(path, "x").write_text("x")
    except OSError:
        return False
    return True
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "capabilities": int(said["CapEff"], 16),
    "bounding": int(said["CapBnd"], 16), "new_rights": said["NoNewPrivs"].strip() == "0",
    "seccomp": said["Seccomp"].strip(), "root": writable("/opt/sixfold"), "tmp": writable("/tmp"),
}))
"""


def lacking() -> str:
    """Say in one line why the image can't be tried here; nothing where it can."""
    missing = image.missing()
    if not missing and not image.has(image.IMAGE):
        missing = ["`make image` has not built it"]
    # One of another commit would be tried against a chart that it doesn't fit; IMAGE=1 insists.
    if not missing and not os.environ.get("IMAGE") and image.built_from() != image.revision():
        missing = ["it was built from another commit; `make image-test` builds it anew"]
    return f"the image is not tried: {missing[0]}" if missing else ""


pytestmark = [
    pytest.mark.servers,
    pytest.mark.tools,
    pytest.mark.skipif(bool(lacking()), reason=lacking() or "it can be"),
]


@pytest.fixture
def pods() -> Iterator[Pods]:
    running = Pods(f"sixfold-test-{os.getpid()}")
    yield running
    running.close()


class Cluster:
    """What a cluster gives to pods: addresses and secrets, as files; and the chart's render."""

    def __init__(self, directory: Path, postgresql: PrivatePostgreSQL, amqp_uri: str) -> None:
        self.issuer = DevelopmentIssuer(
            directory / "issuer", environment="development", issuer=ISSUER, audience=AUDIENCE
        )
        token = self.issuer.issue("system", "service:pods", ["log.read"], TOKEN_LIFE)
        known = Secrets.fresh(token)
        url, keys = (postgresql.database(name) for name in ("pods", "pods_keys"))
        postgresql.directory.chmod(0o711)  # uid 10001 reaches the socket, and lists nothing
        self.sockets = postgresql.directory
        self.secrets = directory / "secrets"
        self.secrets.mkdir()
        files = {
            "DATABASE_URL": url.replace(str(postgresql.directory), SOCKETS),
            "KEYS_URL": keys.replace(str(postgresql.directory), SOCKETS),
            "AMQP_URI": amqp_uri,
            "SECRET": known.secret,
            "MASTER_KEY": known.master_key,
            "CLIENT_SECRET": "none",
            "SERVICE_TOKEN": token,
            "JWKS": self.issuer.jwks.read_text(),
        }
        for name, content in files.items():
            (self.secrets / name).write_text(content)
        self.roles = directory / "roles"
        self.roles.mkdir()
        (self.roles / "roles.json").write_text('{"roles": {}, "groups": {}, "clients": {}}')
        self.directory = directory
        self.objects = rendered()

    def words(self, kind: str, component: str, told: Mapping[str, str]) -> list[str]:
        """Return how podman runs one component as the chart renders it."""
        [found] = [
            each
            for each in self.objects
            if each["kind"] == kind
            and each["metadata"]["labels"]["app.kubernetes.io/component"] == component
        ]
        words = words_of(
            found["spec"]["template"],
            using=image.IMAGE,
            folders={"secrets": self.secrets, "roles": self.roles},
            told={"JWKS": "/run/secrets/sixfold/JWKS", **told},
        )
        return [f"--volume={self.sockets}:{SOCKETS}", *words]


def rendered() -> list[dict[str, Any]]:
    """Render the chart with what a trial needs."""
    values = {
        "environment": "development",
        "auth": {"issuer": ISSUER, "audience": AUDIENCE},
        "secrets": {"databaseRoles": False},
        "migrations": {"mode": "job"},
    }
    with helm.engine() as engine:
        return list(engine.render(CHART, values).objects)


@pytest.fixture
def cluster(tmp_path: Path, postgresql: PrivatePostgreSQL, amqp_uri: str) -> Iterator[Cluster]:
    tmp_path.chmod(0o755)
    yield Cluster(tmp_path, postgresql, amqp_uri)
    postgresql.directory.chmod(0o700)
    for name in ("pods", "pods_keys"):
        postgresql.drop_database(name)


def eventually(condition: Callable[[], Any], what: str, pods: Pods, name: str) -> Any:
    """Wait until something holds; fail with what a pod said."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not happen:\n{pods.log(name)[-3000:]}"
        time.sleep(0.2)
    return found


def answer(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def test_the_workload_does_its_work_under_its_restricted_context(
    cluster: Cluster, pods: Pods, amqp_uri: str
) -> None:
    """An installation would find out at its first pod that the image needs root or a shell."""
    port, *ops = free_ports(4)
    witness = Witness(SERVICE, amqp_uri)
    witness.start()
    pods.run("migrate", cluster.words("Job", f"{SERVICE}-migrate", {}))
    for role, ops_port in zip(("worker", "publisher", "projector"), ops, strict=True):
        told = {"HTTP_PORT": str(port), "OPS_PORT": str(ops_port)}
        pods.start(role, cluster.words("Deployment", f"{SERVICE}-{role}", told))
    for role, ops_port in zip(("worker", "publisher", "projector"), ops, strict=True):
        url = f"http://127.0.0.1:{ops_port}/readyz"
        eventually(lambda: answer(url), f"{role} becomes ready", pods, role)  # noqa: B023  # called at once

    bearer = cluster.issuer.issue(
        "acme", "somebody", ["commerce.read", "commerce.write"], TOKEN_LIFE
    )
    price = {"amount": 9_900, "currency": "HKD"}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {bearer}"}
    ) as shop:
        product = {"sku": "moon-cake", "title": "Moon cake", "list": price, "sale": price}
        made = shop.post("/v1/products", json=product, headers={"Idempotency-Key": "once"})
        assert made.is_success, made.text
        assert witness.missing(1, DEADLINE) == []
        eventually(
            lambda: "moon-cake" in shop.get("/v1/products").text,
            "the shelf shows it",
            pods,
            "projector",
        )
    witness.stop()

    for role in ("worker", "publisher", "projector"):
        assert json.loads(pods.inside(role, WHO)) == {
            "uid": 10001, "gid": 10001, "capabilities": 0, "bounding": 0, "new_rights": False,
            "seccomp": "2", "root": False, "tmp": True,
        }  # fmt: skip
        begun = time.monotonic()
        assert pods.stop(role, GRACE) == 0
        sys.stdout.write(f"{role} left after {time.monotonic() - begun:.1f} s\n")


def test_the_image_holds_what_the_bill_says_and_no_tool_to_build_with() -> None:
    """Somebody inside could build what he likes, or we would answer for packages nobody listed."""
    program = (
        "import json, shutil, importlib.metadata as m; print(json.dumps({"
        "'python': sorted(d.metadata['Name'].lower().replace('_', '-') for d in m.distributions()),"
        f"'tools': [name for name in {BUILD_TOOLS!r} if shutil.which(name)]}}))"
    )
    said = json.loads(
        image.podman(
            "run", "--rm", "--network=none", "--entrypoint=python", image.IMAGE, "-c", program
        )
    )
    assert said["tools"] == []
    bill = json.loads(sbom.whole(sbom.LOCK, sbom.installed()))
    named = {
        each["name"].lower().replace("_", "-").replace(".", "-") for each in bill["components"]
    }
    assert {name.replace(".", "-") for name in said["python"]} <= named
    assert any(each["bom-ref"] == "debian-python3" for each in bill["components"])
    assert (
        image.podman("image", "inspect", "--format={{.Config.User}}", image.IMAGE) == "10001:10001"
    )
