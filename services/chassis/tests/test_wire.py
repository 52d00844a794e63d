"""An event is the same bytes of truth in the log, on the bus and in a feed."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import moment
from chassis.envelope import GENESIS, Recorded, continues, next_chain
from chassis.ids import LANES, lane_of
from chassis.wire import event_of, from_text, headers_of, to_text

_IDS = st.uuids()
_TIMES = st.integers(min_value=0, max_value=4_000_000_000_000_000).map(moment)
_TEXT = st.text(min_size=1, max_size=20)
_CHAINS = st.binary(min_size=32, max_size=32)
_COUNTS = st.integers(min_value=1, max_value=2**62)
_CHANGES: dict[str, Any] = {
    "id": _IDS,
    "tenant": _TEXT,
    "stream": _TEXT,
    "version": _COUNTS,
    "type": _TEXT,
    "schema_version": _COUNTS,
    "lane": st.integers(min_value=0, max_value=LANES - 1),
    "occurred_at": _TIMES,
    "recorded_at": _TIMES,
    "actor": _TEXT,
    "command_id": _IDS,
    "correlation_id": _IDS,
    "causation_id": _IDS,
    "traceparent": st.none() | _TEXT,
    "subjects": st.lists(_TEXT, max_size=3).map(tuple),
    "data": st.text(max_size=40).map(str.encode),
    "position": _COUNTS,
    "prev": _COUNTS,
    "chain": _CHAINS,
}


@st.composite
def recorded_events(draw: st.DrawFn) -> Recorded:
    event = Recorded(**{name: draw(values) for name, values in _CHANGES.items()})
    lane = lane_of(event.tenant, event.stream)
    return _chained(replace(event, lane=lane, prev=event.position - 1), GENESIS)


def _chained(event: Recorded, previous: bytes) -> Recorded:
    chain = next_chain(previous, event, position=event.position, prev=event.prev)
    return replace(event, chain=chain)


def test_every_field_is_varied() -> None:
    """A field added to the envelope cannot escape the tests below."""
    assert _CHANGES.keys() == {field.name for field in fields(Recorded)}


@given(event=recorded_events())
def test_a_message_brings_the_event_back(event: Recorded) -> None:
    """A consumer holds exactly what the producer recorded."""
    assert event_of(headers_of(event, "greeter"), event.data) == event


@given(event=recorded_events())
def test_a_line_of_a_feed_brings_the_event_back(event: Recorded) -> None:
    """What the bus lost and the feed repaired is the same event."""
    line = to_text(event, "greeter")

    assert from_text(line) == event
    assert "\n" not in line


@given(event=recorded_events())
def test_a_sent_event_still_continues_its_chain(event: Recorded) -> None:
    """A consumer can check what it was sent."""
    assert continues(GENESIS, event_of(headers_of(event, "greeter"), event.data))


@given(event=recorded_events(), name=st.sampled_from(sorted(_CHANGES)), data=st.data())
def test_any_changed_field_breaks_the_chain(
    event: Recorded, name: str, data: st.DataObject
) -> None:
    """Whoever changes anything at all in a stored event is found out."""
    value = data.draw(_CHANGES[name])

    changed = replace(event, **{name: value})

    assert continues(GENESIS, changed) == (changed == event)


@given(first=recorded_events(), second=recorded_events())
def test_an_event_continues_only_its_own_predecessor(first: Recorded, second: Recorded) -> None:
    """An event cannot be left out, or put behind another one."""
    second = _chained(second, first.chain)

    assert continues(first.chain, second)
    assert not continues(GENESIS, second)


@given(event=recorded_events())
def test_moments_survive_to_the_microsecond(event: Recorded) -> None:
    """No time is rounded on its way."""
    late = _chained(replace(event, occurred_at=datetime(2262, 4, 11, 23, 47, 16, 1, UTC)), GENESIS)

    assert from_text(to_text(late, "greeter")).occurred_at == late.occurred_at
    assert timedelta(0) == late.occurred_at.utcoffset()


_TEXTS = ("tenant", "stream", "ce-type", "actor")
_NUMBERS = ("version", "schema_version", "position", "prev", "lane", "occurred_at", "recorded_at")
_PARSED = ("ce-id", "command_id", "correlation_id", "causation_id", "chain", "subjects")


@given(event=recorded_events(), data=st.data())
def test_rubbish_is_refused_in_one_way(event: Recorded, data: st.DataObject) -> None:
    """A foreign message is set aside, whatever is wrong with it, and stops nobody."""
    name = data.draw(st.sampled_from([*_TEXTS, *_NUMBERS, *_PARSED]))
    rubbish = data.draw(st.sampled_from([None, 1.5, b"\xff", [[]], {"a": 1}, object()]))
    headers = headers_of(event, "greeter")

    with pytest.raises(ValueError, match="not an event"):
        event_of({**headers, name: rubbish}, event.data)
    if name not in _TEXTS:
        with pytest.raises(ValueError, match="not an event"):
            event_of({**headers, name: "rubbish"}, event.data)
    with pytest.raises(ValueError, match="not an event"):
        event_of({key: value for key, value in headers.items() if key != name}, event.data)


@given(event=recorded_events(), lane=st.integers().filter(lambda lane: lane not in range(LANES)))
def test_a_lane_that_does_not_exist_is_refused(event: Recorded, lane: int) -> None:
    """Nobody asks the producer for ever for a lane that it never had."""
    with pytest.raises(ValueError, match="not an event"):
        event_of({**headers_of(event, "greeter"), "lane": lane}, event.data)


@given(event=recorded_events())
def test_a_nesting_without_end_is_refused(event: Recorded) -> None:
    """One foreign message would end the subscription, and again whenever it comes back."""
    with pytest.raises(ValueError, match="not an event: RecursionError"):
        event_of({**headers_of(event, "greeter"), "subjects": "[" * 100_000}, event.data)


@given(event=recorded_events(), trace=st.sampled_from([0, 5, True, 1.5, b"00", ["00"], {"a": 1}]))
def test_a_trace_that_is_no_text_is_refused(event: Recorded, trace: object) -> None:
    """The tracer would fail on it before it is looked at, and the message come back for ever."""
    with pytest.raises(ValueError, match="not an event: TypeError"):
        event_of({**headers_of(event, "greeter"), "traceparent": trace}, event.data)
