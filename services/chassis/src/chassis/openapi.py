"""The HTTP contract of a service, OpenAPI 3.1, derived from its routes."""

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from chassis import problems, schemas
from chassis.routes import Route

_ARGUMENT = re.compile(r"<(?:(?P<kind>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
_PATH_TYPES: dict[str | None, dict[str, str]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
}
_ALWAYS = ("400", "401", "403", "404", "500", "503")
_COMMANDS = ("409", "413", "415", "422")
_MATCHING = ("412", "428")
_REASONS = {
    "400": "The input does not fit.",
    "401": "A valid token or signature is needed.",
    "403": "The caller may not do this.",
    "404": "It does not exist for this tenant.",
    "409": "A rule refused, or somebody else was faster.",
    "412": "It has changed since it was read.",
    "413": "The body is too long.",
    "415": "The body is not application/json.",
    "422": "The Idempotency-Key belongs to another request, or a rule refused.",
    "428": "If-Match is missing.",
    "500": "Something is wrong on our side.",
    "503": "A part that is needed does not answer.",
}
Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Components:
    spec: APISpec
    converter: Any
    classes: dict[str, type[object]]

    def ref(self, cls: type[T]) -> Json:
        """Return a reference to a dataclass's schema, adding it at first use.

        Raises:
            ValueError: two dataclasses have the same name.
        """
        known = self.classes.setdefault(cls.__name__, cls)
        if known is not cls:
            raise ValueError(f"two bodies are called {cls.__name__}")
        if cls.__name__ not in self.spec.components.schemas:
            self.spec.components.schema(cls.__name__, schema=schemas.schema_class(cls))
        return {"$ref": f"#/components/schemas/{cls.__name__}"}


def document(name: str, version: str, routes: Iterable[Route]) -> Json:
    """Return the contract of a service; the same routes give the same document."""
    spec, components = _spec(name, version)
    api = [route for route in routes if route.page is None]
    for route in sorted(api, key=lambda route: (route.path, route.method)):
        operation = dict(_operation(route, components))
        spec.path(path=_template(route.path), operations={route.method.lower(): operation})
    made: Json = spec.to_dict()
    for cls in components.classes.values():
        made["components"]["schemas"][cls.__name__]["description"] = _first_line(cls)
    return made


def text(contract: Json) -> str:
    """Return a contract as the bytes of its file: sorted, indented, one way only."""
    return json.dumps(contract, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _spec(name: str, version: str) -> tuple[APISpec, _Components]:
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(title=name, version=version, openapi_version="3.1.0", plugins=[plugin])
    converter: Any = plugin.converter
    converter.add_attribute_function(_patched)
    components = _Components(spec, converter, {})
    components.ref(problems.Problem)
    for status, reason in _REASONS.items():
        spec.components.response(status, _refusal(reason))
    spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    spec.components.parameter(
        "IdempotencyKey",
        "header",
        {
            "name": "Idempotency-Key",
            "required": True,
            "description": "The same key again returns the first response.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        },
    )
    return spec, components


def _operation(route: Route, components: _Components) -> Iterator[tuple[str, Any]]:
    yield "operationId", _operation_id(route)
    yield "summary", route.summary
    parameters = [*_parameters(route, components)]
    if parameters:
        yield "parameters", parameters
    if route.body is not None:
        content = {"application/json": {"schema": components.ref(route.body)}}
        yield "requestBody", {"required": True, "content": content}
    yield "responses", dict(_responses(route, components))
    yield "security", [{"bearer": [route.scope]}] if route.scope else []


def _parameters(route: Route, components: _Components) -> Iterator[Json | str]:
    for argument in _ARGUMENT.finditer(route.path):
        schema = _PATH_TYPES.get(argument["kind"], {"type": "string"})
        yield {"name": argument["name"], "in": "path", "required": True, "schema": schema}
    if route.query is not None:
        yield from _query_parameters(route.query, components)
    if route.method == "POST" and route.key_from is None:
        yield "IdempotencyKey"  # apispec turns a name into a reference
    if route.kind == "command":
        yield {
            "name": "If-Match",
            "in": "header",
            "required": route.requires_match,
            "description": "The ETag that was read.",
            "schema": {"type": "string"},
        }


def _query_parameters(cls: type[object], components: _Components) -> Iterator[Json]:
    for name, field in schemas.fields_of(cls).items():
        schema = components.converter.field2property(field)
        yield {"name": name, "in": "query", "required": field.required, "schema": schema}


def _responses(route: Route, components: _Components) -> Iterator[tuple[str, Json]]:
    yield str(route.status), _success(route, components)
    statuses = [*_ALWAYS]
    if route.kind == "command":
        statuses += [*_COMMANDS, *_MATCHING]
    for status in sorted(statuses):
        yield status, {"$ref": f"#/components/responses/{status}"}


def _success(route: Route, components: _Components) -> Json:
    etag = {"ETag": {"description": "The stream's version.", "schema": {"type": "string"}}}
    success: Json = {"description": "Done." if route.kind == "command" else "Found."}
    if route.reply is not None:
        one = components.ref(route.reply)
        schema = {"type": "array", "items": one} if route.many else one
        success |= {"headers": etag, "content": {"application/json": {"schema": schema}}}
    return success


def _refusal(reason: str) -> Json:
    problem = {"$ref": "#/components/schemas/Problem"}
    return {"description": reason, "content": {problems.MEDIA_TYPE: {"schema": problem}}}


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", _ARGUMENT.sub(r"\g<name>", route.path.removeprefix("/v1")))
    return "_".join([route.method.lower(), *words])


def _template(path: str) -> str:
    return _ARGUMENT.sub(r"{\g<name>}", path)


def _schema_name(schema: type[Schema] | Schema) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Schema")


def _patched(_converter: Any, field: "fields.Field[Any]", **_: Any) -> Json:
    """Correct what apispec gets wrong: decimals sent as strings, enums without a type."""
    kind = None
    if isinstance(field, fields.Decimal) and field.as_string:
        kind = "string"
    elif isinstance(field, fields.Enum):
        kind = "string" if all(isinstance(item.value, str) for item in field.enum) else None
    if kind is None:
        return {}
    return {"type": [kind, "null"] if field.allow_none else kind}


def _first_line(cls: type[object]) -> str:
    return (inspect.getdoc(cls) or cls.__name__).partition("\n")[0]
