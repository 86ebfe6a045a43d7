"""What must be known to place servers, besides themselves: one statement, and one more for those of a group."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, exists, literal, select

from novasim import states
from novasim.db import groups, models, pairs
from novasim.db.engine import Transaction, one_of

_X = models.instance_type_extra_specs.c
_I = models.images.c
_T = models.migrations.c
_M = models.instance_group_member.c
_G = models.instance_groups.c
_S = models.instances.c
_LOOK = select(
    pairs.column("extra_specs", models.instance_type_extra_specs, _X.instance_type_id == bindparam("flavor")),
    exists().where(_T.instance_uuid == bindparam("uuid"), one_of(_T.status, states.IN_PROGRESS), _T.deleted == 0
                   ).label("moving"),
    exists().where(_S.uuid == bindparam("uuid"), _S.task_request_id == bindparam("request"), _S.deleted == 0,
                   _S.task_state == states.RESIZE_PREP).label("waits"),
    _I.name, _I.min_ram, _I.min_disk, _I.properties, _G.id.label("group_id"), _G.policy, _G.max_server_per_host
    ).select_from(
    select(literal(1)).subquery().outerjoin(
        models.images, and_(_I.uuid == bindparam("image"), _I.deleted == 0)).outerjoin(
        models.instance_group_member, and_(_M.instance_uuid == bindparam("uuid"), _M.deleted == 0)).outerjoin(
        models.instance_groups, and_(_G.id == _M.group_id, _G.deleted == 0)))


class Look(NamedTuple):
    """Extra specs of the flavor (spec 6.3); name, sizes and properties of the image, none of one that is gone; for the
    scheduler, the group by the servers' uuids, not by a hint of their creation (12.1 #5); whether the first of them is
    in a move, and whether it waits for one that this request asked for."""
    extra_specs: dict[str, str]
    image: dict[str, Any]
    group: dict[str, Any]
    moving: bool
    waits: bool


def look(tx: Transaction, flavor_id: int, image_id: str | None, uuids: Sequence[str],
         request_id: str | None = None) -> Look:
    """What the database knows now.

    :param uuids: servers that are placed together: they are in the same group, and do not count there (12.1 #6)
    :param request_id: of a resize or cold migration
    """
    row = tx.execute(_LOOK, {"flavor": flavor_id, "image": image_id, "uuid": uuids[0],
                             "request": request_id}).first()
    assert row is not None
    image = {} if row.name is None else {
        "name": row.name, "min_ram": row.min_ram, "min_disk": row.min_disk,
        "properties": json.loads(row.properties or "{}")}
    # No policies, said in so many words, spare the claim a look.
    group: dict[str, Any] = {"group_policies": []}
    if row.group_id is not None:
        rules = {} if row.max_server_per_host is None else {"max_server_per_host": row.max_server_per_host}
        group = {"group_policies": [row.policy], "group_rules": rules,
                 "group_hosts": groups.servers_by_host(tx, row.group_id, uuids)}
    return Look(pairs.read(row.extra_specs), image, group, bool(row.moving), bool(row.waits))
