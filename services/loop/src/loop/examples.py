"""One good example of each public event."""

from loop.events import LoopCycleClosed, LoopCycleRestated

_stages = {"listen": {"mention_volume": 4, "net_sentiment": "0.333333333"}}
_positions = {"identity": 13, "listening": 17, "campaigns": 10, "commerce": 14}

closed = LoopCycleClosed(cycle="2026-W19", hash="a" * 64, stages=_stages, positions=_positions)
restated = LoopCycleRestated(
    cycle="2026-W19", hash="b" * 64, replaces="a" * 64, stages=_stages, positions=_positions
)
