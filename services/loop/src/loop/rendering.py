"""Make a page out of a template, with the headers that keep it safe."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug import Response

from chassis.page_edge import guarded

templates = Environment(
    loader=PackageLoader("loop"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_POLICY = {"script_src": "'self'", "connect_src": "'self'", "img_src": "data:"}


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page."""
    text = templates.get_template(template).render(**values)
    response = Response(text, status=status, content_type="text/html; charset=utf-8")
    return guarded(response, **_POLICY)
