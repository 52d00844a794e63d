"""Post: text, pictures and goods in one, to be bought from where people already are."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from commerce.presentation import check_media, check_texts
from commerce.shop_events import LocalText, Medium, PostPublished


class PostUnknown(NotFound):
    """There is no such post."""

    code = "post_unknown"


class NotInPost(NotFound):
    """The post does not sell this product."""

    code = "not_in_post"


class NothingToSell(Rejected):
    """A shoppable post carries media and at least one product, each product once."""

    code = "nothing_to_sell"
    status = 422
    requirement = "Z20"


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """What was published, if it was."""

    published: PostPublished | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishPost:
    """Publish a post; who publishes it checks that the products exist."""

    post_id: UUID
    content: str | None
    platform: str
    property: str
    texts: tuple[LocalText, ...]
    media: tuple[Medium, ...]
    skus: tuple[str, ...]


def decide(post: Post, command: PublishPost) -> Sequence[PostPublished]:
    """Turn a command into facts, or refuse it."""
    if post.published is not None:
        return []
    if not (command.media and command.skus) or len(set(command.skus)) < len(command.skus):
        raise NothingToSell("Give a post media and products, each product once.")
    check_media(command.media)
    check_texts(command.texts)
    return [
        PostPublished(
            post_id=command.post_id,
            content=command.content,
            platform=command.platform,
            property=command.property,
            texts=command.texts,
            media=command.media,
            skus=command.skus,
        )
    ]


def evolve(_: Post, event: PostPublished) -> Post:
    """Apply one fact."""
    return Post(published=event)


def published(post: Post) -> PostPublished:
    """Return what was published.

    Raises:
        PostUnknown: nothing was.
    """
    if post.published is None:
        raise PostUnknown("There is no such post.")
    return post.published


POST: Decider[Post, PublishPost, PostPublished] = Decider(
    category="post", initial=Post(), decide=decide, evolve=evolve
)
