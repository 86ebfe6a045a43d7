"""The services: what each consists of, and the main function of a process that runs one.

A process says on its standard output when it is ready, in one line of JSON; then it runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from novasim import config, exceptions
from novasim.api import auth, pipeline
from novasim.api.app import Api
from novasim.compute import periodics
from novasim.compute.agents import Agents
from novasim.compute.endpoints import ComputeEndpoints
from novasim.compute.fleet import Fleet, FleetEndpoints
from novasim.compute.lives import ActingEndpoints
from novasim.conductor import recovery as conductor_recovery
from novasim.conductor.endpoints import ConductorEndpoints
from novasim.db import hosts as db_hosts
from novasim.db import simulated_hosts
from novasim.launch import accounts, wiring, wsgi_server
from novasim.launch.fault_book import FaultBook
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.rpc.fleet import Fleet as FleetContract
from novasim.rpc.scheduler import Scheduler
from novasim.scheduler.decisions import DIRECTORY, Recorder
from novasim.scheduler.driver import Driver, load_driver
from novasim.scheduler.endpoints import SchedulerEndpoints
from novasim.sim import hostnames

LOG = logging.getLogger(__name__)
RECOVERIES_AT_ONCE = 16
STOP_ON_EOF = "NOVASIM_STOP_ON_EOF"


class Running:
    """A started service: what ends it, in order.

    :param forget: what makes it as it was when it had just started; for clusters that are reset
    """

    def __init__(self, *stops: Callable[[], object], forget: Callable[[], object] = lambda: None, **facts: Any):
        self._stops = stops
        self.forget = forget
        self.facts = facts

    def stop(self) -> None:
        for stop in self._stops:
            stop()


def _heartbeat(ground: wiring.Ground, binary: str, topic: str) -> tuple[Callable[[], object], float]:
    host = [ground.conf.host]
    ground.db.write(db_hosts.register, host, binary, topic)
    return (lambda: ground.db.write(db_hosts.register, host, binary, topic)), ground.conf.report_interval


def start_conductor(ground: wiring.Ground) -> Running:
    """An orchestrator that answers, and looks after what was lost."""
    orchestrator = wiring.orchestrator(ground)
    heartbeat = _heartbeat(ground, "nova-conductor", Conductor.topic)
    ground.messaging.serve(Conductor, ConductorEndpoints(orchestrator), ground.conf.host)
    stop_timers = ground.timers.run([
        heartbeat,
        (functools.partial(conductor_recovery.recover, orchestrator), ground.conf.conductor.recovery_interval),
        (functools.partial(conductor_recovery.expire_reservations, orchestrator),
         ground.conf.conductor.recovery_interval)])
    return Running(stop_timers, orchestrator=orchestrator)


def start_scheduler(ground: wiring.Ground) -> Running:
    """A scheduler with its picture of the hosts."""
    decisions = ground.pen("scheduler", DIRECTORY)
    heartbeat = _heartbeat(ground, "nova-scheduler", Scheduler.topic)

    def make_driver() -> Driver:
        driver = load_driver(ground.conf, ground.db, ground.clock, ground.chance)
        driver.recorder = Recorder(ground.conf, decisions, ground.chance.seed)
        return driver

    def forget() -> None:
        decisions.clear()
        endpoints.driver = make_driver()

    endpoints = SchedulerEndpoints(make_driver(), ground.as_service("scheduler"))
    ground.messaging.serve(Scheduler, endpoints, ground.conf.host)
    return Running(ground.timers.run([heartbeat]), decisions.close, forget=forget)


def start_compute(ground: wiring.Ground) -> Running:
    """The agents of the hosts that this process plays: at first those that ``host`` names, then those it is told of."""
    names = hostnames.expand(ground.conf.host)
    agents = wiring.agents(ground)
    pool = ThreadPoolExecutor(RECOVERIES_AT_ONCE)
    fleet = Fleet(agents, ground.conf.simulator.fleet or names[0], pool)
    ground.db.write(simulated_hosts.enrol, fleet.name, ground.conf.profile, names)
    endpoints = ActingEndpoints(agents.lives, ComputeEndpoints(agents))
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


def start_api(ground: wiring.Ground) -> Running:
    """The REST API on its port."""
    if ground.conf.api.auth_strategy == auth.IDENTITY:
        accounts.seed(ground.conf, ground.db)
    conductor, compute, fleet = (ground.messaging.client(contract, "api")
                                 for contract in (Conductor, Compute, FleetContract))
    app = Api(ground.conf, ground.db, ground.clock, conductor, compute, fleet, ground.as_service("api"))
    sock = wsgi_server.listen(ground.conf.api.listen, ground.conf.api.listen_port)
    server = wsgi_server.Server(pipeline.build(app), sock, ground.conf.api.threads,
                                ground.conf.graceful_shutdown_timeout)
    endpoint = f"http://{ground.conf.api.listen}:{server.port}/v2.1"
    return Running(server.stop, forget=app.forget, endpoint=endpoint, app=app)


_START = {"api": start_api, "conductor": start_conductor, "scheduler": start_scheduler, "compute": start_compute}


def configure(service: str, argv: Sequence[str]) -> cfg.ConfigOpts:
    """The configuration of a service process from its command line."""
    host = next(option for option in config.OPTIONS if option.name == "host")
    conf = wiring.build_config(argv, prog=f"novasim-{service}", cli_opts=[host])
    logging.setup(conf, "novasim")
    return conf


def die() -> None:
    """End this process as ``kill -9`` does: nothing is finished, nobody is told."""
    os.kill(os.getpid(), signal.SIGKILL)


class StopSignal:
    """SIGTERM and SIGINT, noted from when this is made on.

    The interpreter itself writes to a pipe: a handler must not touch locks, and with greenthreads not even a file.
    With NOVASIM_STOP_ON_EOF set, the end of standard input counts too: a parent that dies takes its children along.
    """

    def __init__(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._sources = [reader, *([0] if os.environ.get(STOP_ON_EOF) else [])]

    def wait(self, other: int | None = None) -> bool:
        """Wait for the signal; True when it came.

        :param other: a file descriptor; that it can be read ends the waiting too
        """
        ready, _, _ = select.select([*self._sources, *([] if other is None else [other])], [], [])
        return any(source in ready for source in self._sources)


def say(facts: dict[str, Any]) -> None:
    """One line of JSON on standard output, for whoever started this process."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(service: str, argv: Sequence[str]) -> int:
    """Run one service until it is told to stop."""
    stop = StopSignal()
    try:
        conf = configure(service, argv)
        ground = wiring.Ground(conf, service)
        ground.faults.kill = die
        faults = FaultBook(ground)
        running = _START[service](ground)
        faults.listen()
        if "app" in running.facts:
            running.facts["app"].faults = faults
    except exceptions.NovasimException as error:
        say({"error": error.text})
        sys.stderr.write(f"novasim-{service}: {error.text}\n")
        return 1
    except Exception as error:
        LOG.exception("%s cannot start", service)
        say({"error": f"{service} cannot start ({type(error).__name__}: {error})"})
        return 1
    say({"ready": service, **{name: fact for name, fact in running.facts.items() if isinstance(fact, str | int)}})
    stop.wait()
    LOG.info("Stopping")
    running.stop()
    ground.close()
    return 0
