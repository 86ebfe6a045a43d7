"""Only hosts that have what the flavor's extra specs want of them (spec 7.5, 7.6).

A spec counts when its scope is ``capabilities``, or without a scope when hosts have such an attribute at all. The
rest of the key is a path: an attribute of the host, one of its stats, or a part of one that is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from oslo_config import cfg

from novasim.scheduler import extra_specs
from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.host_state import NUMBERS, TEXTS, HostState
from novasim.scheduler.request import Request

SCOPE = "capabilities"


class ComputeCapabilitiesFilter:
    name = "ComputeCapabilitiesFilter"
    run_filter_once_per_request = True
    needs_residents = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        passes: Array | None = None
        for path, wanted, optional in _wanted(spec):
            fits = _fits(hosts, path, wanted, optional)
            passes = fits if passes is None else passes & fits
        return passes

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        path, wanted = next((path, wanted) for path, wanted, optional in _wanted(spec)
                            if not _fits(hosts, path, wanted, optional)[row])
        value = found(hosts.state(row), path)
        return f"its {':'.join(path)} is {value}, not {wanted}" if value is not None else f"it has no {':'.join(path)}"


def _wanted(spec: Request) -> Iterator[tuple[list[str], str, bool]]:
    """(path, what is wanted, whether hosts without it pass) of each extra spec that counts."""
    for key, wanted in spec.flavor.extra_specs.items():
        scope, *path = key.split(":")
        if not path:
            yield [scope], wanted, True
        elif scope == SCOPE:
            yield path, wanted, False


def _fits(hosts: HostColumns, path: list[str], wanted: str, optional: bool) -> Array:
    name, *rest = path
    if name in NUMBERS and not rest:
        values, where = np.unique(getattr(hosts, NUMBERS[name]), return_inverse=True)
        return np.array([extra_specs.match(str(value), wanted) for value in values.tolist()], dtype=bool)[where]
    if name in TEXTS:
        return getattr(hosts, name).where(lambda text: _match(_walk(text, rest), wanted))
    return np.array([optional and not _has(hosts.state(row), name) or _match(found(hosts.state(row), path), wanted)
                     for row in range(len(hosts))], dtype=bool)


def _has(state: HostState, name: str) -> bool:
    return hasattr(state, name) or name in state.stats


def _match(value: Any, wanted: str) -> bool:
    return value is not None and extra_specs.match(str(value), wanted)


def found(state: HostState, path: list[str]) -> Any:
    """What a host has at a path; None where there is nothing."""
    name, *rest = path
    value = getattr(state, name, None)
    return _walk(state.stats.get(name) if value is None else value, rest)


def _walk(value: Any, path: list[str]) -> Any:
    for name in path:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return None
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value
