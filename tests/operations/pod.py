"""A pod of the chart run by podman, under the security context that the chart gives it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import image

Template = Mapping[str, Any]


def words_of(
    template: Template, *, using: str, folders: Mapping[str, Path], told: Mapping[str, str]
) -> list[str]:
    """Return what podman is told of a pod's only container.

    Args:
        template: A pod's template as rendered.
        using: The image, in place of the registry's.
        folders: What a cluster would mount for each volume that is no empty folder.
        told: Settings that only this machine needs; ports above all, as pods share its network.
    """
    spec = template["spec"]
    [container] = spec["containers"]
    names = {each["name"]: each["value"] for each in container["env"]} | dict(told)
    return [
        "--network=host",
        *_restricted({**spec["securityContext"], **container["securityContext"]}),
        *_mounted(container["volumeMounts"], spec["volumes"], folders),
        *(f"--env={name}={value}" for name, value in names.items()),
        using,
        *container["args"],
    ]


def _restricted(context: Mapping[str, Any]) -> Iterator[str]:
    """Yield a security context in podman's words; its own seccomp profile is the default."""
    assert context["runAsNonRoot"]
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    yield f"--user={context['runAsUser']}:{context['runAsGroup']}"
    if context["readOnlyRootFilesystem"]:
        yield from ("--read-only", "--read-only-tmpfs=false")
    if not context["allowPrivilegeEscalation"]:
        yield "--security-opt=no-new-privileges"
    yield from (f"--cap-drop={name}" for name in context["capabilities"]["drop"])


def _mounted(
    mounts: Sequence[Mapping[str, Any]],
    volumes: Sequence[Mapping[str, Any]],
    folders: Mapping[str, Path],
) -> Iterator[str]:
    empty = {each["name"] for each in volumes if "emptyDir" in each}
    for each in mounts:
        name, place = each["name"], each["mountPath"]
        if name in empty:
            yield f"--tmpfs={place}:rw,mode=1777"
        elif name in folders:
            rights = "ro" if each.get("readOnly") else "rw"
            yield f"--volume={folders[name]}:{place}:{rights}"


class Pods:
    """Containers of one test, all removed at its end."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: list[str] = []

    def run(self, name: str, words: Sequence[str]) -> str:
        """Run one that ends; return what it printed."""
        return str(image.podman("run", "--rm", f"--name={self._prefix}-{name}", *words))

    def start(self, name: str, words: Sequence[str]) -> None:
        """Start one that stays."""
        full = f"{self._prefix}-{name}"
        self._names.append(full)
        image.podman("run", "--detach", "--no-healthcheck", f"--name={full}", *words)

    def inside(self, name: str, program: str) -> str:
        """Let a running one's Python say something."""
        return str(image.podman("exec", f"{self._prefix}-{name}", "python", "-c", program))

    def stop(self, name: str, seconds: int) -> int:
        """Ask one to leave; return its exit code, which is not 0 if it had to be killed."""
        full = f"{self._prefix}-{name}"
        image.podman("stop", f"--time={seconds}", full)
        return int(image.podman("inspect", "--format={{.State.ExitCode}}", full))

    def log(self, name: str) -> str:
        """Return what one printed, errors too."""
        whole = ["logs", f"{self._prefix}-{name}"]
        return str(image.podman(*whole, stderr=image.subprocess.STDOUT))

    def close(self) -> None:
        """Remove all."""
        for name in self._names:
            image.podman("rm", "--force", "--ignore", "--time=1", name)
