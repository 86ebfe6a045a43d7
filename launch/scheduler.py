"""The scheduler, with its picture of the hosts."""

from __future__ import annotations

from novasim.launch import wiring
from novasim.launch.running import Running, heartbeat
from novasim.rpc.scheduler import Scheduler
from novasim.scheduler.decisions import DIRECTORY, Recorder
from novasim.scheduler.driver import Driver, load_driver
from novasim.scheduler.endpoints import SchedulerEndpoints


def start(ground: wiring.Ground) -> Running:
    decisions = ground.pen("scheduler", DIRECTORY)
    beat = heartbeat(ground, "nova-scheduler", Scheduler.topic)

    def make_driver() -> Driver:
        driver = load_driver(ground.conf, ground.db, ground.clock, ground.chance)
        driver.recorder = Recorder(ground.conf, decisions, ground.chance.seed)
        return driver

    def forget() -> None:
        decisions.clear()
        endpoints.driver = make_driver()

    endpoints = SchedulerEndpoints(make_driver(), ground.as_service("scheduler"))
    ground.messaging.serve(Scheduler, endpoints, ground.conf.host)
    return Running(ground.timers.run([beat]), decisions.close, forget=forget)
