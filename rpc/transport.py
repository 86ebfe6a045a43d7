"""The bus of a process: one transport, the proxies it sends by and the servers it answers with."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

import oslo_messaging
from oslo_config import cfg
from oslo_messaging._drivers import amqpdriver
from oslo_messaging.rpc import server as rpc_server

from novasim import exceptions
from novasim.rpc import rabbit_listener, server
from novasim.rpc.client import Client
from novasim.rpc.contract import Contract
from novasim.rpc.options import AUTO
from novasim.sim.faults import Faults
from novasim.sim.journal import Journal

LOG = logging.getLogger(__name__)
# Longer than the 5 s after which a listener that no message wakes looks up by itself.
CLOSE_S = 6.0
# Errors are rebuilt from this module only; anything else arrives as RemoteError.
ALLOWED_REMOTE_EXMODS = ["novasim.exceptions"]


class Messaging:
    """The one transport of a process.

    :param conf: names the bus (transport_url), caps and pool sizes
    :param oldest: the generation of the oldest agents, for the cap ``auto``; None when there are none
    :raises ConfigurationError: when transport_url names no driver
    """

    def __init__(self, conf: cfg.ConfigOpts, journal: Journal, faults: Faults,
                 oldest: Callable[[], int | None] = lambda: None):
        self._conf = conf
        self._journal = journal
        self._faults = faults
        self._oldest = oldest
        self._servers: list[rpc_server.RPCServer] = []
        self._targets: list[oslo_messaging.Target] = []
        try:
            self._transport = oslo_messaging.get_rpc_transport(conf, allowed_remote_exmods=ALLOWED_REMOTE_EXMODS)
        except (oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure) as error:
            raise exceptions.ConfigurationError(reason=f"transport_url: {error}") from error

    def client(self, contract: type[Contract], service: str) -> Client:
        """A proxy for a contract, under its version cap, for a service of this process."""
        cap = getattr(self._conf.upgrade_levels, contract.topic, None)
        if cap == AUTO:
            oldest = self._oldest()
            past = contract.generations
            cap = past[oldest] if oldest is not None and oldest < len(past) else None
        return Client(contract, self._transport, cap, self._journal.signed(service), self._faults)

    def serve(self, contract: type[Contract], implementation: object, host: str) -> None:
        """Answer a contract from now on, as one service."""
        self._run(server.make(contract, implementation, self._transport, host, self._journal, self._faults),
                  contract, host)

    def serve_hosts(self, contract: type[Contract], implementation: object, name: str,
                    front: tuple[type[Contract], object] | None = None) -> server.SharedRPCServer:
        """Answer a contract from now on, as the agents of hosts that come and go.

        :param name: of the process that they share
        :param front: another contract and what implements it, which is directed to ``name`` and not to a host
        :returns: what is told which hosts
        """
        rpc = server.make_shared(contract, implementation, self._transport, name, self._journal, self._faults, front)
        self._run(rpc, (front or (contract,))[0], name)
        return rpc

    def _run(self, rpc: rpc_server.RPCServer, contract: type[Contract], host: str) -> None:
        self._servers.append(rpc)
        self._targets.append(oslo_messaging.Target(topic=contract.topic, server=host))
        rpc.start(override_pool_size=self._conf.rpc_workers or (
            1000 if self._conf.concurrency == "eventlet" else 64))

    def stop(self, timeout: float) -> None:
        """First let nothing more in, then wait so many seconds for what runs, then close what it used.

        What is not done by then ends with the process; it is taken up at the next start.
        """
        threading.Thread(target=self._wake, daemon=True).start()
        ending = threading.Thread(target=self._end, args=(timeout,), daemon=True)
        ending.start()
        # While the broker is away its driver tries to reach it for ever, and hears of nothing else.
        ending.join(timeout + CLOSE_S)
        if ending.is_alive():
            LOG.warning("The message bus does not answer; leaving it without a farewell")

    def _end(self, timeout: float) -> None:
        for rpc in self._servers:
            rpc.stop()
        waiting = threading.Thread(target=self._drain, daemon=True)
        waiting.start()
        waiting.join(timeout)
        self._forget_replies()
        self._transport.cleanup()

    def _wake(self) -> None:
        """So that our servers, and whoever waits for replies, see soon that they are to stop."""
        driver = self._transport._driver
        if not isinstance(driver, amqpdriver.AMQPDriverBase):
            return
        for target in self._targets:
            rabbit_listener.wake(self._transport, target, driver._reply_q is not None)

    def _drain(self) -> None:
        for rpc in self._servers:
            rpc.wait()

    def _forget_replies(self) -> None:
        """Delete the queue of our replies, which the broker would keep for half an hour."""
        driver = self._transport._driver
        if isinstance(driver, amqpdriver.AMQPDriverBase) and driver._reply_q:
            driver._waiter.stop()
            for consumer in driver._reply_q_conn._consumers:
                with contextlib.suppress(Exception):
                    consumer.queue.delete()
