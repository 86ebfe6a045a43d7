"""Only hosts with virtual CPUs enough, counted with the ratio to which they may be given away (spec 7.5)."""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array, ratio_at
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class CoreFilter:
    name = "CoreFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        self._ratio: float = conf.filter_scheduler.cpu_allocation_ratio

    def ratio(self, hosts: HostColumns) -> Array | float:
        """How much of each host may be given away."""
        return self._ratio

    def passes(self, hosts: HostColumns, spec: Request) -> Array:
        """A host that does not say how many CPUs it has passes."""
        return self._free(hosts) >= spec.flavor.vcpus

    def _free(self, hosts: HostColumns) -> Array:
        ratio = self.ratio(hosts)
        return hosts.derived((self.name, self._ratio), lambda at: np.where(
            hosts.vcpus[at] == 0, np.inf, hosts.vcpus[at] * ratio_at(ratio, at) - hosts.vcpus_used[at]))

    def limits(self, hosts: HostColumns, spec: Request, row: int) -> dict[str, float]:
        limit = float(hosts.vcpus[row] * ratio_at(self.ratio(hosts), row))
        return {"vcpu": limit} if limit > 0 else {}

    def reasons(self, hosts: HostColumns, spec: Request, rows: Array) -> tuple[str, list[Array]]:
        return (f"{spec.flavor.vcpus} VCPUs asked, %.0f of %.0f free",
                [self._free(hosts)[rows], hosts.vcpus[rows] * ratio_at(self.ratio(hosts), rows)])
