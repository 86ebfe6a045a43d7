"""The hosts as columns of numbers: what filters and weighers look at, ten thousand hosts at a time.

Row ``i`` of every column is the same hypervisor, in the order of the database's ids. Values change in place;
when hosts come or go new columns are made, so a row number stays good while somebody holds its columns.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from novasim.objects import Aggregate, ComputeNode, Flavor, Resident, Service
from novasim.scheduler.aggregates import Memberships
from novasim.scheduler.arrays import Array
from novasim.scheduler.derived import Derived
from novasim.scheduler.host_state import HostState
from novasim.scheduler.residents import Residents
from novasim.scheduler.texts import Texts

TIME = "datetime64[us]"
_NEVER = np.datetime64(datetime.max, "us")


def _free_disk_mb(node: ComputeNode) -> int:
    """Spec 7.3: the smaller of what is not given away and what the driver says is really left."""
    least = node.disk_available_least
    return 1024 * (node.free_disk_gb if least is None else min(node.free_disk_gb, least))


def _content(node: ComputeNode) -> int:
    """Tells two rows of the same instant apart; a clock may be coarse, or stand still in a replay."""
    return hash((node.id, node.memory_mb, node.free_ram_mb, node.local_gb, node.free_disk_gb,
                 node.disk_available_least, node.vcpus, node.vcpus_used, node.local_gb_used, node.hypervisor_version,
                 node.metrics, node.stats, *(getattr(node, name) for name in TEXT_COLUMNS)))


def _failed_builds(node: ComputeNode) -> int:
    """Builds that failed since the last one that did not."""
    return int(json.loads(node.stats).get("failed_builds", 0)) if node.stats and node.stats != "{}" else 0


# Columns of texts (texts.py).
TEXT_COLUMNS = ("hypervisor_type", "cpu_info", "supported_instances", "host_ip", "metrics", "stats")
# column -> (type, where it comes from)
NODE_COLUMNS: dict[str, tuple[str, Callable[[ComputeNode], Any]]] = {
    "memory_mb": ("int64", operator.attrgetter("memory_mb")),
    "free_ram_mb": ("int64", operator.attrgetter("free_ram_mb")),
    "local_gb": ("int64", operator.attrgetter("local_gb")),
    "free_disk_mb": ("int64", _free_disk_mb),
    "vcpus": ("int64", operator.attrgetter("vcpus")),
    "vcpus_used": ("int64", operator.attrgetter("vcpus_used")),
    "local_gb_used": ("int64", operator.attrgetter("local_gb_used")),
    "hypervisor_version": ("int64", operator.attrgetter("hypervisor_version")),
    "failed_builds": ("int64", _failed_builds),
    "node_id": ("int64", operator.attrgetter("id")),
    "content": ("int64", _content),
    # When the row was written or, if later, when this scheduler gave room on it away.
    "updated_at": (TIME, operator.attrgetter("updated_at")),
}
SERVICE_COLUMNS: dict[str, tuple[str, Callable[[Service], Any]]] = {
    "disabled": ("bool", operator.attrgetter("disabled")),
    "forced_down": ("bool", operator.attrgetter("forced_down")),
    "last_seen_up": (TIME, operator.attrgetter("last_seen_up")),
}
# What consume() changes, and so what undo() puts back.
_CONSUMED = ("free_ram_mb", "free_disk_mb", "vcpus_used", "updated_at")


@dataclass(frozen=True)
class _Alive:
    """The hosts that are up, and for which times that is so unless more is heard."""

    where: Array
    down_after: np.timedelta64
    since: np.datetime64
    until: np.datetime64


def _in_small_letters(by_host: Mapping[str, list[int]]) -> Mapping[str, list[int]]:
    """The rows by the names in small letters, in which nearly all names are."""
    if all(host == host.lower() for host in by_host):
        return by_host
    by_lower: dict[str, list[int]] = {}
    for host, rows in by_host.items():
        by_lower.setdefault(host.lower(), []).extend(rows)
    return by_lower


def _values(columns: Mapping[str, tuple[str, Callable[[Any], Any]]],
            items: Sequence[Any]) -> dict[str, Array]:
    return {name: np.array([get(item) for item in items], dtype=kind)
            for name, (kind, get) in columns.items()}


class HostColumns:
    """A fleet.

    :param nodes: hypervisors, as the database has them
    :param services: the compute service of each host; a host without one is kept but is never a candidate
    :param aggregates: what is said of several hosts together, their availability zones among it
    :param now: the time for which liveness is judged
    :param tracked: whether it is known which servers are on the hosts (residents.py)
    """

    memory_mb: Array
    free_ram_mb: Array
    local_gb: Array
    free_disk_mb: Array
    vcpus: Array
    vcpus_used: Array
    local_gb_used: Array
    hypervisor_version: Array
    failed_builds: Array
    hypervisor_type: Texts
    cpu_info: Texts
    supported_instances: Texts
    host_ip: Texts
    metrics: Texts
    stats: Texts
    node_id: Array
    content: Array
    updated_at: Array
    disabled: Array
    forced_down: Array
    last_seen_up: Array

    def __init__(self, nodes: Sequence[ComputeNode] = (), services: Mapping[str, Service] | None = None,
                 aggregates: Sequence[Aggregate] = (), now: datetime | None = None, tracked: bool = False):
        self.now = np.datetime64(now or datetime.min, "us")
        self.hosts = [node.host for node in nodes]
        self.nodes = [node.hypervisor_hostname for node in nodes]
        self.by_node = {key: row for row, key in enumerate(zip(self.hosts, self.nodes, strict=True))}
        self.by_host: dict[str, list[int]] = {}
        for row, host in enumerate(self.hosts):
            self.by_host.setdefault(host, []).append(row)
        self._by_lower = _in_small_letters(self.by_host)
        # Whether each hypervisor is called as its host is.
        self.nodes_are_hosts = self.hosts == self.nodes
        vars(self).update(_values(NODE_COLUMNS, nodes))
        vars(self).update({name: Texts([getattr(node, name) or "" for node in nodes]) for name in TEXT_COLUMNS})
        self.residents = Residents(len(nodes), tracked)
        self._states: dict[int, HostState] = {}
        self.derived = Derived()
        self._set_services(services or {})
        self.aggregates = Memberships(aggregates, self.rows_of, len(nodes))
        self._set_zones()

    def __len__(self) -> int:
        return len(self.hosts)

    def _set_services(self, services: Mapping[str, Service]) -> None:
        none = Service(uuid="", host="", binary="", topic="", disabled=True)
        vars(self).update(_values(SERVICE_COLUMNS, [services.get(host, none) for host in self.hosts]))
        self.has_service = np.array([host in services for host in self.hosts], dtype=bool)
        self._alive: _Alive | None = None

    def _set_zones(self) -> None:
        """Zones as small numbers; 0 is for hosts without one of their own."""
        zones = self.aggregates.zones()
        self.zone_codes = {zone: code for code, zone in enumerate(sorted({zone for zone, _ in zones}), start=1)}
        self._zone_names = dict(zip(self.zone_codes.values(), self.zone_codes, strict=True))
        self.zone = np.zeros(len(self), dtype="int32")
        for zone, rows in zones:
            self.zone[rows] = self.zone_codes[zone]

    def zone_name(self, row: int, default: str) -> str:
        """The zone of one host, ``default`` where it has none of its own."""
        return self._zone_names.get(int(self.zone[row]), default)

    def state(self, row: int) -> HostState:
        """A host as an object; made when it is first asked for, and again when the row changed."""
        state = self._states.get(row)
        if state is None:
            state = self._states[row] = HostState(self, row)
        return state

    def alive(self, down_after: np.timedelta64) -> Array:
        """Where the compute service was heard of lately and is not forced down (spec 8.11).

        :param down_after: how long ago is too long
        """
        kept = self._alive
        if kept is None or kept.down_after != down_after or not kept.since <= self.now <= kept.until:
            # A host that was never heard of has no time (NaT), which compares as False.
            where = self.has_service & ~self.forced_down & (self.last_seen_up >= self.now - down_after)
            # The first that will be down if nobody is heard of again.
            seen = self.last_seen_up[where]
            first = seen.min() if len(seen) else _NEVER
            kept = self._alive = _Alive(where, down_after, self.now, first + down_after)
        return kept.where

    def rows_of(self, hosts: Iterable[str]) -> list[int]:
        """Rows of these hosts; unknown names have none."""
        return [row for host in hosts for row in self.by_host.get(host, ())]

    def rows_called(self, hosts: Iterable[str]) -> list[int]:
        """The same, whether names are written in capitals or not (spec 7.4)."""
        return [row for host in {host.lower() for host in hosts} for row in self._by_lower.get(host, ())]

    def mask(self, rows: Sequence[int] | Array) -> Array:
        """True at these rows."""
        mask = np.zeros(len(self), dtype=bool)
        mask[rows] = True
        return mask

    def counts(self, by_host: Mapping[str, int]) -> Array:
        """A number a host as a column; 0 for hosts that are not named."""
        column = np.zeros(len(self), dtype="int64")
        for host, count in by_host.items():
            column[self.by_host.get(host, [])] = count
        return column

    def write_nodes(self, nodes: Sequence[ComputeNode]) -> None:
        """Take over rows that are newer than what is here; those of unknown hypervisors are passed over."""
        known = [node for node in nodes if (node.host, node.hypervisor_hostname) in self.by_node]
        rows = np.array([self.by_node[node.host, node.hypervisor_hostname] for node in known], dtype="int64")
        values = _values(NODE_COLUMNS, known)
        written, here = values["updated_at"], self.updated_at[rows]
        # Negated, so that a row without a time counts as newer.
        newer = ~(written <= here) | ((written == here) & (values["content"] != self.content[rows]))
        for name, column in values.items():
            getattr(self, name)[rows[newer]] = column[newer]
        fresh = [node for node, is_newer in zip(known, newer.tolist(), strict=True) if is_newer]
        for name in TEXT_COLUMNS:
            getattr(self, name).write(rows[newer], [getattr(node, name) or "" for node in fresh])
        self._changed(rows[newer].tolist())

    def write_residents(self, servers: Sequence[Resident]) -> None:
        """Take over where servers are."""
        self._changed(self.residents.write(servers, self.by_node))

    def _changed(self, rows: Collection[int]) -> None:
        for row in rows:
            self._states.pop(row, None)
        self.derived.changed(rows)

    def write_services(self, services: Sequence[Service]) -> None:
        """Take over service rows; those of unknown hosts are passed over."""
        pairs = [(row, service) for service in services for row in self.by_host.get(service.host, ())]
        rows = [row for row, _ in pairs]
        for name, column in _values(SERVICE_COLUMNS, [service for _, service in pairs]).items():
            getattr(self, name)[rows] = column
        self.has_service[rows] = True
        self._alive = None

    def write_heartbeats(self, seen: Iterable[tuple[str, datetime]]) -> None:
        """Note when hosts were last heard of."""
        pairs = [(row, when) for host, when in seen for row in self.by_host.get(host, ())]
        rows = [row for row, _ in pairs]
        self.last_seen_up[rows] = np.array([when for _, when in pairs], dtype=TIME)
        self._alive = None

    def keep_consumption(self, older: HostColumns, since: datetime) -> None:
        """Carry over room given away at or after a time that no row of the database shows yet."""
        when = np.datetime64(since, "us")
        moved = {row: self.by_node[key] for key, row in older.by_node.items() if key in self.by_node}
        for row in np.flatnonzero(older.updated_at >= when).tolist():
            here = moved.get(row)
            if here is not None and older.updated_at[row] > self.updated_at[here]:
                for name in _CONSUMED:
                    getattr(self, name)[here] = getattr(older, name)[row]
        self.residents.keep_expected(older.residents, when, moved)
        self.residents.image_properties |= older.residents.image_properties

    def consume(self, row: int, flavor: Flavor, server: Resident | None = None) -> tuple[Any, ...]:
        """Give room for a flavor away at once; returns what :meth:`undo` needs.

        :param server: who gets it, where it is known which servers are on the hosts
        """
        before = (row, server, *(getattr(self, name)[row] for name in _CONSUMED))
        self.free_ram_mb[row] -= flavor.memory_mb
        self.free_disk_mb[row] -= 1024 * flavor.disk_gb
        self.vcpus_used[row] += flavor.vcpus
        if not self.updated_at[row] > self.now:
            self.updated_at[row] = self.now
        self.residents.expect(row, server, self.now)
        self._changed((row,))
        return before

    def release(self, row: int, flavor: Flavor, uuid: str) -> None:
        """Take room for a flavor back when its server, ``uuid``, is gone; unlike :meth:`undo`, in any order."""
        self.free_ram_mb[row] += flavor.memory_mb
        self.free_disk_mb[row] += 1024 * flavor.disk_gb
        self.vcpus_used[row] -= flavor.vcpus
        if self.residents.tracked:
            self.write_residents([Resident(uuid, deleted=1)])
        else:
            self.residents.num_instances[row] -= 1
        self._changed((row,))

    def undo(self, before: tuple[Any, ...]) -> None:
        """Take a consumption back; the last one first."""
        row, server, *values = before
        for name, value in zip(_CONSUMED, values, strict=True):
            getattr(self, name)[row] = value
        self.residents.unexpect(row, server)
        self._changed((row,))
