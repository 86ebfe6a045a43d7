"""A server that asks for PCI devices needs a host that has them (spec 7.5).

Simulated hypervisors have none to give away, so none of them does.
"""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

ALIAS = "pci_passthrough:alias"


class PciPassthroughFilter:
    name = "PciPassthroughFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        return np.zeros(len(hosts), dtype=bool) if spec.flavor.extra_specs.get(ALIAS) else None

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"it has no PCI devices, asked are {spec.flavor.extra_specs[ALIAS]}"
