"""What monitors measure on the hosts, for MetricsFilter and MetricsWeigher: off unless ``compute_monitors`` names one.

A measurement is written when it differs from the last one, by the audit of the resources, for all hosts of a process in
one statement.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from novasim.compute.agents import Agents
from novasim.compute.options import CPU_MONITOR
from novasim.db import hosts
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode

Measured = dict[str, dict[str, float]]


def measure(agents: Agents) -> Measured:
    """By host, the value of each metric; nothing where no monitor is on."""
    if CPU_MONITOR not in agents.conf.compute_monitors:
        return {}
    return {host: {f"cpu.{name}": value for name, value in stats.items()}
            for host, stats in agents.driver.get_host_cpu_stats(agents.hosts).items()}


def write(tx: Transaction, nodes: Sequence[ComputeNode], measured: Measured) -> None:
    """Note what changed since the last time, and forget what is not measured any more.

    :param nodes: as they are in the database
    """
    hosts.set_metrics(tx, {node.host: _text(measured.get(node.host), tx.now) for node in nodes
                           if _values(node) != measured.get(node.host)})


def _values(node: ComputeNode) -> dict[str, float] | None:
    return None if node.metrics is None else {one["name"]: one["value"] for one in json.loads(node.metrics)}


def _text(values: dict[str, float] | None, now: datetime) -> str | None:
    if values is None:
        return None
    measured: list[dict[str, Any]] = [{"name": name, "value": value, "timestamp": now.isoformat(),
                                       "source": CPU_MONITOR} for name, value in sorted(values.items())]
    return json.dumps(measured)
