"""What monitors measured, as the configuration weighs it (spec 7.9)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from oslo_config import cfg

from novasim import exceptions
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.host_state import measurements
from novasim.scheduler.request import Request

LOG = logging.getLogger(__name__)


def settings(entries: Sequence[str], option: str) -> dict[str, float]:
    """Entries ``name=ratio`` of an option; those that are none are warned of and left out."""
    found = {}
    for entry in entries:
        name, _, ratio = entry.partition("=")
        try:
            if not name.strip():
                raise ValueError(entry)
            found[name.strip()] = float(ratio)
        except ValueError:
            LOG.warning("%s: %r is not name=ratio and does not count", option, entry)
    return found


class MetricsWeigher:
    name = "MetricsWeigher"
    option = "metrics_weight_multiplier"
    minval = maxval = None

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.metrics.weight_multiplier
        self._ratios = settings(conf.metrics.weight_setting, "[metrics] weight_setting")
        self._required: bool = conf.metrics.required
        self._unavailable: float = conf.metrics.weight_of_unavailable

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        """:raises ComputeHostMetricNotFound: when one is missing and ``[metrics] required`` is set"""
        if not self._ratios:
            return None
        if self._required and len(rows) > 1:    # a host that is the only one need not be weighed (spec 7.9)
            self._check(hosts, rows)
        return hosts.metrics.numbers(self._value)[rows]

    def _value(self, text: str) -> float:
        measured, value = measurements(text), 0.0
        for name, ratio in self._ratios.items():
            if name in measured:
                value += measured[name] * ratio
            elif ratio:
                return self._unavailable
        return value

    def _check(self, hosts: HostColumns, rows: Array) -> None:
        lacking = ~hosts.metrics.where(lambda text: self._ratios.keys() <= measurements(text).keys())[rows]
        for row in rows[lacking][:1].tolist():
            name = min(self._ratios.keys() - measurements(hosts.metrics[row]).keys())
            raise exceptions.ComputeHostMetricNotFound(name=name, host=hosts.hosts[row], node=hosts.nodes[row])
