"""Runbooks can be followed: every command, table and role that they name exists."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from chassis.roles import blueprint_of
from chassis.run import ROLES
from rendered import table
from sixfold.main import app
from watched import RUNBOOKS

PAGES = sorted(RUNBOOKS.glob("*.md"))
CODE = re.compile(r"`([^`\n]+)`|^ {4}(\S.*)$", re.MULTILINE)
FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What RabbitMQ's and Kubernetes' own commands can do, as far as our pages use it.
BROKER = {
    "add_user", "add_vhost", "await_startup", "change_password", "check_local_alarms",
    "check_port_connectivity", "check_running", "clear_policy", "close_all_connections",
    "close_all_user_connections",
    "close_connection", "cluster_status", "delete_queue", "delete_user", "delete_vhost",
    "list_alarms", "list_bindings", "list_connections", "list_exchanges", "list_permissions",
    "list_policies", "list_queues", "list_users", "list_vhosts", "memory_breakdown", "ping",
    "purge_queue", "set_permissions", "set_policy", "set_vm_memory_high_watermark", "start_app",
    "status", "stop_app",
}  # fmt: skip
CLUSTER = {
    "annotate", "apply", "auth", "config", "cp", "create", "delete", "describe", "diff", "edit",
    "exec", "get", "label", "logs", "patch", "port-forward", "rollout", "run", "scale", "set",
    "top", "wait",
}  # fmt: skip
SYSTEM_TABLES = re.compile(r"pg_\w+")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def commands(page: Path) -> Iterator[str]:
    """Yield every line of code in a page, without the comments behind it."""
    text = page.read_text()
    for block in FENCED.findall(text):
        yield from (line.partition(" #")[0].strip() for line in block.splitlines())
    for inline, block in CODE.findall(FENCED.sub("", text)):
        yield (inline or block).partition("  #")[0].strip()


def of(program: str, page: Path) -> list[list[str]]:
    """Return the words behind a program's name, wherever a page names it."""
    named = re.compile(rf"(?:^|[|;&(] ?|\bsudo ){re.escape(program)} (?:--namespace \S+ )?(.*)")
    return [found[1].split() for line in commands(page) for found in named.finditer(line)]


def test_pages_are_there() -> None:
    """The tests below would be content with an empty folder."""
    assert {"parked-events", "log-and-bus", "servers", "http", "business"} <= {
        p.stem for p in PAGES
    }
    assert sum(len(of("sixfold", page)) for page in PAGES) > 20
    assert sum(len(of("kubectl", page)) for page in PAGES) > 20


@each_page
def test_every_command_of_ours_exists(page: Path) -> None:
    """At night somebody would type a command that was renamed long ago."""
    for words in of("sixfold", page):
        command: Any = typer.main.get_command(app)
        told = [word for word in words if word != "..."]
        while told and (beneath := getattr(command, "commands", None)):
            name = told.pop(0)
            assert name in beneath, f"sixfold {' '.join(words)}"
            command = beneath[name]
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        options = {word.partition("=")[0] for word in told if word.startswith("--")}
        assert options <= {*known, "--help"}, f"sixfold {' '.join(words)}"


@each_page
def test_every_process_that_is_started_exists(page: Path) -> None:
    """A role that is none would be refused."""
    for words in of("python", page):
        if words[0] == "-m":
            assert import_module(words[1])
            if words[1] == "chassis.run":
                assert words[2] in ROLES or words[2] == "ROLE", words


@each_page
def test_every_deployment_exists(page: Path) -> None:
    """At night somebody would restart what is called otherwise: the loop has one Deployment."""
    text = page.read_text()
    roles = {service: set(told["roles"]) for service, told in table("services").items()}
    (sentence,) = re.findall(r"`SERVICE` stands for ([^.]+)\.", text) or [""]
    stands_for = set(re.findall(r"`(\w+)`", sentence)) or roles.keys() - {"loop"}
    for service, role in re.findall(r"\bdeploy/sixfold-(\w+)-(\w+)", text):
        for one in stands_for if service == "SERVICE" else {service}:
            assert role in roles[one], f"deploy/sixfold-{service}-{role} of {one}"


@each_page
def test_no_page_runs_in_a_pod_what_only_a_job_may(page: Path) -> None:
    """The command would be refused, for no process that keeps running has the owner's secrets."""
    for words in of("kubectl", page):
        if "chassis.run" in words:
            assert words[words.index("chassis.run") + 1] == "preflight", words


@each_page
def test_other_programs_are_asked_for_what_they_can(page: Path) -> None:
    """A slip of the pen costs minutes that nobody has."""
    for program in ("rabbitmqctl", "rabbitmq-diagnostics"):
        for words in of(program, page):
            verbs = [word for word in words if not word.startswith("-")]
            assert verbs[0] in BROKER, f"{program} {' '.join(words)}"
    for words in of("kubectl", page):
        verbs = [word for word in words if not word.startswith("-")]
        assert verbs[0] in CLUSTER, f"kubectl {' '.join(words)}"


@each_page
def test_queries_ask_for_tables_that_exist(page: Path) -> None:
    """A query that fails tells nothing about the database."""
    tables = {
        name
        for service in ("identity", "listening", "campaigns", "commerce")
        for name in import_module(f"{blueprint_of(service).name}.tables").metadata.tables
    } | {"pending", "positions", "events", "streams", "heads", "commands"}
    for line in commands(page):
        for statement in re.findall(r'"(SELECT [^"]+)"', line):
            for name in re.findall(r"\b(?:FROM|JOIN) (\w+)", statement):
                assert name in tables or SYSTEM_TABLES.fullmatch(name), f"{name} in {statement}"
