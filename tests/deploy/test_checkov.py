"""checkov over what is rendered: nothing fails, and nothing is skipped."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from chassis.testing.programs import ServerMissing, find_checkov
from rendered import Renders


@pytest.mark.tools
@pytest.mark.parametrize("name", ["defaults", "ha"])
def test_checkov_finds_nothing(renders: Renders, name: str, tmp_path: Path) -> None:
    """An auditor's first tool would show a list of what to mend."""
    try:
        program = find_checkov()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(renders.of(name)))
    command = [program, "--framework", "kubernetes", "--skip-download", "--output", "json"]
    done = subprocess.run(
        [*command, "--file", tmp_path / "all.yaml"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    failed = {f"{f['check_id']} {f['resource']}" for f in found["results"]["failed_checks"]}
    assert not failed
    assert found["summary"]["skipped"] == 0
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["passed"] > 1000
