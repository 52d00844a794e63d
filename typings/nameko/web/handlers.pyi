from typing import Any

from nameko.extensions import Entrypoint
from nameko.web.server import WebServer
from werkzeug import Request, Response
from werkzeug.routing import Rule

class HttpRequestHandler(Entrypoint):
    server: WebServer
    method: str
    url: str
    def __init__(self, method: str, url: str, **kwargs: Any) -> None: ...
    def get_url_rule(self) -> Rule: ...
    def handle_request(self, request: Request) -> Response: ...

http = HttpRequestHandler.decorator
