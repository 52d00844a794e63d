"""What a measurement found."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One figure beside its peer's; ``ratio`` is the median of the pairs' ratios."""

    key: str
    value: float
    unit: str
    peer: float
    ratio: float

    def as_json(self) -> dict[str, Any]:
        """Return it as ``results.json`` has it."""
        return asdict(self)


def paired(key: str, unit: str, pairs: list[tuple[float, float]]) -> Result:
    """Return the medians of interleaved pairs (ours, peer's)."""
    return Result(
        key=key,
        unit=unit,
        value=median(ours for ours, _ in pairs),
        peer=median(theirs for _, theirs in pairs),
        ratio=median(ours / theirs for ours, theirs in pairs),
    )
