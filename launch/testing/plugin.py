"""The pytest plugin: fixtures that cost nothing until a test asks for one.

All tests of a process share what is dear: the first cluster of a shape is started, the next test that asks for the
same gets the same one, reset. Each worker of pytest-xdist has its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from novasim.sim.clock import Clock
    from novasim.testing.cluster import Cluster
    from novasim.testing.shelf import Shelf


@pytest.fixture(scope="session")
def novasim_shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """Where clusters and databases wait between tests."""
    with warnings.catch_warnings():
        # What the libraries that are imported have to say of each other is not for the tests of a client.
        warnings.simplefilter("ignore")
        from novasim.launch import seam

        if seam.chosen() is None:
            seam.choose(seam.THREADING)
        from novasim.testing.shelf import Shelf

    shelf = Shelf(tmp_path_factory.mktemp("novasim"))
    yield shelf
    shelf.close()


@pytest.fixture
def make_novasim_cluster(novasim_shelf: Shelf) -> Iterator[Callable[..., Cluster]]:
    """Makes running clusters: ``make_novasim_cluster(hosts=2, **{"quota.instances": 1})``.

    One with a ``clock`` of its own is not kept for other tests.
    """
    made: list[Cluster] = []

    def make(hosts: int = 3, clock: Clock | None = None, **overrides: Any) -> Cluster:
        made.append(novasim_shelf.cluster(hosts, clock, **overrides))
        return made[-1]

    yield make
    for cluster in made:
        novasim_shelf.put_back(cluster)


@pytest.fixture
def novasim_cluster(make_novasim_cluster: Callable[..., Cluster]) -> Cluster:
    """A running cluster of three hosts on which nothing takes time."""
    return make_novasim_cluster()
