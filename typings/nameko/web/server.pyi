from collections.abc import Callable
from typing import Any, NamedTuple

from nameko.extensions import ProviderCollector, SharedExtension

class BindAddress(NamedTuple):
    address: str
    port: int

class HttpOnlyProtocol: ...

class WebServer(ProviderCollector, SharedExtension):
    @property
    def bind_addr(self) -> BindAddress: ...
    def get_wsgi_app(self) -> Callable[..., Any]: ...
    def get_wsgi_server(
        self, sock: Any, wsgi_app: Callable[..., Any], protocol: Any = ..., debug: bool = False
    ) -> Any: ...
