"""Write the bill of materials (CycloneDX) of the image: ``build/sixfold.cdx.json``.

Made from ``requirements/run.txt``, with each package's hashes, and from Debian's packages of the
image where one was built here (``make image``).  The same image gives the same bytes: there is no
date and no random number in it.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parent))

import image  # found by the line above

ROOT = Path(__file__).resolve().parent.parent
LOCK, SBOM = ROOT / "requirements/run.txt", ROOT / "build/sixfold.cdx.json"
QUERY = "${Package} ${Version} ${Architecture}\\n"


def python_packages(lock: Path) -> dict[str, Any]:
    """Return the bill of what a lock names."""
    command = [
        sys.executable, "-m", "cyclonedx_py", "requirements", str(lock), "--output-reproducible",
        "--spec-version", "1.6", "--output-format", "JSON",
    ]  # fmt: skip
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    bill: dict[str, Any] = json.loads(made.stdout)
    return bill


def own_packages() -> list[dict[str, Any]]:
    """Return this repository's own packages."""
    projects = [tomllib.loads(path.read_text())["project"] for path in _projects()]
    return [
        {
            "type": "library",
            "bom-ref": f"own-{project['name']}",
            "name": project["name"],
            "version": project["version"],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
        }
        for project in projects
    ]


def debian_packages(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return Debian's packages, each line as ``dpkg-query`` prints name, version, architecture."""
    found = [line.split() for line in sorted(lines) if line.strip()]
    return [
        {
            "type": "library",
            "bom-ref": f"debian-{name}",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{name}@{quote(version)}?arch={arch}&distro=debian-12",
        }
        for name, version, arch in found
    ]


def whole(lock: Path, debian: Iterable[str]) -> str:
    """Return the bill of everything, as text."""
    bill = python_packages(lock)
    bill["components"] += own_packages() + debian_packages(debian)
    bill["components"].sort(key=lambda component: component["bom-ref"])
    bill["metadata"]["component"] = {"type": "container", "name": "sixfold", "bom-ref": "sixfold"}
    return json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def installed() -> list[str]:
    """Return what dpkg says inside the image, nothing where there is no image."""
    if image.missing() or not image.has(image.IMAGE):
        return []
    query = ["--entrypoint", "dpkg-query", image.IMAGE, "--show", f"--showformat={QUERY}"]
    return image.podman("run", "--rm", "--network=none", *query).splitlines()


def _projects() -> list[Path]:
    return sorted([*ROOT.glob("services/*/pyproject.toml"), ROOT / "cli/pyproject.toml"])


def main() -> int:
    """Write the bill."""
    debian = installed()
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(whole(LOCK, debian))
    bill: Mapping[str, Any] = json.loads(SBOM.read_text())
    where = f"{len(debian)} of Debian's" if debian else "no image here, so none of Debian's"
    print(f"sbom: {SBOM.relative_to(ROOT)}, {len(bill['components'])} components, {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
