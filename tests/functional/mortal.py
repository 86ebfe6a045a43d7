"""Agents that can die: after any of their steps, as a process does that is killed.

Everything an agent does to the world goes through its database, its hypervisors and its two proxies, so those are what
is counted, and where the end comes.
"""

import dataclasses

from novasim.launch import compute
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.sim.faults import POINTS

VERBS = {point.removeprefix("virt.") for point in POINTS if point.startswith("virt.")}
MESSAGES = {*Compute.methods, *Conductor.methods}


class ProcessDied(BaseException):
    """Like the end of a process, nothing of ours catches it."""


class Fate:
    """Counts the steps of the agents and lets them die after one; after number 0 they die before the first."""

    def __init__(self):
        self.steps, self.last, self.dead, self.journal = [], None, False, None

    def arm(self, cluster, last):
        self.steps, self.last, self.dead, self.journal = [], last, False, cluster.ground.journal

    def disarm(self):
        self.last, self.dead = None, False

    def live(self, name, work, args, kwargs):
        if self.dead or self.last == 0:
            self._die()
        result = work(*args, **kwargs)
        self.steps.append(name)
        if len(self.steps) == self.last:
            self._die()
        return result

    def _die(self):
        self.dead = True
        self.journal.write("agent died", None)
        raise ProcessDied


class Mortal:
    """Something an agent works with; calls of some names are steps."""

    def __init__(self, fate, thing, names):
        self._fate, self._thing, self._names = fate, thing, names

    def __getattr__(self, name):
        value = getattr(self._thing, name)
        if name not in self._names:
            return value
        return lambda *args, **kwargs: self._fate.live(name, value, args, kwargs)


def make_agents_mortal(monkeypatch, fate):
    """Agents that are started from now on share this fate."""
    real = compute.make_agents

    def agents(ground):
        made = real(ground)
        return dataclasses.replace(
            made, db=Mortal(fate, made.db, {"write", "insist"}), driver=Mortal(fate, made.driver, VERBS),
            compute=Mortal(fate, made.compute, MESSAGES), conductor=Mortal(fate, made.conductor, MESSAGES))

    monkeypatch.setattr(compute, "make_agents", agents)
