"""Pages of servers for ``GET /servers``: filters, order and marker, all answered by an index and a limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, exists, func, or_, select, true
from sqlalchemy.sql import ColumnElement

from novasim import exceptions, states
from novasim.db import aggregates, instances, models, pages, ports, tags
from novasim.db.engine import Transaction
from novasim.objects import SHELVED_AT, Instance

_T = models.instances.c
_M = models.migrations.c
_SYS = models.instance_system_metadata.c
_COLUMNS = [_T[name] for name in Instance.__struct_fields__ if name not in ("metadata", "system_metadata")]

# What a user may sort by: name in the API -> column.
SORT_KEYS = {
    "created_at": "created_at", "updated_at": "updated_at", "display_name": "display_name", "uuid": "uuid",
    "vm_state": "vm_state", "task_state": "task_state", "power_state": "power_state", "host": "host", "node": "node",
    "instance_type_id": "instance_type_id", "image_ref": "image_ref", "project_id": "project_id",
    "user_id": "user_id", "launched_at": "launched_at", "terminated_at": "terminated_at", "progress": "progress",
    "availability_zone": "availability_zone", "access_ip_v4": "access_ip_v4", "access_ip_v6": "access_ip_v6",
    "hostname": "hostname", "key_name": "key_name", "launch_index": "launch_index", "root_device_name":
    "root_device_name", "config_drive": "config_drive", "auto_disk_config": "auto_disk_config",
    "display_description": "display_description", "locked": "locked", "locked_by": "locked_by",
}
# Filters that compare a column with one value.
_EQUAL = ("project_id", "user_id", "image_ref", "instance_type_id", "host", "node", "reservation_id", "vm_state",
          "task_state", "power_state", "availability_zone", "uuid", "locked", "key_name", "launch_index",
          "auto_disk_config", "config_drive", "access_ip_v4", "access_ip_v6", "progress", "hostname")


# Those of tags: what is asked of a server, or of which it must be the contrary.
_TAGS: dict[str, Callable[[Sequence[str]], ColumnElement[bool]]] = {
    "tags": tags.has_all, "tags_any": tags.has_any, "not_tags": lambda names: ~tags.has_all(names),
    "not_tags_any": lambda names: ~tags.has_any(names)}

# A server as it is shown, alone and with its ports.
_SHOWN = instances.Beside((aggregates.ZONE_OF_SERVER,), pairs=(instances.METADATA,))
_SHOWN_WITH_PORTS = _SHOWN._replace(columns=(*_SHOWN.columns, *ports.BESIDE.columns), joins=ports.BESIDE.joins)


def show(tx: Transaction, uuid: str, project_id: str | None,
         with_ports: bool) -> tuple[Instance, str | None, list[ports.Addressed]]:
    """One server with the user's metadata, the zone of its host (None: the default one), and its ports: one statement.

    :param project_id: where given, a server of another project is as good as absent
    :raises InstanceNotFound: when there is none
    """
    instance, rows = instances.get_all_beside(
        tx, uuid, project_id, _SHOWN_WITH_PORTS if with_ports else _SHOWN, {})
    return instance, rows[0]["zone"], ports.of_found(rows) if with_ports else []


def list_page(tx: Transaction, filters: Mapping[str, Any], limit: int, marker: str | None = None,
              sort: Sequence[tuple[str, str]] = (), with_metadata: bool = True) -> list[Instance]:
    """One page of servers.

    :param filters: columns of ``_EQUAL``; ``name`` (regular expression), ``status`` (list of names),
        ``deleted`` (False, True, with those that are soft-deleted, or None for all), ``soft_deleted`` (False: without
        them), ``addresses`` ((regular expression, IP version), ...), ``changes_since``, ``changes_before``,
        and those of ``_TAGS`` (lists)
    :param sort: (key of SORT_KEYS, "asc" or "desc"); newest first without it
    :raises Invalid: when the marker is unknown
    """
    order = [*sort, *(pair for pair in (("created_at", "desc"), ("id", "desc")) if pair[0] not in dict(sort))]
    statement = select(*_COLUMNS).where(*_conditions(tx, filters)).limit(limit)
    columns = [(_T[SORT_KEYS.get(key, key)], direction) for key, direction in order]
    statement = pages.ordered(statement, columns, tx.dialect)
    if marker is not None:
        row = tx.execute(select(models.instances).where(_T.uuid == marker)).one_or_none()
        if row is None or filters.get("project_id") not in (None, row.project_id):
            raise exceptions.Invalid(f"marker [{marker}] not found")
        statement = pages.after(statement, row, columns)
    page = [Instance(**row._mapping) for row in tx.execute(statement)]
    if with_metadata:
        instances.load_metadata(tx, page)
    return page


def count(tx: Transaction, filters: Mapping[str, Any]) -> int:
    """How many servers the filters let through."""
    return int(tx.execute(select(func.count()).select_from(models.instances).where(
        *_conditions(tx, filters))).scalar_one())


def _conditions(tx: Transaction, filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    deleted = filters.get("deleted", False)
    if deleted is not None:
        found.append(or_(_T.deleted != 0, _T.vm_state == states.SOFT_DELETED) if deleted else _T.deleted == 0)
    if filters.get("soft_deleted") is False:
        found.append(_T.vm_state != states.SOFT_DELETED)
    for name in _EQUAL:
        if name in filters:
            value = filters[name]
            found.append(_T[name].in_(value) if isinstance(value, list) else _T[name] == value)
    if filters.get("name"):
        found.append(_T.display_name.regexp_match(filters["name"]))
    found += [ports.has_address(pattern, version) for pattern, version in filters.get("addresses", ())]
    found += [condition(filters[name]) for name, condition in _TAGS.items() if filters.get(name)]
    if filters.get("status") is not None:
        found.append(_status_condition(filters["status"]))
    if filters.get("changes_since") is not None:
        found.append(_T.updated_at >= filters["changes_since"])
    if filters.get("changes_before") is not None:
        found.append(_T.updated_at <= filters["changes_before"])
    return found


def _status_condition(statuses: Sequence[str]) -> ColumnElement[bool]:
    parts = []
    for status in statuses:
        for vm_state, tasks, not_tasks in states.states_of(status):
            if tasks is not None:
                parts.append(and_(_T.vm_state == vm_state, _T.task_state.in_(tasks)))
            elif not_tasks:
                parts.append(and_(_T.vm_state == vm_state,
                                  or_(_T.task_state.is_(None), _T.task_state.not_in(not_tasks))))
            else:
                parts.append(_T.vm_state == vm_state)
    return or_(*parts) if parts else ~true()


class Workload(NamedTuple):
    """How many servers a host has, or all hosts have, and how many of them have a task."""
    servers: int = 0
    busy: int = 0


def workload(tx: Transaction) -> Workload:
    """That of all hosts."""
    return Workload._make(tx.execute(select(func.count(), func.count(_T.task_state)).where(
        _T.deleted == 0, _T.host.is_not(None))).one())


def workloads(tx: Transaction, hosts: Sequence[str]) -> dict[str, Workload]:
    """Those of these hosts that have servers."""
    rows = tx.execute(select(_T.host, func.count().label("servers"), func.count(_T.task_state).label("busy")).where(
        _T.host.in_(hosts), _T.deleted == 0).group_by(_T.host))
    return {row.host: Workload(row.servers, row.busy) for row in rows}


def on_hosts(tx: Transaction, hosts: Sequence[str], busy: bool = False) -> list[Instance]:
    """All servers of these hosts, or only those with a task, without metadata."""
    statement = select(*_COLUMNS).where(_T.host.in_(hosts), _T.deleted == 0).order_by(_T.host, _T.id)
    if busy:
        statement = statement.where(_T.task_state.is_not(None))
    return [Instance(**row._mapping) for row in tx.execute(statement)]


def sums_by_project(tx: Transaction, host: str) -> dict[str, dict[str, int]]:
    """The sizes of the servers of a host, added up by project: ``cpu``, ``memory_mb`` and ``disk_gb``."""
    rows = tx.execute(select(_T.project_id, func.sum(_T.vcpus).label("cpu"), func.sum(_T.memory_mb).label("memory_mb"),
                             func.sum(_T.root_gb + _T.ephemeral_gb).label("disk_gb")).where(
        _T.host == host, _T.deleted == 0).group_by(_T.project_id).order_by(_T.project_id))
    return {row.project_id: {name: int(row._mapping[name]) for name in ("cpu", "memory_mb", "disk_gb")}
            for row in rows}


def reclaimable(tx: Transaction, hosts: Sequence[str], before: datetime) -> list[Instance]:
    """Servers of these hosts that were soft-deleted before a time and rest since, without metadata."""
    return [Instance(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.host.in_(hosts), _T.deleted == 0, _T.vm_state == states.SOFT_DELETED, _T.task_state.is_(None),
        _T.deleted_at <= before))]


def shelved(tx: Transaction, hosts: Sequence[str], before: datetime) -> list[Instance]:
    """Servers of these hosts that were shelved before a time and rest since, without metadata."""
    at = exists().where(_SYS.instance_uuid == _T.uuid, _SYS.deleted == 0, _SYS.key == SHELVED_AT,
                        _SYS.value <= before.isoformat())
    return [Instance(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.host.in_(hosts), _T.deleted == 0, _T.vm_state == states.SHELVED, _T.task_state.is_(None), at))]


def stuck(tx: Transaction, task_state: str, before: datetime, limit: int) -> list[Instance]:
    """Servers whose task nobody has touched since ``before``, oldest first. Not those in a move, which is looked after
    by itself, unless they are being deleted: then nobody goes on with it."""
    moving = exists().where(_M.instance_uuid == _T.uuid, _M.status.in_(states.IN_PROGRESS))
    alone = true() if task_state == states.DELETING else ~moving
    return [Instance(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.task_state == task_state, _T.updated_at <= before, _T.deleted == 0, alone).order_by(
        _T.updated_at).limit(limit))]


def stranded(tx: Transaction, task_states: Sequence[str], before: datetime,
             gone: Callable[[ColumnElement[Any]], ColumnElement[bool]], limit: int) -> list[Instance]:
    """Servers that are in no move and whose task waits since ``before`` for a host that is gone, oldest first.

    :param gone: the condition that a host is gone (db/hosts.py)
    """
    moving = exists().where(_M.instance_uuid == _T.uuid, _M.status.in_(states.IN_PROGRESS))
    # A delete goes before any move.
    return [Instance(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.task_state.in_(task_states), _T.updated_at <= before, _T.deleted == 0, _T.host.is_not(None),
        or_(_T.task_state == states.DELETING, ~moving), gone(_T.host)).order_by(_T.updated_at).limit(limit))]


def live(tx: Transaction, uuids: Sequence[str]) -> dict[str, Instance]:
    """Those of these servers that are not deleted, without metadata."""
    return {row.uuid: Instance(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(
        _T.uuid.in_(uuids), _T.deleted == 0))}


def all_live(tx: Transaction) -> list[Instance]:
    """Every server that is not deleted: for checkers, not for services."""
    return [Instance(**row._mapping) for row in tx.execute(select(*_COLUMNS).where(_T.deleted == 0))]
