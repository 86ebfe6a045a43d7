"""A server that asks for a trusted host needs one that an attestation service knows (spec 7.5).

There is no such service here: what it would say of every host is that it does not know.
"""

from __future__ import annotations

import numpy as np
from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

TRUST = "trust:trusted_host"
UNKNOWN = "unknown"


class TrustedFilter:
    name = "TrustedFilter"

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        wanted = spec.flavor.extra_specs.get(TRUST)
        return None if wanted in (None, "", UNKNOWN) else np.zeros(len(hosts), dtype=bool)

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        return f"its trust is {UNKNOWN}, asked is {spec.flavor.extra_specs[TRUST]}"
