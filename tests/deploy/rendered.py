"""What the chart gives for each values file: rendered once a session, asked by every test."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from referencing import Registry, Resource

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/sixfold"
KUSTOMIZE = ROOT / "deploy/kustomize"
sys.path.insert(0, str(ROOT / "tools"))

import helm  # noqa: E402  # a program of tools/, found by the line above

VALUES = {"defaults": None} | {
    path.name.removesuffix("-values.yaml"): path for path in sorted(CHART.glob("ci/*-values.yaml"))
}
NAMES = list(VALUES)
JOBS = ("preflight", "migrate", "topology")  # in their order
Object = dict[str, Any]


def values_of(name: str) -> Mapping[str, Any]:
    """Read one values file of ci/; nothing for the defaults."""
    path = VALUES[name]
    return yaml.safe_load(path.read_text()) if path else {}


def default_values() -> Mapping[str, Any]:
    """Read the chart's own values."""
    return yaml.safe_load((CHART / "values.yaml").read_text())


def table(name: str) -> Any:
    """Read one table of the chart's files."""
    return yaml.safe_load((CHART / "files" / f"{name}.yaml").read_text())


class Renders:
    """The chart as rendered; each values file once."""

    def __init__(self, engine: helm.Engine) -> None:
        self._engine = engine
        self._known: dict[str, list[Object]] = {}

    def of(self, name: str) -> list[Object]:
        """Give the objects for one values file."""
        if name not in self._known:
            self._known[name] = self.render(values_of(name)).objects
        return self._known[name]

    def render(self, values: Mapping[str, Any], *, release: str = "sixfold") -> helm.Rendered:
        """Render anything else."""
        return self._engine.render(CHART, values, release=release)

    def lint(self) -> dict[str, Any]:
        """Ask the engine for its own opinion."""
        return self._engine.lint(CHART)

    def package(self, folder: Path) -> Path:
        """Pack the chart."""
        return self._engine.package(CHART, folder)


def overlaid(overlay: Path) -> list[Object]:
    """Render an overlay with kubectl, where there is one; the test is skipped elsewhere."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not here: overlays are only parsed, not rendered")
    done = subprocess.run(
        [program, "kustomize", str(overlay)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(done.stdout, Loader=loader))  # it is safe


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    """Choose objects by kind."""
    return [each for each in objects if each["kind"] in kinds]


def named(each: Object) -> str:
    """Name an object as kubectl does."""
    return f"{each['kind']}/{each['metadata']['name']}"


def component(each: Object) -> str:
    """Say which component an object belongs to."""
    return str(each["metadata"]["labels"]["app.kubernetes.io/component"])


def pods(objects: list[Object]) -> Iterator[tuple[Object, Object]]:
    """Yield everything that makes pods, with the pods' template."""
    for each in of_kind(objects, "Deployment", "StatefulSet", "Job"):
        yield each, each["spec"]["template"]
    for each in of_kind(objects, "CronJob"):
        yield each, each["spec"]["jobTemplate"]["spec"]["template"]


def containers(template: Object) -> list[Object]:
    """List the containers of a pod, those that run before it included."""
    spec = template["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def whole(name: str) -> bool:
    """Say whether a component is told every setting; jobs on the broker and of backups are not."""
    return name not in {"topology", *table("backups")}


def env_of(template: Object) -> dict[str, str]:
    """Read the environment of a pod's only container."""
    return {each["name"]: each["value"] for each in template["spec"]["containers"][0]["env"]}


@lru_cache
def registry(folder: Path) -> Registry[Any]:
    """Read one Kubernetes version's definitions; reading them for each object takes a second."""
    definitions = json.loads((folder / "_definitions.json").read_text())
    return (
        Registry().with_resource("_definitions.json", Resource.from_contents(definitions)).crawl()
    )
