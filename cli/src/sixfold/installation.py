"""Where a command finds what it works on: in an installation that variables name, or in a stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chassis import setting_texts
from chassis.clock import Clock, SharedClock, SystemClock
from chassis.errors import Invalid
from chassis.setting_reading import Reading
from sixfold.backup_settings import BackupSettings
from sixfold.client import Client, Clients
from sixfold.stack import Described

DATABASES = "SIXFOLD_DATABASES_FILE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """The services of an installation, or of a stack on this machine.

    Whoever operates an installation says by variables where it is; what none of them says is
    asked of the stack.

    Args:
        directory: Of the stack.
    """

    directory: Path

    def clients(self, tenant: str) -> Clients:
        """Return clients of the services: with the given token, or of a stack with all rights.

        Args:
            tenant: Whose rights, in a stack; in an installation the token says it.

        Raises:
            Invalid: the variables do not say where the services are.
            NotRunning: nor is there a stack.
        """
        reading = Reading()
        services = reading.text("SIXFOLD_SERVICES", setting_texts.feeds, default=None)
        token = reading.text("SIXFOLD_TOKEN", str, default=None)
        problems = reading.finish()
        if services and not token:
            problems = [*problems, "SIXFOLD_TOKEN: the services of SIXFOLD_SERVICES ask for one"]
        if problems:
            raise Invalid(problems)
        if services is None:
            return Described(self.directory).clients(tenant)
        return Clients({name: Client(url, token or "") for name, url in services.items()})

    @property
    def databases(self) -> Mapping[str, str]:
        """Each service's database, as its owner; raises Invalid, NotRunning."""
        if os.environ.get(DATABASES):
            return self._told.databases
        found: Mapping[str, str] = Described(self.directory).known["databases"]
        return found

    @property
    def keys(self) -> Mapping[str, str]:
        """Each service's database of keys, likewise."""
        return self._told.keys

    @property
    def secret(self) -> bytes:
        """The installation's secret."""
        return self._told.secret

    @property
    def master_key(self) -> bytes:
        """What the keys are wrapped with."""
        return self._told.master_key

    @property
    def clock(self) -> Clock:
        """A stack's own time, or the time."""
        return SystemClock() if os.environ.get(DATABASES) else SharedClock(self.directory / "clock")

    @property
    def _told(self) -> BackupSettings:
        return BackupSettings(directory=self.directory)
