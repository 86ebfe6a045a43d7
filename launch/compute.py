"""The agents of the hosts that a process plays: at first those that ``host`` names, then those it is told of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from novasim.compute import lives, periodics
from novasim.compute.agents import Agents
from novasim.compute.endpoints import ComputeEndpoints
from novasim.compute.fleet import Fleet, FleetEndpoints
from novasim.compute.virt.simulated import SimulatedDriver
from novasim.db import simulated_hosts
from novasim.launch import wiring
from novasim.launch.running import Running
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.rpc.fleet import Fleet as FleetContract
from novasim.sim import books, hostnames, profiles
from novasim.sim.stages import StageBook

RECOVERIES_AT_ONCE = 16


def make_agents(ground: wiring.Ground) -> Agents:
    """The parts of a process's compute agents, none of which lives yet."""
    conf, alive = ground.conf, lives.Lives()
    clock = lives.LivingClock(alive, ground.clock)
    stages = StageBook.parse(books.read("stages", conf.simulator.stages), clock, ground.chance.stream("stages"))
    driver = SimulatedDriver(Path(conf.state_path), profiles.load(conf.profile), stages, ground.faults, clock,
                             conf.database.sqlite_synchronous)
    return Agents(conf, alive, lives.database(alive, ground.db), ground.clock, ground.as_service("compute"),
                  lives.tool(alive, driver), *(lives.tool(alive, ground.messaging.client(contract, "compute"))
                                               for contract in (Conductor, Compute)))


def start(ground: wiring.Ground) -> Running:
    names = hostnames.expand(ground.conf.host)
    agents = make_agents(ground)
    pool = ThreadPoolExecutor(RECOVERIES_AT_ONCE)
    fleet = Fleet(agents, ground.conf.simulator.fleet or names[0], pool)
    ground.db.write(simulated_hosts.enrol, fleet.name, ground.conf.profile, names)
    endpoints = lives.ActingEndpoints(agents.lives, ComputeEndpoints(agents))
    fleet.listening = ground.messaging.serve_hosts(Compute, endpoints, fleet.name,
                                                   (FleetContract, FleetEndpoints(fleet)))
    # Thousands take longer to start than a host may be silent.
    stop_timers = ground.timers.run(_periodic(agents))
    count = fleet.sync()

    def forget() -> None:
        for guest in agents.driver.list_guests():
            agents.driver.remove(guest)
        fleet.sync()

    return Running(stop_timers, functools.partial(pool.shutdown, wait=False, cancel_futures=True), forget=forget,
                   hosts=count, agents=agents)


def _periodic(agents: Agents) -> list[tuple[Callable[[], object], float]]:
    return [(functools.partial(task, agents), spacing) for task, spacing in periodics.tasks(agents)]
