"""Every object against Kubernetes' own schemas, strictly: an unknown field is wrong."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator

from rendered import NAMES, Object, Renders, named, of_kind, registry

VERSIONS = [f"1.{minor}" for minor in range(28, 38)]
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
CUSTOM = Path(__file__).parent / "custom"
KINDS = ("Deployment", "StatefulSet", "Job", "Service", "NetworkPolicy", "PodDisruptionBudget")


@lru_cache
def validator(version: str, api_version: str, kind: str) -> Draft202012Validator:
    """Return Kubernetes' validator of a kind, or ours of a custom resource."""
    group, _, served = api_version.rpartition("/")
    ours = CUSTOM / f"{kind.lower()}.json"
    if ours.exists():
        schema = json.loads(ours.read_text())
        assert schema["properties"]["apiVersion"]["const"] == api_version
        return Draft202012Validator(schema)
    folder = SCHEMAS / f"v{version}.0-local-strict"
    short = f"{group.partition('.')[0]}-{served}" if group else served
    schema = json.loads((folder / f"{kind.lower()}-{short}.json").read_text())
    return Draft202012Validator(schema, registry=registry(folder))


def problems(version: str, objects: list[Object]) -> Iterator[str]:
    """Yield each contradiction between an object and its schema."""
    for each in objects:
        for error in validator(version, each["apiVersion"], each["kind"]).iter_errors(each):
            yield f"{named(each)} {error.json_path}: {error.message}"


def distinct(renders: Renders) -> list[Object]:
    """Give every object of every values file once."""
    written = {json.dumps(each, sort_keys=True) for name in NAMES for each in renders.of(name)}
    return [json.loads(text) for text in sorted(written)]


@pytest.mark.parametrize(
    "version",
    [pytest.param(v, marks=() if v in ("1.28", "1.37") else pytest.mark.tools) for v in VERSIONS],
)
def test_every_object_fits(renders: Renders, version: str) -> None:
    """A cluster of this version would refuse an object, or drop a field without a word."""
    assert (SCHEMAS / f"v{version}.0-local-strict").is_dir()
    found = distinct(renders)
    assert {each["kind"] for each in of_kind(found, *KINDS)} == set(KINDS)
    assert not list(problems(version, found))


def test_a_field_too_many_is_seen(renders: Renders) -> None:
    """The test above would pass whatever is rendered."""
    wrong = json.loads(json.dumps(of_kind(renders.of("defaults"), "Deployment")[0]))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    assert any("livenesProbe" in problem for problem in problems("1.28", [wrong]))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.28", strict=True)


@pytest.mark.parametrize("path", sorted(CUSTOM.glob("*.json")), ids=lambda path: path.stem)
def test_our_schemas_are_strict_as_well(path: Path) -> None:
    """A custom resource could hold any field at all."""
    Draft202012Validator.check_schema(json.loads(path.read_text()))
    assert json.loads(path.read_text())["additionalProperties"] is False


def test_custom_resources_are_rendered_somewhere(renders: Renders) -> None:
    """A schema of ours would be compared with nothing."""
    kinds = {each["kind"].lower() for each in distinct(renders)}
    rendered = {"scaledobject", "triggerauthentication", "externalsecret", "podmonitor"}
    assert rendered | {"servicemonitor"} <= kinds
    assert rendered <= {path.stem for path in CUSTOM.glob("*.json")}


def test_values_of_any_kind_are_compared() -> None:
    """Schemas that are not found would count as fitting."""
    with pytest.raises(FileNotFoundError):
        validator("1.28", "v1", "Nothing")
