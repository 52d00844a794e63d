"""What a marketplace's message says: read exactly, or refused, whatever the bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from commerce.trade_content import Told, allocate, read


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**6), min_size=1))
def test_no_cent_is_lost_when_money_is_split(total: int, weights: list[int]) -> None:
    """The lines of an order would not come to what was paid."""
    parts = allocate(total, weights)
    assert sum(parts) == total
    assert all(part >= 0 for part in parts)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["tid", "payment", "orders", "refund_id", "refund_fee", "created", "buyer_nick", "out_sid"]
)
CONTENTS = st.one_of(
    st.text(),
    st.binary().map(lambda raw: raw.decode("latin-1")),
    JSON.map(json.dumps),
    st.dictionaries(FIELDS, JSON).map(lambda said: json.dumps({"tid": 1, **said})),
    st.lists(
        st.dictionaries(st.sampled_from(["num", "outer_iid", "payment", "price"]), JSON),
        max_size=3,
    ).map(lambda lines: json.dumps({"tid": "1", "payment": "1.5", "orders": lines})),
)


def read_or_refuse(text: str) -> Told | None:
    """Return what a content says, None when it is refused; anything else is a defect."""
    try:
        return read(text)
    except Invalid:
        return None


@given(text=CONTENTS)
def test_whatever_a_message_holds_it_is_read_or_refused(text: str) -> None:
    """One strange message would stop the import with an error that nobody understands."""
    told = read_or_refuse(text)
    if told is None:
        return
    assert told.content.tid.isdigit()
    if told.pieces and told.payment is not None:
        assert sum(piece.qty * piece.price for piece in told.pieces) == told.payment


@pytest.mark.parametrize(
    "content",
    ["[" * 5000, "nonsense", "[]", '{"tid": "x"}', '{"tid": 1, "orders": [{"num": 0}]}',
     '{"tid": 1, "payment": "1e9"}', '{"tid": 1, "payment": "0.001"}', "9" * 5000],
)  # fmt: skip
def test_unusable_content_is_refused_over_http(market: Any, content: str) -> None:
    """The marketplace would repeat what can never be done, or we would answer with a defect."""
    before = market.shop.service.types()
    message = {"id": "1", "topic": "taobao_trade_TradeCreate", "user_nick": "s", "content": content}
    assert market.deliver(json.dumps(message).encode()) == 400
    assert market.shop.service.types() == before


@given(body=st.binary(max_size=200))
def test_any_bytes_get_a_clear_refusal(body: bytes) -> None:
    """A defect, and not a refusal, would be what a broken bridge gets to see."""
    with pytest.raises(Invalid) as refused:
        read(body.decode("utf-8", "replace"))
    assert {"content", "tid"} & set(refused.value.problems)
