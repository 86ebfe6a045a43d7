"""Prefers, for a move that may cross cells, the cell that the server is in (spec 7.9).

All hosts are in one cell, so all are equal.
"""

from __future__ import annotations

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request


class CrossCellWeigher:
    name = "CrossCellWeigher"
    option = "cross_cell_move_weight_multiplier"
    minval = maxval = None

    def __init__(self, conf: cfg.ConfigOpts):
        self.multiplier: float = conf.filter_scheduler.cross_cell_move_weight_multiplier

    def raw(self, hosts: HostColumns, spec: Request, rows: Array) -> Array | None:
        return None
