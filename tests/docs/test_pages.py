"""The pages fit together: links lead somewhere, decisions are complete, tables are true."""

import re
from dataclasses import MISSING, fields
from pathlib import Path
from uuid import UUID

import pytest
import typer

from chassis.envelope import Recorded
from chassis.settings import Settings
from chassis.testing.contexts import NOW
from chassis.wire import headers_of
from sixfold.main import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))
RUNBOOKS = sorted((ROOT / "deploy/runbooks").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *RUNBOOKS]
HEADINGS = ["Status", "Context", "Decision", "Consequences", "Alternatives"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| (.+?) \| (.+?) \|(?: .*\|)?$", re.MULTILINE)
OTHER_DEFAULTS = {
    "retry_seconds": "`1,5,30,120,600`",
    "feeds": "none",
    "quotas": "none",
    "system_database_url": "`DATABASE_URL`",
    "migration_database_url": "`DATABASE_URL`",
    "migration_keys_url": "`KEYS_URL`",
    "database_roles": "`sixfold_<service>`",
}


def anchors_of(page: Path) -> set[str]:
    """Return what can follow ``#`` in a link to a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A reader would be sent to a page that does not exist."""
    for target in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors_of(found), f"{page.name} links to {target}"


def test_the_index_lists_every_decision_once_and_in_order() -> None:
    """A decision that the index does not list would be taken again."""
    index = (DOCS / "adr/README.md").read_text()
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == [path.name for path in DECISIONS]
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_every_decision_is_complete(page: Path) -> None:
    """Whoever asks why would not learn what else was thought of."""
    title, *sections = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    number = page.name[:4]
    assert re.fullmatch(rf"# {number}\. .+\n+", title)
    assert [section.partition("\n")[0] for section in sections] == HEADINGS
    assert all(section.partition("\n")[2].strip() for section in sections)
    listed = f"[{title[2:].strip()}]({page.name})"
    assert listed in (DOCS / "adr/README.md").read_text()


def test_the_operators_guide_lists_every_setting_with_its_default() -> None:
    """An operator would set a variable that nobody reads, or miss one that is needed."""
    shared, _, _ = (DOCS / "guides/operator.md").read_text().partition("Some services read")
    listed = {
        name: default for name, default in ROW.findall(shared) if re.fullmatch(r"`[A-Z_]+`", name)
    }
    assert listed == {f"`{field.name.upper()}`": default_of(field) for field in fields(Settings)}


def test_each_service_reads_the_settings_that_the_guide_gives_it() -> None:
    """An operator would set a variable that nobody reads."""
    guide = (DOCS / "guides/operator.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([a-z]+) \| .+ \| .+ \|$", guide, re.MULTILINE)
    assert len(rows) > 1
    for name, service in rows:
        sources = (ROOT / f"services/{service}/src/{service}").rglob("*.py")
        assert any(f'"{name}"' in path.read_text() for path in sources), f"{service} {name}"


def default_of(field: object) -> str:
    """Return how the guide writes a setting's default."""
    name, default = getattr(field, "name", ""), getattr(field, "default", MISSING)
    if name in OTHER_DEFAULTS:
        return OTHER_DEFAULTS[name]
    if default is MISSING:
        return "required"
    return "none" if default is None else f"`{default}`"


def test_the_operators_guide_names_commands_that_exist() -> None:
    """An operator would type a command that is refused."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for line in re.findall(r"`sixfold ([^`]+)`", (DOCS / "guides/operator.md").read_text()):
        name, *rest = line.split()
        command = group.commands[name]
        if isinstance(command, typer.core.TyperGroup):
            assert rest[0] in command.commands, line


def test_the_consumers_guide_names_headers_that_are_sent() -> None:
    """Somebody else's program would look for a header that never comes."""
    event = Recorded(
        id=UUID(int=1), tenant="acme", stream="order-1", version=1, type="order_placed",
        schema_version=1, lane=1, occurred_at=NOW, recorded_at=NOW, actor="user:1",
        command_id=UUID(int=1), correlation_id=UUID(int=1), causation_id=UUID(int=1),
        traceparent="00-" + "1" * 32 + "-" + "1" * 16 + "-01", subjects=(), data=b"{}",
        position=1, prev=0, chain=bytes(32),
    )  # fmt: skip
    rows = ROW.findall((DOCS / "guides/consumers.md").read_text())
    named = {
        name
        for where, names in rows
        if where == "header"
        for name in re.findall(r"`([\w-]+)`", names)
    }
    assert named
    assert named <= headers_of(event, "commerce").keys()
