"""The floors of the house: which room may import which. doc/ARCHITECTURE.md tells why; this table decides."""

import ast
import subprocess
import sys

import pytest

SERVICE = {"kernel", "sim", "rpc", "db"}
MAY_IMPORT = {
    "kernel": set(),
    "etc": set(),
    "sim": {"kernel"},
    "rpc": {"kernel", "sim"},
    "db": {"kernel", "sim"},
    "api": SERVICE,
    "conductor": SERVICE,
    "compute": SERVICE,
    "scheduler": SERVICE - {"rpc"},
    "cli": set(),
    "launch": SERVICE | {"etc", "api", "conductor", "compute", "scheduler"},
}
"""A room may always import itself. The command line sees only what a user sees: HTTP and processes."""

KERNEL_FILES = {
    "__init__", "config", "context", "exceptions", "objects", "policy", "quota", "states", "version",
}  # fmt: skip
WITHIN = {"testing": "launch"}
"""Packages of novasim that stand in a room of another name."""
GREEN = {"eventlet", "greenlet"}
SERVICES = {"api", "conductor", "scheduler", "compute"}


def imported(tree, package=""):
    """Yield (line, dotted name) of everything that a module of ``package`` imports, wherever in its code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*parents, node.module] if node.module else parents)
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def room_of(name, rooms):
    """Return the room that the dotted ``name`` belongs to; None when it is not ours."""
    first, _, rest = name.partition(".")
    if first != "novasim":
        return None
    second = rest.partition(".")[0]
    return second if second in rooms else WITHIN.get(second, "kernel")


def climbing(tree, room, package, rooms):
    """Yield (line, room) of each import that the table does not allow."""
    for line, name in imported(tree, package):
        other = room_of(name, rooms)
        if other not in (None, room) and other not in MAY_IMPORT[room]:
            yield line, other


def package_of(source):
    """Return the package of a product file: relative imports start there."""
    folders = source.path.split("/")[:-1]
    folders = folders[1:] if folders[0] in ("kernel", "etc") or folders[1:2] == ["testing"] else folders
    return ".".join(["novasim", *folders])


def test_every_room_has_a_floor(rooms):
    assert rooms == set(MAY_IMPORT)


def test_no_room_imports_from_above_or_beside(product, rooms):
    found = [
        f"{source.path}:{line}: {source.room} may not import {other}"
        for source in product
        for line, other in climbing(source.tree, source.room, package_of(source), rooms)
    ]
    assert not found, "\n".join(found)


def test_no_room_is_imported_by_its_bare_name(sources, rooms):
    found = [
        f"{source.path}:{line}: import novasim.{name}: under its bare name it would be another module"
        for source in sources
        for line, name in imported(source.tree)
        if name.partition(".")[0] in rooms
    ]
    assert not found, "\n".join(found)


def test_only_launch_knows_eventlet(product):
    found = [
        f"{source.path}:{line}: {name}"
        for source in product
        if source.room != "launch"
        for line, name in imported(source.tree, package_of(source))
        if name.partition(".")[0] in GREEN
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_process_imports_its_own_service_only(service):
    """Of the others it knows the options: what they are made of would double the time of its start."""
    program = (
        "import sys; from novasim.launch import seam; seam.choose('threading'); "
        f"import novasim.launch.service, novasim.launch.{service}; print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    others = {other: {f"novasim.{other}", f"novasim.{other}.options"} for other in SERVICES - {service}}
    found = [
        name
        for name in ran.stdout.split()
        for other, allowed in others.items()
        if name.startswith(f"novasim.{other}") and name not in allowed
    ]
    assert not found, "\n".join(found)
    assert f"novasim.{service}.options" in ran.stdout


def test_the_kernel_is_a_closed_list(product):
    modules = {source.path.removeprefix("kernel/").removesuffix(".py") for source in product if source.room == "kernel"}
    assert modules <= KERNEL_FILES, f"a new word for all rooms is a change of the house: {modules - KERNEL_FILES}"


@pytest.mark.parametrize(
    ("line", "room", "package", "found"),
    [
        ("import novasim.launch.wiring", "api", "novasim.api", ["launch"]),
        ("from novasim import conductor", "api", "novasim.api", ["conductor"]),
        ("from novasim.scheduler import hosts", "compute", "novasim.compute.virt", ["scheduler"]),
        ("def late():\n    from novasim.db import models", "kernel", "novasim", ["db"]),
        ("from ..scheduler import hosts", "conductor", "novasim.conductor", ["scheduler"]),
        ("from .. import exceptions", "api", "novasim.api", []),
        ("from . import driver", "compute", "novasim.compute.virt", []),
        ("from novasim import exceptions, states", "sim", "novasim.sim", []),
        ("from novasim import states", "cli", "novasim.cli", ["kernel"]),
        ("from novasim.testing import shelf", "api", "novasim.api", ["launch"]),
        ("import novasimilar", "kernel", "novasim", []),
    ],
)
def test_the_walk_sees_each_form_of_import(line, room, package, found):
    assert [other for _, other in climbing(ast.parse(line), room, package, set(MAY_IMPORT))] == found
