"""Which test shows which row of the specification."""

from __future__ import annotations

import pathlib

import conformance

from pages import markdown
from pages.markdown import table


def page(root: pathlib.Path) -> str:
    """doc/conformance.md."""
    sections = (f"## {heading}\n\n{table(conformance.HEAD, rows)}" for heading, rows in conformance.tables(root))
    return markdown.page("Conformance", conformance.INTRODUCTION, *sections)
