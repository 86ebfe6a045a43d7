"""Server groups: whose servers share a host or do not, and the check of that at the last moment (spec 12.1 #5-#7).

Where a group's servers are is where they hold claims: a server in a move counts on both hosts, since a confirm leaves
it on one of them and a revert on the other. The row of a group is locked before claims and quota.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy import update as sql_update

from novasim import exceptions, quota
from novasim.db import hosts, models, quotas
from novasim.db.engine import Transaction
from novasim.objects import AFFINITY, ANTI_AFFINITY, InstanceGroup

_G = models.instance_groups.c
_M = models.instance_group_member.c
_I = models.instances.c
_C = models.claims.c
_COLUMNS = [_G[name] for name in InstanceGroup.__struct_fields__ if name != "members"]
_BY_UUID = select(*_COLUMNS).where(_G.uuid == bindparam("uuid"), _G.deleted == 0)
_BY_ID_LOCKED = select(*_COLUMNS).where(_G.id == bindparam("id"), _G.deleted == 0).with_for_update()
_OF_INSTANCE = select(*_COLUMNS).join_from(models.instance_groups, models.instance_group_member,
                                           _G.id == _M.group_id).where(
    _M.instance_uuid == bindparam("uuid"), _M.deleted == 0, _G.deleted == 0)
_MEMBERS = select(_M.group_id, _M.instance_uuid).where(
    _M.group_id.in_(bindparam("groups", expanding=True)), _M.deleted == 0).order_by(_M.id)
_HOSTS = select(_C.host, func.count(_C.instance_uuid.distinct()).label("servers")).join_from(
    models.instance_group_member, models.claims, _M.instance_uuid == _C.instance_uuid).where(
    _M.group_id == bindparam("group"), _M.deleted == 0,
    _C.instance_uuid.not_in(bindparam("without", expanding=True))).group_by(_C.host)
_LEAVE = sql_update(models.instance_group_member).where(
    _M.instance_uuid == bindparam("b_uuid"), _M.deleted == 0).values(deleted=_M.id, deleted_at=bindparam("b_now"))


def create(tx: Transaction, group: InstanceGroup, defaults: Mapping[str, int]) -> InstanceGroup:
    """Insert a group; returns it with its uuid.

    :param defaults: quota limits of the configuration
    :raises OverQuota: when the project or the user has as many groups as allowed
    """
    quotas.hold(tx, group.project_id, group.user_id)
    for user_id in (None, group.user_id):
        most = quotas.limits(tx, group.project_id, defaults, user_id)["server_groups"]
        if most != quota.UNLIMITED and count(tx, group.project_id, user_id) >= most:
            raise exceptions.OverQuota("Quota exceeded, too many server groups.")
    group.uuid = group.uuid or uuidutils.generate_uuid()
    group.id = tx.insert_one(models.instance_groups, {
        column.name: getattr(group, column.name) for column in _COLUMNS if column.name != "id"}
        | {"created_at": tx.now, "deleted": 0})
    return group


def count(tx: Transaction, project_id: str | None, user_id: str | None = None) -> int:
    """How many groups a project, or a user of it, has."""
    statement = select(func.count()).where(_G.project_id == project_id, _G.deleted == 0)
    if user_id is not None:
        statement = statement.where(_G.user_id == user_id)
    return int(tx.execute(statement).scalar_one())


def usage(tx: Transaction, project_id: str | None, user_id: str | None = None) -> dict[str, tuple[int, int]]:
    """(in use, reserved) by resource: what ``quotas.usage`` counts, and the server groups."""
    return quotas.usage(tx, project_id, user_id) | {"server_groups": (count(tx, project_id, user_id), 0)}


def _owned(row: Any, uuid: str, project_id: str | None) -> InstanceGroup:
    if row is None or (project_id is not None and row.project_id != project_id):
        raise exceptions.InstanceGroupNotFound(group_uuid=uuid)
    return InstanceGroup(**row._mapping)


def _with_members(tx: Transaction, rows: Iterable[Any]) -> list[InstanceGroup]:
    groups = {row.id: InstanceGroup(**row._mapping, members=[]) for row in rows}
    for part in hosts.chunks(list(groups)):
        for row in tx.execute(_MEMBERS, {"groups": list(part)}):
            groups[row.group_id].members.append(row.instance_uuid)
    return list(groups.values())


def get(tx: Transaction, uuid: str, project_id: str | None = None) -> InstanceGroup:
    """One group with its members.

    :param project_id: where given, a group of another project is as good as absent
    :raises InstanceGroupNotFound: when there is none
    """
    row = tx.execute(_BY_UUID, {"uuid": uuid}).one_or_none()
    _owned(row, uuid, project_id)
    return _with_members(tx, [row])[0]


def lock(tx: Transaction, uuid: str, project_id: str | None = None) -> InstanceGroup:
    """Like :func:`get`, without the members, and nobody else adds or claims for this group until the end."""
    return _owned(tx.execute(_BY_UUID.with_for_update(), {"uuid": uuid}).one_or_none(), uuid, project_id)


def list_page(tx: Transaction, project_id: str | None, limit: int, offset: int = 0) -> list[InstanceGroup]:
    """Groups with their members, in the order in which they were made.

    :param project_id: whose; None for those of all projects
    """
    statement = select(*_COLUMNS).where(_G.deleted == 0).order_by(_G.id).limit(limit).offset(offset)
    if project_id is not None:
        statement = statement.where(_G.project_id == project_id)
    return _with_members(tx, tx.execute(statement).all())


def delete(tx: Transaction, uuid: str, project_id: str | None = None) -> None:
    """Delete a group softly; its servers live on without it.

    :raises InstanceGroupNotFound: when there is none
    """
    group = lock(tx, uuid, project_id)
    for table, column in ((models.instance_group_member, _M.group_id), (models.instance_groups, _G.id)):
        tx.execute(sql_update(table).where(column == group.id, table.c.deleted == 0).values(
            deleted=table.c.id, deleted_at=tx.now))


def add_members(tx: Transaction, group: InstanceGroup, user_id: str | None, uuids: Sequence[str],
                defaults: Mapping[str, int]) -> None:
    """Put new servers of a user into a group.

    :param group: locked by this transaction
    :param defaults: quota limits of the configuration
    :raises OverQuota: when the user would have more servers in it than allowed
    """
    most = quotas.limits(tx, group.project_id, defaults, user_id)["server_group_members"]
    if most != quota.UNLIMITED:
        there = tx.execute(select(func.count()).join_from(
            models.instance_group_member, models.instances, _M.instance_uuid == _I.uuid).where(
            _M.group_id == group.id, _M.deleted == 0, _I.user_id == user_id)).scalar_one()
        if there + len(uuids) > most:
            raise exceptions.OverQuota("Quota exceeded, too many servers in group")
    tx.execute(insert(models.instance_group_member), [
        {"group_id": group.id, "instance_uuid": uuid, "created_at": tx.now, "deleted": 0} for uuid in uuids])


def leave(tx: Transaction, instance_uuid: str) -> None:
    """A server is gone: out of its group."""
    tx.execute(_LEAVE, {"b_uuid": instance_uuid, "b_now": tx.now})


def of_instance(tx: Transaction, instance_uuid: str) -> InstanceGroup | None:
    """The group of a server, without its members; a server is in one at most."""
    row = tx.execute(_OF_INSTANCE, {"uuid": instance_uuid}).first()
    return None if row is None else InstanceGroup(**row._mapping)


def uuids_of(tx: Transaction, instance_uuids: Iterable[str]) -> dict[str, list[str]]:
    """The uuids of the groups of servers, by server."""
    found: dict[str, list[str]] = {}
    for part in hosts.chunks(list(instance_uuids)):
        for row in tx.execute(select(_M.instance_uuid, _G.uuid).join_from(
                models.instance_group_member, models.instance_groups, _G.id == _M.group_id).where(
                _M.instance_uuid.in_(part), _M.deleted == 0, _G.deleted == 0)):
            found.setdefault(row.instance_uuid, []).append(row.uuid)
    return found


def servers_by_host(tx: Transaction, group_id: int, without: Sequence[str]) -> dict[str, int]:
    """How many of a group's servers hold room on each host.

    :param without: servers that are not counted: those that are being placed (spec 12.1 #6)
    """
    return {row.host: row.servers for row in tx.execute(_HOSTS, {"group": group_id, "without": list(without)})}


def check_policy(tx: Transaction, instance_uuid: str, host: str) -> None:
    """See once more, under the lock of its group, that a server may be put on a host (spec 8.2, 12.1 #7).

    Of two that were sent to one host at the same time, the second sees the claim of the first.

    :raises GroupPolicyViolated: when it may not
    """
    group = of_instance(tx, instance_uuid)
    if group is None or group.policy not in (AFFINITY, ANTI_AFFINITY):
        return
    if tx.execute(_BY_ID_LOCKED, {"id": group.id}).first() is None:
        return
    others = servers_by_host(tx, group.id, [instance_uuid])
    full = others.get(host, 0) >= (group.max_server_per_host or 1)
    if full if group.policy == ANTI_AFFINITY else others and host not in others:
        raise exceptions.GroupPolicyViolated(policy=group.policy, group_uuid=group.uuid, host=host)


def everything(tx: Transaction) -> list[Any]:
    """All memberships: for checkers, not for services."""
    return list(tx.execute(select(models.instance_group_member).where(_M.deleted == 0)).all())
