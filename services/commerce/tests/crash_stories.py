"""Stories that are told twice: undisturbed, and killed at every step."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chassis.faults import set_hook
from chassis.testing.killing import Killer

SAGA = {"processes", "payment_provider", "fulfilment_partner"}  # read models have no part in it
Story = Callable[[Any, Any], None]


def live(shop: Any, site: Any, story: Story) -> list[Any]:
    """Let a story happen, and return all that was recorded, stream by stream."""
    followers = shop.service.followers
    shop.service.followers = [follower for follower in followers if follower.name in SAGA]
    story(shop, site)
    recorded = [
        (entry.envelope.stream, entry.envelope.version, entry.type, told_once(entry.event))
        for entry in shop.service.happened()
    ]
    return sorted(recorded, key=lambda fact: fact[:2])


def told_once(event: Any) -> Any:
    """Return an event without the provider's id of the news, which is new in every run."""
    return replace(event, callback_id="") if hasattr(event, "callback_id") else event


def killed_everywhere(fresh_shop: Any, site_of: Any, story: Story) -> tuple[list[Any], Killer]:
    """Assert that a story ends the same when it is killed at every step; return its facts."""
    shop = fresh_shop("undisturbed")
    expected = live(shop, site_of(shop), story)
    shop, killer = fresh_shop("killed"), Killer()
    set_hook(killer)
    assert live(shop, site_of(shop), story) == expected
    set_hook(None)
    return expected, killer
