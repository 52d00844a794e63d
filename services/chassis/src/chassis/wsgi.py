"""A service as a WSGI application: its routes, its health, its contract."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from cheroot.wsgi import Server
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from chassis import openapi, page_edge, problems
from chassis.auth import Authority
from chassis.health import Check, UnknownCheck, readiness, without
from chassis.http import LIMITS, Limits, dispatch
from chassis.routes import Handler, Route
from chassis.shutdown import leaving
from chassis.storage import Storage
from chassis.telemetry import serving

Endpoint = Callable[[Request, Mapping[str, Any]], Response]
StartResponse = Callable[..., Any]
_maps: dict[tuple[tuple[str, frozenset[str]], ...], Map] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What every service says about itself.

    Args:
        name: As in ``commerce``.
        version: Of its HTTP contract.
        checks: All must hold for the service to be ready.
        tls: Browsers reach it over TLS only.
    """

    name: str
    version: str = "1"
    checks: Sequence[Check] = ()
    tls: bool = False


class App:
    """Finds the endpoint of a request; answers unknown paths and methods as problems.

    Args:
        endpoints: What answers where.
        tls: Browsers reach the service over TLS only.
    """

    def __init__(self, endpoints: Iterable[tuple[Rule, Endpoint]], *, tls: bool = False) -> None:
        self._tls = tls
        self._endpoints = list(endpoints)
        self._map = _map_of([rule for rule, _ in self._endpoints])

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        response = page_edge.hardened(self._answer(Request(environ)), tls=self._tls)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        started, route = time.perf_counter(), serving.UNKNOWN_ROUTE
        try:
            rule, path = self._map.bind_to_environ(request.environ).match(return_rule=True)
            route = rule.rule
            _, endpoint = self._endpoints[int(rule.endpoint)]
            response = endpoint(request, path)
        except HTTPException as error:
            response = problems.response_to(error)
        except Exception as error:  # noqa: BLE001 -- the edge answers whatever happens
            response = problems.response_to(error)
        took = time.perf_counter() - started
        serving.answered(request.method, route, response.status_code, took)
        if leaving():  # a client that keeps its connection would ask the next thing here too
            response.headers["Connection"] = "close"
        return response


def _map_of(rules: Sequence[Rule]) -> Map:
    """Map paths to the numbers of their rules.

    The same rules are compiled once in a process: that takes longer than all else of an
    application, and tests make hundreds.
    """
    key = tuple((rule.rule, frozenset(rule.methods or ())) for rule in rules)
    if key not in _maps:
        # A redirect would make clients repeat a POST as a GET, so a path is right or unknown.
        made = Map(strict_slashes=False, merge_slashes=False, redirect_defaults=False)
        for number, rule in enumerate(rules):
            rule.endpoint = str(number)
            made.add(rule)
        _maps[key] = made
    return _maps[key]


def wsgi_app(
    service: Service,
    routes: Iterable[tuple[Route, Handler]],
    storage: Storage,
    authority: Authority,
    *,
    limits: Limits = LIMITS,
    pages: Iterable[tuple[Rule, Endpoint]] = (),
) -> App:
    """Return the application of a process without nameko.

    Args:
        service: What it says about itself.
        routes: Its API.
        storage: The service's database, log, keys and clock.
        authority: Verifies bearer tokens.
        limits: How much a request may ask for.
        pages: What it shows to browsers; they see to their own access.
    """
    served = list(routes)
    return App(
        [
            *(
                (rule_of(route), _endpoint(route, handler, storage, authority, limits))
                for route, handler in served
            ),
            *own_endpoints(service, [route for route, _ in served]),
            *pages,
        ],
        tls=service.tls,
    )


def own_endpoints(service: Service, routes: Iterable[Route]) -> Iterator[tuple[Rule, Endpoint]]:
    """Yield what every service answers without being asked for a token."""
    served = list(routes)

    @cache
    def contract() -> str:  # takes a while, which only who asks for it shall wait
        return openapi.text(openapi.document(service.name, service.version, served))

    yield Rule("/healthz", methods=["GET"]), lambda _request, _path: _json({"status": "ok"})
    yield Rule("/readyz", methods=["GET"]), partial(_ready, service)
    yield (
        Rule("/openapi.json", methods=["GET"]),
        lambda _request, _path: Response(contract(), content_type="application/json"),
    )


def rule_of(route: Route) -> Rule:
    """Return the routing rule of a route."""
    rule = Rule(route.path, methods=[route.method])
    if route.kind == "command" and rule.methods is not None:
        # werkzeug adds HEAD to every GET, but HEAD promises to change nothing.
        rule.methods.discard("HEAD")
    return rule


def server(app: App, host: str, port: int, *, threads: int = 10) -> Server:
    """Return a server for ``app``; ``safe_start()`` serves until ``stop()``."""
    return Server((host, port), app, numthreads=threads, server_name="sixfold")


def _endpoint(
    route: Route, handler: Handler, storage: Storage, authority: Authority, limits: Limits
) -> Endpoint:
    def answer(request: Request, path: Mapping[str, Any]) -> Response:
        return dispatch(route, handler, storage, authority, request, path=path, limits=limits)

    return answer


def _ready(service: Service, request: Request, _path: Mapping[str, Any]) -> Response:
    try:
        wanted = without(service.checks, request.args.getlist("exclude"))
    except UnknownCheck as mistake:
        refusal = {"name": "exclude", "problem": str(mistake)}
        return _json({"status": "failing", "checks": [refusal]}, status=400)
    ready, answers = readiness(wanted)
    checks = [{"name": answer.name, "problem": answer.problem} for answer in answers]
    body = {"status": "ok" if ready else "failing", "checks": checks}
    return _json(body, status=200 if ready else 503)


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")
