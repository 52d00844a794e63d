"""Content: what was published, under which face, and whom it brought."""

from ibis.expr.types import Table

from loop.fact_tables import ContentPublished, ContentStep, Touch
from loop.numbers import Number, by_key, count
from loop.relations import known, made_of, together


def _published() -> Table:
    return made_of(known(ContentPublished))


def _faces() -> Table:
    published = known(ContentPublished)
    return made_of(published, key=published.face)


def _pipeline() -> Table:
    steps = known(ContentStep)
    return together(
        made_of(steps, key=steps.what), made_of(known(ContentPublished), key="published")
    )


def _touches() -> Table:
    return made_of(known(Touch).filter(lambda touch: touch.content_id.notnull()))


CONTENT = (
    Number(
        name="published_items",
        stage="content",
        title="Published items",
        unit="publications",
        formula="number of publications, one for each content, platform and slot",
        rows=_published,
        shape=count,
    ),
    Number(
        name="face_mix",
        stage="content",
        title="Publications by face",
        unit="publications",
        formula="number of publications by the content's face",
        rows=_faces,
        shape=by_key,
    ),
    Number(
        name="content_pipeline",
        stage="content",
        title="Content on its way",
        unit="contents; publications",
        formula="contents drafted, approved, rejected, withdrawn; publications",
        rows=_pipeline,
        shape=by_key,
    ),
    Number(
        name="content_touches",
        stage="content",
        title="Touches by content",
        unit="touches",
        formula="number of touches that name a content",
        rows=_touches,
        shape=count,
    ),
)
