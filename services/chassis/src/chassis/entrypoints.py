"""nameko's door: methods of a service class become routes of its HTTP edge."""

import inspect
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from eventlet import wsgi
from eventlet.event import Event
from nameko.containers import ServiceContainer, WorkerContext
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import register_entrypoint
from nameko.web.handlers import HttpRequestHandler
from nameko.web.server import HttpOnlyProtocol, WebServer
from werkzeug import Request, Response
from werkzeug.routing import Rule

from chassis.errors import Unavailable
from chassis.http import LIMITS, dispatch
from chassis.routes import Handler, Route
from chassis.shutdown import leaving
from chassis.wsgi import App, Endpoint, Service, own_endpoints, rule_of

_log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])
_SOCKET_SECONDS = 60


class Protocol(HttpOnlyProtocol):
    """Hangs up after an answer once this process was asked to leave."""

    def handle_one_request(self) -> None:
        """Answer one request."""
        super().handle_one_request()  # type: ignore[misc]  # eventlet's, of which nothing is typed
        if leaving():
            self.close_connection = True


class EdgeServer(WebServer):
    """One listening socket for all routes of a service, with its health and contract."""

    def get_wsgi_app(self) -> App:
        """Return the application over every route that registered."""
        routes = [(edge.route, edge.answer) for edge in sorted(self._providers, key=_route_name)]
        config = self.container.config
        service = Service(
            name=self.container.service_name,
            version=config.get("contract_version", "1"),
            checks=config.get("checks", ()),
            tls=config.get("production", False),
        )
        endpoints: list[tuple[Rule, Endpoint]] = [(rule_of(route), call) for route, call in routes]
        own = own_endpoints(service, [route for route, _ in routes])
        return App([*endpoints, *own], tls=service.tls)

    def get_wsgi_server(
        self,
        sock: Any,
        wsgi_app: Callable[..., Any],
        protocol: Any = Protocol,
        debug: bool = False,  # noqa: FBT001, FBT002 -- nameko's signature
    ) -> Any:
        """Return a server that logs no request lines, which may hold personal values.

        A client that stops sending is cut off.  Chunks leave at once, for event streams.
        """
        return wsgi.Server(
            sock,
            sock.getsockname(),
            wsgi_app,
            protocol=protocol,
            debug=debug,
            log=_log,
            log_output=False,
            socket_timeout=_SOCKET_SECONDS,
            minimum_chunk_size=0,
        )


class HttpEdge(HttpRequestHandler):
    """Serves one route with one method of a service.

    The container's configuration holds ``storage`` and ``authority``; ``checks``,
    ``limits`` and ``contract_version`` if there are any.
    """

    server = EdgeServer()
    served_method: str

    def __init__(self, route: Route) -> None:
        super().__init__(route.method, route.path)
        self.route = route

    def bind(self, container: ServiceContainer, method_name: str) -> "HttpEdge":
        """Bind to a container so that a worker runs the whole edge, not only the method.

        nameko calls the worker's method by name.  With the transaction and the trace in
        the worker's own greenthread, neither has to cross into another one.
        """
        bound: HttpEdge = super().bind(container, method_name)
        bound.served_method = method_name
        bound.method_name = "answer_over_http"
        container.service_cls.answer_over_http = _answer_over_http
        return bound

    def answer(self, request: Request, path: Mapping[str, Any]) -> Response:
        """Answer one request in a worker of the container.

        Raises:
            Unavailable: the container is being stopped.
        """
        if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
            # eventlet's input ends with the last chunk; werkzeug wants to be told.
            request.environ["wsgi.input_terminated"] = True
        done = Event()
        try:
            self.container.spawn_worker(
                self, (self, request, path), {}, handle_result=partial(_deliver, done)
            )
        except ContainerBeingKilled as error:
            raise Unavailable("the service is stopping") from error
        response: Response = done.wait()
        return response


def command(
    path: str, *, scope: str | None = None, method: str = "POST", status: int = 201, **more: Any
) -> Callable[[F], F]:
    """Serve a method ``(self, work: UnitOfWork, call: Call[Body]) -> Reply``.

    Args:
        path: As werkzeug writes it, ``/v1/orders/<uuid:order_id>/cancel``.
        scope: What the token must allow.
        method: The HTTP method.
        status: Of a success.
        more: Anything else a ``Route`` has.
    """
    return _serve(method=method, path=path, kind="command", scope=scope, status=status, **more)


def hot_command(
    path: str, *, scope: str | None = None, status: int = 201, **more: Any
) -> Callable[[F], F]:
    """Serve a method ``(self, hot: HotCall, call: Call[Body]) -> Wish`` as a POST.

    The command that it wishes is decided together with others on its stream.

    Args:
        path: As werkzeug writes it.
        scope: What the token must allow.
        status: Of a success.
        more: Anything else a ``Route`` has.
    """
    return command(path, scope=scope, status=status, hot=True, **more)


def query(path: str, *, scope: str | None = None, **more: Any) -> Callable[[F], F]:
    """Serve a method ``(self, db: Connection, call: Call[None]) -> Reply``.

    Args:
        path: As werkzeug writes it.
        scope: What the token must allow.
        more: Anything else a ``Route`` has.
    """
    return _serve(method="GET", path=path, kind="query", scope=scope, **more)


def routes_of(service_cls: type[Any]) -> list[Route]:
    """Return the routes of a service class, sorted, as its contract lists them."""
    return [route for route, _ in _served(service_cls)]


def handlers_of(service: object) -> list[tuple[Route, Handler]]:
    """Return the routes of a service with their handlers, to serve it without nameko."""
    return [(route, getattr(service, name)) for route, name in _served(type(service))]


def _served(service_cls: type[Any]) -> list[tuple[Route, str]]:
    found = [
        (entrypoint.route, name)
        for name, method in inspect.getmembers(service_cls, inspect.isfunction)
        for entrypoint in getattr(method, "nameko_entrypoints", ())
        if isinstance(entrypoint, HttpEdge)
    ]
    return sorted(found, key=lambda served: (served[0].path, served[0].method))


def _serve(**described: Any) -> Callable[[F], F]:
    def register(function: F) -> F:
        summary = (inspect.getdoc(function) or function.__name__).partition("\n")[0]
        register_entrypoint(function, HttpEdge(Route(summary=summary, **described)))
        return function

    return register


def _answer_over_http(
    service: Any, edge: HttpEdge, request: Request, path: Mapping[str, Any]
) -> Response:
    config = edge.container.config
    return dispatch(
        edge.route,
        getattr(service, edge.served_method),
        config["storage"],
        config["authority"],
        request,
        path=path,
        limits=config.get("limits", LIMITS),
    )


def _deliver(done: Event, _worker: WorkerContext, result: Any, exc_info: Any) -> tuple[Any, Any]:
    done.send(result, exc_info)
    return result, exc_info


def _route_name(edge: HttpEdge) -> str:
    return edge.route.name
