"""The machines of the simulator: more, fewer, crashed, revived, frozen, thawed and removed while the cluster runs.

What is wanted is written down first; then the processes that play the machines are asked to make it so, and the
request waits until they have. One that does not answer does so when it starts, or with the next change.
"""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import oslo_messaging

from novasim import exceptions
from novasim.api import liveness, query
from novasim.api.answers import LINKS, answers, optional
from novasim.api.query import Parameter
from novasim.api.schemas import simulated_hosts as bodies
from novasim.api.views import times
from novasim.api.wsgi import Request, Response
from novasim.db import simulated_hosts
from novasim.db.engine import Transaction
from novasim.sim import hostnames, profiles

if TYPE_CHECKING:
    from novasim.api.app import Api

LOG = logging.getLogger(__name__)
# So many are made or taken away at a time; with RabbitMQ that takes a few seconds.
BATCH = 1000


def _state(text: str) -> str:
    if text not in (states := (simulated_hosts.UP, simulated_hosts.CRASHED, simulated_hosts.FROZEN)):
        raise ValueError(f"{text!r} is not one of {list(states)}")
    return text


_PARAMETERS = query.PAGING | {"state": Parameter(_state), "fleet": Parameter()}
_HOST = {"host": str, "fleet": str, "profile": str, "state": str, "service_state": str, "service_status": str,
         "updated_at": str | None}


@answers({"hosts": [_HOST], "hosts_links": optional(LINKS)}, query=_PARAMETERS)
def index(api: Api, request: Request) -> Any:
    """Machines by name, a page at a time."""
    request.authorize("os-simulator:hosts:list")
    values = query.read(request, _PARAMETERS)
    limit = query.page_size(request, values.pop("limit", None))
    rows = api.db.read(simulated_hosts.page, values, limit, values.pop("marker", None))
    since = liveness.alive_since(api)
    shown: dict[str, Any] = {"hosts": [_shown(row, since) for row in rows]}
    if 0 < len(rows) == limit:
        shown["hosts_links"] = query.next_link(request, "/os-simulator/hosts", rows[-1]["host"])
    return shown


def _shown(row: dict[str, Any], since: Any) -> dict[str, Any]:
    seen = row["last_seen_up"]
    is_up = seen is not None and seen >= since and not row["forced_down"]
    return {"host": row["host"], "fleet": row["fleet"], "profile": row["profile"], "state": row["state"],
            "service_state": "up" if is_up else "down", "service_status": "disabled" if row["disabled"] else "enabled",
            "updated_at": times.microseconds(row["updated_at"])}


@answers({"fleets": [{"name": str, "hosts": int, "state": str}]})
def fleets(api: Api, request: Request) -> Any:
    """The processes that play machines."""
    request.authorize("os-simulator:hosts:list")
    since = liveness.alive_since(api)
    return {"fleets": [{"name": row.fleet, "hosts": row.hosts,
                        "state": "up" if row.last_seen_up and row.last_seen_up >= since else "down"}
                       for row in api.db.read(simulated_hosts.fleets)]}


@answers({"scale": {"hosts": int, "added": int, "removed": int}}, errors=(409, 503), takes=bodies.SCALE)
def scale(api: Api, request: Request) -> Any:
    """Make so many machines of all; the newest that nothing is on go first.

    :raises Invalid: when there is no such profile
    :raises Conflict: when servers are on too many of those that would have to go
    """
    body = request.json()
    bodies.SCALE.check(body)
    request.authorize("os-simulator:hosts:update")
    count, profile = body["scale"]["count"], body["scale"].get("profile", api.conf.profile)
    _see_that_it_is_known(profile)
    had = len(api.db.read(simulated_hosts.names))
    if count < had:
        _shrink(request, had - count)
    for size in range(had, count, BATCH):
        _apply(request, functools.partial(_grow, api, min(size + BATCH, count), profile))
    return {"scale": {"hosts": count, "added": max(count - had, 0), "removed": max(had - count, 0)}}


def _see_that_it_is_known(profile: str) -> None:
    try:
        profiles.load(profile)
    except exceptions.ConfigurationError as error:
        raise exceptions.Invalid(f"profile: {error.text}") from error


def _grow(api: Api, count: int, profile: str, tx: Transaction) -> set[str]:
    """New machines get the names that are free, and go to the processes that play the fewest."""
    taken = set(simulated_hosts.names(tx))
    since = liveness.alive_since(api)
    known = simulated_hosts.fleets(tx)
    sizes = {row.fleet: row.hosts for row in known if row.last_seen_up and row.last_seen_up >= since} or {
        row.fleet: row.hosts for row in known}
    if not sizes:
        raise exceptions.MessagingUnavailable(reason="no process has played machines yet")
    free = (name for name in map(hostnames.numbered, itertools.count(1)) if name not in taken)
    new = []
    for name in itertools.islice(free, max(count - len(taken), 0)):
        fleet = min(sizes, key=lambda one: sizes[one])
        sizes[fleet] += 1
        new.append((name, fleet))
    simulated_hosts.add(tx, new, profile)
    return {fleet for _, fleet in new}


def _shrink(request: Request, count: int) -> None:
    going = request.api.db.read(simulated_hosts.removable, count)
    if len(going) < count:
        raise exceptions.Conflict(f"Only {len(going)} hosts can be removed, not {count}: on the others there are "
                                  "servers, or they are part of a move")
    for start in range(0, count, BATCH):
        _apply(request, functools.partial(_remove, going[start:start + BATCH], "remove"))


@answers(None, 202, errors=(409, 503), takes=bodies.ACTION)
def act(api: Api, request: Request) -> Response:
    """Crash, revive, freeze, thaw or remove machines: all of those named, or none.

    :raises ComputeHostNotFound, Conflict: naming one
    """
    body = request.json()
    bodies.ACTION.check(body)
    request.authorize("os-simulator:hosts:update")
    (action, said), = body.items()
    machines = hostnames.expand(",".join(said["hosts"]))

    _apply(request, functools.partial(_remove if action == "remove" else _act, machines, action))
    return Response(202)


def _act(machines: Sequence[str], action: str, tx: Transaction) -> set[str]:
    simulated_hosts.act(tx, machines, action)
    return simulated_hosts.fleets_of(tx, machines)


def _remove(machines: Sequence[str], _action: str, tx: Transaction) -> set[str]:
    unknown = set(machines) - set(simulated_hosts.names(tx))
    if unknown:
        raise exceptions.ComputeHostNotFound(host=min(unknown))
    concerned = simulated_hosts.fleets_of(tx, machines)
    simulated_hosts.remove(tx, machines)
    return concerned


def _apply(request: Request, write: Callable[[Transaction], Iterable[str]]) -> None:
    """Write down what is wanted, and ask the processes that it concerns to make it so.

    :param write: returns their names
    :raises MessagingUnavailable: when one of them did not answer; what was written stays
    """
    api = request.api
    silent = []
    for fleet in sorted(api.db.write(write)):
        try:
            api.fleet.sync_hosts(request.context, fleet)
        except (oslo_messaging.MessagingException, exceptions.ComputeServiceUnavailable) as error:
            LOG.warning("Fleet %s does not answer: %s", fleet, error)
            silent.append(fleet)
    if silent:
        raise exceptions.MessagingUnavailable(
            reason=f"{', '.join(silent)} did not answer. What is wanted is noted and comes into force when that "
                   "process starts")
