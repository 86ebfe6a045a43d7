"""Networks and what belongs to them, as rows: one way to find, list, insert, change and delete all of them.

A project sees what is its own; of networks and their subnets also what is shared, and what is external.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, exists, func, insert, or_, select, true
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement

from novasim import exceptions
from novasim.db import models, network_errors, pages
from novasim.db.engine import Transaction

_N = models.networks.c
_S = models.subnets.c


class Kind(NamedTuple):
    """A table of things, the error when one is missing, and the columns that hold JSON."""
    table: Table
    missing: type[exceptions.NotFound]
    json: tuple[str, ...] = ()


NETWORKS = Kind(models.networks, network_errors.NetworkNotFound)
SUBNETS = Kind(models.subnets, network_errors.SubnetNotFound, ("dns_nameservers", "host_routes"))
PORTS = Kind(models.ports, network_errors.PortNotFound, ("security_groups",))
SECURITY_GROUPS = Kind(models.security_groups, network_errors.SecurityGroupNotFound)
SECURITY_GROUP_RULES = Kind(models.security_group_rules, network_errors.SecurityGroupRuleNotFound)
FLOATING_IPS = Kind(models.floating_ips, network_errors.FloatingIPNotFound)

Row = dict[str, Any]


def of_row(kind: Kind, row: Any) -> Row:
    """A row as a dict, ``id`` being what users call it."""
    values = dict(row._mapping)
    values["id"] = values.pop("uuid")
    for name in kind.json:
        values[name] = None if values[name] is None else json.loads(values[name])
    return values


def _written(kind: Kind, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if name in kind.json and value is not None else value
            for name, value in values.items()}


def _visible(kind: Kind, project_id: str | None) -> ColumnElement[bool]:
    """What a project may see; None: anything."""
    if project_id is None:
        return true()
    own = kind.table.c.project_id == project_id
    if kind is NETWORKS:
        return or_(own, _N.shared, _N.external)
    if kind is SUBNETS:
        return or_(own, exists().where(_N.uuid == _S.network_id, _N.deleted == 0, or_(
            _N.project_id == project_id, _N.shared, _N.external)))
    return own


def get(tx: Transaction, kind: Kind, uuid: str, project_id: str | None = None) -> Row:
    """One thing.

    :param project_id: where given, what this project may not see is as good as absent
    :raises NotFound: of its kind
    """
    columns = kind.table.c
    row = tx.execute(select(kind.table).where(
        columns.uuid == uuid, columns.deleted == 0, _visible(kind, project_id))).one_or_none()
    if row is None:
        raise kind.missing(id=uuid)
    return of_row(kind, row)


def list_page(tx: Transaction, kind: Kind, project_id: str | None = None,
              filters: Mapping[str, Sequence[Any]] | None = None, limit: int | None = None, marker: str | None = None,
              sort: Sequence[tuple[str, str]] = (), extra: Sequence[ColumnElement[bool]] = ()) -> list[Row]:
    """One page, oldest first unless another order is given.

    :param project_id: what this project may see; None: all
    :param filters: column -> allowed values
    :param sort: (column, "asc" or "desc")
    :param extra: further conditions
    :raises Invalid: when the marker is unknown
    """
    columns = kind.table.c
    order = [(columns[name], direction) for name, direction in sort] + [(columns.id, "asc")]
    live = (columns.deleted == 0, _visible(kind, project_id))
    statement = select(kind.table).where(*live, *extra, *(
        columns[name].in_(list(values)) for name, values in (filters or {}).items())).limit(limit)
    if marker is not None:
        at = tx.execute(select(kind.table).where(*live, columns.uuid == marker)).one_or_none()
        if at is None:
            raise exceptions.Invalid(f"marker [{marker}] not found")
        statement = pages.after(statement, at, order)
    return [of_row(kind, row) for row in tx.execute(pages.ordered(statement, order, tx.dialect))]


def count(tx: Transaction, kind: Kind, project_id: str) -> int:
    """How many a project has."""
    columns = kind.table.c
    return int(tx.execute(select(func.count()).where(
        columns.project_id == project_id, columns.deleted == 0)).scalar_one())


def create(tx: Transaction, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert some; each names its ``uuid``."""
    times = {"created_at": tx.now, "updated_at": tx.now, "deleted": 0}
    tx.execute(insert(kind.table), [_written(kind, row) | times for row in rows])


def update(tx: Transaction, kind: Kind, uuid: str, **values: Any) -> None:
    """
    :raises NotFound: of its kind
    """
    columns = kind.table.c
    if not tx.execute(sql_update(kind.table).where(columns.uuid == uuid, columns.deleted == 0).values(
            updated_at=tx.now, **_written(kind, values))).rowcount:
        raise kind.missing(id=uuid)


def delete(tx: Transaction, kind: Kind, *which: ColumnElement[bool]) -> int:
    """Delete softly what conditions name; returns how many there were."""
    columns = kind.table.c
    return tx.execute(sql_update(kind.table).where(*which, columns.deleted == 0).values(
        deleted=columns.id, deleted_at=tx.now)).rowcount


def any_ever(tx: Transaction) -> bool:
    """Whether there is a network, or was one."""
    return tx.execute(select(_N.id).limit(1)).first() is not None


def subnets_of(tx: Transaction, network_ids: Sequence[str]) -> dict[str, list[Row]]:
    """The subnets of networks, oldest first."""
    found: dict[str, list[Row]] = {uuid: [] for uuid in network_ids}
    if found:
        for row in list_page(tx, SUBNETS, filters={"network_id": network_ids}):
            found[row["network_id"]].append(row)
    return found


def attachable(tx: Transaction, project_id: str | None, network_ids: Sequence[str] | None = None) -> list[Row]:
    """The networks that servers of a project can be put on, each with its ``subnets``; one statement.

    :param project_id: None: of anybody
    :param network_ids: these ones, external ones too; None: all that are there to be used unasked
    """
    which = [_N.deleted == 0, _visible(NETWORKS, project_id)]
    which += [~_N.external, _N.admin_state_up] if network_ids is None else [_N.uuid.in_(list(network_ids))]
    subnets = [column.label("s_" + column.name) for column in _S]
    found: dict[str, Row] = {}
    for row in tx.execute(select(*_N, *subnets).join_from(models.networks, models.subnets, (
            _S.network_id == _N.uuid) & (_S.deleted == 0), isouter=True).where(*which).order_by(_N.id, _S.id)):
        network = found.setdefault(row.uuid, {"id": row.uuid, "name": row.name, "external": row.external,
                                              "shared": row.shared, "subnets": []})
        if row.s_uuid is not None:
            network["subnets"].append({"id": row.s_uuid} | {
                name: row._mapping["s_" + name] for name in ("cidr", "first_ip", "last_ip", "ip_version")})
    return list(found.values())
