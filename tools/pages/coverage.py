"""What of the services of other clouds is served: every request and action with its versions, what says no and how, and
which published samples of the Compute API are answered as they are shown.
"""

from __future__ import annotations

import importlib.util
import itertools
import pathlib
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

from novasim.api import gone, microversion
from novasim.api.openapi import operations
from novasim.api.openapi.operations import Operation
from pages import markdown
from pages.markdown import code, table
from pages.rest import versions

_ABOUT = """\
What a client may ask and what comes of it: served since and until which version, or refused, with which status and
sentence. Every row is a row of the table of routes, every sample one that a test sends or holds an answer against
(`tests/functional/api/test_samples_accounted.py`), in each version that it was published for. A URL that is not here is
answered 404, a method 405, an action of a server that is none 400. How each request looks is in [rest.md](rest.md)."""
# What is served, and yet is not what it is where more is behind it.
_LESS = (
    ("shared file systems", "2.97", "a server's list of `shares` is empty, and no share is found"),
    ("volumes to boot from, rebuild of what lies on one", "2.1, 2.67, 2.93",
     "refused by name; a server's list of volumes is empty, and no volume is found"),
    ("partial answers of cells that are down", "2.69", "there is one cell, whose answers are whole"),
    ("`/image`: import, metadata definitions", "", "images are made by uploads and of servers"),
    ("`/network`: routers, trunks, address scopes", "", "there is what servers need"),
    ("`/identity`: groups, trusts, federation, policies, limits", "", "there is what administrators need"),
)
_TESTS = "tests/functional"


def _noun(operation: Operation) -> str:
    """The resource that a request is of: its first segment, below a server the one behind the id too."""
    segments = [segment for segment in operation.path.partition("#")[0].split("/") if segment[:1] not in ("", "{")]
    return "/".join(segments[:2] if segments[0] in ("servers", "flavors", "images") else segments[:1])


def _refusal(operation: Operation) -> str:
    """The status and sentence of what has no other answer."""
    if operation.is_served:
        return ""
    latest = operation.variants[-1]
    said = latest.handler.__doc__ if gone.is_refusal(latest.handler) else operation.summary
    return f"{min(latest.answers.errors)}: {said}"


def _row(operation: Operation) -> tuple[str, ...]:
    path, _, action = operation.path.partition("#")
    refused = _refusal(operation)
    return (operation.method, code(action or path), versions(operation.since, operation.until) or "all",
            "no" if refused else "yes", refused or operation.summary)


def _tables(found: Iterable[Operation]) -> Iterator[str]:
    for noun, some in itertools.groupby(sorted(found, key=_noun), key=_noun):
        rows = [_row(operation) for operation in some]
        if any(row[3] == "yes" for row in rows):
            yield f"### {noun}"
            yield table(("method", "URL", "versions", "served", "what"), rows)


def _gone(found: Iterable[Operation]) -> Iterator[tuple[str, ...]]:
    """What is refused whole."""
    ordered = sorted(found, key=_noun)
    for _, some in itertools.groupby(ordered, key=_noun):
        rows = [_row(operation) for operation in some]
        if all(row[3] == "no" for row in rows):
            for method, path, between, _, what in rows:
                yield method, path, between, what
    for name, sentence in gone.ACTIONS.items():
        yield "action", code(name), "all", f"410: {sentence}"


def _accounts(root: pathlib.Path) -> ModuleType:
    """The tables of the tests of samples."""
    sys.path.insert(0, str(root / _TESTS))
    path = root / _TESTS / "api" / "test_samples_accounted.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _samples(root: pathlib.Path) -> Iterator[tuple[str, ...]]:
    """Each folder with the samples that are answered and those that cannot be."""
    accounts = _accounts(root)
    answered: dict[str, set[str]] = {folder: set(names) for folder, names in accounts.ELSEWHERE.items()}
    writes = accounts.WRITES
    # Most actions are answered without a body, of which there is no sample.
    silent = {(folder, f"{name}-resp") for folder, name in writes.ACTIONS if name not in writes.ANSWERS}
    for folder, name in ((folder, file.removesuffix(".json")) for folder, file in accounts.in_tables()):
        if name and (folder, name) not in silent:
            answered.setdefault(folder, set()).add(name)
    for folder in sorted(answered):
        never = accounts.NEVER.get(folder, [])
        yield code(folder), ", ".join(sorted(answered[folder] - set(never))), ", ".join(never)


def page(root: pathlib.Path) -> str:
    """doc/coverage.md."""
    compute = list(operations.SERVICES[operations.COMPUTE]())
    actions = [one for one in compute if "#" in one.path]
    others = [one for one in compute if "#" not in one.path]
    sums = [(f"[{service}](rest{'' if service == operations.COMPUTE else f'-{service}'}.md)", str(len(found)),
             str(sum(not _refusal(one) for one in found)))
            for service in operations.SERVICES if (found := list(operations.SERVICES[service]()))]
    clients = ("## Clients", "Which clients pass which of their checks: [clients.md](clients.md).")
    return markdown.page(
        "Coverage", _ABOUT, f"The newest version is 2.{microversion.MAX}.",
        table(("service", "requests and actions", "served"), sums),
        "## Requests", *_tables(others),
        "## Actions of a server", table(("method", "action", "versions", "served", "what"), map(_row, actions)),
        "## What is gone, or handed on to a service that there is not",
        table(("method", "URL", "versions", "answer"), _gone(others)),
        "## What is less than elsewhere", table(("what", "since", "here"), _LESS),
        "## Published samples", table(("folder", "answered", "cannot be"), _samples(root)),
        *(clients if (root / "doc" / "clients.md").is_file() else ()))
