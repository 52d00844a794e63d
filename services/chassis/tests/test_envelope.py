"""The one byte form that chains are computed over never changes."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import micros
from chassis.envelope import (
    GENESIS,
    Recorded,
    columns_of,
    envelope_of,
    header,
    next_chain,
    recorded_of,
    stored_of,
)
from chassis.ids import new_id
from chassis.testing.contexts import NOW

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
EVENT = Recorded(
    id=new_id(), tenant="acme", stream="order-1", version=1, type="thing_happened",
    schema_version=1, lane=3, occurred_at=NOW, recorded_at=NOW, actor="user:test",
    command_id=new_id(), correlation_id=new_id(), causation_id=new_id(), traceparent=None,
    subjects=(), data=b"{}", position=7, prev=4, chain=bytes(32),
)  # fmt: skip


def written_slowly(event: Recorded) -> bytes:
    """Return the form as the standard library's JSON writes it."""
    parts: list[Any] = [
        str(event.id), event.tenant, event.stream, event.version, event.type,
        event.schema_version, event.position, event.lane, event.prev, micros(event.occurred_at),
        micros(event.recorded_at), event.actor, str(event.command_id), str(event.correlation_id),
        str(event.causation_id), event.traceparent, list(event.subjects),
    ]  # fmt: skip
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()


events = st.builds(
    replace, st.just(EVENT), tenant=TEXT, stream=TEXT, actor=TEXT, traceparent=st.none() | TEXT,
    subjects=st.lists(TEXT).map(tuple), data=st.binary(),
)  # fmt: skip


@given(events)
def test_the_form_is_plain_json(event: Recorded) -> None:
    """Somebody else, in any language, can check our chains with a JSON library and SHA-256."""
    plain = written_slowly(event)

    assert header(columns_of(event), event.position, event.prev) == plain
    chain = next_chain(GENESIS, event, position=event.position, prev=event.prev)
    assert chain == hashlib.sha256(GENESIS + plain + event.data).digest()


@given(events)
def test_columns_lose_nothing(event: Recorded) -> None:
    """What is archived as columns comes back as the event it was."""
    assert recorded_of(stored_of(event)) == event
    assert columns_of(envelope_of(columns_of(event))) == columns_of(event)
