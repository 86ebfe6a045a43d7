"""Services and compute nodes: who is there, who is alive, and how much room each has.

Everything works on many hosts with one statement: an agent process speaks for thousands of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import Label, bindparam, case, exists, func, insert, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement

from novasim import exceptions
from novasim.db import models
from novasim.db.engine import Transaction
from novasim.objects import ComputeNode, Service
from novasim.version import SERVICE_VERSION

_I = models.instances.c
_S = models.services.c
_N = models.compute_nodes.c
_SERVICE = [_S[name] for name in Service.__struct_fields__]
_NODE = [_N[name] for name in ComputeNode.__struct_fields__]
_CHUNK = 500


def newest(now: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """The time of a change of a hypervisor's row: never before that of the change before it, whose transaction may have
    begun later. Schedulers take the newer of two states by it."""
    return case((_N.updated_at > now, _N.updated_at), else_=now)


_HEARTBEAT = sql_update(models.services).where(
    _S.binary == bindparam("b_binary"), _S.host.in_(bindparam("hosts", expanding=True)), _S.deleted == 0).values(
    report_count=_S.report_count + 1, last_seen_up=bindparam("b_now"))
_KNOWN_SERVICES = select(_S.id, _S.host, _S.version).where(
    _S.binary == bindparam("b_binary"), _S.host.in_(bindparam("hosts", expanding=True)), _S.deleted == 0)
_KNOWN_NODES = select(*_NODE).where(_N.host.in_(bindparam("hosts", expanding=True)), _N.deleted == 0)
_HEARTBEATS = select(_S.host, _S.last_seen_up).where(
    _S.binary == bindparam("binary"), _S.last_seen_up >= bindparam("since"), _S.deleted == 0)
COMPUTE = "nova-compute"
FAILED_BUILDS = "failed_builds"
_TOUCH = sql_update(models.compute_nodes).where(_N.host == bindparam("b_host"), _N.deleted == 0).values(
    updated_at=newest(bindparam("b_now")))
_STATS_LOCKED = select(_N.id, _N.stats).where(_N.host == bindparam("host"), _N.deleted == 0).with_for_update()
_SET_STATS = sql_update(models.compute_nodes).where(_N.id == bindparam("b_id")).values(
    stats=bindparam("b_stats"), updated_at=newest(bindparam("b_now")))
_SET_METRICS = sql_update(models.compute_nodes).where(_N.host == bindparam("b_host"), _N.deleted == 0).values(
    metrics=bindparam("b_metrics"), updated_at=newest(bindparam("b_now")))
_FORGET_STATS = sql_update(models.compute_nodes).where(
    _N.host == bindparam("b_host"), _N.deleted == 0, _N.stats != "{}").values(
    stats="{}", updated_at=newest(bindparam("b_now")))


def up(host: ColumnElement[Any]) -> Label[bool]:
    """A column that says whether a host's agent has been heard of since ``since`` and is not forced down."""
    return exists().where(_S.host == host, _S.binary == COMPUTE, _S.deleted == 0, _S.forced_down.is_(False),
                          _S.last_seen_up >= bindparam("since", type_=models.Time)).label("up")


def part_up(values: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """What was read with such a column: the others, and what it says."""
    return {name: value for name, value in values.items() if name != "up"}, bool(values["up"])


_IS_UP = select(up(bindparam("host", type_=models.Name)))


def chunks(hosts: Sequence[str]) -> Iterable[Sequence[str]]:
    """Hosts in the portions that one statement takes."""
    return (hosts[start:start + _CHUNK] for start in range(0, len(hosts), _CHUNK))


def register(tx: Transaction, hosts: Sequence[str], binary: str, topic: str) -> None:
    """Make the service rows of these hosts where they are missing, and note that they are alive."""
    known = {row.host: row.version for part in chunks(hosts)
             for row in tx.execute(_KNOWN_SERVICES, {"b_binary": binary, "hosts": list(part)})}
    new = [host for host in hosts if host not in known]
    if new:
        rows = [
            {"uuid": uuidutils.generate_uuid(), "host": host, "binary": binary, "topic": topic, "report_count": 0,
             "disabled": False, "forced_down": False, "version": SERVICE_VERSION, "created_at": tx.now,
             "updated_at": tx.now, "last_seen_up": tx.now, "deleted": 0} for host in new]
        tx.insert_missing(models.services, rows)
    heartbeat(tx, [host for host in hosts if host in known], binary)
    for part in chunks([host for host in hosts if known.get(host, SERVICE_VERSION) != SERVICE_VERSION]):
        tx.execute(sql_update(models.services).where(
            _S.binary == binary, _S.host.in_(part), _S.deleted == 0).values(version=SERVICE_VERSION))


def least_version(tx: Transaction) -> int | None:
    """The generation of the oldest agents (spec 4.3); None while there are none."""
    version: int | None = tx.execute(select(func.min(_S.version)).where(
        _S.binary == COMPUTE, _S.deleted == 0)).scalar()
    return version


def heartbeat(tx: Transaction, hosts: Sequence[str], binary: str) -> None:
    """Note that these hosts' services are alive. ``updated_at`` is not touched: it is for an admin's changes
    (spec 12.2 #41)."""
    for part in chunks(hosts):
        tx.execute(_HEARTBEAT, {"b_binary": binary, "hosts": list(part), "b_now": tx.now})


def services(tx: Transaction, host: str | None = None, binary: str | None = None) -> list[Service]:
    statement = select(*_SERVICE).where(_S.deleted == 0).order_by(_S.id)
    if host is not None:
        statement = statement.where(_S.host == host)
    if binary is not None:
        statement = statement.where(_S.binary == binary)
    return [Service(**row._mapping) for row in tx.execute(statement)]


def service(tx: Transaction, service_id: int | str) -> Service:
    """One service by its number or its uuid.

    :raises ServiceNotFound: when there is none
    """
    column = _S.uuid if isinstance(service_id, str) else _S.id
    row = tx.execute(select(*_SERVICE).where(column == service_id, _S.deleted == 0)).one_or_none()
    if row is None:
        raise exceptions.ServiceNotFound(service_id=service_id)
    return Service(**row._mapping)


def heartbeats(tx: Transaction, binary: str, since: datetime) -> list[tuple[str, datetime]]:
    """Host and time of the heartbeats of a kind of service at or after a time."""
    return [(row.host, row.last_seen_up) for row in tx.execute(_HEARTBEATS, {"binary": binary, "since": since})]


def update_service(tx: Transaction, service_id: int, **values: Any) -> None:
    """An admin's change: disabled, disabled_reason, forced_down."""
    tx.execute(sql_update(models.services).where(_S.id == service_id, _S.deleted == 0).values(
        **values, updated_at=tx.now))


def delete_service(tx: Transaction, service_id: int) -> None:
    """Delete a service softly, and the compute nodes that are its."""
    for table, column in ((models.compute_nodes, _N.service_id), (models.services, _S.id)):
        tx.execute(sql_update(table).where(column == service_id, table.c.deleted == 0).values(
            deleted=table.c.id, deleted_at=tx.now, updated_at=tx.now))


def delete_agents(tx: Transaction, hosts: Sequence[str]) -> None:
    """Delete the agents of these hosts softly, with their hypervisors."""
    for part in chunks(hosts):
        for table, condition in ((models.compute_nodes, _N.host.in_(part)),
                                 (models.services, (_S.binary == COMPUTE) & _S.host.in_(part))):
            tx.execute(sql_update(table).where(condition, table.c.deleted == 0).values(
                deleted=table.c.id, deleted_at=tx.now, updated_at=tx.now))


def is_up(tx: Transaction, host: str, since: datetime) -> bool:
    """Whether a host's agent has been heard of since a time and is not forced down."""
    return bool(tx.execute(_IS_UP, {"host": host, "since": since}).scalar())


def gone(host: ColumnElement[Any], since: datetime, forced_since: datetime) -> ColumnElement[bool]:
    """The condition that a host's agent will hardly come back: for statements about what it works on.

    :param host: a column with the names of hosts
    :param since: not heard of since then
    :param forced_since: or forced down since then
    """
    return ~exists().where(
        _S.host == host, _S.binary == COMPUTE, _S.deleted == 0, _S.last_seen_up >= since,
        or_(_S.forced_down.is_(False), _S.updated_at > forced_since))


# What a hypervisor says of itself at each start.
_REPORTED = ("vcpus", "memory_mb", "local_gb", "host_ip", "hypervisor_type", "hypervisor_version", "cpu_info",
             "supported_instances")


def register_nodes(tx: Transaction, nodes: Sequence[ComputeNode], reserved: Mapping[str, int]) -> None:
    """Insert or update hypervisors: what they say of themselves; what is used is the ledger's (db/claims.py).

    :param reserved: ``memory_mb``, ``disk_gb``, ``vcpus`` that a new host keeps for itself
    """
    by_host = {node.host: node for node in nodes}
    hosts = list(by_host)
    known = {(row.host, row.hypervisor_hostname): row for part in chunks(hosts)
             for row in tx.execute(_KNOWN_NODES, {"hosts": list(part)})}
    service_ids = {row.host: row.id for part in chunks(hosts)
                   for row in tx.execute(_KNOWN_SERVICES, {"b_binary": COMPUTE, "hosts": list(part)})}
    new = [_new_node(tx, node, service_ids[node.host], reserved) for node in nodes
           if (node.host, node.hypervisor_hostname) not in known]
    if new:
        tx.execute(insert(models.compute_nodes), new)
    for key, row in known.items():
        node = by_host[key[0]]
        reported = {name: getattr(node, name) for name in _REPORTED}
        if any(getattr(row, name) != value for name, value in reported.items()):
            tx.execute(sql_update(models.compute_nodes).where(_N.id == row.id).values(
                updated_at=tx.now, free_ram_mb=node.memory_mb - _N.memory_mb_used,
                free_disk_gb=node.local_gb - _N.local_gb_used, **reported))


def _new_node(tx: Transaction, node: ComputeNode, service_id: int, reserved: Mapping[str, int]) -> dict[str, Any]:
    values = {name: getattr(node, name) for name in ComputeNode.__struct_fields__ if name != "id"}
    memory, disk = reserved.get("memory_mb", 0), reserved.get("disk_gb", 0)
    return values | {
        "uuid": node.uuid or uuidutils.generate_uuid(), "service_id": service_id,
        "vcpus_used": reserved.get("vcpus", 0), "memory_mb_used": memory, "local_gb_used": disk,
        "free_ram_mb": node.memory_mb - memory, "free_disk_gb": node.local_gb - disk, "current_workload": 0,
        "running_vms": 0, "stats": "{}", "created_at": tx.now, "updated_at": tx.now, "deleted": 0}


def nodes(tx: Transaction, host: str | None = None, pattern: str | None = None, limit: int | None = None,
          marker: int | str | None = None) -> list[ComputeNode]:
    """Hypervisors by id; of one host, or with a name that contains ``pattern``.

    :param marker: number or uuid of the last one of the page before
    :raises HypervisorNotFound: when the marker is unknown
    """
    statement = select(*_NODE).where(_N.deleted == 0).order_by(_N.id).limit(limit)
    if host is not None:
        statement = statement.where(_N.host == host)
    if pattern is not None:
        statement = statement.where(_N.hypervisor_hostname.contains(pattern, autoescape=True))
    if marker is not None:
        statement = statement.where(_N.id > node(tx, marker).id)
    return [ComputeNode(**row._mapping) for row in tx.execute(statement)]


def node(tx: Transaction, hypervisor_id: int | str) -> ComputeNode:
    """One hypervisor by its number or uuid.

    :raises HypervisorNotFound: when there is none
    """
    column = _N.uuid if isinstance(hypervisor_id, str) else _N.id
    row = tx.execute(select(*_NODE).where(column == hypervisor_id, _N.deleted == 0)).one_or_none()
    if row is None:
        raise exceptions.HypervisorNotFound(hypervisor_id=hypervisor_id)
    return ComputeNode(**row._mapping)


def of_instances(tx: Transaction, uuids: Sequence[str]) -> dict[str, str]:
    """The hosts of those of these servers that live and have one."""
    return {row.uuid: row.host for part in chunks(uuids) for row in tx.execute(select(_I.uuid, _I.host).where(
        _I.uuid.in_(part), _I.deleted == 0, _I.host.is_not(None)))}


def image_properties(tx: Transaction, image_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The properties of these images, deleted ones too: servers outlive them."""
    images = models.images.c
    return {row.uuid: {key: str(value) for key, value in json.loads(row.properties or "{}").items()}
            for part in chunks(image_ids)
            for row in tx.execute(select(images.uuid, images.properties).where(images.uuid.in_(part)))}


def touch(tx: Transaction, host: str) -> None:
    """Have the schedulers read a host again: room that one of them gave away there was not taken."""
    tx.execute(_TOUCH, {"b_host": host, "b_now": tx.now})


def count_failed_build(tx: Transaction, host: str) -> None:
    """One more build failed on a host since the last that did not, for BuildFailureWeigher."""
    for row in tx.execute(_STATS_LOCKED, {"host": host}).all():
        stats = json.loads(row.stats or "{}")
        stats[FAILED_BUILDS] = stats.get(FAILED_BUILDS, 0) + 1
        tx.execute(_SET_STATS, {"b_id": row.id, "b_stats": json.dumps(stats), "b_now": tx.now})


def forget_failed_builds(tx: Transaction, host: str) -> None:
    """A build did not fail. Hosts without a failed one before are not written."""
    tx.execute(_FORGET_STATS, {"b_host": host, "b_now": tx.now})


def set_workload(tx: Transaction, host: str, running_vms: int, current_workload: int) -> None:
    """What the audit counted on a host (spec 8.8); rows that say so already are not written."""
    tx.execute(sql_update(models.compute_nodes).where(
        _N.host == host, _N.deleted == 0,
        or_(_N.running_vms != running_vms, _N.current_workload != current_workload)).values(
        running_vms=running_vms, current_workload=current_workload))


def set_metrics(tx: Transaction, metrics: Mapping[str, str | None]) -> None:
    """What monitors measured, as JSON by host, in one statement."""
    if metrics:
        tx.execute(_SET_METRICS, [{"b_host": host, "b_metrics": text, "b_now": tx.now}
                                  for host, text in metrics.items()])


def statistics(tx: Transaction) -> dict[str, int]:
    """Count and sums over all hypervisors (spec 3.9), but for what runs on them."""
    names = ("vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb",
             "free_disk_gb", "disk_available_least")
    row = tx.execute(select(func.count().label("count"), *(
        func.coalesce(func.sum(_N[name]), 0).label(name) for name in names)).where(_N.deleted == 0)).one()
    return {name: int(value) for name, value in row._mapping.items()}


def nodes_of(tx: Transaction, hosts: Sequence[str]) -> list[ComputeNode]:
    """The hypervisors of these hosts."""
    return [ComputeNode(**row._mapping) for part in chunks(hosts) for row in tx.execute(select(*_NODE).where(
        _N.host.in_(part), _N.deleted == 0).order_by(_N.host))]


def services_on(tx: Transaction, hosts: Sequence[str], binary: str = COMPUTE) -> dict[str, Service]:
    """The services of a kind on these hosts, by host."""
    return {row.host: Service(**row._mapping) for part in chunks(hosts) for row in tx.execute(
        select(*_SERVICE).where(_S.binary == binary, _S.host.in_(part), _S.deleted == 0))}
