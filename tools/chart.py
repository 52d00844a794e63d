"""Write what is made from the chart: the base of kustomize, and the chart's README."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import helm

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy/helm/sixfold"
BASE = ROOT / "deploy/kustomize/base/sixfold.yaml"
README = CHART / "README.md"
GOLDEN: dict[str, Any] = {"migrations": {"mode": "job"}}  # kustomize and Argo CD know no hooks
HEAD = "# Made by `make render` from deploy/helm/sixfold. Change the chart or an overlay.\n"
ABOUT = """# The chart of Sixfold

Made from `values.yaml` and `files/` by `make render`. How to install it is
[a runbook](../../runbooks/install.md), how it is built
[a guide](../../../docs/guides/kubernetes.md). What changes between versions:
[UPGRADING](UPGRADING.md).

A value that is not listed here is refused, with its name.
"""


def golden(engine: helm.Engine) -> str:
    """Render the base of kustomize: the defaults, with Jobs in place of hooks."""
    rendered = engine.render(CHART, GOLDEN)
    return f"{HEAD}{rendered.text.strip()}\n"


def readme() -> str:
    """Write the chart's README: the values, then the flows."""
    values = "\n".join(f"| `{name}` | {default} | {told} |" for name, default, told in described())
    flows = yaml.safe_load((CHART / "files/flows.yaml").read_text())
    rows = "\n".join(
        f"| {quoted(flow['from'])} | {quoted(flow['to'])} | {flow['port']} | {flow['why']} |"
        for flow in flows
    )
    return (
        f"{ABOUT}\n## Values\n\n| value | default | meaning |\n| --- | --- | --- |\n{values}\n"
        f"\n## Flows\n\nAll else is refused, both ways.\n\n"
        f"| from | to | port | why |\n| --- | --- | --- | --- |\n{rows}\n"
    )


def quoted(names: list[str]) -> str:
    """Write names into a cell of the table."""
    return ", ".join(f"`{name}`" for name in names)


def described() -> Iterator[tuple[str, str, str]]:
    """Yield each value of values.yaml that has a description: its path, default and meaning."""
    text = (CHART / "values.yaml").read_text()
    defaults = yaml.safe_load(text)
    path: list[str] = []
    told = ""
    for line in text.splitlines():
        comment = re.match(r"\s*# -- (.+)", line)
        key = re.match(r"( *)([A-Za-z_][\w-]*):", line)
        if comment:
            told = comment.group(1)
        elif key:
            path = [*path[: len(key.group(1)) // 2], key.group(2)]
            if told:
                yield ".".join(path), shown(found(defaults, path)), told
            told = ""


def found(values: Any, path: list[str]) -> Any:
    """Look a value up by its path."""
    for name in path:
        values = values[name]
    return values


def shown(value: Any) -> str:
    """Write a default into a cell of the table."""
    if value in ("", {}, []):
        return "none"
    if isinstance(value, str):
        return f"`{value}`"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n")
    return f"`{text.strip()}`"


def main() -> int:
    """Write both files."""
    with helm.engine() as engine:
        BASE.write_text(golden(engine))
    README.write_text(readme())
    return 0


if __name__ == "__main__":
    sys.exit(main())
