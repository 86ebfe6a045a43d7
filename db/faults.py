"""The fault rules that all processes of a cluster share, how often each matched, and what they did.

Matches are counted here and not in the processes: "the third message", "once" and "once for each server" mean the
cluster, and a rule that killed a process must not do so again when that starts anew. Rules that end are no history, so
unlike in other tables their rows go; the log stays until it is cleared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy import update as sql_update

from novasim import exceptions
from novasim.db import models
from novasim.db.engine import Transaction
from novasim.sim.fault_rules import Action, Rule

_R = models.fault_rules.c
_L = models.fault_log.c
_PASSED = "-"


def live(tx: Transaction) -> list[dict[str, Any]]:
    """Every rule whose time is not over: its row, ``rule`` as the dict that it was given as."""
    return [dict(row._mapping) | {"rule": json.loads(row.rule)} for row in tx.execute(select(
        _R.uuid, _R.name, _R.rule, _R.seed, _R.seen, _R.acted, _R.created_at, _R.ends_at).where(
            or_(_R.ends_at.is_(None), _R.ends_at > tx.now)).order_by(_R.id))]


def add(tx: Transaction, rules: Sequence[Rule], uuids: Sequence[str] = ()) -> list[str]:
    """Add rules, and forget those whose time is over.

    :param uuids: their ids, where they have some; of those that are there nothing is changed
    :returns: their ids
    """
    tx.execute(delete(models.fault_rules).where(_R.ends_at <= tx.now))
    known = set(tx.execute(select(_R.uuid).where(_R.uuid.in_(uuids))).scalars()) if uuids else set()
    ids = list(uuids) or [uuidutils.generate_uuid() for _ in rules]
    new = [{"uuid": uuid, "name": rule.name, "rule": json.dumps(rule.data, default=str), "seed": rule.seed, "seen": 0,
            "acted": 0, "ends_at": rule.ends, "created_at": tx.now, "deleted": 0}
           for uuid, rule in zip(ids, rules, strict=True) if uuid not in known]
    if new:
        tx.insert_missing(models.fault_rules, new)
    return ids


def remove(tx: Transaction, uuid: str) -> None:
    """:raises NotFound: when there is no such rule"""
    if tx.execute(delete(models.fault_rules).where(_R.uuid == uuid)).rowcount == 0:
        raise exceptions.NotFound(f"Fault rule {uuid} could not be found.")


def clear(tx: Transaction) -> None:
    """Remove all rules, and the log."""
    tx.execute(delete(models.fault_rules))
    tx.execute(delete(models.fault_log))


def draw(tx: Transaction, uuid: str, rule: Rule, service: str, facts: Mapping[str, Any]) -> Action | None:
    """Count a match of a rule; what it is to do. None too when it was removed meanwhile.

    :param service: where it matched
    :param facts: what is known there
    """
    # Whoever updates the row first counts first; the others wait for the end of this transaction.
    if tx.execute(sql_update(models.fault_rules).where(_R.uuid == uuid).values(seen=_R.seen + 1)).rowcount == 0:
        return None
    subject = rule.subject(facts)
    if rule.per:
        counted = tx.execute(select(func.count() + 1, func.count(func.nullif(_L.did, _PASSED))).where(
            _L.rule_uuid == uuid, _L.subject == subject)).one()
    else:
        counted = tx.execute(select(_R.seen, _R.acted).where(_R.uuid == uuid)).one()
    action = rule.decide(counted[0], counted[1])
    if action is not None:
        tx.execute(sql_update(models.fault_rules).where(_R.uuid == uuid).values(acted=_R.acted + 1))
    if action is not None or rule.per:
        tx.execute(insert(models.fault_log).values(
            rule_uuid=uuid, name=rule.name, subject=subject, did=action.name if action else _PASSED, service=service,
            host=facts.get("host"), method=facts.get("method") or facts.get("hop"), created_at=tx.now, deleted=0,
            instance_uuid=facts.get("instance"), request_id=facts.get("request_id")))
    return action


def log(tx: Transaction, uuid: str | None, limit: int) -> list[dict[str, Any]]:
    """What rules did, the newest first.

    :param uuid: of the only one to tell of
    """
    wanted = [_L.did != _PASSED, *([_L.rule_uuid == uuid] if uuid else [])]
    return [dict(row._mapping) for row in tx.execute(select(
        _L.created_at, _L.rule_uuid, _L.name, _L.did, _L.service, _L.host, _L.method, _L.instance_uuid,
        _L.request_id).where(*wanted).order_by(_L.id.desc()).limit(limit))]
