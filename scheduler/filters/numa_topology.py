"""A server that asks for NUMA nodes, pinned CPUs or huge pages needs a host that has them (spec 7.5).

Simulated hypervisors report no NUMA topology, so none of them does.
"""

from __future__ import annotations

import re

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

# Without these extra specs and image properties a server has no topology of its own.
_ASKS = re.compile(r"hw[:_](numa_nodes|numa_cpus\..*|numa_mem\..*|mem_page_size|pmem|cpu_policy|emulator_threads_policy"
                   r"|cpu_dedicated_mask)$")


class NUMATopologyFilter:
    name = "NUMATopologyFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        return np.zeros(len(hosts), dtype=bool) if _asked(spec) else None

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"it has no NUMA topology, asked are {', '.join(_asked(spec))}"


def _asked(spec: Request) -> list[str]:
    given = spec.image_properties | spec.flavor.extra_specs
    # Shared CPUs are what a server has without a policy.
    return sorted(key for key, value in given.items() if _ASKS.match(key) and value != "shared")
