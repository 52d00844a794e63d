"""What an import rule cannot see: table names in SQL, other services' settings, names, sizes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import ROOT, Service, services

from chassis.log_schema import TABLES as LOG_TABLES

SERVICES = services()
LONGEST = 350
BANNED = {"utils", "helpers", "common", "base", "core", "misc", "manager", "impl"}
TABLE_IN_SQL = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|ON)\s+\"?([a-z_]+)\"?")
FOLDERS = ("services", "cli", "tests", "tools", "docs", "bench")


def python_files(*folders: str) -> Iterator[Path]:
    """Yield every Python file of ours in some folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def texts(path: Path) -> Iterator[str]:
    """Yield the texts in a module that are not docstrings."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in docstrings:
            yield text


def tables_of(service: Service) -> set[str]:
    """Return the tables of a service's own database."""
    return {*service.metadata.tables, *LOG_TABLES}


def named_in_sql(sources: Path, tables: set[str]) -> set[tuple[str, str]]:
    """Return which of some tables the SQL in a folder names, and in which module."""
    return {
        (path.name, table)
        for path in sources.rglob("*.py")
        for text in texts(path)
        for table in TABLE_IN_SQL.findall(text)
        if table in tables
    }


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_no_service_names_anothers_table_in_sql(service: Service) -> None:
    """Two services could no longer have databases of their own."""
    everybodys = {table for other in SERVICES.values() for table in tables_of(other)}
    assert not named_in_sql(service.sources, everybodys - tables_of(service))


def test_a_foreign_table_would_be_found(tmp_path: Path) -> None:
    """The test above would pass by looking past the SQL."""
    module = '''"""Reads FROM order_board."""\nSQL = f"SELECT x FROM order_board WHERE {x}"\n'''
    (tmp_path / "queries.py").write_text(module)
    (tmp_path / "views.py").write_text(module.partition("\n")[0])
    assert named_in_sql(tmp_path, {"order_board"}) == {("queries.py", "order_board")}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_no_service_calls_another_or_opens_its_database(service: Service) -> None:
    """A service would stop whenever another one does."""
    for path in service.sources.rglob("*.py"):
        source = path.read_text()
        assert "nameko.rpc" not in source, path
        assert "RpcProxy" not in source, path
        others = {f"{name.upper()}_DATABASE_URL" for name in SERVICES}
        assert not [text for text in texts(path) if text in others], path


def test_no_module_has_a_name_that_says_nothing() -> None:
    """Whoever looks for something would not know where to begin."""
    named = {
        path.relative_to(ROOT)
        for path in python_files(*FOLDERS)
        for part in path.relative_to(ROOT).with_suffix("").parts
        if BANNED & set(part.split("_"))
    }
    assert not named


def test_no_file_is_long() -> None:
    """A file would hold more than one can say in a sentence."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in python_files(*FOLDERS)
    }
    assert not {path: lines for path, lines in lengths.items() if lines >= LONGEST}


def test_every_module_says_what_it_holds() -> None:
    """A tree of files could not be read aloud."""
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files("services", "cli", "tools")
        if ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert not silent
