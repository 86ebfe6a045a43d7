"""The conductor: an orchestrator that answers, and looks after what was lost."""

from __future__ import annotations

import functools

from novasim.conductor import recovery
from novasim.conductor.endpoints import ConductorEndpoints
from novasim.conductor.orchestrator import Orchestrator
from novasim.launch import wiring
from novasim.launch.running import Running, heartbeat
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.rpc.scheduler import Scheduler


def start(ground: wiring.Ground) -> Running:
    conf = ground.conf
    orchestrator = Orchestrator(
        conf, ground.db, ground.clock, ground.as_service("conductor"), ground.messaging.client(Scheduler, "conductor"),
        ground.messaging.client(Compute, "conductor"))
    beat = heartbeat(ground, "nova-conductor", Conductor.topic)
    ground.messaging.serve(Conductor, ConductorEndpoints(orchestrator), conf.host)
    stop_timers = ground.timers.run([
        beat, *((functools.partial(task, orchestrator), conf.conductor.recovery_interval)
                for task in (recovery.recover, recovery.expire_reservations))])
    return Running(stop_timers, orchestrator=orchestrator)
