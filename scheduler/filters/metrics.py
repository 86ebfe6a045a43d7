"""Only hosts whose monitors measured all that the metrics weigher looks at (spec 7.5, 7.9)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.host_state import measurements
from novasim.scheduler.request import Request
from novasim.scheduler.weighers.metrics import settings


class MetricsFilter:
    name = "MetricsFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        self._names = settings(conf.metrics.weight_setting, "[metrics] weight_setting").keys()

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        return hosts.metrics.where(lambda text: self._names <= measurements(text).keys())

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"did not measure {', '.join(sorted(self._names - measurements(hosts.metrics[row]).keys()))}"
