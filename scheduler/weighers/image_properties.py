"""Hosts are the better, the more their servers' images are like the one asked for (spec 7.9).

Each property that the image of a server on the host has with the same value counts with its weight.
"""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request
from novasim.scheduler.weighers.metrics import settings


class ImagePropertiesWeigher:
    name = "ImagePropertiesWeigher"
    option = "image_props_weight_multiplier"
    minval = maxval = None
    needs_residents = True

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.image_props_weight_multiplier
        self._weights = settings(conf.filter_scheduler.image_props_weight_setting,
                                 "[filter_scheduler] image_props_weight_setting")

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        wanted = spec.image_properties
        if not wanted:
            return None
        likeness = np.zeros(len(hosts))
        for image, counts in hosts.residents.by_image().items():
            weight = self._likeness(wanted, hosts.residents.image_properties.get(image, {}))
            if weight:
                likeness[list(counts)] += weight * np.array(list(counts.values()))
        return likeness[rows]

    def _likeness(self, wanted: dict[str, str], has: dict[str, str]) -> float:
        """Without weights in the configuration all properties count, and the same."""
        return sum(self._weights.get(key, 0.0) if self._weights else 1.0
                   for key, value in wanted.items() if has.get(key) == value)
