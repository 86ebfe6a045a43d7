#!/usr/bin/env python3
"""Puts together which test shows which row of the specification, so that the table in doc/ cannot drift from the tests.

The rows stand in tests/conformance.yaml, the tests say ``@pytest.mark.spec("<row>", ...)``. Without arguments this
fails (exit 1) and names every row without a test or a reason, every row with both, and every marker that names no row;
``--open`` names the rows that have neither yet, and succeeds. tools/generate_docs.py writes the page.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import pathlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROWS = "tests/conformance.yaml"
SECTIONS = {
    "S": "What the seed states", "2.3": "Allowed actions", "2.4": "What each record holds",
    "2.6": "Who writes migration.status", "3.2": "The order of checks in an action", "3.3": "Resize",
    "3.4": "Confirm, revert, migrate", "3.12": "Versions", "4.2": "Methods on the bus", "4.3": "Versions on the bus",
    "5": "The API's side of a resize", "6": "Conductor", "8": "Compute agents", "11.2": "Quota in the life of a resize",
    "12.1": "Defects: scheduling and retry", "12.2": "Defects: state, claims, double counting",
    "12.3": "Defects: network, volumes, quota, others", "12.4": "Invariants",
}
INTRODUCTION = """\
Each row of the specification, and the tests that show it, or why it differs. A test names its rows with
`@pytest.mark.spec`; the rows stand in [tests/conformance.yaml](../tests/conformance.yaml). *I* is the behaviour of
2014 (`/v2`), *M* the present-day one (`/v2.1`)."""
HEAD = ("row", "what", "shown by")
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclasses.dataclass
class Row:
    """A row of the specification: what it asserts, and the tests that show it or the reason why none can."""

    name: str
    what: str
    differs: str | None = None
    tests: list[str] = dataclasses.field(default_factory=list)

    @property
    def section(self) -> str:
        """The heading of the page that it belongs to, a key of SECTIONS."""
        number = self.name.partition("/")[0]
        return next(key for key in (number, number.partition(".")[0], number[:1]) if key in SECTIONS)


def read_rows(text: str) -> dict[str, Row]:
    """The rows of the file, in its order.

    :raises ValueError: when a row stands there twice, since YAML would take the last one without a word
    """
    node = yaml.compose(text)
    names = [key.value for key, _ in node.value]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"twice in {ROWS}: {', '.join(twice)}")
    return {name: Row(name, value) if isinstance(value, str) else Row(name, value["row"], value["differs"])
            for name, value in yaml.safe_load(text).items()}


def markers(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield (row, test) for each marker of a test file: on functions, classes, parameters and the module."""
    if "mark.spec" not in text:
        return
    tree = ast.parse(text, path)
    yield from _within(tree, [path])


def _within(node: ast.AST, place: list[str]) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        yield from _within(child, [*place, child.name] if isinstance(child, _NAMED) else place)
    if not isinstance(node, ast.Call):
        return
    called = node.func
    if (isinstance(called, ast.Attribute) and called.attr == "spec" and isinstance(called.value, ast.Attribute)
            and called.value.attr == "mark"):
        for argument in node.args:
            # A marker that is computed cannot be read here; as its own text it is no row, and is complained about.
            name = argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument)
            yield str(name), "::".join(place)


def collect(root: pathlib.Path) -> tuple[dict[str, Row], list[str]]:
    """All rows with their tests, and a line for each marker that names no row."""
    rows = read_rows((root / ROWS).read_text(encoding="utf-8"))
    unknown = []
    for file in sorted((root / "tests").rglob("*.py")):
        path = file.relative_to(root).as_posix()
        for name, test in markers(path, file.read_text(encoding="utf-8")):
            if name not in rows:
                unknown.append(f"{test} shows {name}, which is no row of {ROWS}")
            elif test not in rows[name].tests:
                rows[name].tests.append(test)
    return rows, unknown


def open_rows(rows: dict[str, Row]) -> list[Row]:
    """The rows with neither a test nor a reason."""
    return [row for row in rows.values() if not row.tests and row.differs is None]


def complaints(rows: dict[str, Row], unknown: Sequence[str]) -> list[str]:
    """A line for all that is wrong."""
    both = [f"{row.name} differs, and {', '.join(row.tests)} shows it" for row in rows.values()
            if row.tests and row.differs is not None]
    return [*unknown, *(f"{row.name} has no test: {row.what}" for row in open_rows(rows)), *both]


def _shown(row: Row) -> str:
    if row.differs is not None:
        return f"differs: {row.differs}"
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row.tests) or "**open**"


def tables(root: pathlib.Path) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Yield (heading, rows) of the page; a row is its name, what it asserts, and what shows it."""
    rows, _ = collect(root)
    by_section: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in rows.values():
        by_section[row.section].append((row.name, row.what, _shown(row)))
    for section, title in SECTIONS.items():
        yield (title if section == "S" else f"{section} {title}"), by_section[section]


def main(argv: Sequence[str]) -> int:
    """Say what is wrong, or with --open what is missing; returns the exit code."""
    parser = argparse.ArgumentParser(description="See that every row of the specification has its test.")
    parser.add_argument("--open", action="store_true", help="only name the rows without a test or a reason")
    rows, unknown = collect(ROOT)
    if parser.parse_args(argv).open:
        for row in open_rows(rows):
            print(f"{row.name}: {row.what}")
        return 0
    found = complaints(rows, unknown)
    print("\n".join(found) or f"{len(rows)} rows, each with a test or a reason")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
