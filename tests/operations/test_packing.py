"""What the image is made of: a Dockerfile that two linters pass, and a bill of materials."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import licences
import sbom
from chassis.testing import programs

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"


def test_the_base_is_named_by_digest_and_root_is_left() -> None:
    """A tag can be moved to other contents; a process that is root owns its node."""
    text = DOCKERFILE.read_text()
    assert re.search(r"^ARG DIGEST=[0-9a-f]{64}$", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${BASE}@sha256:${DIGEST}"] * 2
    last = text.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in last
    assert '\nENTRYPOINT ["python", "-m", "chassis.run"]' in last
    assert "pip" not in last


@pytest.mark.tools
def test_hadolint_has_nothing_to_say() -> None:
    """A known mistake of Dockerfiles would be in ours."""
    command = [str(Path(sys.executable).with_name("hadolint")), str(DOCKERFILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.tools
def test_checkov_finds_nothing_in_the_dockerfile() -> None:
    """Whoever scans what he installs would find something at the first look."""
    command = [
        str(programs.find_checkov()), "--framework", "dockerfile", "--skip-download", "--quiet",
        "--compact", "--output", "json", "--file", str(DOCKERFILE),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    summary = json.loads(done.stdout)["summary"]
    assert (summary["failed"], summary["skipped"]) == (0, 0), done.stdout
    assert summary["passed"] > 20


@pytest.mark.tools
def test_the_bill_names_every_locked_package_and_is_the_same_each_time() -> None:
    """Whoever looks a vulnerability up in it would not find what he runs."""
    debian = ["python3 3.11.2-1+b1 amd64", "base-files 12.4 amd64"]
    first = sbom.whole(sbom.LOCK, debian)
    assert first == sbom.whole(sbom.LOCK, reversed(debian))
    bill = json.loads(first)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    named = {(each["name"], each.get("version")) for each in bill["components"]}
    locked = licences.locked(sbom.LOCK.read_text())
    assert set(locked.items()) <= named
    assert {name for name, _ in named} >= {
        "sixfold",
        "sixfold-chassis",
        "sixfold-commerce",
        "python3",
    }
    purls = [each["purl"] for each in bill["components"] if each["bom-ref"] == "debian-python3"]
    assert purls == ["pkg:deb/debian/python3@3.11.2-1%2Bb1?arch=amd64&distro=debian-12"]
    references = [each["bom-ref"] for each in bill["components"]]
    assert len(references) == len(set(references))
