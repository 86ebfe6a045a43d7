"""Only hosts of the zone that was asked for (spec 7.5)."""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class AvailabilityZoneFilter:
    name = "AvailabilityZoneFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        self._default: str = conf.default_availability_zone

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        if not spec.availability_zone:
            return None
        wanted: Array = hosts.zone == hosts.zone_codes.get(spec.availability_zone, -1)
        return wanted | (hosts.zone == 0) if spec.availability_zone == self._default else wanted

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"in zone {hosts.zone_name(row, self._default)}, not {spec.availability_zone}"
