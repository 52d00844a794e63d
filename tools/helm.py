"""Render and lint a Helm chart without a cluster and without the helm program.

The engine is Helm 4 itself, from the wheel helm-sdkpy, which can only install.  So it is given a
server of ours on loopback that knows kinds and nothing else: the engine renders the chart, looks
the kinds up, and stores the release as a Secret.  There we read what it rendered, and refuse.
"""

import argparse
import asyncio
import base64
import gzip
import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

KINDS = {  # what a render may hold: group and version, then kinds with their plurals
    "v1": "Service ConfigMap Secret ServiceAccount PersistentVolumeClaim Pod",
    "apps/v1": "Deployment StatefulSet DaemonSet",
    "batch/v1": "Job CronJob",
    "policy/v1": "PodDisruptionBudget",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "networking.k8s.io/v1": "NetworkPolicy Ingress",
    "monitoring.coreos.com/v1": "ServiceMonitor PodMonitor PrometheusRule",
    "keda.sh/v1alpha1": "ScaledObject TriggerAuthentication",
    "external-secrets.io/v1": "ExternalSecret",
    "cert-manager.io/v1": "Certificate",
}
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
RELEASE = re.compile(rb"H4sI[A-Za-z0-9+/=]{40,}")  # a gzip stream in base64, inside the Secret


class ChartRefused(Exception):
    """The engine does not render the chart with these values; the message is its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """What a chart gives: the objects of the release, and those that are hooks."""

    text: str
    hooks: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Give every object, hooks last."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        found = yaml.load_all(f"{self.text}\n{self.hooks}", Loader=loader)  # it is safe
        return [each for each in found if each]


class Stub(BaseHTTPRequestHandler):
    """Answers what the engine asks before it would create anything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the engine asks 60 things, each would wait 40 ms for an ACK
    server: "StubServer"

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Tell version, groups and kinds; nothing else exists."""
        path = self.path.partition("?")[0].rstrip("/")
        minor = self.server.minor
        answers: dict[str, Any] = {
            "/version": {"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.0"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(groups())},
        }
        answers |= {f"/{'api' if v == 'v1' else 'apis'}/{v}": resources(v) for v in KINDS}
        if path.endswith("/secrets"):
            answers[path] = {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []}
        self.answer(200 if path in answers else 404, answers.get(path, status("NotFound", 404)))

    def do_POST(self) -> None:
        """Keep the release that is to be stored, and refuse to store it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = RELEASE.search(body)
        if found and self.server.release is None:
            self.server.release = json.loads(gzip.decompress(base64.b64decode(found.group(0))))
        self.answer(403, status("Forbidden", 403))

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815  # the server's names

    def answer(self, code: int, content: Mapping[str, Any]) -> None:
        """Send one JSON object."""
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class StubServer(ThreadingHTTPServer):
    """The stub with what it caught last."""

    daemon_threads = True
    release: dict[str, Any] | None = None
    minor = "34"


def status(reason: str, code: int) -> dict[str, Any]:
    """Write a refusal as the engine's client reads it."""
    fields = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "details": {}}
    return {**fields, "reason": reason, "code": code, "message": "render only"}


def groups() -> Iterator[dict[str, Any]]:
    """List the groups of kinds."""
    for version in KINDS:
        if "/" in version:
            group, _, number = version.partition("/")
            served = {"groupVersion": version, "version": number}
            yield {"name": group, "versions": [served], "preferredVersion": served}


def resources(version: str) -> dict[str, Any]:
    """List the kinds of one group."""
    found = [
        {
            "name": PLURALS.get(kind, f"{kind.lower()}s"),
            "singularName": kind.lower(),
            "namespaced": True,
            "kind": kind,
            "verbs": VERBS,
        }
        for kind in KINDS[version].split()
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": found,
    }


class Engine:
    """Helm for as many renders as wanted."""

    def __init__(self, sdk: Any, server: StubServer, directory: Path) -> None:
        self._sdk = sdk
        self._server = server
        self._config = directory / "config.yaml"
        self._config.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: stub\n"
            f"clusters: [{{name: stub, cluster: {{server: 'http://127.0.0.1:{server.server_port}'}}}}]\n"
            "users: [{name: stub, user: {}}]\n"
            "contexts: [{name: stub, context: {cluster: stub, user: stub}}]\n"
        )

    def render(
        self,
        chart: Path,
        values: Mapping[str, Any] | None = None,
        *,
        release: str = "sixfold",
        namespace: str = "sixfold",
    ) -> Rendered:
        """Render a chart.

        Raises:
            ChartRefused: a value is not allowed, or a template is wrong.
        """
        self._server.release = None
        configuration = self._sdk.Configuration(namespace=namespace, kubeconfig=str(self._config))
        install = self._sdk.Install(configuration)
        try:
            asyncio.run(
                install.run(release, str(chart), values=dict(values or {}), wait=False, timeout=10)
            )
        except self._sdk.HelmError as refusal:
            if self._server.release is None:
                raise ChartRefused(str(refusal)) from None
        caught = self._server.release
        if caught is None:
            raise ChartRefused("the engine stored no release")
        hooks = sorted(caught.get("hooks") or [], key=lambda hook: str(hook["path"]))
        written = "\n".join(f"---\n# Source: {h['path']}\n{h['manifest'].strip()}" for h in hooks)
        return Rendered(text=caught["manifest"], hooks=written)

    def lint(self, chart: Path) -> dict[str, Any]:
        """Check a chart as `helm lint` does."""
        configuration = self._sdk.Configuration(kubeconfig=str(self._config))
        found: dict[str, Any] = asyncio.run(self._sdk.Lint(configuration).run(str(chart)))
        return found

    def package(self, chart: Path, folder: Path) -> Path:
        """Pack a chart into an archive."""
        configuration = self._sdk.Configuration(kubeconfig=str(self._config))
        packing = self._sdk.Package(configuration).run(str(chart), dest_dir=str(folder))
        return Path(asyncio.run(packing))


@contextmanager
def engine() -> Iterator[Engine]:
    """Start the engine with its stub on a free loopback port."""
    with tempfile.TemporaryDirectory(prefix="sixfold-helm-") as folder:
        # Read by the engine when it is loaded: it must find no cluster and leave nothing at home.
        os.environ["KUBECACHEDIR"] = folder
        os.environ.pop("KUBECONFIG", None)
        import helm_sdkpy as sdk  # noqa: PLC0415  # 120 MB, only loaded where it is used

        with StubServer(("127.0.0.1", 0), Stub) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield Engine(sdk, server, Path(folder))
            server.shutdown()


def main(arguments: list[str]) -> int:
    """Print a render, or lint; what the engine refuses is its message and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["render", "lint"])
    parser.add_argument("chart", type=Path)
    parser.add_argument("--values", type=Path, action="append", default=[])
    parser.add_argument("--release", default="sixfold")
    parser.add_argument("--namespace", default="sixfold")
    given = parser.parse_args(arguments)
    values: dict[str, Any] = {}
    for path in given.values:
        values = merged(values, yaml.safe_load(path.read_text()) or {})
    with engine() as helm:
        if given.task == "lint":
            print(json.dumps(helm.lint(given.chart), indent=2))
            return 0
        try:
            rendered = helm.render(
                given.chart, values, release=given.release, namespace=given.namespace
            )
        except ChartRefused as refusal:
            print(refusal, file=sys.stderr)
            return 1
    print(rendered.text)
    print(rendered.hooks)
    return 0


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one values file over another, as the engine does.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    both = {
        name: merged(under[name], value) if isinstance(value, Mapping) else value
        for name, value in over.items()
        if isinstance(under.get(name), Mapping) and isinstance(value, Mapping)
    }
    return {**under, **over, **both}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
