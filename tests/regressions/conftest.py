"""The clusters of functional tests; see functional/cluster_fixture.py."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "functional"))

from cluster_fixture import clusters

from novasim.launch import seam

# Of native threads alone.
collect_ignore = ["test_stop_of_the_http_server.py"] if seam.is_green() else []


@pytest.fixture
def make_cluster(tmp_path, novasim_shelf):
    """Make a cluster with options of its own: ``make_cluster(hosts=2, max_attempts=1)``."""
    yield from clusters(tmp_path, novasim_shelf)


@pytest.fixture
def cluster(make_cluster):
    """A cluster of three hosts on which nothing takes time."""
    return make_cluster()
