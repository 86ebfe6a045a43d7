"""The part of the audit that looks for work which nobody will end: a task whose host and whose conductors are dead, and
an event that its operation forgot (spec 12.4, invariant 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from novasim import states
from novasim.db import actions, hosts
from novasim.db.engine import Transaction
from novasim.objects import Instance, Migration

# The end of a move whose turn it is, where that is not the server's own host.
_AT_SOURCE = {(states.CONFIRMING, None), (states.CONFIRMING, states.ON_SOURCE),
              (states.REVERTING, states.DEST_DONE), (states.REVERTING, states.ON_SOURCE),
              (states.POST_MIGRATING, states.ON_SOURCE)}
_AT_DEST = {(states.PREPARING, None), (states.PREPARING, states.ON_DEST),
            (states.PRE_MIGRATING, states.CLAIMED), (states.PRE_MIGRATING, states.ON_DEST)}


@dataclass
class Life:
    """Which agents and conductors live, and which events are open.

    :param alive_since: the oldest heartbeat that still counts
    :param patience_since: what has begun before then should have ended, or have an owner
    """

    agents: set[str]
    conductors: bool
    events: list[Any]
    patience_since: datetime


def read(tx: Transaction, alive_since: datetime, patience_since: datetime) -> Life:
    """Who lives, as the database says."""
    living = [service for service in hosts.services(tx) if not service.forced_down
              and service.last_seen_up is not None and service.last_seen_up >= alive_since]
    return Life({service.host for service in living if service.binary == hosts.COMPUTE},
                any(service.binary == "nova-conductor" for service in living), actions.open_events(tx),
                patience_since)


def tasks(servers: Sequence[Instance], moves: Mapping[str, Sequence[Migration]], life: Life) -> Iterator[str]:
    """Invariant 4: no task is old without a living owner: its host's agent, or a conductor that takes it up."""
    for server in servers:
        move = next(iter(moves.get(server.uuid, ())), None)
        busy = server.task_state is not None or (move is not None and move.status != states.FINISHED)
        touched = max(moment for moment in (server.updated_at, move and move.updated_at, datetime.min) if moment)
        if not busy or touched >= life.patience_since or life.conductors:
            continue
        step = (move.status, move.step) if move is not None else None
        owner = (move.source_compute if move is not None and step in _AT_SOURCE
                 else move.dest_compute if move is not None and step in _AT_DEST else server.host)
        if owner not in life.agents:
            yield (f"server {server.uuid} ({server.vm_state}/{server.task_state}): waits since {touched} for "
                   f"{owner or 'a conductor'}, which is dead, and no conductor lives to end it")


def events(servers: Sequence[Instance], moves: Mapping[str, Sequence[Migration]], life: Life) -> Iterator[str]:
    """No event of an operation that has ended stays open."""
    busy = {server.uuid for server in servers if server.task_state is not None
            or any(move.status != states.FINISHED for move in moves.get(server.uuid, ()))}
    for event in life.events:
        if event.start_time < life.patience_since and event.instance_uuid not in busy:
            yield f"server {event.instance_uuid}: {event.event} is open since {event.start_time}, nobody works on it"
