"""Other people's clients, unmodified, against a started cluster of each size; and the table of what passes.

Every check belongs to an area: the fixture ``area`` takes it from the check's row. A module stands for a client; what
runs a whole suite adds up its areas itself (``tally``). ``--page FILE`` writes the table as a page.
"""

import collections
import contextlib
import pathlib
import re
from importlib import metadata
from typing import NamedTuple

import pytest
import yaml
from daemons import MariaDB, RabbitMQ

from novasim.cli import process

ACCOUNTS = pathlib.Path(__file__).with_name("accounts.yaml")
ARGUMENTS = ["--hosts", "6", "--stages", "demo", "--set", "api.auth_strategy=identity",
             "--set", f"identity.accounts={ACCOUNTS}"]
SIZES = ("embedded", "split")
INTRODUCTION = """# Clients

Which unmodified clients do what they are asked against a started cluster, embedded and split (RabbitMQ, MariaDB). A
number is a number of checks, all of which pass; otherwise it says how many of how many. `tox -e clients` runs them,
with the latest releases, and writes this page.
"""


class Cloud(NamedTuple):
    """A running cluster.

    :ivar size: ``embedded`` or ``split``
    :ivar root: what its URLs begin with
    :ivar clouds: path of its clouds.yaml
    """
    size: str
    root: str
    clouds: pathlib.Path

    def account(self, user="admin"):
        """What a user logs in with, as keystoneauth names it."""
        return yaml.safe_load(self.clouds.read_text())["clouds"][f"novasim-{user}"]["auth"]


@pytest.fixture(scope="session", params=SIZES)
def cloud(request):
    """A cluster with identity, of one process or of one a service; gone with the last test that uses it."""
    with contextlib.ExitStack() as stack:
        arguments = list(ARGUMENTS)
        if request.param == "split":
            arguments += ["--bus", stack.enter_context(RabbitMQ()).bus()]
            arguments += ["--db", stack.enter_context(MariaDB()).database()]
        own = stack.enter_context(process.own_cluster(arguments))
        yield Cloud(request.param, own.record["endpoint"].removesuffix("/v2.1"), own.state_dir / "clouds.yaml")


@pytest.fixture(autouse=True)
def about(request, cloud, record_property):
    """Where in the table a check stands; its area is that of its row."""
    record_property("of", (request.module.CLIENT, cloud.size))
    row = request.node.callspec.params.get("row")
    if row is not None:
        record_property("area", row.area)


@pytest.fixture
def tally(record_property):
    """Put results of a whole suite into the table: ``tally({area: (passed, failed)})``."""
    return lambda areas: record_property("tally", areas)


def pytest_addoption(parser):
    parser.addoption("--page", type=pathlib.Path, help="write the table of what passes to this file")


class Table:
    """Collects what passes: (client, area) -> size -> [passed, failed]."""

    def __init__(self, page):
        self.page = page
        self.counts = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))

    def pytest_runtest_logreport(self, report):
        said = dict(report.user_properties)
        if report.when != "call" or report.skipped or "of" not in said:
            return
        client, size = said["of"]
        areas = said.get("tally") or {said["area"]: (int(report.passed), int(report.failed))}
        for area, results in areas.items():
            held = self.counts[client, area][size]
            held[:] = [before + more for before, more in zip(held, results, strict=True)]

    def _cell(self, passed, failed):
        return f"{passed} of {passed + failed}" if failed else str(passed)

    def lines(self):
        yield "| client | area | " + " | ".join(SIZES) + " |"
        yield "|---|---|" + "---|" * len(SIZES)
        for (client, area), by_size in sorted(self.counts.items()):
            cells = (self._cell(*by_size[size]) if size in by_size else "-" for size in SIZES)
            yield f"| {client} {metadata.version(client)} | {area} | {' | '.join(cells)} |"

    def pytest_terminal_summary(self, terminalreporter):
        lines = list(self.lines())
        terminalreporter.write_line("\n".join(lines))
        if self.page:
            rows = sorted([*lines[2:], *self._others()])
            self.page.write_text("\n".join([INTRODUCTION, *lines[:2], *rows, ""]))

    def _others(self):
        """What the page says of clients that were not run now."""
        run = {client for client, _ in self.counts}
        text = self.page.read_text() if self.page.exists() else ""
        return [line for line in text.splitlines() if (row := re.match(r"\| (\S+) \d", line)) and row[1] not in run]


def pytest_configure(config):
    config.pluginmanager.register(Table(config.getoption("page")))


@pytest.fixture
def fits():
    return _fits


def _fits(told, expected):
    """Whether an answer has what is expected of it: a type, a predicate, some keys of an object, some items of a list
    in any order, or the value itself."""
    if isinstance(expected, type):
        return isinstance(told, expected)
    if callable(expected):
        return bool(expected(told))
    if isinstance(expected, dict):
        return isinstance(told, dict) and all(name in told and _fits(told[name], value)
                                              for name, value in expected.items())
    if isinstance(expected, list):
        return isinstance(told, list) and all(any(_fits(one, item) for one in told) for item in expected)
    return told == expected
