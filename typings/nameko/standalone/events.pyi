from collections.abc import Callable, Mapping
from typing import Any

def event_dispatcher(
    nameko_config: Mapping[str, Any], **kwargs: Any
) -> Callable[[str, str, Any], None]: ...
