"""Weighers: each says how good a host is. One file each, in this list.

A weigher is a class made with the configuration. It has a ``name``, a ``multiplier``, the ``option`` that it is (the
metadata key by which an aggregate sets another one for its hosts, spec 7.7), the ``minval`` and ``maxval`` between
which raw values are taken to lie (None: those of the candidates), and ``raw``. With ``needs_residents`` it is told
which servers are on the hosts. Or it looks at one host at a time: per_host.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.per_host import PerHostWeigher
from novasim.scheduler.plugins import find
from novasim.scheduler.request import Request
from novasim.scheduler.weighers.build_failure import BuildFailureWeigher
from novasim.scheduler.weighers.cpu import CPUWeigher
from novasim.scheduler.weighers.cross_cell import CrossCellWeigher
from novasim.scheduler.weighers.disk import DiskWeigher
from novasim.scheduler.weighers.hypervisor_version import HypervisorVersionWeigher
from novasim.scheduler.weighers.image_properties import ImagePropertiesWeigher
from novasim.scheduler.weighers.io_ops import IoOpsWeigher
from novasim.scheduler.weighers.metrics import MetricsWeigher
from novasim.scheduler.weighers.num_instances import NumInstancesWeigher
from novasim.scheduler.weighers.pci import PCIWeigher
from novasim.scheduler.weighers.ram import RAMWeigher
from novasim.scheduler.weighers.server_group_soft_affinity import ServerGroupSoftAffinityWeigher
from novasim.scheduler.weighers.server_group_soft_anti_affinity import ServerGroupSoftAntiAffinityWeigher

NAMESPACE = "novasim.scheduler.weighers"
ALL = [RAMWeigher, CPUWeigher, DiskWeigher, IoOpsWeigher, MetricsWeigher, ServerGroupSoftAffinityWeigher,
       ServerGroupSoftAntiAffinityWeigher, PCIWeigher, BuildFailureWeigher, CrossCellWeigher, HypervisorVersionWeigher,
       NumInstancesWeigher, ImagePropertiesWeigher]


class Weigher(Protocol):
    name: str
    multiplier: float
    option: str
    minval: float | None
    maxval: float | None

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        """A number for each of these rows: more is better where the multiplier is positive. None: all are equal."""


def all_weighers() -> list[Callable[[cfg.ConfigOpts], Any]]:
    """What ``weight_classes`` names by default."""
    return list(ALL)


def load(conf: cfg.ConfigOpts) -> list[Any]:
    """The weighers of the configuration.

    :raises ConfigurationError: when a path or name leads nowhere
    """
    found = [made for path in conf.filter_scheduler.weight_classes
             for made in find(path, NAMESPACE, ALL, "[filter_scheduler] weight_classes")]
    return [PerHostWeigher(made, conf) if hasattr(made, "_weigh_object") else made(conf) for made in found]
