"""A message as the frames of an AMQP 0-9-1 ``basic.publish``, in one piece of bytes.

The bytes are those that py-amqp writes, which needs ten times as long for them.  Nothing here
touches a socket.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Any

Headers = Mapping[str, Any]

OVERHEAD = 8  # of a frame: type, channel, size and end
_METHOD, _HEADER, _BODY = 1, 2, 3
_BASIC, _PUBLISH, _END = 60, 40, b"\xce"
# content_type, content_encoding, headers, delivery_mode and message_id are there.
_FLAGS = 0xF080
_PERSISTENT = b"\x02"
_SMALLEST, _LARGEST = -0x7FFF_FFFF, 0x7FFF_FFFF  # as py-amqp draws the line

_frame_start = Struct(">BHI").pack
_content_start = Struct(">HHQ").pack
_method_start = Struct(">HHH").pack
_short = Struct(">H").pack
_long = Struct(">I").pack
_tagged_size = Struct(">cI").pack
_tagged_int = Struct(">ci").pack
_tagged_long = Struct(">cq").pack
_tagged_float = Struct(">cd").pack


class Framing:
    """Encodes messages for one exchange, as they are sent on one channel.

    Args:
        channel: The channel's number.
        exchange: Where every message goes.
        content_type: Of every body; with ``content_encoding``.
        frame_max: The longest frame that the broker takes, in bytes; longer bodies are split.
    """

    def __init__(
        self,
        *,
        channel: int,
        exchange: str,
        frame_max: int,
        content_type: str = "application/json",
        content_encoding: str = "utf-8",
    ) -> None:
        self._channel = channel
        self._room = frame_max - OVERHEAD
        self._to_exchange = _method_start(_BASIC, _PUBLISH, 0) + _short_text(exchange)
        self._properties = (
            _short(_FLAGS) + _short_text(content_type) + _short_text(content_encoding)
        )
        self._method = lru_cache(maxsize=1024)(self._method_frame)

    def published(self, *, key: str, headers: Headers, message_id: str, body: bytes) -> bytes:
        """Return the frames that publish one persistent message.

        Args:
            key: The routing key.
            headers: The table of application headers.
            message_id: The message's id.
            body: The content, any length.

        Raises:
            ValueError: a name or key is longer than AMQP allows, or a header has no AMQP type.
        """
        table = table_of(headers)
        properties = (self._properties, table, _PERSISTENT, _short_text(message_id))
        content = _content_start(_BASIC, 0, len(body)) + b"".join(properties)
        return b"".join((self._method(key), self._frame(_HEADER, content), *self._bodies(body)))

    def _method_frame(self, key: str) -> bytes:
        return self._frame(_METHOD, self._to_exchange + _short_text(key) + b"\x00")

    def _bodies(self, body: bytes) -> Iterable[bytes]:
        if len(body) <= self._room:
            return (self._frame(_BODY, body),) if body else ()
        starts = range(0, len(body), self._room)
        return [self._frame(_BODY, body[start : start + self._room]) for start in starts]

    def _frame(self, kind: int, payload: bytes) -> bytes:
        return _frame_start(kind, self._channel, len(payload)) + payload + _END


def table_of(headers: Headers) -> bytes:
    """Return an AMQP table with its length.

    >>> table_of({"n": 1}).hex(" ")
    '00 00 00 07 01 6e 49 00 00 00 01'

    Raises:
        ValueError: a name is longer than 255 bytes, or a value has no AMQP type.
    """
    return _sized(b"".join([_name(name) + _item(value) for name, value in headers.items()]))


def _item(value: Any) -> bytes:
    kind = type(value)
    if kind is str:  # most are
        encoded: bytes = value.encode("utf-8", "surrogatepass")
        return _tagged_size(b"S", len(encoded)) + encoded
    if kind not in _WRITERS:
        raise ValueError(f"no AMQP type for {kind.__name__}")
    return _WRITERS[kind](value)


def _whole(value: int) -> bytes:
    if _SMALLEST <= value <= _LARGEST:
        return _tagged_int(b"I", value)
    if -(2**63) <= value < 2**63:
        return _tagged_long(b"L", value)
    raise ValueError("an integer has more than 64 bits")


def _array(value: Iterable[Any]) -> bytes:
    return b"A" + _sized(b"".join(map(_item, value)))


def _sized(encoded: bytes) -> bytes:
    return _long(len(encoded)) + encoded


def _short_text(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogatepass")
    return bytes((len(encoded),)) + encoded


# Every message has the same names.
_name = lru_cache(maxsize=1024)(_short_text)

_WRITERS: Mapping[type, Callable[[Any], bytes]] = {
    bytes: lambda value: b"S" + _sized(value),
    bool: lambda value: b"t\x01" if value else b"t\x00",
    int: _whole,
    float: lambda value: _tagged_float(b"d", value),
    list: _array,
    tuple: _array,
    dict: lambda value: b"F" + table_of(value),
    type(None): lambda _: b"V",
}
