"""A text that people are to read has something in it that can be read."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from chassis import schemas
from chassis.errors import Invalid
from chassis.schemas import Readable


@dataclass(frozen=True, kw_only=True)
class Called:
    """Something with a name."""

    name: Annotated[str, Readable()]


@pytest.mark.parametrize(
    "blank",
    [
        "",
        " ",
        "\t\n",
        "\u200b",
        "\u00a0\u3000",
        "\u2060\ufeff",
        "\u3164",
        "\u2800",
        "\u034f",
        "\u202e",
    ],
)
def test_a_name_that_nobody_sees_is_none(blank: str) -> None:
    """A link without a name could not be heard, and a sale would come from nowhere."""
    with pytest.raises(Invalid) as refused:
        schemas.load(Called, {"name": blank})
    assert refused.value.problems == {"name": ["Must not be blank."]}


@pytest.mark.parametrize("name", ["a", "燈籠", "☕", "#1", " a ", "👩‍🍳", "नमस्ते", "𠮷"])
def test_every_script_has_names(name: str) -> None:
    """Somebody's language, or the emoji that they are called by, would be taken for nothing."""
    assert schemas.load(Called, {"name": name}).name == name
