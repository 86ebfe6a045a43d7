"""The main function of a process that runs one service; what that consists of is in the module of its name.

A process says on its standard output when it is ready, in one line of JSON; then it runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from novasim import config, exceptions
from novasim.launch import wiring
from novasim.launch.fault_book import FaultBook

LOG = logging.getLogger(__name__)
STOP_ON_EOF = "NOVASIM_STOP_ON_EOF"


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
        running = importlib.import_module(f"novasim.launch.{service}").start(ground)
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
