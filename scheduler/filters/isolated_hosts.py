"""Some images go to hosts of their own, and with the restriction no others do (spec 7.5)."""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class IsolatedHostsFilter:
    name = "IsolatedHostsFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        options = conf.filter_scheduler
        self._hosts: list[str] = options.isolated_hosts
        self._images: list[str] = options.isolated_images
        self._restrict: bool = options.restrict_isolated_hosts_to_isolated_images

    def _is_isolated(self, spec: Request) -> bool:
        return spec.image.get("id") in self._images

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        isolated = hosts.mask(hosts.rows_of(self._hosts))
        if self._is_isolated(spec):
            return isolated
        return ~isolated if self._restrict else np.ones(len(hosts), dtype=bool)

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return "the image needs an isolated host" if self._is_isolated(spec) else "kept for isolated images"
