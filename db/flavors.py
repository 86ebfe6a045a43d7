"""Flavors and their extra specs. A deleted flavor keeps its row: servers made from it go on living."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oslo_db import exception as db_exception
from sqlalchemy import and_, bindparam, insert, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement

from novasim import exceptions
from novasim.db import hosts, models, pairs
from novasim.db.engine import Transaction
from novasim.db.instances import Beside
from novasim.objects import Flavor

_T = models.instance_types.c
_X = models.instance_type_extra_specs.c
_P = models.instance_type_projects.c
EXTRA_SPECS = pairs.column("extra_specs", models.instance_type_extra_specs, _X.instance_type_id == _T.id)
_OWN = [_T[name] for name in Flavor.__struct_fields__ if name != "extra_specs"]
_COLUMNS = [*_OWN, EXTRA_SPECS]
_BY_IDS = select(*_COLUMNS).where(_T.id.in_(bindparam("ids", expanding=True)))
_EXTRA_SPECS = select(_X.instance_type_id, _X.key, _X.value).where(
    _X.instance_type_id.in_(bindparam("ids", expanding=True)), _X.deleted == 0)
SORT_KEYS = frozenset({"created_at", "description", "disabled", "ephemeral_gb", "flavorid", "id", "is_public",
                       "memory_mb", "name", "root_gb", "rxtx_factor", "swap", "updated_at", "vcpu_weight", "vcpus"})


def _flavor(values: Mapping[Any, Any]) -> Flavor:
    return Flavor(**{**values, "extra_specs": pairs.read(values["extra_specs"])})


def _visible_to(project_id: Any) -> ColumnElement[bool]:
    granted = select(_P.instance_type_id).where(_P.project_id == project_id, _P.deleted == 0)
    return or_(_T.is_public.is_(True), _T.id.in_(granted))


_NAMED = and_(_T.flavorid == bindparam("flavorid"), _T.deleted == 0)
_NAMED_FOR = and_(_NAMED, _visible_to(bindparam("project", type_=models.Name)))
_GET, _GET_FOR = (select(*_COLUMNS).where(named) for named in (_NAMED, _NAMED_FOR))
# What a move asks beside its server: a flavor, and whether the server's host has been heard of since a time. A flavor
# that users call so, one that they may know of, the server's own.
_WITH_HOST = (*_COLUMNS, hosts.up(models.instances.c.host))
NAMED, NAMED_FOR, PRESENT = (Beside(_WITH_HOST, ((models.instance_types, condition),)) for condition in (
    _NAMED, _NAMED_FOR, _T.id == models.instances.c.instance_type_id))


def get(tx: Transaction, flavorid: str, project_id: str | None = None) -> Flavor:
    """The flavor that users call ``flavorid``, with its extra specs.

    :param project_id: where given, a private flavor that this project was not granted is as good as absent
    :raises FlavorNotFound: when there is none or it is deleted
    """
    row = tx.execute(_GET if project_id is None else _GET_FOR, {"flavorid": flavorid, "project": project_id}).first()
    if row is None:
        raise exceptions.FlavorNotFound(flavor_id=flavorid)
    return _flavor(row._mapping)


def with_host(values: Mapping[str, Any]) -> tuple[Flavor | None, bool]:
    """What was found beside a server: the flavor, or None; and whether the server's host is up."""
    own, is_up = hosts.part_up(values)
    return None if own["id"] is None else _flavor(own), is_up


def by_ids(tx: Transaction, ids: Sequence[int]) -> dict[int, Flavor]:
    """Flavors by their internal ids, deleted ones too."""
    return {row.id: _flavor(row._mapping) for row in tx.execute(_BY_IDS, {"ids": list(ids)})}


def list_page(tx: Transaction, project_id: str | None = None, is_public: bool | None = True, min_ram: int = 0,
              min_disk: int = 0, limit: int = 1000, marker: str | None = None, sort_key: str = "flavorid",
              sort_dir: str = "asc", name: str | None = None) -> list[Flavor]:
    """One page of flavors (spec 3.7).

    :param project_id: whose granted private flavors are shown beside the public ones
    :param is_public: None for public and private alike
    :param name: a regular expression
    :raises Invalid: when the marker is unknown
    """
    conditions: list[ColumnElement[bool]] = [_T.deleted == 0, _T.memory_mb >= min_ram, _T.root_gb >= min_disk]
    if is_public is not None:
        conditions.append(_visible_to(project_id) if is_public and project_id is not None
                          else _T.is_public.is_(is_public))
    if name:
        conditions.append(_T.name.regexp_match(name))
    column = _T[sort_key]
    if marker is not None:
        at = tx.execute(select(column, _T.id).where(_T.flavorid == marker, _T.deleted == 0)).one_or_none()
        if at is None:
            raise exceptions.Invalid(f"marker [{marker}] not found")
        later = column > at[0] if sort_dir == "asc" else column < at[0]
        conditions.append(or_(later, and_(column == at[0], _T.id > at.id)))
    order = column.asc() if sort_dir == "asc" else column.desc()
    return [_flavor(row._mapping) for row in tx.execute(
        select(*_COLUMNS).where(*conditions).order_by(order, _T.id).limit(limit))]


def create(tx: Transaction, flavor: Flavor) -> Flavor:
    """Insert a flavor with its extra specs; returns it with its id.

    :raises FlavorExists: when the name is taken
    :raises FlavorIdExists: when the flavorid is taken
    """
    for column, value, error in ((_T.flavorid, flavor.flavorid, exceptions.FlavorIdExists(flavor_id=flavor.flavorid)),
                                 (_T.name, flavor.name, exceptions.FlavorExists(name=flavor.name))):
        if tx.execute(select(_T.id).where(column == value, _T.deleted == 0)).first():
            raise error
    values = {column.name: getattr(flavor, column.name) for column in _OWN if column.name != "id"}
    try:
        flavor.id = tx.insert_one(models.instance_types, values | {"created_at": tx.now})
    except db_exception.DBDuplicateEntry as error:
        raise exceptions.FlavorExists(name=flavor.name) from error
    if flavor.extra_specs:
        set_extra_specs(tx, flavor.id, flavor.extra_specs)
    return flavor


def delete(tx: Transaction, flavorid: str) -> None:
    """Delete softly, with its extra specs and grants.

    :raises FlavorNotFound: when there is none
    """
    flavor = get(tx, flavorid)
    for table, condition in ((models.instance_types, _T.id == flavor.id),
                             (models.instance_type_projects, _P.instance_type_id == flavor.id)):
        tx.execute(sql_update(table).where(condition, table.c.deleted == 0).values(
            deleted=table.c.id, deleted_at=tx.now))


def set_extra_specs(tx: Transaction, flavor_id: int, specs: Mapping[str, str]) -> None:
    """Merge keys into a flavor's extra specs, by its internal id."""
    delete_extra_specs(tx, flavor_id, list(specs))
    tx.insert_missing(models.instance_type_extra_specs, [
        {"instance_type_id": flavor_id, "key": key, "value": value, "created_at": tx.now, "deleted": 0}
        for key, value in specs.items()])


def delete_extra_specs(tx: Transaction, flavor_id: int, keys: Sequence[str]) -> None:
    tx.execute(sql_update(models.instance_type_extra_specs).where(
        _X.instance_type_id == flavor_id, _X.key.in_(keys), _X.deleted == 0).values(
        deleted=_X.id, deleted_at=tx.now))


def extra_specs(tx: Transaction, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The extra specs of flavors by internal id, those without any left out: one statement."""
    found: dict[int, dict[str, str]] = {}
    for row in tx.execute(_EXTRA_SPECS, {"ids": list(ids)}):
        found.setdefault(row.instance_type_id, {})[row.key] = row.value
    return found


def set_description(tx: Transaction, flavor_id: int, description: str | None) -> None:
    """Change the one thing of a flavor that may change, by its internal id."""
    tx.execute(sql_update(models.instance_types).where(_T.id == flavor_id, _T.deleted == 0).values(
        description=description, updated_at=tx.now))


def projects(tx: Transaction, flavor_id: int) -> list[str]:
    """The projects that were granted a private flavor, by its internal id."""
    return [row.project_id for row in tx.execute(select(_P.project_id).where(
        _P.instance_type_id == flavor_id, _P.deleted == 0).order_by(_P.id))]


def grant(tx: Transaction, flavor: Flavor, project_id: str) -> None:
    """Let a project use a private flavor.

    :raises FlavorAccessExists: when it may already
    """
    if project_id in projects(tx, flavor.id):
        raise exceptions.FlavorAccessExists(flavor_id=flavor.flavorid, project_id=project_id)
    try:
        tx.execute(insert(models.instance_type_projects), {
            "instance_type_id": flavor.id, "project_id": project_id, "created_at": tx.now, "deleted": 0})
    except db_exception.DBDuplicateEntry as error:
        raise exceptions.FlavorAccessExists(flavor_id=flavor.flavorid, project_id=project_id) from error


def revoke(tx: Transaction, flavor: Flavor, project_id: str) -> None:
    """Take a private flavor from a project.

    :raises FlavorAccessNotFound: when it was not granted
    """
    gone = tx.execute(sql_update(models.instance_type_projects).where(
        _P.instance_type_id == flavor.id, _P.project_id == project_id, _P.deleted == 0).values(
        deleted=_P.id, deleted_at=tx.now))
    if not gone.rowcount:
        raise exceptions.FlavorAccessNotFound(flavor_id=flavor.flavorid, project_id=project_id)
