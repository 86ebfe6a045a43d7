"""The habits of the house that a machine can see."""

import ast
import re

import pytest

DRAWERS = {"base", "common", "helper", "helpers", "lib", "misc", "util", "utils"}
"""Names that say nothing, so that anything gets thrown in."""

# Time and chance are handed in, so that a test can stand still and a seed can replay a run.
CLOCKS = re.compile(
    r"time\.(time|time_ns|sleep)|datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today"
    r"|oslo_utils\.timeutils\.utcnow(_ts)?|random\.(?!Random$|SystemRandom$)\w+"
)
SLEEPS = re.compile(r"time\.sleep|eventlet\.sleep")
FREE_OF_THE_CLOCK = {"sim", "launch"}
LEFT_OVERS = re.compile(r"\b(TODO|FIXME|XXX)\b")
ONE_MACHINE = re.compile(r"(?<![\w.$}*<-])/(work|tmp|root|home|Users)/")
TEXT = (".py", ".md", ".rst", ".txt", ".cfg", ".toml", ".ini", ".yaml", ".sample", ".mako", ".html", ".js", ".css")


def names_used(tree):
    """Yield (line, full dotted name) of what a module uses of other modules, through whatever alias."""
    origin = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origin |= {alias.asname: alias.name for alias in node.names if alias.asname}
            origin |= {alias.name.split(".")[0]: alias.name.split(".")[0] for alias in node.names if not alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            origin |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
    for node in ast.walk(tree):
        name = _dotted(node)
        first, dot, rest = (name or "").partition(".")
        if dot and first in origin:
            yield node.lineno, f"{origin[first]}.{rest}"


def _dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return owner and f"{owner}.{node.attr}"
    return None


def users_of(sources, pattern):
    """Return "path:line: name" for each use of a name that ``pattern`` matches as a whole."""
    return [
        f"{source.path}:{line}: {name}"
        for source in sources
        for line, name in names_used(source.tree)
        if pattern.fullmatch(name)
    ]


def lines_with(root, paths, pattern):
    """Return "path:line: text" for each line of the files that ``pattern`` is found in."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate((root / path).read_text().splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_is_a_drawer(files, rooms):
    ours = rooms | {"bench", "tests", "tools"}
    names = {path: re.sub(r"\.\w+$", "", path).split("/") for path in files}
    found = [path for path, parts in names.items() if parts[0] in ours and DRAWERS & set(parts)]
    assert not found, "\n".join(found)


def test_every_module_says_why_it_exists(sources):
    # The name of a test file says what it is about.
    modules = [source for source in sources if "/test_" not in source.path]
    found = [source.path for source in modules if not (ast.get_docstring(source.tree) or "").strip()]
    assert not found, "\n".join(found)


def test_nothing_is_left_to_do(root, product):
    found = lines_with(root, [source.path for source in product], LEFT_OVERS)
    assert not found, "\n".join(found)


def test_only_the_command_lines_print(product):
    found = [
        f"{source.path}:{node.lineno}"
        for source in product
        if source.room != "cli" and source.path != "launch/manage.py"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not found, "\n".join(found)


def test_time_and_chance_are_handed_in(product):
    found = users_of((source for source in product if source.room not in FREE_OF_THE_CLOCK), CLOCKS)
    assert not found, "\n".join(found)


def test_no_test_sleeps(sources):
    found = users_of((source for source in sources if source.room == "tests"), SLEEPS)
    assert not found, "\n".join(found)


def test_no_path_of_one_machine(root, files, rooms):
    found = lines_with(root, [p for p in files if p.split("/")[0] in rooms and p.endswith(TEXT)], ONE_MACHINE)
    assert not found, "\n".join(found)


def test_every_folder_of_tests_is_on_the_menu(root, sources):
    folders = {"/".join(source.path.split("/")[:2]) for source in sources if "/test_" in source.path}
    menu = (root / "tox.ini").read_text()
    assert [folder for folder in sorted(folders) if folder not in menu] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import time\ntime.sleep(1)", True),
        ("import time as t\nt.time()", True),
        ("from time import sleep", True),
        ("import datetime\ndatetime.datetime.now()", True),
        ("from datetime import datetime as dt\ndt.utcnow()", True),
        ("import random\nrandom.choice([1])", True),
        ("from oslo_utils import timeutils\ntimeutils.utcnow()", True),
        ("import random\nrandom.Random(7).choice([1])", False),
        ("import time\ntime.monotonic()", False),
        ("def f(clock):\n    return clock.time.sleep()", False),
    ],
)
def test_the_look_for_clocks_sees_through_aliases(code, found):
    assert any(CLOCKS.fullmatch(name) for _, name in names_used(ast.parse(code))) is found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('open("/tmp/' + 'x")', True),
        ("see /work/" + "main", True),
        ("GET /v2.1/servers/home/x", False),
        ("$HOME/tmp/x", False),
        ("a/work/b", False),
    ],
)
def test_the_look_for_paths_spares_urls(line, found):
    assert bool(ONE_MACHINE.search(line)) is found
