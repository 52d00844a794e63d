"""What the image holds may be given on, and the page that says so is true."""

import tomllib
from email.message import Message

import pytest

import licences

POLICY = tomllib.loads(licences.POLICY.read_text())
ALLOWED = frozenset(POLICY["allowed"])


def package(expression: str = "", text: str = "", *classifiers: str) -> Message:
    """Return metadata as a package has it."""
    said = Message()
    for name, value in (("License-Expression", expression), ("License", text)):
        if value:
            said[name] = value
    for each in classifiers:
        said["Classifier"] = each
    return said


def test_the_page_of_licences_is_true() -> None:
    """Whoever asks what is shipped under which terms would read about other packages."""
    assert licences.REPORT.read_text() == licences.report(licences.LOCK.read_text(), POLICY), (
        "run `make licences`, and read what changed"
    )


@pytest.mark.parametrize("words", ["GPL-3.0-only", "AGPL-3.0-or-later", "", "MIT AND SSPL-1.0"])
def test_a_licence_that_is_not_on_the_list_is_refused(words: str) -> None:
    """A package that asks for our source, or says nothing, would be shipped unseen."""
    assert not licences.is_allowed(words, ALLOWED)
    pytest.importorskip("pytest")
    with pytest.raises(licences.NotAllowed, match="pytest"):
        licences.report("pytest==1", {"allowed": ["nothing"]})


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        (package("Apache-2.0 OR BSD-3-Clause"), "Apache-2.0 OR BSD-3-Clause"),
        (package("", "MIT License"), "MIT"),
        (package("", "Dual License", "License :: OSI Approved :: BSD License"), "BSD"),
        (package("", "a whole\ntext", "License :: OSI Approved :: MIT License"), "MIT"),
        (package(), ""),
        (package("", "Beerware"), "Beerware"),
    ],
)
def test_metadata_of_every_age_is_read(said: Message, licence: str) -> None:
    """A licence would be unknown for the way in which it is said."""
    assert licences.licence_of(said, POLICY["words"]) == licence
