"""Compares what the control plane believes with what is: claims, quotas, moves, system metadata, hypervisors.

It is the checker of spec 12.4, run by ``novasim-manage audit`` and at the end of tests. Servers in the middle of an
operation are judged by what must hold at any time; those at rest by everything.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg

from novasim import quota, states
from novasim.compute import options
from novasim.compute.virt.driver import BACKUP, GUEST, Guest
from novasim.compute.virt.store import GuestStore
from novasim.db import claims, endings, hosts, instance_pages, instances, migrations, quotas
from novasim.db.engine import Database, Transaction
from novasim.objects import CURRENT, FLAVOR_KEYS, NEW, OLD, OLD_VM_STATE, Instance, Migration

_WAITING = (states.FINISHED, states.CONFIRMING, states.REVERTING)


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


def _grouped(rows: Iterable[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = collections.defaultdict(list)
    for row in rows:
        groups[row.instance_uuid].append(row)
    return groups


def _read(tx: Transaction, guests: list[Guest], reserved: dict[str, int]) -> Picture:
    servers = instance_pages.all_live(tx)
    instances.load_system_metadata(tx, servers)
    usages, reservations = quotas.everything(tx)
    return Picture(
        servers, _grouped(migrations.all_in_progress(tx)), _grouped(claims.everything(tx)),
        claims.sums(tx), hosts.nodes(tx),
        {(row.project_id, row.user_id, row.resource): (row.in_use, row.reserved) for row in usages},
        reservations, _grouped(guests),
        reserved, migrations.failed_ends(tx))


def run(conf: cfg.ConfigOpts, database: Database) -> list[str]:
    """All findings, a sentence each; none is good."""
    store = Path(conf.state_path) / "hypervisors.sqlite"
    guests: list[Guest] = []
    if store.exists():
        hypervisors = GuestStore(store)
        guests = hypervisors.list()
        hypervisors.close()
    picture = database.snapshot(_read, guests, options.reserved(conf))
    return [finding for check in (_sums, _servers, _orphans, _quotas) for finding in check(picture)]


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
        for finding in (*_states(server, moves), *_claims(server, moves, held), *_metadata(server, moves),
                        *_guests(server, moves, picture.guests.get(server.uuid, [])),
                        *_copies(server, moves, picture)):
            yield f"server {server.uuid} ({server.vm_state}/{server.task_state}): {finding}"


def _states(server: Instance, moves: list[Migration]) -> Iterator[str]:
    """Invariants 1 and 8."""
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
    """One claim where the server lives, one more for a move; of the right sizes."""
    own = [claim for claim in held if claim.migration_id is None]
    if server.host and len(own) != 1:
        yield f"{len(own)} claims of its own, not 1"
    for_moves = {claim.migration_id for claim in held if claim.migration_id is not None}
    if for_moves != {move.id for move in moves}:
        yield f"claims for the moves {sorted(for_moves)}, in progress are {sorted(move.id for move in moves)}"
    if server.task_state is None and server.host:
        current = [claim for claim in held if claim.migration_id is not None] if moves else own
        size = (server.memory_mb, server.vcpus, server.root_gb + server.ephemeral_gb)
        for claim in current:
            if (claim.memory_mb, claim.vcpus, claim.disk_gb) != size or claim.host != server.host:
                yield (f"is {size} on {server.host}, its claim is "
                       f"{(claim.memory_mb, claim.vcpus, claim.disk_gb)} on {claim.host}")


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
    """Invariant 7, and at rest: one guest, where and how the server says."""
    running = [guest.host for guest in guests if guest.power_state == states.RUNNING]
    if len(running) > 1:
        yield f"its guest runs on {' and '.join(sorted(running))}"
    if server.task_state is not None or server.vm_state not in (states.ACTIVE, states.STOPPED, states.RESIZED):
        return
    homes = {guest.host: guest for guest in guests if guest.role == GUEST}
    if set(homes) != {server.host}:
        yield f"lives on {server.host}, its guest is on {sorted(homes) or 'no host'}"
    elif server.vm_state != states.RESIZED:
        wanted = states.RUNNING if server.vm_state == states.ACTIVE else states.SHUTDOWN
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


def _orphans(picture: Picture) -> Iterator[str]:
    """What belongs to no server any more."""
    live = {server.uuid for server in picture.servers}
    for kind, by_server in (("claim", picture.claims), ("move in progress", picture.moves),
                            ("guest", picture.guests)):
        for uuid, rows in by_server.items():
            if uuid not in live:
                where = getattr(rows[0], "host", None) or getattr(rows[0], "dest_compute", "")
                yield f"{kind} of the deleted server {uuid} on {where}"
    for row in picture.reservations:
        if row.instance_uuid not in live:
            yield f"reservation {row.uuid} of the deleted server {row.instance_uuid}"


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
