"""What we write to the broker's socket is what py-amqp would write, and what it reads back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from amqp.basic_message import Message
from amqp.method_framing import frame_handler, frame_writer
from amqp.serialization import dumps
from amqp.spec import Basic
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.framing import Framing, table_of
from chassis.topology import lane_key
from chassis.wire import headers_of
from test_wire import recorded_events

CHANNEL, SMALLEST_FRAME = 7, 4096
_NAMES = st.text(max_size=60)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
    | st.text(max_size=30) | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
_HEADERS = st.dictionaries(_NAMES, _VALUES, max_size=8)


@dataclass
class Socket:
    """Stands where py-amqp's connection and transport stand, and keeps what is written."""

    frame_max: int
    written: bytes = b""
    bytes_sent: int = 0
    bytes_recv: int = 0
    read: list[tuple[Any, Any, Message]] = field(default_factory=list)

    def write(self, piece: bytes) -> None:
        self.written += bytes(piece)


def framing(exchange: str, frame_max: int) -> Framing:
    return Framing(channel=CHANNEL, exchange=exchange, frame_max=frame_max)


def as_amqp_writes(
    exchange: str, frame_max: int, key: str, headers: Mapping[str, Any], body: bytes
) -> bytes:
    message = Message(
        body,
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id="an id",
        application_headers=headers,
    )
    socket = Socket(frame_max)
    arguments = dumps("Bssbb", (0, exchange, key, False, False))
    frame_writer(socket, socket)(1, CHANNEL, Basic.Publish, arguments, message)
    return socket.written


def frames(written: bytes) -> Iterator[tuple[int, int, bytes]]:
    while written:
        size = int.from_bytes(written[3:7], "big")
        assert written[7 + size] == 0xCE
        yield written[0], int.from_bytes(written[1:3], "big"), written[7 : 7 + size]
        written = written[8 + size :]


@given(exchange=_NAMES, key=_NAMES, headers=_HEADERS, body=st.binary(max_size=200))
@example(exchange="e", key="k", headers={}, body=b"")
@example(exchange="e", key="k", headers={"n": -0x8000_0000}, body=b"x")
def test_the_bytes_are_those_of_amqp(
    exchange: str, key: str, headers: dict[str, Any], body: bytes
) -> None:
    """A broker, or a partner's library, cannot tell who encoded a message."""
    ours = framing(exchange, 131_072).published(
        key=key, headers=headers, message_id="an id", body=body
    )

    assert ours == as_amqp_writes(exchange, 131_072, key, headers, body)


@given(length=st.integers(0, 3 * SMALLEST_FRAME), headers=_HEADERS)
@example(length=SMALLEST_FRAME - 8, headers={})
@example(length=SMALLEST_FRAME - 7, headers={})
@example(length=2 * (SMALLEST_FRAME - 8), headers={})
def test_a_long_body_is_split_as_amqp_splits_it(length: int, headers: dict[str, Any]) -> None:
    """An event longer than a frame reaches its consumers whole."""
    body = bytes(range(256)) * (length // 256 + 1)
    body = body[:length]
    ours = framing("e", SMALLEST_FRAME).published(
        key="k", headers=headers, message_id="an id", body=body
    )

    assert ours == as_amqp_writes("e", SMALLEST_FRAME, "k", headers, body)
    assert b"".join(part for kind, _, part in frames(ours) if kind == 3) == body


@given(event=recorded_events())
def test_amqp_reads_the_same_message_back(event: Any) -> None:
    """What a consumer is handed is what the publisher was handed."""
    headers = {**headers_of(event, "greeter"), "CC": [lane_key(event.lane)]}
    written = framing("greeter.events", SMALLEST_FRAME).published(
        key=event.type, headers=headers, message_id=str(event.id), body=event.data
    )
    (message,) = delivered(written)

    assert message.properties == {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "application_headers": headers,
        "delivery_mode": 2,
        "message_id": str(event.id),
    }
    assert bytes(message.body or b"") == event.data


def delivered(written: bytes) -> list[Message]:
    """Hand frames to py-amqp as if the broker had sent them, the method as a delivery."""
    socket = Socket(SMALLEST_FRAME)
    read: list[Message] = []
    hear = frame_handler(
        socket, lambda _channel, _method, _arguments, message: read.append(message)
    )
    for kind, channel, payload in frames(written):
        hear((kind, channel, b"\x00\x3c\x00\x3c" if kind == 1 else payload))
    return read


@pytest.mark.parametrize("value", [object(), {1}, 2**63, -(2**63) - 1])
def test_what_amqp_has_no_type_for_is_refused(value: object) -> None:
    """A header that a broker could not read does not break the connection for the others."""
    with pytest.raises(ValueError, match=r"no AMQP type|64 bits"):
        table_of({"x": value})


def test_a_name_that_is_too_long_is_refused() -> None:
    """A name is cut nowhere in silence."""
    with pytest.raises(ValueError, match="256"):
        table_of({"n" * 256: 1})
