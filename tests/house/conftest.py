"""What the house tests look at: the rooms as setup.cfg maps them, and the files of the repository, parsed once."""

import ast
import configparser
import dataclasses
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NOT_OURS = {"__pycache__", "build", "dist"}


@dataclasses.dataclass(frozen=True)
class Source:
    """One Python file."""

    path: str
    """Relative to the repository, such as "compute/virt/driver.py"."""
    text: str
    tree: ast.Module

    @property
    def room(self):
        """The top-level folder that it stands in; "" for the root itself."""
        return self.path.rpartition("/")[0].partition("/")[0]


def repository_files():
    """Return all files of the repository as relative paths; what git ignores stays out."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            name for name in folders
            if name not in NOT_OURS and not name.endswith(".egg-info") and (name == ".ci" or name[0] != ".")
        )
        here = pathlib.Path(folder).relative_to(ROOT)
        found += [str(here / name) for name in sorted(names)]
    return found


def read_source(path):
    """Parse one Python file of the repository."""
    text = (ROOT / path).read_text()
    return Source(path, text, ast.parse(text, path))


@pytest.fixture(scope="session")
def root():
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def files():
    """All files of the repository as relative paths."""
    return repository_files()


@pytest.fixture(scope="session")
def sources(files):
    """All Python files of the repository."""
    return [read_source(path) for path in files if path.endswith(".py")]


@pytest.fixture(scope="session")
def setup_cfg():
    """The packaging as declared in setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


@pytest.fixture(scope="session")
def package_folders(setup_cfg):
    """{package: folder} as package_dir maps the rooms, such as {"novasim.etc": "etc/novasim"}."""
    lines = setup_cfg["options"]["package_dir"].strip().splitlines()
    return dict(tuple(part.strip() for part in line.split("=")) for line in lines)


@pytest.fixture(scope="session")
def rooms(package_folders):
    """The top-level folders that hold product code."""
    return {folder.partition("/")[0] for folder in package_folders.values()}


@pytest.fixture(scope="session")
def product(sources, rooms):
    """The Python files of the product."""
    return [source for source in sources if source.room in rooms]
