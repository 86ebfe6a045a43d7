"""Compares what the control plane believes with what is: claims, quotas, moves, system metadata, hypervisors.

It is the checker of spec 12.4, run by ``novasim-manage audit`` and at the end of tests. Servers in the middle of an
operation are judged by what must hold at any time; those at rest by everything.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from oslo_config import cfg

from novasim import config, quota, states
from novasim.compute import options
from novasim.compute.virt.driver import BACKUP, GUEST, Guest
from novasim.compute.virt.store import GuestStore
from novasim.db import claims, endings, groups, hosts, instance_pages, instances, migrations, ports, quotas
from novasim.db.engine import Database, Transaction
from novasim.launch import audit_leaving, audit_owners, audit_ports
from novasim.objects import CURRENT, FLAVOR_KEYS, NEW, OLD, OLD_VM_STATE, Instance, Migration

_WAITING = (states.FINISHED, states.CONFIRMING, states.REVERTING)

# What the guest of a server at rest is. Of one in ERROR nothing is known.
_POWER = {
    states.ACTIVE: states.RUNNING, states.STOPPED: states.SHUTDOWN, states.PAUSED: states.POWER_PAUSED,
    states.SUSPENDED: states.POWER_SUSPENDED, states.RESCUED: states.RUNNING, states.SOFT_DELETED: states.SHUTDOWN,
    states.SHELVED: states.SHUTDOWN, states.SHELVED_OFFLOADED: states.NOSTATE,
}


@dataclass
class Picture:
    """Everything that is compared, read in one transaction."""

    servers: list[Instance]
    moves: dict[str, list[Migration]]
    claims: dict[str, list[Any]]
    sums: dict[tuple[str, str], dict[str, int]]
    nodes: list[Any]
    usage: dict[tuple[str | None, str | None, str], tuple[int, int]]
    reservations: list[Any]
    guests: dict[str, list[Guest]]
    reserved: dict[str, int]
    # (server, host) at either end of a move that has failed: what lies there may be the last copy.
    failed: set[tuple[str, str]]
    life: audit_owners.Life
    memberships: list[Any]
    ports: list[Any]
    stray_addresses: list[Any]
    # Whether hypervisors are compared too; what they do and what is written of it is not one moment.
    at_rest: bool


def _grouped(rows: Iterable[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = collections.defaultdict(list)
    for row in rows:
        groups[row.instance_uuid].append(row)
    return groups


def _read(tx: Transaction, guests: list[Guest], conf: cfg.ConfigOpts, at_rest: bool) -> Picture:
    servers = instance_pages.all_live(tx)
    instances.load_system_metadata(tx, servers)
    usages, reservations = quotas.everything(tx)
    evacuated = migrations.evacuations(tx)
    # What a dead host has is not running; it is removed when the host comes back.
    guests = [guest for guest in guests if (guest.instance_uuid, guest.host) not in evacuated]
    return Picture(
        servers, _grouped(migrations.all_in_progress(tx)), _grouped(claims.everything(tx)),
        claims.sums(tx), hosts.nodes(tx),
        {(row.project_id, row.user_id, row.resource): (row.in_use, row.reserved) for row in usages},
        reservations, _grouped(guests),
        options.reserved(conf), migrations.failed_ends(tx),
        audit_owners.read(tx, tx.now - timedelta(seconds=config.down_after(conf)),
                          tx.now - timedelta(seconds=conf.conductor.recovery_after)),
        groups.everything(tx), ports.all_bound(tx), ports.strays(tx), at_rest)


def run(conf: cfg.ConfigOpts, database: Database, at_rest: bool = True) -> list[str]:
    """All findings, a sentence each; none is good.

    :param at_rest: False in the middle of things: only what holds at every instant is looked at
    """
    store = Path(conf.state_path) / "hypervisors.sqlite"
    guests: list[Guest] = []
    if store.exists():
        hypervisors = GuestStore(store)
        guests = hypervisors.list()
        hypervisors.close()
    picture = database.snapshot(_read, guests, conf, at_rest)
    return [finding for check in (_sums, _servers, _running, _orphans, _quotas, _owners) for finding in check(picture)]


def _sums(picture: Picture) -> Iterator[str]:
    """Invariant 2: a host's sums are its claims and its reserve."""
    for node in picture.nodes:
        held = picture.sums.get((node.host, node.hypervisor_hostname), {})
        for size, used in (("memory_mb", node.memory_mb_used), ("disk_gb", node.local_gb_used),
                           ("vcpus", node.vcpus_used)):
            right = held.get(size, 0) + picture.reserved[size]
            if used != right:
                yield f"host {node.host}: {size} used is {used}, its claims and reserve add up to {right}"


def _servers(picture: Picture) -> Iterator[str]:
    for server in picture.servers:
        moves = picture.moves.get(server.uuid, [])
        held = picture.claims.get(server.uuid, [])
        always = (*_states(server, moves), *_claims(server, moves, held), *_metadata(server, moves))
        at_rest = (*_guests(server, moves, picture.guests.get(server.uuid, [])),
                   *_copies(server, moves, picture)) if picture.at_rest else ()
        for finding in (*always, *at_rest):
            yield f"server {server.uuid} ({server.vm_state}/{server.task_state}): {finding}"


# What a server is while its resize or migration is in a status (spec 2.4); None: what it was before.
_DURING: dict[tuple[str, str | None], tuple[str | None, str | None]] = {
    (states.PRE_MIGRATING, None): (None, states.RESIZE_PREP),
    (states.MIG_MIGRATING, None): (None, states.RESIZE_MIGRATING),
    (states.POST_MIGRATING, None): (None, states.RESIZE_MIGRATED),
    (states.POST_MIGRATING, states.FINISHING): (None, states.RESIZE_FINISH),
    **dict.fromkeys(((states.FINISHED, None), (states.CONFIRMING, None), (states.CONFIRMING, states.ON_SOURCE)),
                    (states.RESIZED, None)),
    **dict.fromkeys(((states.REVERTING, step) for step in (
        None, states.ON_DEST, states.DEST_DONE, states.ON_SOURCE)), (states.RESIZED, states.RESIZE_REVERTING)),
}
# Of these a move must be the reason.
_TASKS_OF_MOVES = {task for _, task in _DURING.values() if task not in (None, states.RESIZE_PREP)}
_ENDING = (states.DELETING, states.SOFT_DELETING)


def _during(server: Instance, moves: list[Migration]) -> Iterator[str]:
    """Spec 2.4, invariant 8: the states of a server and of its move go together."""
    if not moves and server.task_state in _TASKS_OF_MOVES:
        yield "no move is in progress"
    for move in moves:
        if move.migration_type not in (states.RESIZE, states.MIGRATION) or server.task_state in _ENDING:
            continue
        vm_state, task_state = _DURING.get((move.status, move.step), ("no such step", None))
        vm_states = (states.ACTIVE, states.STOPPED) if vm_state is None else (vm_state,)
        if server.vm_state not in vm_states or server.task_state != task_state:
            yield f"its move is {move.status} ({move.step})"


def _states(server: Instance, moves: list[Migration]) -> Iterator[str]:
    """Invariants 1 and 8."""
    yield from _during(server, moves)
    if len(moves) > 1:
        yield f"{len(moves)} moves are in progress"
    waiting = [move for move in moves if move.status in _WAITING]
    if server.vm_state == states.RESIZED and len(waiting) != 1:
        yield f"{len(waiting)} moves wait for confirm or revert, not 1"
    if server.vm_state != states.RESIZED and server.task_state != states.DELETING and waiting:
        yield f"a move is {waiting[0].status}"
    if server.task_state is None and server.vm_state != states.RESIZED and moves:
        yield f"at rest, but a move is {moves[0].status}"


def _claims(server: Instance, moves: list[Migration], held: list[Any]) -> Iterator[str]:
    """Invariant 2: one claim where the server lives, one more for a move; of the right sizes, at any instant."""
    in_progress = {move.id for move in moves}
    own = [claim for claim in held if claim.migration_id not in in_progress]
    if server.host and len(own) != 1:
        yield f"{len(own)} claims of its own, not 1"
    if server.vm_state == states.SHELVED_OFFLOADED and not server.host and held:
        yield f"is offloaded, and holds {len(held)} claims"
    for_moves = {claim.migration_id for claim in held} & in_progress
    if for_moves != {move.id for move in moves if audit_leaving.has_room(move)}:
        yield f"claims for the moves {sorted(for_moves)}, in progress are {sorted(in_progress)}"
    for move in moves:
        if move.migration_type in (states.RESIZE, states.MIGRATION):
            yield from _room_of_move(server, move, held)
        yield from audit_leaving.check(server, move, held)
    if not moves and server.host:
        wanted = (server.host, server.memory_mb, server.vcpus, server.root_gb + server.ephemeral_gb)
        for claim in own:
            if _size(claim) != wanted:
                yield f"needs {wanted}, its claim is {_size(claim)}"


def _size(claim: Any) -> tuple[str, int, int, int]:
    return claim.host, claim.memory_mb, claim.vcpus, claim.disk_gb


def _room_of_move(server: Instance, move: Migration, held: list[Any]) -> Iterator[str]:
    """Invariant 2: a resize or migration holds room for the old flavor on its source, for the new one on its
    destination."""
    for of_move, host, prefix in ((False, move.source_compute, OLD), (True, move.dest_compute, NEW)):
        try:
            flavor = server.flavor(prefix if prefix + "id" in server.system_metadata else CURRENT)
        except KeyError:
            # For the check of the metadata.
            continue
        wanted = (host, flavor.memory_mb, flavor.vcpus, flavor.disk_gb)
        found = [_size(claim) for claim in held if (claim.migration_id == move.id) == of_move]
        if found != [wanted]:
            yield f"its move needs {wanted}, its claim is {found}"


def _has_snapshot(server: Instance) -> bool:
    return all(CURRENT + key in server.system_metadata for key in FLAVOR_KEYS)


def _metadata(server: Instance, moves: list[Migration]) -> Iterator[str]:
    """Spec 2.4 and 9.3: which snapshots stand in system_metadata at rest."""
    if server.task_state is not None:
        return
    prefixes = [CURRENT] + ([OLD, NEW] if moves else [])
    for prefix in (CURRENT, OLD, NEW):
        count = sum(key.startswith(prefix) for key in server.system_metadata)
        wanted = 10 if prefix in prefixes else 0
        if count != wanted:
            yield f"{count} keys {prefix}*, not {wanted}"
    if (OLD_VM_STATE in server.system_metadata) != bool(moves):
        yield "old_vm_state " + ("is missing" if moves else "is left over")
    if not _has_snapshot(server):
        return
    flavor = server.flavor()
    if instances.flavor_columns(flavor) != {name: getattr(server, name) for name in instances.flavor_columns(flavor)}:
        yield f"its columns are not those of its flavor {flavor.name}"


def _guests(server: Instance, moves: list[Migration], guests: list[Guest]) -> Iterator[str]:
    """At rest there is one guest, where and how the server says."""
    if server.task_state is not None or server.vm_state not in (*_POWER, states.RESIZED):
        return
    homes = {guest.host: guest for guest in guests if guest.role == GUEST}
    if server.vm_state == states.SHELVED_OFFLOADED:
        if homes:
            yield f"is offloaded, its guest is on {sorted(homes)}"
    elif set(homes) != ({server.host} if server.host else set()):
        yield f"lives on {server.host}, its guest is on {sorted(homes) or 'no host'}"
    elif server.host and server.vm_state != states.RESIZED:
        wanted = _POWER[server.vm_state or ""]
        if homes[server.host or ""].power_state != wanted:
            yield f"its guest's power state is {homes[server.host or ''].power_state}, not {wanted}"


def _copies(server: Instance, moves: list[Migration], picture: Picture) -> Iterator[str]:
    """What is kept for a revert lies on the source of the move, or where a move has failed; nowhere else."""
    if server.task_state is not None:
        return
    kept = {guest.host for guest in picture.guests.get(server.uuid, []) if guest.role == BACKUP}
    sources = {move.source_compute or "" for move in moves}
    if missing := sources - kept:
        yield f"no copy for a revert on {', '.join(sorted(missing))}"
    allowed = sources | {host for uuid, host in picture.failed if uuid == server.uuid}
    if extra := kept - allowed:
        yield f"a copy for a revert is left on {', '.join(sorted(extra))}"


def _running(picture: Picture) -> Iterator[str]:
    """Invariant 7: a guest is powered on in one place at most."""
    for uuid, guests in picture.guests.items():
        running = [guest.host for guest in guests if guest.power_state == states.RUNNING]
        if len(running) > 1:
            yield f"server {uuid}: its guest runs on {' and '.join(sorted(running))}"


def _owners(picture: Picture) -> Iterator[str]:
    yield from audit_owners.tasks(picture.servers, picture.moves, picture.life)
    yield from audit_owners.events(picture.servers, picture.moves, picture.life)


def _orphans(picture: Picture) -> Iterator[str]:
    """What belongs to no server any more."""
    live = {server.uuid for server in picture.servers}
    guests = picture.guests if picture.at_rest else {}
    for kind, by_server in (("claim", picture.claims), ("move in progress", picture.moves), ("guest", guests)):
        for uuid, rows in by_server.items():
            if uuid not in live:
                where = getattr(rows[0], "host", None) or getattr(rows[0], "dest_compute", "")
                yield f"{kind} of the deleted server {uuid} on {where}"
    for row in picture.reservations:
        if row.instance_uuid not in live:
            yield f"reservation {row.uuid} of the deleted server {row.instance_uuid}"
    for row in picture.memberships:
        if row.instance_uuid not in live:
            yield f"server group {row.group_id} has the deleted server {row.instance_uuid}"
    yield from audit_ports.check(picture.servers, picture.ports, picture.stray_addresses)


def _quotas(picture: Picture) -> Iterator[str]:
    """Invariant 3: a project's usage is what its servers count for, and reserved is what is reserved."""
    counted: collections.Counter[tuple[str | None, str | None, str]] = collections.Counter()
    for server in picture.servers:
        moves = picture.moves.get(server.uuid, [])
        if not _has_snapshot(server):
            continue
        try:
            deltas = endings.counted(server, moves[0] if moves else None)
        except KeyError as error:
            yield f"server {server.uuid}: cannot be counted for its quota without the key {error}"
            continue
        for name, amount in deltas.items():
            counted[server.project_id, server.user_id, name] += amount
    reserved: collections.Counter[tuple[str | None, str | None, str]] = collections.Counter()
    for row in picture.reservations:
        reserved[row.project_id, row.user_id, row.resource] += max(row.delta, 0)
    for key in sorted({*counted, *picture.usage}, key=str):
        if key[2] not in quota.COUNTED:
            continue
        used, held = picture.usage.get(key, (0, 0))
        if used != counted[key]:
            yield f"quota {'/'.join(map(str, key))}: {used} in use, the servers count for {counted[key]}"
        if held != reserved[key]:
            yield f"quota {'/'.join(map(str, key))}: {held} reserved, the reservations add up to {reserved[key]}"
