"""Made-up traces, and policies without files."""

import pytest

from novasim.launch.whatif import arrivals, policies

HEADER = ",".join(arrivals.HEADER)


@pytest.fixture(scope="session")
def make_arrivals():
    """Arrivals of (begin, end or None, flavor): ``small`` is 1 vCPU, 2048 MB, 10 GB; ``large`` sixteen times that."""
    def make(*servers):
        sizes = {"small": "1,2048,10", "large": "16,32768,160"}
        return arrivals.read([HEADER] + [f"{begin},{'' if end is None else end},{flavor},{sizes[flavor]}"
                                         for begin, end, flavor in servers])
    return make


@pytest.fixture(scope="session")
def make_policy():
    """A policy of options of the filter scheduler."""
    def make(name="p", **options):
        return policies.Policy(name, {f"filter_scheduler.{key}": value for key, value in options.items()})
    return make
