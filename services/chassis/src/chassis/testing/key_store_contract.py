"""The contract of the key store port; every adapter's test class inherits it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.privacy import KeyStore, SubjectErased


class KeyStoreContract:
    """What an adapter must do.  Subclasses provide the fixture ``keys``."""

    @pytest.fixture
    def keys(self) -> KeyStore:
        """Return an empty store; the subclass says how."""
        raise AssertionError("the subclass provides the fixture 'keys'")

    def test_a_subject_keeps_its_key(self, keys: KeyStore) -> None:
        """What was sealed yesterday opens today."""
        made = keys.seal_key("acme", "s1")

        assert len(made) == 32
        assert keys.seal_key("acme", "s1") == keys.open_key("acme", "s1") == made

    def test_each_subject_of_each_tenant_has_its_own(self, keys: KeyStore) -> None:
        """Erasing one person leaves every other readable."""
        made = {
            keys.seal_key(tenant, subject)
            for tenant in ("acme", "other")
            for subject in ("s1", "s2")
        }

        assert len(made) == 4

    def test_a_subject_without_a_key_opens_nothing(self, keys: KeyStore) -> None:
        """Reading never makes a key."""
        assert keys.open_key("acme", "s1") is None

    def test_a_destroyed_key_is_gone(self, keys: KeyStore) -> None:
        """After an erasure nothing sealed for the person opens again."""
        keys.seal_key("acme", "s1")
        kept = keys.seal_key("other", "s1")

        keys.destroy("acme", "s1")
        keys.destroy("acme", "s1")

        assert keys.open_key("acme", "s1") is None
        assert keys.open_key("other", "s1") == kept

    def test_nothing_new_is_sealed_for_an_erased_subject(self, keys: KeyStore) -> None:
        """A late event cannot bring an erased person back."""
        keys.seal_key("acme", "s1")
        keys.destroy("acme", "s1")

        with pytest.raises(SubjectErased):
            keys.seal_key("acme", "s1")

    def test_an_erasure_holds_also_where_no_key_was_yet(self, keys: KeyStore) -> None:
        """A service that had not met the person yet does not start now."""
        keys.destroy("acme", "s1")

        with pytest.raises(SubjectErased):
            keys.seal_key("acme", "s1")

    def test_many_at_once_get_the_same_first_key(self, keys: KeyStore) -> None:
        """Two workers that meet a person at the same moment seal with one key."""
        with ThreadPoolExecutor(8) as pool:
            made = set(pool.map(lambda _: keys.seal_key("acme", "s1"), range(32)))

        assert len(made) == 1
