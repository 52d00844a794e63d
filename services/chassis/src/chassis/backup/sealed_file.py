"""Files that hold keys, encrypted under a key of their own: block by block, none to be left out.

AES-256-GCM over blocks of a mebibyte.  Each block is bound to the file's name, to its number and
to whether it is the last, so that blocks cannot be exchanged, repeated or cut off.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.backup.manifest import BrokenBackup

BLOCK = 1 << 20
_TAG = 16
_SALT = 8
_COUNTER = 4


def sealed(path: Path, key: bytes, name: str) -> None:
    """Encrypt a file in its place."""
    cipher, salt = AESGCM(key), os.urandom(_SALT)
    part = path.with_name(f"{path.name}.sealed")
    with path.open("rb") as source, part.open("wb") as target:
        target.write(salt)
        for number, block, last in _blocks(source, BLOCK):
            target.write(cipher.encrypt(_nonce(salt, number), block, _binding(name, last=last)))
    part.replace(path)


def opened(path: Path, key: bytes, name: str) -> None:
    """Decrypt a file in its place; raises BrokenBackup."""
    cipher, part = AESGCM(key), path.with_name(f"{path.name}.opened")
    with path.open("rb") as source, part.open("wb") as target:
        salt = source.read(_SALT)
        try:
            for number, block, last in _blocks(source, BLOCK + _TAG):
                target.write(cipher.decrypt(_nonce(salt, number), block, _binding(name, last=last)))
        except (InvalidTag, ValueError) as error:
            raise BrokenBackup(f"the file {name} was sealed under another key") from error
    part.replace(path)


def _blocks(source: IO[bytes], size: int) -> Iterator[tuple[int, bytes, bool]]:
    number, block = 0, source.read(size)
    while True:
        following = source.read(size)
        yield number, block, not following
        if not following:
            return
        number, block = number + 1, following


def _nonce(salt: bytes, number: int) -> bytes:
    return salt + number.to_bytes(_COUNTER)


def _binding(name: str, *, last: bool) -> bytes:
    return f"{name}\x1f{last}".encode()
