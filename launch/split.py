"""A cluster of one process a service, on one machine: started, watched and stopped by this one."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import oslo_messaging
from oslo_config import cfg

from novasim import exceptions
from novasim.db import engine, versioning
from novasim.launch import seed
from novasim.launch import service as service_process
from novasim.sim.clock import Clock

LOG = logging.getLogger(__name__)
# Agents come last, so that what they take up at their start finds the others.
SERVICES = ("conductor", "scheduler", "compute", "api")
RESTART_AFTER_S = 1.0


def _see_that_the_bus_answers(conf: cfg.ConfigOpts) -> None:
    """oslo.messaging would try for ever; a wrong address should be told of at once.

    :raises ConfigurationError: when none of the bus's hosts takes a connection
    """
    hosts = oslo_messaging.TransportURL.parse(conf).hosts
    for host in hosts:
        with contextlib.suppress(OSError), socket.create_connection((host.hostname, host.port or 5672), timeout=5):
            return
    told = ", ".join(f"{host.hostname}:{host.port or 5672}" for host in hosts)
    raise exceptions.ConfigurationError(reason=f"the bus does not answer at {told}. Start RabbitMQ or correct --bus")


class SplitCluster:
    """Service processes on the bus and database of a configuration file.

    :param config_file: what all of them are given
    :param hosts: how many compute hosts, at least; None: those it has
    :param stop: what ends the waiting for a start
    """

    def __init__(self, conf: cfg.ConfigOpts, config_file: Path, hosts: int | None, stop: service_process.StopSignal):
        self._conf = conf
        self._file = config_file
        self._stop_signal = stop
        self._hosts = hosts
        self.hosts = 0
        self._stopping = threading.Event()
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._watchers: list[threading.Thread] = []
        self.endpoint = ""

    def start(self) -> None:
        """Prepare the database, start all services, and return when each has said that it is ready.

        :raises ConfigurationError: when one of them ended instead, with what it said
        """
        _see_that_the_bus_answers(self._conf)
        database = engine.connect(self._conf, Clock())
        try:
            versioning.upgrade(database)
            seed.seed(database)
            self.hosts = seed.machines(database, self._conf.profile, self._hosts)
        except Exception as error:
            raise exceptions.ConfigurationError(
                reason=f"the database cannot be prepared ({type(error).__name__}: {error}). Check --db") from error
        finally:
            database.close()
        try:
            for service in SERVICES:
                self._spawn(service)
            for service in SERVICES:
                facts = self._wait_ready(service)
                self.endpoint = facts.get("endpoint", self.endpoint)
        except exceptions.NovasimException:
            self.stop()
            raise
        for service in SERVICES:
            watcher = threading.Thread(target=self._watch, args=(service,), daemon=True)
            self._watchers.append(watcher)
            watcher.start()

    def _spawn(self, service: str) -> None:
        command = [sys.executable, "-m", "novasim.launch.entry", service, "--config-file", str(self._file),
                   "--log-file", f"{service}.log"]
        if service == "compute":
            command += ["--host", seed.FLEET]
        self._processes[service] = subprocess.Popen(
            command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
            env=os.environ | {service_process.STOP_ON_EOF: "1"})

    def _wait_ready(self, service: str) -> dict[str, Any]:
        process = self._processes[service]
        assert process.stdout is not None
        if self._stop_signal.wait(process.stdout.fileno()):
            raise exceptions.ConfigurationError(reason="told to stop before it was ready")
        line = process.stdout.readline()
        facts: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if "ready" not in facts:
            raise exceptions.ConfigurationError(
                reason=f"{service} did not start: {facts.get('error', f'see log/{service}.log')}")
        return facts

    def _watch(self, service: str) -> None:
        """Start a service again that ended by itself; it takes up what it left."""
        while True:
            code = self._processes[service].wait()
            if self._stopping.wait(RESTART_AFTER_S):
                return
            LOG.error("%s ended with code %s; starting it again", service, code)
            self._spawn(service)

    def stop(self) -> None:
        """Let nothing more in first: the API, then those who serve it."""
        self._stopping.set()
        for services in (("api",), tuple(service for service in SERVICES if service != "api")):
            self._end([self._processes[service] for service in services if service in self._processes])

    def _end(self, processes: list[subprocess.Popen[str]]) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(self._conf.graceful_shutdown_timeout + 10)
            except subprocess.TimeoutExpired:
                LOG.error("%s does not stop; ending it", process.args)
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
