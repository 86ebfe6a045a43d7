"""Keeps hosts with PCI devices for the servers that need them (spec 7.9).

Simulated hypervisors have none to give away, so all hosts are equal.
"""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class PCIWeigher:
    name = "PCIWeigher"
    option = "pci_weight_multiplier"
    minval = 0.0
    maxval = None

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.pci_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        return None
