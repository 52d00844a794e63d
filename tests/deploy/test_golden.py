"""What is made from the chart and kept beside it, and what stands around it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import chart
from rendered import CHART, KUSTOMIZE, ROOT, Renders, helm, named, of_kind, overlaid, pods, table

OVERLAYS = sorted(path.parent for path in KUSTOMIZE.glob("overlays/*/kustomization.yaml"))


def test_the_base_of_kustomize_is_the_chart() -> None:
    """Whoever uses kustomize would install something else: `make render` writes it anew."""
    with helm.engine() as engine:
        assert chart.BASE.read_text() == chart.golden(engine)


def test_the_readme_is_the_values() -> None:
    """An operator would read of values that are not there: `make render` writes it anew."""
    assert chart.README.read_text() == chart.readme()


def test_every_value_at_the_top_is_described() -> None:
    """The README would leave some part of the values out."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    told = {name.partition(".")[0] for name, _, _ in chart.described()}
    assert told == values.keys()


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_renders_every_workload(renders: Renders, overlay: Path) -> None:
    """A patch would name what the chart no longer has, or lose a process."""
    found = overlaid(overlay)
    base = renders.render(chart.GOLDEN).objects
    assert {named(each) for each in of_kind(base, "Deployment", "Job", "NetworkPolicy")} <= {
        named(each) for each in found
    }
    for where, template in pods(found):
        context = template["spec"]["containers"][0]["securityContext"]
        assert context["runAsNonRoot"], where
        assert ("runAsUser" in context) == (overlay.name != "openshift")


def test_overlays_change_what_they_say() -> None:
    """The small cluster would get two of everything, and production one."""
    replicas = {
        name: {
            each["spec"]["replicas"]
            for each in of_kind(overlaid(KUSTOMIZE / "overlays" / name), "Deployment")
            if each["metadata"]["name"].endswith("-worker")
        }
        for name in ("minimal", "production")
    }
    assert replicas == {"minimal": {1}, "production": {3}}
    minimal = overlaid(KUSTOMIZE / "overlays/minimal")
    assert not of_kind(minimal, "PodDisruptionBudget")


def test_every_file_of_kustomize_is_used() -> None:
    """A component would lie there that no overlay tries."""
    assert len(OVERLAYS) == 3
    used: set[Path] = set()
    for path in KUSTOMIZE.rglob("kustomization.yaml"):
        told = yaml.safe_load(path.read_text())
        listed = [*told.get("resources", ()), *told.get("components", ())]
        for name in listed:
            assert (path.parent / name).exists(), f"{path}: {name}"
            used.add((path.parent / name).resolve())
    components = {path.resolve() for path in (KUSTOMIZE / "components").iterdir()}
    assert components <= used


def around(name: str) -> list[dict[str, Any]]:
    """Read the objects of one file beside the chart."""
    return list(yaml.safe_load_all((ROOT / "deploy" / name).read_text()))


def test_the_operators_objects_are_for_more_than_a_trial() -> None:
    """Production would stand on one node, or speak in the clear."""
    broker, *others = around("operators/rabbitmq.yaml")
    assert broker["spec"]["replicas"] >= 3
    assert broker["spec"]["tls"]["disableNonTLSListeners"] is True
    assert {each["kind"] for each in others} == {"Vhost", "User", "Permission"}
    for each in others:
        assert each["spec"]["rabbitmqClusterReference"]["name"] == broker["metadata"]["name"]
    users = {
        e["metadata"]["name"]: e["spec"].get("tags", []) for e in others if e["kind"] == "User"
    }
    of_services = {f"sixfold-{service}": [] for service in table("services")}
    assert users == {"sixfold-topology": ["administrator"], **of_services}
    database, backup, keys, keys_backup = around("operators/postgresql.yaml")
    for cluster, scheduled in ((database, backup), (keys, keys_backup)):
        assert cluster["spec"]["instances"] >= 3
        assert cluster["spec"]["minSyncReplicas"] >= 1
        assert cluster["spec"]["postgresql"]["parameters"]["synchronous_commit"] == "on"
        assert scheduled["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
    for each in (broker["spec"]["image"], database["spec"]["imageName"], keys["spec"]["imageName"]):
        assert "@sha256:" in each
        assert "bitnami" not in each
    for each in (database, keys):  # by a digest alone the operator refuses it
        assert re.search(r":\d+\.\d+@sha256:", each["spec"]["imageName"])


def test_keys_are_kept_apart_and_for_days_only() -> None:
    """Who was forgotten could be brought back from PostgreSQL's own log."""
    database, _, keys, _ = around("operators/postgresql.yaml")
    places = [each["spec"]["backup"]["barmanObjectStore"] for each in (database, keys)]
    assert places[0]["destinationPath"] != places[1]["destinationPath"]
    assert places[0]["s3Credentials"] != places[1]["s3Credentials"]
    assert keys["spec"]["backup"]["retentionPolicy"] == "7d"


def test_argo_cd_gets_jobs_and_a_chart_that_renders(renders: Renders) -> None:
    """A sync would wait for hooks that Argo CD runs in its own way."""
    (application,) = around("argocd/application.yaml")
    source = application["spec"]["source"]
    assert (ROOT / source["path"]).resolve() == CHART
    objects = renders.render(source["helm"]["valuesObject"]).objects
    assert "helm.sh/hook" not in str(objects)
