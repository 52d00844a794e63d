"""How many requests may come in how long."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """So many requests at once, and as many again in so many seconds.

    >>> str(Rate(requests=20, seconds=60))
    '20/60'

    Args:
        requests: The most at once; 0 means no limit.
        seconds: How long it takes until as many may come again.
    """

    requests: int
    seconds: int

    def __str__(self) -> str:
        """Return it as a setting says it."""
        return f"{self.requests}/{self.seconds}" if self.requests else "0"

    @property
    def per_second(self) -> float:
        """How fast the right to a request comes back."""
        return self.requests / self.seconds


SUBJECT = Rate(requests=1000, seconds=10)
ADDRESS = Rate(requests=2000, seconds=10)
SIGN_IN = Rate(requests=20, seconds=60)
CODES = Rate(requests=60, seconds=60)
FORMS = Rate(requests=60, seconds=60)
