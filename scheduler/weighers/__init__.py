"""Weighers: each says how good a host is. One file each, in this list.

A weigher is a class made with the configuration. It has a ``name``, a ``multiplier``, the ``option`` that it is (the
metadata key by which an aggregate sets another one for its hosts, spec 7.7), the ``minval`` and ``maxval`` between
which raw values are taken to lie (None: those of the candidates), and ``raw``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.filters import classes
from novasim.scheduler.request import Request
from novasim.scheduler.weighers.ram import RAMWeigher
from novasim.scheduler.weighers.server_group_soft_affinity import ServerGroupSoftAffinityWeigher
from novasim.scheduler.weighers.server_group_soft_anti_affinity import ServerGroupSoftAntiAffinityWeigher

ALL = [RAMWeigher, ServerGroupSoftAffinityWeigher, ServerGroupSoftAntiAffinityWeigher]


class Weigher(Protocol):
    name: str
    multiplier: float
    option: str
    minval: float | None
    maxval: float | None

    def raw(self, hosts: HostColumns, spec: Request) -> Array:
        """One number a host: more is better where the multiplier is positive."""


def all_weighers() -> list[Callable[[cfg.ConfigOpts], Any]]:
    """What ``weight_classes`` names by default."""
    return list(ALL)


def load(conf: cfg.ConfigOpts) -> list[Any]:
    """The weighers of the configuration.

    :raises ConfigurationError: when an import path leads nowhere
    """
    return [made(conf) for made in classes(conf.filter_scheduler.weight_classes, "weight_classes")]


def normalize(raw: Array, minval: float | None = None, maxval: float | None = None) -> Array:
    """Raw values of the candidates as 0..1 (spec 7.9).

    Declared bounds widen where a value lies outside; where both bounds are the same, all are 0.
    """
    low = raw.min() if minval is None else min(minval, raw.min())
    high = raw.max() if maxval is None else max(maxval, raw.max())
    if high == low:
        return np.zeros(len(raw))
    return (raw - low) / (high - low)
