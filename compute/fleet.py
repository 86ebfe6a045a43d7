"""The machines that a process plays: their agents start, crash, freeze and thaw while it runs.

What is wanted stands in a table (db/simulated_hosts.py), so that a message that is lost, or comes twice, does no harm,
and a process that starts knows what it is. What a machine goes through is what happens to a process of its own:

- A crash ends what its agent is at and its heartbeat. Its queue stays: messages wait there. One that had been taken
  from the queue is lost, as messages are acknowledged before they run.
- Revived, it does what a compute service does at its start: takes up what it left, then what has waited in its queue.
- Frozen, an agent stands still between two steps and takes no message; thawed, it goes on where it stood.
- Removed, its queue is gone, too: who sends it something hears at once that nobody is there.
"""

from __future__ import annotations

import collections
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

from novasim.compute import recovery, tracker
from novasim.compute.agents import Agents
from novasim.db import hosts as db_hosts
from novasim.db import simulated_hosts
from novasim.objects import SimulatedHost
from novasim.rpc.server import SharedRPCServer
from novasim.sim import profiles

LOG = logging.getLogger(__name__)
# What an agent is when it neither lives nor is frozen.
DARK = "dark"
BATCH = 1000


class Fleet:
    """The agents of a process.

    :param name: by which the table knows the process
    :param pool: runs what an agent takes up when it starts
    """

    def __init__(self, agents: Agents, name: str, pool: Executor):
        self._agents, self._pool, self.name = agents, pool, name
        self._lock = threading.Lock()
        self._known: set[str] = set()
        # What takes the messages to the hosts; it answers for this fleet, too, and is there before its first host.
        self.listening: SharedRPCServer

    def sync(self) -> int:
        """Make the machines what the table says; returns how many live."""
        with self._lock:
            wanted = {one.host: one for one in self._agents.db.read(simulated_hosts.of_fleet, self.name)}
            self._remove([host for host in self._known if host not in wanted])
            todo: dict[Callable[[Fleet, Sequence[SimulatedHost]], None], list[SimulatedHost]] = (
                collections.defaultdict(list))
            for one in wanted.values():
                change = _CHANGES.get((self._state(one.host), one.state))
                if change is not None:
                    todo[change].append(one)
            for change, machines in todo.items():
                change(self, machines)
            self._known = set(wanted)
            return len(self._agents.hosts)

    def _state(self, host: str) -> str:
        lives = self._agents.lives
        if lives.is_up(host):
            return simulated_hosts.UP
        return simulated_hosts.FROZEN if lives.is_frozen(host) else DARK

    def _start(self, machines: Sequence[SimulatedHost]) -> None:
        """Some at a time: who is known is chosen by the scheduler, and should have its queue soon."""
        for first in range(0, len(machines), BATCH):
            self._start_some(machines[first:first + BATCH])

    def _start_some(self, machines: Sequence[SimulatedHost]) -> None:
        """As a compute service starts: known first, then seeing what was left, then answering, then taking it up."""
        agents, names = self._agents, [one.host for one in machines]
        for profile, hosts in _by_profile(machines).items():
            agents.driver.equip(hosts, profiles.load(profile))
        tracker.register(agents, names)
        left = recovery.plan(agents, names)
        agents.lives.begin(names)
        self.listening.add_hosts(names)
        for entry in left:
            self._pool.submit(recovery.resume, agents, entry)
        self._pool.submit(recovery.clear_away, agents, names)
        self._pool.submit(recovery.resume_guests, agents, names)
        LOG.info("%s agents have started, with %s operations to take up", len(names), len(left))

    def _crash(self, machines: Sequence[SimulatedHost]) -> None:
        names = [one.host for one in machines]
        self.listening.drop_hosts(names)
        self._agents.lives.end(names)
        LOG.info("%s agents have crashed", len(names))

    def _freeze(self, machines: Sequence[SimulatedHost]) -> None:
        names = [one.host for one in machines]
        self.listening.drop_hosts(names)
        self._agents.lives.freeze(names)
        LOG.info("%s agents are frozen", len(names))

    def _thaw(self, machines: Sequence[SimulatedHost]) -> None:
        names = [one.host for one in machines]
        self._agents.db.write(db_hosts.heartbeat, names, db_hosts.COMPUTE)
        self._agents.lives.begin(names)
        self.listening.add_hosts(names)
        LOG.info("%s agents go on", len(names))

    def _remove(self, names: Sequence[str]) -> None:
        if not names:
            return
        self.listening.drop_hosts(names, delete=True)
        self._agents.lives.end(names)
        for guest in self._agents.driver.list_guests(names):
            self._agents.driver.remove(guest)
        LOG.info("%s machines are gone", len(names))


_CHANGES: Mapping[tuple[str, str], Callable[[Fleet, Sequence[SimulatedHost]], None]] = {
    (DARK, simulated_hosts.UP): Fleet._start,
    (simulated_hosts.UP, simulated_hosts.CRASHED): Fleet._crash,
    (simulated_hosts.FROZEN, simulated_hosts.CRASHED): Fleet._crash,
    (simulated_hosts.UP, simulated_hosts.FROZEN): Fleet._freeze,
    (simulated_hosts.FROZEN, simulated_hosts.UP): Fleet._thaw,
}


def _by_profile(machines: Sequence[SimulatedHost]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = collections.defaultdict(list)
    for one in machines:
        found[one.profile].append(one.host)
    return found


class FleetEndpoints:
    """The fleet's side of rpc/fleet.py."""

    def __init__(self, fleet: Fleet):
        self._fleet = fleet

    def sync_hosts(self, ctxt: object) -> int:
        return self._fleet.sync()
