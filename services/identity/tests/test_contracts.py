"""What identity promises to others, pinned to files that they can read."""

from pathlib import Path

from chassis.testing.contracts import assert_contracts


def test_the_contract_files_say_what_the_code_does() -> None:
    """A changed event or operation would otherwise reach other teams without a word."""
    assert_contracts("identity", Path(__file__).parents[1] / "contracts")
