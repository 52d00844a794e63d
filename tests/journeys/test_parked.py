"""A handler with a defect: its event waits for a person, everything else goes on."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from installation import Installation, eventually

pytestmark = [pytest.mark.journey, pytest.mark.servers]

PART = "campaigns.worker"
SUBSCRIPTION = "campaigns.on.commerce"
CURSED = "cursed-shop"


@pytest.fixture
def repair(installation: Installation) -> Iterator[Callable[[], None]]:
    """Deploy a build of one worker in which a handler raises; give what deploys the true one."""
    sound = installation.stack.parts[PART].environment
    path = (Path(__file__).parent / "failing", sound.get("PYTHONPATH", ""))
    told = {"PYTHONPATH": os.pathsep.join(map(str, path)), "RETRY_SECONDS": "0.2,0.2,0.2"}
    deploy(installation, {**sound, **told})
    yield lambda: deploy(installation, sound)
    if installation.stack.parts[PART].environment is not sound:
        deploy(installation, sound)


def deploy(installation: Installation, environment: Mapping[str, str]) -> None:
    parts = installation.stack.parts
    parts[PART] = replace(parts[PART], environment=environment)
    installation.restart(PART)


def listed(installation: Installation) -> list[dict[str, Any]]:
    """Return what the real command lists."""
    done = installation.sixfold("parked", "list", "campaigns")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def visitor(installation: Installation) -> str:
    """Return somebody who came by an advertisement an hour ago."""
    subject, at = str(uuid4()), installation.stack.clock.now() - timedelta(hours=1)
    touch = {"key": subject, "subject": subject, "channel": "social", "kind": "visit",
             "at": at.isoformat()}  # fmt: skip
    installation.clients["campaigns"].post("/v1/imports/touches", {"rows": [touch]})
    return subject


def attributed(installation: Installation, order_id: str) -> int:
    """Count how often an order's touches were given credit."""
    return sum(
        str(one.event.order_id) == order_id
        for one in installation.events("campaigns", "conversion_attributed")
    )


def waits_for_a_person(installation: Installation) -> list[dict[str, Any]]:
    """Return the parked events once the tries of the first are used up."""
    found = listed(installation)
    return found if any(one["error"] and one["due_at"] is None for one in found) else []


def test_a_failing_event_is_tried_parked_seen_and_healed_without_holding_up_others(
    installation: Installation, repair: Callable[[], None]
) -> None:
    """One order that a build cannot take would stop the shop, or be lost without a word."""
    cursed = installation.order(shop=CURSED, person=visitor(installation))
    blessed = installation.order(person=visitor(installation))
    waiting = eventually(lambda: waits_for_a_person(installation), "the tries are used up")
    eventually(lambda: attributed(installation, blessed), "the other order is attributed")
    failed = next(one for one in waiting if one["error"])
    assert failed["error"] == "ZeroDivisionError: orders of this shop cannot be divided"
    assert (failed["subscription"], failed["tries"] > 1) == (SUBSCRIPTION, True)
    assert cursed in failed["stream"]
    position = str(failed["position"])
    shown = installation.sixfold("parked", "show", "campaigns", SUBSCRIPTION, position)
    assert "in defective" in json.loads(shown.stdout)["trace"]
    behind = eventually(
        lambda: [one for one in listed(installation) if one["error"] is None],
        "the order's confirmation waits behind",
    )
    assert {one["stream"] for one in behind} == {failed["stream"]}
    assert attributed(installation, cursed) == 0

    repair()
    retried = installation.sixfold("parked", "retry", "campaigns", SUBSCRIPTION, position)
    assert retried.returncode == 0, retried.stderr
    eventually(lambda: attributed(installation, cursed), "the order is attributed after all")
    eventually(lambda: listed(installation) == [], "nothing waits any more")
    installation.settle()
    assert (attributed(installation, cursed), attributed(installation, blessed)) == (1, 1)
    assert installation.sixfold("log", "verify", "campaigns").returncode == 0
