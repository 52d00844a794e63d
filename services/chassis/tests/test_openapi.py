"""The contract that a service publishes says what its edge really does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from werkzeug.test import TestResponse

from chassis import openapi
from chassis.clock import FixedClock
from chassis.entrypoints import handlers_of, routes_of
from chassis.routes import Route
from chassis.testing.contexts import NOW
from chassis.testing.notebook import NotebookService, notebook_storage
from chassis.testing.web import Tokens, Web

CONTRACT = openapi.document("notebook", "1", routes_of(NotebookService))
SCOPES = ("notes:read", "notes:write")


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in references(inner)]
    return (
        [found for inner in value for found in references(inner)] if isinstance(value, list) else []
    )


def at(reference: str) -> Any:
    found: Any = CONTRACT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/")]
    return found


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in CONTRACT["paths"].items()
        for method, operation in methods.items()
    ]


def assert_fits(response: TestResponse, method: str, path: str) -> None:
    """Check a real response against the contract's schema for its status."""
    answers = CONTRACT["paths"][path][method]["responses"]
    answer = answers[str(response.status_code)]
    described = at(answer["$ref"]) if "$ref" in answer else answer
    registry: Registry[Any] = Registry().with_resource(
        "urn:contract",
        Resource.from_contents(
            {**CONTRACT, "$schema": "https://json-schema.org/draft/2020-12/schema"}
        ),
    )
    schema = described["content"][response.mimetype]["schema"]
    bound = json.loads(json.dumps(schema).replace('"#/', '"urn:contract#/'))
    Draft202012Validator(bound, registry=registry, format_checker=FormatChecker()).validate(
        response.get_json(force=True)
    )


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere() -> None:
    """Generators of clients can read the contract."""
    assert CONTRACT["openapi"] == "3.1.0"
    assert references(CONTRACT)
    for reference in references(CONTRACT):
        assert isinstance(at(reference), dict)
    for schema in CONTRACT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_operation_says_what_it_needs_and_how_it_refuses() -> None:
    """A client's author finds scope, headers and problems beside each operation."""
    listed = operations()
    assert {(method, path) for method, path, _ in listed} == {
        ("get", "/v1/notes"),
        ("post", "/v1/notes"),
        ("get", "/v1/notes/{note_id}"),
        ("put", "/v1/notes/{note_id}"),
        ("post", "/v1/notes/{note_id}/last-words"),
    }
    for method, path, operation in listed:
        assert operation["security"][0]["bearer"][0].startswith("notes:")
        assert {"400", "401", "403", "404", "500", "503"} <= operation["responses"].keys()
        parameters = operation.get("parameters", [])
        key = {"$ref": "#/components/parameters/IdempotencyKey"}
        assert (key in parameters) is (method == "post")
        if "{note_id}" in path:
            named = next(each for each in parameters if each.get("name") == "note_id")
            assert named["schema"] == {"type": "string", "format": "uuid"}
    matching = CONTRACT["paths"]["/v1/notes/{note_id}"]["put"]["parameters"]
    assert any(each.get("name") == "If-Match" and each["required"] for each in matching)
    identifiers = [operation["operationId"] for _, _, operation in listed]
    assert len(set(identifiers)) == len(identifiers)


def test_types_are_said_as_they_travel() -> None:
    """Decimals travel as strings, enums list their values, nothing unknown is let in."""
    note = CONTRACT["components"]["schemas"]["Note"]
    assert note["properties"]["price"]["type"] == ["string", "null"]
    assert note["properties"]["colour"] == {"type": "string", "enum": ["yellow", "green"]}
    assert note["properties"]["occurred_at"]["format"] == "date-time"
    assert note["properties"]["title"] == {"type": "string", "minLength": 1, "maxLength": 100}
    assert note["additionalProperties"] is False
    assert note["required"] == ["title"]


def test_real_responses_fit_the_contract(tmp_path: Path) -> None:
    """What the contract promises is what comes over the wire, refusals included."""
    storage = notebook_storage(tmp_path, FixedClock(NOW))
    web = Web(Tokens(tmp_path / "issuer"), storage, handlers_of(NotebookService()), scopes=SCOPES)
    created = web.post("/v1/notes", {"title": "a"})
    one = f"/v1/notes/{created.get_json()['note_id']}"

    assert_fits(created, "post", "/v1/notes")
    assert_fits(web.get("/v1/notes"), "get", "/v1/notes")
    assert_fits(web.get(one), "get", "/v1/notes/{note_id}")
    assert_fits(web.post("/v1/notes", {"title": "forbidden"}), "post", "/v1/notes")
    assert_fits(web.post("/v1/notes", {"surprise": 1}), "post", "/v1/notes")
    assert_fits(web.put(one, {"title": "b"}), "put", "/v1/notes/{note_id}")
    assert_fits(web.client.get(one), "get", "/v1/notes/{note_id}")


def test_the_same_routes_give_the_same_file() -> None:
    """A committed contract changes only when the service does."""
    again = openapi.document("notebook", "1", reversed(routes_of(NotebookService)))
    assert openapi.text(again) == openapi.text(CONTRACT)


def test_two_bodies_of_one_name_are_refused() -> None:
    """A contract never shows one body's fields for another."""

    @dataclass
    class Note:
        """Another note."""

        other: int

    rival = Route(
        method="POST", path="/v1/other", kind="command", summary="x", scope="s", body=Note
    )
    with pytest.raises(ValueError, match="Note"):
        openapi.document("notebook", "1", [*routes_of(NotebookService), rival])
