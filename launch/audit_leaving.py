"""The part of the audit that knows of moves without a confirm: live migrations, and evacuations from dead hosts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from novasim import states
from novasim.objects import Instance, Migration

# What a server is doing meanwhile; a delete goes before it.
_TASKS = {states.LIVE_MIGRATION: (states.MIGRATING,),
          states.EVACUATION: (states.REBUILDING, states.REBUILD_SPAWNING)}
_ENDING = (states.DELETING, states.SOFT_DELETING)


def has_room(move: Migration) -> bool:
    """Whether a move holds room: one of these does once a conductor has found it a destination."""
    return (move.status, move.step) != (states.ACCEPTED, None)


def check(server: Instance, move: Migration, held: Collection[Any]) -> Iterator[str]:
    """The task, the host and the claim of a server go together with its move, at any instant."""
    tasks = _TASKS.get(move.migration_type)
    if tasks is None:
        return
    if server.task_state not in (*tasks, *_ENDING):
        yield f"its {move.migration_type} is {move.status} ({move.step})"
    handed_over = move.migration_type == states.LIVE_MIGRATION and move.status == states.POST_MIGRATING
    home = move.dest_compute if handed_over else move.source_compute
    if server.host != home:
        yield f"its {move.migration_type} is {move.status}, so it should be on {home}, not on {server.host}"
    size = (server.memory_mb, server.vcpus, server.root_gb + server.ephemeral_gb)
    for claim in held:
        host = move.source_compute if claim.migration_id != move.id else move.dest_compute
        if (claim.host, claim.memory_mb, claim.vcpus, claim.disk_gb) != (host, *size):
            yield (f"its {move.migration_type} needs {(host, *size)}, its claim is "
                   f"{(claim.host, claim.memory_mb, claim.vcpus, claim.disk_gb)}")

