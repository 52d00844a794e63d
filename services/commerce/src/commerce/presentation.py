"""Presentation: the pictures, videos and texts that show a product."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from chassis.decider import Decider
from chassis.errors import Rejected
from commerce.shop_events import (
    LocalText,
    Medium,
    PresentationEvent,
    ProductDescribed,
    ProductMediaSet,
)


class UnusableMedium(Rejected):
    """A medium is either a file that was uploaded or an address elsewhere, and has an alt text."""

    code = "unusable_medium"
    status = 422


class SeveralTextsForOneLanguage(Rejected):
    """There is one text for each language."""

    code = "several_texts_for_one_language"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Presentation:
    """What shows a product now."""

    media: tuple[Medium, ...] = ()
    texts: tuple[LocalText, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SetMedia:
    """Show a product by these pictures and videos, in this order."""

    sku: str
    media: tuple[Medium, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Describe:
    """Describe a product by these texts."""

    sku: str
    texts: tuple[LocalText, ...]


PresentationCommand = SetMedia | Describe


def decide(shown: Presentation, command: PresentationCommand) -> Sequence[PresentationEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case SetMedia(sku=sku, media=media):
            check_media(media)
            return [] if media == shown.media else [ProductMediaSet(sku=sku, media=media)]
        case Describe(sku=sku, texts=texts):
            check_texts(texts)
            return [] if texts == shown.texts else [ProductDescribed(sku=sku, texts=texts)]
        case _:
            assert_never(command)


def evolve(shown: Presentation, event: PresentationEvent) -> Presentation:
    """Apply one fact."""
    match event:
        case ProductMediaSet():
            return replace(shown, media=event.media)
        case ProductDescribed():
            return replace(shown, texts=event.texts)
        case _:
            assert_never(event)


def check_media(media: Sequence[Medium]) -> None:
    """Refuse media that could not be shown to everybody; raises UnusableMedium."""
    for medium in media:
        if (medium.asset is None) == (medium.url is None):
            raise UnusableMedium("Give each medium either an asset or a url.")
        check_texts(medium.alt)


def check_texts(texts: Sequence[LocalText]) -> None:
    """Refuse two texts of one language; raises SeveralTextsForOneLanguage."""
    languages = [text.lang for text in texts]
    if len(set(languages)) < len(languages):
        raise SeveralTextsForOneLanguage("Give one text for each language.")


PRESENTATION: Decider[Presentation, PresentationCommand, PresentationEvent] = Decider(
    category="presentation", initial=Presentation(), decide=decide, evolve=evolve
)
