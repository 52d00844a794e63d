"""What must not leak: what people are called and wrote, what opens doors; and how to find it."""

import csv
import json
import re
from collections.abc import Iterator
from importlib.resources import files

from installation import Installation, decisive_visits
from sixfold.following_up import ANSWER
from sixfold.parts import WORLD

_WORD = re.compile(r"[a-z0-9_.-]{1,12}")


def seen(values: set[str], content: bytes) -> set[str]:
    """Return the values that stand in something, as UTF-8 or escaped as in JSON.

    Short words count only by themselves: any six digits are somewhere in a moment in
    nanoseconds, and any five hexadecimal ones in the id of a span.
    """
    words = {*re.findall(rb"\w+", content), *re.findall(rb"[\w.-]+", content)}
    return {
        value
        for value in values
        if (value.encode() in words if _WORD.fullmatch(value) else _within(value, content))
    }


def _within(value: str, content: bytes) -> bool:
    return value.encode() in content or json.dumps(value)[1:-1].encode() in content


def personal(installation: Installation) -> Iterator[str]:
    """Yield what people are called, wrote, and can be reached by."""
    lines = files("sixfold.data").joinpath("mentions.csv").read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(lines):
        said = ("author_id", "author_name", "text", "reply", "post_id")
        yield from filter(None, (row[name] for name in said))
    yield from {visit.user for visit in decisive_visits()}
    yield ANSWER
    for message in installation.clients[WORLD].get("/sms/messages"):
        yield from (message["to"], message["text"], *re.findall(r"\d{6}", message["text"]))


def secrets(installation: Installation) -> Iterator[str]:
    """Yield what opens doors."""
    folder = installation.stack.directory
    known = json.loads((folder / "stack.json").read_text())
    yield from (known["secret"], known["master_key"])
    yield known["amqp_uri"].partition("//")[2].partition("@")[0].partition(":")[2]
    yield installation.stack.parts["commerce.worker"].environment["SERVICE_TOKEN"]
    # How every bearer token begins; fewer letters would be found in the random ids of spans.
    yield from ("eyJ0eXAiOi", "eyJhbGciOi")
