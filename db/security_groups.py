"""Security groups. Each project has one called ``default``, whose id follows from that of the project: ports can have
it before anybody has asked for it, and it becomes a row when somebody does.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from novasim.db import models, networks
from novasim.db.engine import Transaction

_G = models.security_groups.c
_R = models.security_group_rules.c
_P = models.ports.c
_SPACE = uuid.UUID("5f9a1c0e-6b0d-4f0a-9d55-0c7f6c1f2b9e")
DEFAULT = "default"
ETHERTYPES = ("IPv4", "IPv6")


def default_id(project_id: str | None) -> str:
    """The id of a project's default group."""
    return str(uuid.uuid5(_SPACE, project_id or ""))


def _rules(group_id: str, project_id: str | None, direction: str, remote_group_id: str | None) -> list[dict[str, Any]]:
    return [{"uuid": str(uuid.uuid5(_SPACE, f"{group_id} {direction} {ethertype}")), "project_id": project_id,
             "security_group_id": group_id, "direction": direction, "ethertype": ethertype,
             "remote_group_id": remote_group_id} for ethertype in ETHERTYPES]


def create(tx: Transaction, group_id: str, project_id: str | None, name: str, description: str,
           stateful: bool = True) -> None:
    """Insert a group, which lets everything out; the default one lets its own members in."""
    stamp = {"created_at": tx.now, "updated_at": tx.now, "deleted": 0}
    tx.insert_missing(models.security_groups, [
        {"uuid": group_id, "project_id": project_id, "name": name, "description": description, "stateful": stateful}
        | stamp])
    rules = _rules(group_id, project_id, "egress", None)
    if name == DEFAULT:
        rules += _rules(group_id, project_id, "ingress", group_id)
    tx.insert_missing(models.security_group_rules, [rule | stamp for rule in rules])


def has_default(tx: Transaction, project_id: str | None) -> bool:
    """Whether the default group of a project is a row yet."""
    return tx.execute(select(_G.id).where(_G.uuid == default_id(project_id), _G.deleted == 0)).first() is not None


def ensure_default(tx: Transaction, project_id: str | None) -> None:
    """Make the default group of a project a row."""
    if not has_default(tx, project_id):
        create(tx, default_id(project_id), project_id, DEFAULT, "Default security group")


def names(tx: Transaction, group_ids: Iterable[str]) -> dict[str, str]:
    """The names of groups by id: one statement for all, none when there are none."""
    ids = sorted(set(group_ids))
    return {row.uuid: row.name for row in tx.execute(select(_G.uuid, _G.name).where(
        _G.uuid.in_(ids), _G.deleted == 0))} if ids else {}


def rules_of(tx: Transaction, group_ids: Iterable[str]) -> dict[str, list[networks.Row]]:
    """The rules of a page of groups: one statement for all."""
    found: dict[str, list[networks.Row]] = {group_id: [] for group_id in group_ids}
    if found:
        for row in networks.list_page(tx, networks.SECURITY_GROUP_RULES, filters={"security_group_id": list(found)}):
            found[row["security_group_id"]].append(row)
    return found


def find(tx: Transaction, project_id: str | None, wanted: Iterable[str]) -> dict[str, list[str]]:
    """The ids of a project's groups by what they are asked for with: an id or a name."""
    asked = list(wanted)
    found: dict[str, list[str]] = {text: [] for text in asked}
    if DEFAULT in found:
        found[DEFAULT] = [default_id(project_id)]
    others = [text for text in asked if text != DEFAULT]
    for row in tx.execute(select(_G.uuid, _G.name).where(
            _G.project_id == project_id, _G.deleted == 0, _G.uuid.in_(others) | _G.name.in_(others))) if others else ():
        for text in {row.uuid, row.name} & set(others):
            found[text].append(row.uuid)
    if default_id(project_id) in found and not found[default_id(project_id)]:
        found[default_id(project_id)] = [default_id(project_id)]
    return found


def in_use(tx: Transaction, group_id: str) -> bool:
    """Whether a port has this group."""
    return tx.execute(select(_P.id).where(
        _P.security_groups.contains(json.dumps(group_id)), _P.deleted == 0).limit(1)).first() is not None
