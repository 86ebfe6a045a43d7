"""How pages are written: tables, headings, first sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTICE = "Made by tools/generate_docs.py; edit the code it is made from, then run that."

code = "`{}`".format


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """A Markdown page."""
    return "\n\n".join([f"# {title}", f"<!-- {NOTICE} -->", *parts]) + "\n"
