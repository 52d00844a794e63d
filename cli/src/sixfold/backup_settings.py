"""What the backup commands are told from outside: by variables and files, or by a running stack."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chassis import seals
from chassis.backup.shelf import Shelf
from chassis.erasure_list import ErasureList
from chassis.errors import Invalid
from sixfold.stack import Described

_SERVICE_URLS = dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupSettings:
    """Where everything is.

    Args:
        directory: Of a stack that runs here; asked for what no variable says.
        databases_file: JSON: the services' databases, as their owners.
        keys_file: JSON: their databases of keys.
    """

    directory: Path
    databases_file: Path | None = None
    keys_file: Path | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def databases(self) -> dict[str, str]:
        """The services' databases; raises Invalid."""
        return self._urls("SIXFOLD_DATABASES_FILE", self.databases_file, "databases")

    @property
    def keys(self) -> dict[str, str]:
        """The databases of keys; raises Invalid."""
        return self._urls("SIXFOLD_KEYS_FILE", self.keys_file, "keys")

    @property
    def has_keys(self) -> bool:
        """Whether anything says where the databases of keys are."""
        return bool(self.keys_file or self._value("SIXFOLD_KEYS_FILE") or self._stack)

    @property
    def secret(self) -> bytes:
        """The deployment's secret; raises Invalid."""
        return self._bytes("SECRET")

    @property
    def master_key(self) -> bytes:
        """What the keys are wrapped with; raises Invalid."""
        return self._bytes("MASTER_KEY")

    @property
    def shelf(self) -> Shelf:
        """Where the services' backups are; raises Invalid."""
        return Shelf(address=self._needed("SIXFOLD_BACKUPS"), kind="services", secret=self.secret)

    @property
    def has_shelf(self) -> bool:
        """Whether the services' backups are kept anywhere."""
        return bool(self._value("SIXFOLD_BACKUPS"))

    @property
    def key_shelf(self) -> Shelf:
        """Where the backups of keys are, sealed with the master key; raises Invalid."""
        address = self._needed("SIXFOLD_KEY_BACKUPS")
        if address == self._value("SIXFOLD_BACKUPS"):
            raise Invalid({"SIXFOLD_KEY_BACKUPS": ["must be another place than SIXFOLD_BACKUPS"]})
        return Shelf(address=address, kind="keys", secret=self.master_key)

    @property
    def has_key_shelf(self) -> bool:
        """Whether backups of keys are kept anywhere."""
        return bool(self._value("SIXFOLD_KEY_BACKUPS"))

    @property
    def content_key(self) -> bytes:
        """What the files of a backup of keys are encrypted with."""
        return seals.key_for(self.master_key, "content of key backups")

    @property
    def erasures(self) -> ErasureList | None:
        """The list of erasures, None where there is none."""
        address = self._value("ERASURE_LIST")
        return ErasureList(address=address, secret=self.secret) if address else None

    @property
    def textfile(self) -> Path | None:
        """The folder of the textfile collector."""
        folder = self._value("SIXFOLD_BACKUP_TEXTFILE")
        return Path(folder) if folder else None

    @property
    def drill_server(self) -> str | None:
        """The PostgreSQL on which drills may make databases."""
        return self._value("SIXFOLD_DRILL_SERVER")

    def _value(self, name: str) -> str | None:
        path = self.variables.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text().strip()
            except OSError as error:
                raise Invalid({name: [f"{name}_FILE must name a readable text file"]}) from error
        return self.variables.get(name) or None

    def _needed(self, name: str) -> str:
        found = self._value(name)
        if not found:
            raise Invalid({name: ["is required"]})
        return found

    def _bytes(self, name: str) -> bytes:
        stack = self._stack
        text = self._value(name) or (str(stack[name.lower()]) if stack else self._needed(name))
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid({name: ["is not base64"]}) from None

    def _urls(self, name: str, file: Path | None, of_stack: str) -> dict[str, str]:
        path, stack = file or self.variables.get(name), self._stack
        if path:
            return _read(name, Path(path))
        if stack:
            return msgspec.convert(stack[of_stack], _SERVICE_URLS)
        raise Invalid({name: ["is required: JSON, from service to database"]})

    @property
    def _stack(self) -> Mapping[str, object] | None:
        if not (self.directory / "stack.json").exists():
            return None
        return Described(self.directory).known


def _read(name: str, path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_SERVICE_URLS)
    except OSError as error:
        raise Invalid({name: [f"cannot be read: {error.strerror}"]}) from error
    except (msgspec.DecodeError, json.JSONDecodeError) as error:
        raise Invalid({name: ["must be JSON, from service to database"]}) from error
