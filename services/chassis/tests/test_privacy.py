"""Personal fields are ciphertext to everyone without the person's key."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.privacy import (
    MemoryKeys,
    SubjectErased,
    is_sealed,
    seal,
    seal_fields,
    unseal,
    unseal_fields,
)

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
PERSONAL = {"name": "person_id", "phone": "person_id", "friend_name": "friend_id"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=json_values, bound_to=st.binary(max_size=20))
def test_what_was_sealed_opens_again(value: Any, bound_to: bytes) -> None:
    """Nothing personal is damaged by being protected."""
    sealed = seal(value, KEY, bound_to)

    assert is_sealed(sealed)
    assert unseal(sealed, KEY, bound_to) == value


@given(value=json_values, bound_to=st.binary(max_size=20), elsewhere=st.binary(max_size=20))
def test_it_opens_only_with_its_key_and_in_its_place(
    value: Any, bound_to: bytes, elsewhere: bytes
) -> None:
    """A ciphertext copied to another person's field shows nothing."""
    sealed = seal(value, KEY, bound_to)

    assert unseal(sealed, OTHER, bound_to) is None
    assert unseal(sealed, None, bound_to) is None
    assert elsewhere == bound_to or unseal(sealed, KEY, elsewhere) is None


@pytest.mark.parametrize("value", [None, "plain", 7, ["sealed:v1:"]])
def test_what_was_never_sealed_stays_closed(value: Any) -> None:
    """Plaintext in a personal field is not handed on as if it had been protected."""
    assert unseal(value, KEY, b"") is None


@given(name=st.text(), phone=st.none() | st.text(), friend=st.text(min_size=1))
def test_an_event_keeps_its_fields_and_hides_the_personal_ones(
    name: str, phone: str | None, friend: str
) -> None:
    """The log holds no name, and whoever has the keys reads all of it."""
    keys = MemoryKeys()
    data = {"person_id": "p1", "friend_id": "p2", "name": name, "phone": phone,
            "friend_name": friend, "total": 7}  # fmt: skip

    sealed, subjects = seal_fields(data, PERSONAL, "acme", keys)

    assert subjects == ("p1", "p2")
    assert (sealed["total"], sealed["person_id"], sealed["phone"] is None) == (
        7,
        "p1",
        phone is None,
    )
    assert all(is_sealed(sealed[field]) for field in PERSONAL if data[field] is not None)
    assert unseal_fields(sealed, PERSONAL, "acme", keys) == data


def test_the_same_value_never_looks_the_same() -> None:
    """Nobody can find out from two ciphertexts that two people share a phone."""
    assert seal("+886912345678", KEY, b"") != seal("+886912345678", KEY, b"")


def test_after_erasure_only_that_person_is_gone() -> None:
    """Forgetting one of two people leaves the other's fields readable."""
    keys = MemoryKeys()
    data = {"person_id": "p1", "friend_id": "p2", "name": "Ada", "friend_name": "Bo"}
    sealed, _ = seal_fields(data, PERSONAL, "acme", keys)

    keys.destroy("acme", "p1")

    opened = unseal_fields(sealed, PERSONAL, "acme", keys)
    assert (opened["name"], opened["friend_name"]) == (None, "Bo")
    with pytest.raises(SubjectErased):
        seal_fields(data, PERSONAL, "acme", keys)


def test_a_key_of_one_tenant_opens_nothing_of_another() -> None:
    """The same subject id at two customers is two people."""
    keys = MemoryKeys()
    data = {"person_id": "p1", "name": "Ada"}
    sealed, _ = seal_fields(data, {"name": "person_id"}, "acme", keys)
    keys.seal_key("other", "p1")

    assert unseal_fields(sealed, {"name": "person_id"}, "other", keys)["name"] is None
    assert "Ada" not in json.dumps(sealed)
