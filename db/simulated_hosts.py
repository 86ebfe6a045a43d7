"""The machines of the simulator: which there are, which process plays each, and what each is wanted to be.

The API writes down what is wanted; the process that plays a machine (its fleet) makes it so, now or at its next start.
That a machine is alive is not said here but by the heartbeat of its service (db/hosts.py), as of any real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select, union
from sqlalchemy import update as sql_update

from novasim import exceptions, states
from novasim.db import aggregates, hosts, models
from novasim.db.engine import Transaction
from novasim.objects import SimulatedHost

UP, CRASHED, FROZEN = "up", "crashed", "frozen"
# What is done to a machine: the states it may be in, and the one it is in afterwards.
ACTIONS = {"crash": ((UP, FROZEN), CRASHED), "revive": ((CRASHED,), UP), "freeze": ((UP,), FROZEN),
           "thaw": ((FROZEN,), UP)}
_H = models.simulated_hosts.c
_S = models.services.c
_COLUMNS = [_H[name] for name in SimulatedHost.__struct_fields__]
_OF_AGENT = (_S.host == _H.host) & (_S.binary == hosts.COMPUTE) & (_S.deleted == 0)


def of_fleet(tx: Transaction, fleet: str) -> list[SimulatedHost]:
    """The machines that a process plays."""
    return [SimulatedHost(**row._mapping) for row in tx.execute(
        select(*_COLUMNS).where(_H.fleet == fleet, _H.deleted == 0).order_by(_H.id))]


def enrol(tx: Transaction, fleet: str, profile: str, names: Sequence[str], again: bool = False) -> None:
    """Machines that a process is started with are its own from now on. One that was removed stays so.

    :param profile: of those that are new
    :param again: make those that were removed again
    """
    known = {row.host: row.fleet for part in hosts.chunks(names) for row in tx.execute(
        select(_H.host, _H.fleet).where(_H.host.in_(part), *([_H.deleted == 0] if again else [])))}
    for part in hosts.chunks([name for name in names if known.get(name, fleet) != fleet]):
        tx.execute(sql_update(models.simulated_hosts).where(_H.host.in_(part), _H.deleted == 0).values(
            fleet=fleet, updated_at=tx.now))
    add(tx, [(name, fleet) for name in names if name not in known], profile)


def add(tx: Transaction, machines: Sequence[tuple[str, str]], profile: str) -> None:
    """New machines: (name, fleet)."""
    if machines:
        tx.insert_missing(models.simulated_hosts, [
            {"host": name, "fleet": fleet, "profile": profile, "state": UP, "created_at": tx.now,
             "updated_at": tx.now, "deleted": 0} for name, fleet in machines])


def names(tx: Transaction) -> list[str]:
    """The names of all machines, the newest last."""
    return [row.host for row in tx.execute(select(_H.host).where(_H.deleted == 0).order_by(_H.id))]


def fleets(tx: Transaction) -> list[Any]:
    """Of each process that plays machines: its name ``fleet``, their number ``hosts``, and the newest heartbeat of one
    of them, ``last_seen_up``."""
    return list(tx.execute(
        select(_H.fleet, func.count().label("hosts"), func.max(_S.last_seen_up).label("last_seen_up"))
        .select_from(models.simulated_hosts.outerjoin(models.services, _OF_AGENT))
        .where(_H.deleted == 0).group_by(_H.fleet).order_by(_H.fleet)))


def fleets_of(tx: Transaction, machines: Sequence[str]) -> set[str]:
    """The processes that play these machines."""
    return {row.fleet for part in hosts.chunks(machines) for row in tx.execute(
        select(_H.fleet).distinct().where(_H.host.in_(part), _H.deleted == 0))}


def page(tx: Transaction, filters: dict[str, Any], limit: int, marker: str | None) -> list[dict[str, Any]]:
    """Machines by name, each with what its service says: ``disabled``, ``forced_down``, ``last_seen_up``.

    :param filters: ``state``, ``fleet``
    :param marker: the last name of the page before
    """
    statement = (select(*_COLUMNS, _S.disabled, _S.forced_down, _S.last_seen_up)
                 .select_from(models.simulated_hosts.outerjoin(models.services, _OF_AGENT))
                 .where(_H.deleted == 0, *(_H[name] == value for name, value in filters.items()))
                 .order_by(_H.host).limit(limit))
    if marker is not None:
        statement = statement.where(_H.host > marker)
    return [dict(row._mapping) for row in tx.execute(statement)]


def act(tx: Transaction, machines: Sequence[str], action: str) -> None:
    """Write down what is wanted of machines; all of them, or none.

    :raises ComputeHostNotFound: naming one that there is not
    :raises Conflict: naming one that is in no state for it
    """
    legal, state = ACTIONS[action]
    found = {row.host: row.state for part in hosts.chunks(machines) for row in tx.execute(
        select(_H.host, _H.state).where(_H.host.in_(part), _H.deleted == 0))}
    for name in machines:
        if name not in found:
            raise exceptions.ComputeHostNotFound(host=name)
        if found[name] not in legal:
            raise exceptions.Conflict(f"Cannot '{action}' host {name} while it is {found[name]}")
    changed = sum(tx.execute(sql_update(models.simulated_hosts).where(
        _H.host.in_(part), _H.deleted == 0, _H.state.in_(legal)).values(state=state, updated_at=tx.now)).rowcount
        for part in hosts.chunks(machines))
    if changed != len(machines):
        raise exceptions.Conflict("Some of these hosts have just been changed by another request")


def remove(tx: Transaction, machines: Sequence[str]) -> None:
    """Take machines away, with their services and hypervisors.

    :raises ServiceInUse: naming one that servers or moves need
    """
    # First, so that whoever claims room there either is seen below, or finds no host any more.
    hosts.delete_agents(tx, machines)
    for part in hosts.chunks(machines):
        used = sorted(in_use(tx, part))
        if used:
            raise exceptions.ServiceInUse(host=used[0], reason="it has servers, or is part of a move")
        aggregates.forget_hosts(tx, part)
        tx.execute(sql_update(models.simulated_hosts).where(_H.host.in_(part), _H.deleted == 0).values(
            deleted=_H.id, deleted_at=tx.now, updated_at=tx.now))


def in_use(tx: Transaction, machines: Iterable[str] | None = None) -> set[str]:
    """Those of these machines (of all) on which servers are, or that a move needs."""
    servers, moves, claims = models.instances.c, models.migrations.c, models.claims.c

    def of(column: Any, *conditions: Any) -> Any:
        mine = column.is_not(None) if machines is None else column.in_(list(machines))
        return select(column.label("host")).where(mine, *conditions)

    going_on = moves.status.in_(states.IN_PROGRESS)
    return {row.host for row in tx.execute(union(
        of(servers.host, servers.deleted == 0), of(claims.host), of(moves.source_compute, going_on),
        of(moves.dest_compute, going_on)))}


def removable(tx: Transaction, count: int) -> list[str]:
    """So many of the newest machines that nothing is on; fewer where there are not so many."""
    used = in_use(tx)
    return [name for name in reversed(names(tx)) if name not in used][:count]

