"""What one check of the preflight found, in words that hold no secret."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from chassis.settings import Settings

HIDDEN = "***"


class Failed(Exception):
    """A rule is broken.

    Args:
        found: What was refused, or is otherwise than it must be.
        do: What to do about it.
        later: What brings it, if this one way of failing is how it is before an installation.
    """

    def __init__(self, found: str, do: str, later: str = "") -> None:
        super().__init__(found)
        self.found, self.do, self.later = found, do, later


class NotAsked(Exception):
    """What the preflight was told is not enough to know; says what it would need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that must hold.

    Args:
        name: What must hold.
        rule: The rule, as the operator's guide has it.
        look: Returns what it found; raises Failed, NotAsked or whatever a driver raises.
        do: What to do when a driver's error is all there is to say.
        later: What brings it, if it need not be there before an installation.
    """

    name: str
    rule: str
    look: Callable[[], str]
    do: str = "see that it runs, and that this process can reach it"
    later: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """How one check went: ``ok``, ``failed``, ``later`` or ``not asked``."""

    name: str
    outcome: str
    found: str
    rule: str = ""
    do: str = ""

    def __str__(self) -> str:
        """Return it as one line."""
        line = f"{self.outcome:9} {self.name}: {self.found}"
        return f"{line} [rule: {self.rule}] [do: {self.do}]" if self.outcome == "failed" else line


def findings(
    checks: Sequence[Check],
    secrets: Sequence[str],
    *,
    skipped: Sequence[str] = (),
    installed: bool = False,
) -> Iterator[Finding]:
    """Carry checks out, one after the other; no secret stands in what they found.

    Args:
        checks: What to look at.
        secrets: Words that must not be quoted.
        skipped: Names of checks that are left out.
        installed: What an installation brings must be there already.
    """
    for check in checks:
        if check.name in skipped:
            yield Finding(name=check.name, outcome="not asked", found="skipped on demand")
            continue
        found, later = _found(check, secrets)
        if found.outcome == "failed" and later and not installed:
            found = replace(found, outcome="later", found=f"{found.found}; {later}")
        yield found


def secrets_of(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """Return every secret that an error message could quote."""
    told = [
        settings.database_url, settings.keys_url, settings.system_url, settings.amqp_uri,
        settings.migration_database_url, settings.migration_keys_url,
        settings.broker_management_url, environment.get("DATABASE_URL"),
    ]  # fmt: skip
    passwords = [part for url in told if url for part in passwords_in(url)]
    known = [settings.service_token, settings.client_secret, *passwords]
    found = {form for word in known if word for form in (word, unquote(word))}
    return sorted(found, key=len, reverse=True)  # the whole before its parts


def passwords_in(url: str) -> list[str]:
    """Return an address's password, and its parts where it holds what ought to be encoded.

    Each driver cuts such an address elsewhere, and quotes what it takes for the host.

    >>> passwords_in("amqp://app:s3cret@mq/"), passwords_in("amqp://app:HUN@TE/R2@mq/")
    (['s3cret'], ['HUN@TE/R2', 'HUN', 'TE', 'R2'])
    >>> passwords_in("postgresql:///sixfold")
    []
    """
    _, _, password = url.partition("//")[2].rpartition("@")[0].partition(":")
    asked = re.findall(r"[?&]\w*password=([^&]+)", url)
    parts = [part for part in re.split(r"[@/#?:\[\]]", password) if len(part) > 1]
    return list(dict.fromkeys(filter(None, [password, *parts, *asked])))


def _found(check: Check, secrets: Sequence[str]) -> tuple[Finding, str]:
    """Return what one check found, and what brings it later if it failed."""
    later = check.later
    try:
        return Finding(name=check.name, outcome="ok", found=check.look()), ""
    except NotAsked as why:
        return Finding(name=check.name, outcome="not asked", found=str(why)), ""
    except Failed as failed:
        found, do, later = failed.found, failed.do, failed.later or later
    except Exception as error:  # noqa: BLE001  # whatever a driver raises is an answer here
        cause = error.__cause__ or error
        found = f"{type(error).__name__}: {' '.join(str(cause).split())[:200]}"
        do = check.do
    for secret in secrets:
        found = found.replace(secret, HIDDEN)
    return Finding(name=check.name, outcome="failed", found=found, rule=check.rule, do=do), later
