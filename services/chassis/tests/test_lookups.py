"""A subject can be found by a value that nobody stored, until it is forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, MetaData

from chassis import lookups
from chassis.database import Database

METADATA = MetaData()
TABLE = lookups.define_table(METADATA)
SECRET = b"k" * 32
WORDS = st.text(max_size=20)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Connection]:
    database = Database(f"sqlite:///{tmp_path}/a.sqlite")
    with database.begin() as connection:
        METADATA.create_all(connection)
        yield connection
    database.close()


def remember(db: Connection, value: str, subject: str, tenant: str = "acme") -> str:
    found = lookups.token(SECRET, tenant, "code", value)
    return lookups.remember(db, TABLE, tenant=tenant, kind="code", token=found, subject=subject)


def find(db: Connection, value: str, tenant: str = "acme") -> str | None:
    token = lookups.token(SECRET, tenant, "code", value)
    return lookups.find(db, TABLE, tenant=tenant, kind="code", token=token)


def test_a_subject_is_found_by_its_value(db: Connection) -> None:
    """Somebody who comes back is recognised."""
    remember(db, "42", "s1")

    assert (find(db, "42"), find(db, "43")) == ("s1", None)


def test_of_two_subjects_for_one_value_the_first_stays(db: Connection) -> None:
    """Nobody takes over somebody else's entry."""
    assert remember(db, "42", "s1") == "s1"
    assert remember(db, "42", "s2") == "s1"
    assert find(db, "42") == "s1"


def test_a_forgotten_subject_is_not_found_any_more(db: Connection) -> None:
    """After an erasure no value leads to the person, and others are untouched."""
    remember(db, "42", "s1")
    remember(db, "43", "s1")
    remember(db, "44", "s2")
    remember(db, "42", "s1", tenant="other")

    assert lookups.forget_subject(db, TABLE, tenant="acme", subject="s1") == 2
    assert [find(db, value) for value in ("42", "43", "44")] == [None, None, "s2"]
    assert find(db, "42", tenant="other") == "s1"
    assert remember(db, "42", "s3") == "s3"


@given(st.tuples(WORDS, WORDS, WORDS), st.tuples(WORDS, WORDS, WORDS))
def test_tokens_are_equal_only_for_the_same_value(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """No value can be crafted to find another tenant's or another kind's subject."""
    same_token = lookups.token(SECRET, *one) == lookups.token(SECRET, *other)

    assert same_token == (one == other)


@given(st.tuples(WORDS, WORDS, WORDS), st.tuples(WORDS, WORDS, WORDS), st.integers(0, 2))
def test_pseudonyms_are_equal_only_for_the_same_value(
    one: tuple[str, str, str], other: tuple[str, str, str], generation: int
) -> None:
    """Two services derive one id for one value, and never one id for two."""
    left = lookups.pseudonym(SECRET, *one, generation=generation)
    right = lookups.pseudonym(SECRET, *other, generation=generation)

    assert (left == right) == (one == other)
    assert (left.version, left.variant) == (8, "specified in RFC 4122")


def test_a_pseudonym_stays_the_same_for_ever() -> None:
    """A new release still recognises everybody; this value may never change."""
    known = lookups.pseudonym(SECRET, "acme", "shop", "42")

    assert str(known) == "3a1e46f8-feca-8201-be10-dc201dea7da8"


def test_who_returns_after_an_erasure_is_somebody_new() -> None:
    """The new id cannot be linked with the erased one."""
    ids = {lookups.pseudonym(SECRET, "acme", "shop", "42", generation=n) for n in range(3)}

    assert len(ids) == 3


def test_another_deployment_derives_other_ids() -> None:
    """Without the secret nobody can link an id with a value."""
    assert lookups.pseudonym(b"x" * 32, "acme", "shop", "42") != lookups.pseudonym(
        SECRET, "acme", "shop", "42"
    )
    assert lookups.token(b"x" * 32, "acme", "shop", "42") != lookups.token(
        SECRET, "acme", "shop", "42"
    )
