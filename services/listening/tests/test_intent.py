"""What somebody wants, told from their words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.intent import read_intent
from listening.polarity import read_polarity


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("我要投诉,三天了还没收到货", "complaint"),
        ("服務好差", "complaint"),
        ("買咗三日仲未收到,係咪呃錢㗎", "complaint"),
        ("I want a refund, it arrived broken", "complaint"),
        ("Why is my order still waiting?", "complaint"),
        ("请问周末几点开门", "consultation"),
        ("請問有冇唔辣嘅", "consultation"),
        ("呢件幾錢", "consultation"),
        ("How much is the delivery?", "consultation"),
        ("明天送吗?", "consultation"),
        ("想买两个,哪里可以买", "purchase"),
        ("邊度買到呀", "purchase"),
        ("Where can I buy one?", "purchase"),
        ("太好吃了,强烈推荐", "praise"),
        ("呢間好正", "praise"),
        ("Thanks, I love it", "praise"),
        ("今天搬家了", "information"),
        ("The shop is in Nathan Road", "information"),
    ],
)
def test_intents_in_three_languages(text: str, intent: str) -> None:
    """A complaint would wait in the queue of questions."""
    assert read_intent(text, read_polarity(text).polarity) == intent


@given(st.text(max_size=60))
def test_the_word_refund_makes_any_text_a_complaint(around: str) -> None:
    """A furious customer who also asks something would be sold something."""
    assert read_intent(f"{around} 退款 {around}", "positive") == "complaint"
