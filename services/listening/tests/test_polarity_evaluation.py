"""How well the lexicon reads reviews that it was not written from."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from listening.polarity import Polarity, read_polarity

_BESIDE_THE_PROJECT = Path(__file__).parents[4] / "shared" / "data"
FOLDER = Path(os.environ.get("SIXFOLD_EVALUATION_DATA", _BESIDE_THE_PROJECT))

Pair = tuple[Polarity, Polarity]


def reviews(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not here; SIXFOLD_EVALUATION_DATA names the folder that has it")
    return path


def read(rows: Iterator[tuple[Polarity, str]]) -> list[Pair]:
    return [(said, read_polarity(text).polarity) for said, text in rows]


def macro_f1(pairs: list[Pair]) -> float:
    classes = {said for said, _ in pairs}
    return sum(f1(pairs, one) for one in classes) / len(classes)


def f1(pairs: list[Pair], one: Polarity) -> float:
    hits = sum(said == found == one for said, found in pairs)
    wrong = sum((said == one) != (found == one) for said, found in pairs)
    return 2 * hits / (2 * hits + wrong)


def decided(pairs: list[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair[1] in {"positive", "negative"}]


def accuracy(pairs: list[Pair]) -> float:
    return sum(said == found for said, found in pairs) / len(pairs)


def delivery_reviews() -> Iterator[tuple[Polarity, str]]:
    with reviews("waimai_10k.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield ("positive" if row["label"] == "1" else "negative"), row["review"]


def restaurant_reviews() -> Iterator[tuple[Polarity, str]]:
    faces: dict[str, Polarity] = {"smile": "positive", "ok": "neutral", "cry": "negative"}
    with reviews("openrice_valid.tsv").open(encoding="utf-8", newline="\n") as file:
        next(file)
        for line in file:
            face, text = line.rstrip("\n").split("\t", 1)
            yield faces[face], text


def test_delivery_reviews_in_simplified_chinese() -> None:
    """The share of unhappy customers on the page would be far from the truth."""
    pairs = read(delivery_reviews())

    assert macro_f1(pairs) > 0.82
    assert accuracy(decided(pairs)) > 0.89
    assert len(decided(pairs)) / len(pairs) > 0.86


def test_restaurant_reviews_in_traditional_chinese_and_cantonese() -> None:
    """Hong Kong would be read worse than Shanghai."""
    pairs = read(restaurant_reviews())
    clear = [pair for pair in pairs if pair[0] != "neutral"]

    assert macro_f1(pairs) > 0.63
    assert macro_f1(clear) > 0.88
    assert accuracy(decided(clear)) > 0.95
