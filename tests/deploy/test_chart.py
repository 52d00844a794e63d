"""The chart as a whole: what it accepts, what it refuses, what it says of itself."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from rendered import CHART, NAMES, ROOT, Renders, default_values, helm, named

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
YAMLLINT = YamlLintConfig(
    "extends: default\nrules: {document-start: disable, comments: {min-spaces-from-content: 1},"
    " braces: {max-spaces-inside: 0}, line-length: {max: 200}}"
)
RENDER_LINT = YamlLintConfig("extends: relaxed\nrules: {line-length: disable}")


def test_helm_finds_nothing_wrong(renders: Renders) -> None:
    """`helm lint` would complain."""
    found = renders.lint()
    assert found["Errors"] is None
    # 1 is a remark (an icon is only recommended), 2 a warning, 3 an error.
    assert {message["Severity"] for message in found["Messages"]} <= {1}


def test_the_package_holds_what_the_templates_read(renders: Renders, tmp_path: Path) -> None:
    """An installation from the packed chart would lack tables, rules or dashboards."""
    with tarfile.open(renders.package(tmp_path)) as archive:
        names = set(archive.getnames())
    wanted = [
        path for folder in ("files", "rules", "dashboards") for path in (CHART / folder).glob("*.*")
    ]
    assert wanted
    assert {f"sixfold/{path.relative_to(CHART)}" for path in wanted} <= names
    assert not any(name.startswith("sixfold/ci/") for name in names)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "red"}, "additional properties 'colour' not allowed"),
        ({"image": {"tag": "latest"}}, "additional properties 'tag' not allowed"),
        ({"image": {"digest": "latest"}}, "at '/image/digest'"),
        ({"settings": {"DATABASE_URL": "postgresql://"}}, "'DATABASE_URL' not allowed"),
        (
            {"services": {"identity": {"settings": {"LOG_LEVLE": "INFO"}}}},
            "'LOG_LEVLE' not allowed",
        ),
        ({"services": {"loyalty": {}}}, "additional properties 'loyalty' not allowed"),
        ({"roles": {"worker": {"keda": {"maxReplicas": 5}}}}, "maximum: got 5, want 4"),
        ({"roles": {"loop": {"replicas": 2}}}, "at '/roles/loop/replicas'"),
        ({"terminationGracePeriodSeconds": 20}, "minimum: got 20, want 30"),
        ({"migrations": {"mode": "init"}}, "at '/migrations/mode'"),
    ],
)
def test_a_value_that_means_nothing_is_refused(
    renders: Renders, values: dict[str, Any], message: str
) -> None:
    """A mistyped value would be ignored, and the operator would think that it holds."""
    with pytest.raises(helm.ChartRefused, match=re.escape(message)):
        renders.render(values)


def test_two_ways_to_scale_one_thing_are_refused(renders: Renders) -> None:
    """Two autoscalers would pull one Deployment back and forth."""
    both = {"autoscaling": {"enabled": True}, "keda": {"enabled": True}}
    with pytest.raises(helm.ChartRefused, match="/roles/worker"):
        renders.render({"roles": {"worker": both}})


@pytest.mark.parametrize("later", ["externalSecrets", "evaluation"])
def test_hooks_are_refused_where_what_they_need_comes_after_them(
    renders: Renders, later: str
) -> None:
    """A first installation would wait for ever for Secrets, or for the servers of a trial."""
    with pytest.raises(helm.ChartRefused, match=re.escape(f"{later}.enabled needs migrations")):
        renders.render({later: {"enabled": True}})


def test_scraping_twice_is_refused(renders: Renders) -> None:
    """Every leader would count as two, and an alert of that would never end."""
    both = {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}
    with pytest.raises(helm.ChartRefused, match="would scrape each pod twice"):
        renders.render({"monitoring": both})


def test_rules_that_would_find_nothing_are_refused(renders: Renders) -> None:
    """Alerts would stay silent whatever happens, under a name that they do not look for."""
    values = {"monitoring": {"rules": {"enabled": True}}}
    with pytest.raises(helm.ChartRefused, match='the release "loyalty" does not give'):
        renders.render(values, release="loyalty")
    assert renders.render(values, release="my-sixfold").objects


def test_a_long_name_of_the_release_is_refused(renders: Renders) -> None:
    """The API server would refuse a CronJob, or a Job's name lose what tells it from the last."""
    longest = "sixfold".ljust(33, "x")
    values = {"migrations": {"mode": "job"}, "backup": {"enabled": True, "drill": True}}
    for each in renders.render(values, release=longest).objects:
        name = each["metadata"]["name"]
        assert len(name) <= (52 if each["kind"] == "CronJob" else 63)
        if each["kind"] == "Job":
            assert re.search(r"-[0-9a-f]{8}$", name)
    with pytest.raises(helm.ChartRefused, match="more than 33 characters"):
        renders.render({}, release=f"{longest}x")


def objects_of(schema: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of an object inside a schema, with the path to it."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield where, schema
        for name, inner in schema.items():
            yield from objects_of(inner, f"{where}/{name}")


def test_no_object_of_the_schema_is_open() -> None:
    """Some corner of the values would take anything."""
    found = dict(objects_of(SCHEMA))
    assert len(found) > 50
    for where, schema in found.items():
        maps_texts = isinstance(schema.get("additionalProperties"), dict)
        empty = schema.get("maxProperties") == 0
        assert schema.get("additionalProperties") is False or maps_texts or empty, where


def test_the_schema_knows_exactly_the_values() -> None:
    """A value of the file could not be set, or one that can be set would stand nowhere."""
    known = SCHEMA["properties"].keys() - {"global"}  # helm adds it by itself
    assert known == default_values().keys()
    for name, part in SCHEMA["properties"].items():
        if "properties" in part and name not in ("settings", "global"):
            assert part["properties"].keys() == default_values()[name].keys(), name


@pytest.mark.parametrize("name", NAMES)
def test_each_object_has_its_place_and_its_labels(renders: Renders, name: str) -> None:
    """Objects would land in whatever namespace is current, or could not be found by label."""
    objects = renders.of(name)
    keys = [named(each) for each in objects]
    assert len(keys) == len(set(keys))
    for each in objects:
        labels = each["metadata"]["labels"]
        assert each["metadata"]["namespace"] == "sixfold", named(each)
        assert labels["app.kubernetes.io/name"] == "sixfold", named(each)
        assert labels["app.kubernetes.io/part-of"] == "sixfold", named(each)
        assert {
            f"app.kubernetes.io/{key}" for key in ("instance", "component", "version")
        } <= labels.keys()


def test_nothing_that_grants_rights_is_made(renders: Renders) -> None:
    """Whoever takes over a pod could ask the cluster for more."""
    kinds = {each["kind"] for name in NAMES for each in renders.of(name)}
    assert not [kind for kind in kinds if "Role" in kind or kind in ("Secret", "Namespace")]


def test_the_air_gap_is_one_setting(renders: Renders) -> None:
    """Some image would still be asked for outside."""
    text = json.dumps(renders.of("air-gap"))
    images = set(re.findall(r'"image": "([^"]+)"', text))
    assert len(images) == 3
    assert all(image.startswith("mirror.internal:5000/") for image in images)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_is_named_by_digest(renders: Renders, name: str) -> None:
    """A tag could be moved to other contents (and no image is Bitnami's, as those are gone)."""
    text = json.dumps(renders.of(name))
    images = set(re.findall(r'"image": "([^"]+)"', text))
    assert images
    for image in images:
        assert re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", image)
        assert "bitnami" not in image


@pytest.mark.parametrize("name", NAMES)
def test_the_render_is_the_same_each_time(renders: Renders, name: str) -> None:
    """Argo CD would find a difference after each look."""
    assert (
        renders.of(name)
        == renders.render(
            yaml.safe_load((CHART / f"ci/{name}-values.yaml").read_text())
            if name != "defaults"
            else {}
        ).objects
    )


def problems_of(text: str, config: YamlLintConfig) -> list[str]:
    """List what yamllint finds."""
    return [str(problem) for problem in linter.run(text, config)]


def test_yaml_is_tidy() -> None:
    """Somebody's editor would show a page of warnings."""
    folders = [ROOT / "deploy"]
    written = [path for folder in folders for path in sorted(folder.rglob("*.yaml"))]
    written = [path for path in written if "templates" not in path.parts]
    assert len(written) > 10
    found = {
        str(path.relative_to(ROOT)): problems_of(path.read_text(), YAMLLINT)
        for path in written
        if not path.read_text().startswith("# Made by `make render`")
    }
    assert not {path: problems for path, problems in found.items() if problems}


def test_what_is_rendered_is_tidy_too(renders: Renders) -> None:
    """A key given twice would silently win or lose."""
    for name in ("ha", "evaluation"):
        path = CHART / f"ci/{name}-values.yaml"
        rendered = renders.render(yaml.safe_load(path.read_text()))
        found = problems_of(rendered.text, RENDER_LINT)
        assert not [line for line in found if "duplication" in line or "syntax" in line]
