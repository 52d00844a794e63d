from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from eventlet.greenthread import GreenThread
from nameko.extensions import Entrypoint

ExcInfo: TypeAlias = Any
HandleResult: TypeAlias = Callable[[WorkerContext, Any, ExcInfo], tuple[Any, ExcInfo]]

class WorkerContext:
    container: ServiceContainer
    config: Mapping[str, Any]
    service: Any
    entrypoint: Entrypoint
    service_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    data: dict[str, Any]
    @property
    def call_id(self) -> str: ...

class ServiceContainer:
    service_cls: Any
    config: dict[str, Any]
    service_name: str
    max_workers: int
    started: bool
    def __init__(self, service_cls: type[Any], config: Mapping[str, Any]) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self, exc_info: ExcInfo = None) -> None: ...
    def wait(self) -> None: ...
    def spawn_worker(
        self,
        entrypoint: Entrypoint,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context_data: dict[str, Any] | None = None,
        handle_result: HandleResult | None = None,
    ) -> WorkerContext: ...
    def spawn_managed_thread(
        self, fn: Callable[[], Any], identifier: str | None = None
    ) -> GreenThread: ...
