"""Build the image with podman, on a base made by debootstrap where no registry can be reached.

``python tools/image.py`` builds; ``--doctor`` only says what is missing.  Nothing is installed:
a machine gets an engine only by somebody who wants one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / ".run/image"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
BASE, IMAGE = "localhost/sixfold-base:bookworm", "localhost/sixfold:test"
NEEDED = ("podman", "runc", "debootstrap")
MIRROR = "http://deb.debian.org/debian"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# What debootstrap leaves and the official image leaves out.
SUPERFLUOUS = ("var/cache/apt/", "var/lib/apt/lists/", "usr/share/doc/", "usr/share/man/",
               "usr/share/locale/", "var/log/", "dev/")  # fmt: skip
# runc here may not raise the limits that podman asks for by default.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=4096:4096"]

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


def missing() -> list[str]:
    """Say what this machine lacks to build the image, and how to get it."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0:
        return [
            "building the image here needs root (debootstrap, and containers without a user map)"
        ]
    if absent:
        return [
            f"no {', '.join(absent)}: apt-get install --no-install-recommends {' '.join(NEEDED)}"
        ]
    return []


def podman(*words: str, **options: object) -> str:
    """Run podman as this repository sets it up; return what it printed."""
    HERE.mkdir(parents=True, exist_ok=True)
    settings = HERE / "containers.conf"
    settings.write_text(CONTAINERS_CONF)
    done = subprocess.run(
        ["podman", *words],
        env={**os.environ, "CONTAINERS_CONF": str(settings)},
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        **options,  # type: ignore[call-overload]  # subprocess's own words
    )
    return str(done.stdout).strip()


def has(image: str) -> bool:
    """Say whether an image is here."""
    return bool(podman("images", "--quiet", image))


def make_base() -> None:
    """Make a Debian 12 like the official one, and import it."""
    with tempfile.TemporaryDirectory(dir=HERE) as scratch:
        root = Path(scratch, "base")
        subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(root), MIRROR],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        import_base(root, Path(scratch, "base.tar"))


def import_base(root: Path, archive: Path) -> None:
    """Import a file system tree as the base image."""

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = member.name.removeprefix("./")
        dropped = any(name.startswith(folder) for folder in SUPERFLUOUS)
        return None if dropped and not member.isdir() else member

    with tarfile.open(archive, "w") as tar:
        tar.add(root, ".", filter=wanted)
    podman("import", str(archive), BASE)


def build() -> str:
    """Build the image and return its id."""
    digest = podman("image", "inspect", "--format", "{{.Digest}}", BASE)
    mounted = ["--volume", f"{CERTIFICATES}:/run/certificates.crt:ro"]
    return podman(
        "build", "--format=docker", "--network=host", "--isolation=chroot",
        "--build-arg", f"BASE={BASE.partition(':')[0]}",
        "--build-arg", f"DIGEST={digest.removeprefix('sha256:')}",
        *(mounted if CERTIFICATES.exists() else ()),
        "--build-arg", "PIP_CERT=/run/certificates.crt",
        "--build-arg", f"REVISION={revision()}",
        "--file", str(DOCKERFILE), "--tag", IMAGE, "--iidfile", str(HERE / "id"), str(ROOT),
        stderr=sys.stderr,
    )  # fmt: skip


def revision() -> str:
    """Return the commit that is built."""
    command = ["git", "rev-parse", "HEAD"]
    found = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def built_from() -> str:
    """Return the commit that the image was built from."""
    label = '{{index .Labels "org.opencontainers.image.revision"}}'
    return podman("image", "inspect", "--format", label, IMAGE)


def main(words: Sequence[str]) -> int:
    """Build, or say what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doctor", action="store_true", help="only say what is missing")
    asked = parser.parse_args(words)
    lacks = missing()
    for lack in lacks:
        print(f"image: {lack}")
    if lacks or asked.doctor:
        return 1 if lacks else 0
    HERE.mkdir(parents=True, exist_ok=True)
    if not has(BASE):
        make_base()
    begun = time.monotonic()
    build()
    size = json.loads(podman("image", "inspect", IMAGE))[0]["Size"]
    print(f"image: {IMAGE}, {size / 2**20:.0f} MiB, built in {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
