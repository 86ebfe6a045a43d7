"""The answering side of a contract, and the listener that many agents share.

One RPC server consumes the queues of all hosts of a process over one connection, instead of a connection, three
queues and a thread each (4.1 MB of broker memory an agent); the host that was addressed is stamped on the context.
Envelope, acknowledgement, duplicate check, dispatch and replies are stock oslo.messaging.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import oslo_messaging
from oslo_messaging._drivers import amqpdriver, base
from oslo_messaging._drivers import common as rpc_common
from oslo_messaging.rpc import server as rpc_server
from oslo_messaging.rpc.dispatcher import ExpectedException, PingEndpoint, RPCDispatcher

from novasim.rpc import serializer
from novasim.rpc.contract import Contract, Method, check, subject
from novasim.rpc.sim_driver import SimDriver
from novasim.sim.faults import DROP, HOP, Faults, Hop
from novasim.sim.journal import Journal

HOST_KEY = "addressed_host"
_INCOMING: contextvars.ContextVar[base.RpcIncomingMessage] = contextvars.ContextVar("novasim_incoming")


def _objects_of(method: Method) -> dict[str, type[msgspec.Struct]]:
    """The arguments that are objects, so that a peer's plain dicts can be made objects again."""
    return {name: parameter.annotation for name, parameter in method.signature.parameters.items()
            if inspect.isclass(parameter.annotation) and issubclass(parameter.annotation, msgspec.Struct)}


class _Dispatcher(RPCDispatcher):
    """Remembers which message a thread works on, so that its reply can be lost."""

    def dispatch(self, incoming: base.RpcIncomingMessage) -> Any:
        _INCOMING.set(incoming)
        return super().dispatch(incoming)


def _lose_the_reply() -> None:
    """Whoever waits for it waits in vain: without this id, drivers answer nobody."""
    _INCOMING.get().orig_msg_id = None  # type: ignore[attr-defined]


def _answer(contract: type[Contract], method: Method, implementation: Callable[..., Any], journal: Journal,
            faults: Faults) -> Callable[..., Any]:
    objects = _objects_of(method)

    def answer(ctxt: Any, **arguments: Any) -> Any:
        for name, kind in objects.items():
            arguments[name] = serializer.from_primitive(arguments[name], kind)
        hop = HOP.set(Hop(method.name, journal.service, ctxt.addressed_host, ctxt.request_id, subject(arguments),
                          arguments))
        try:
            return worked_on(ctxt, arguments)
        finally:
            HOP.reset(hop)

    def worked_on(ctxt: Any, arguments: dict[str, Any]) -> Any:
        if faults.rules and faults.at("rpc.receive", topic=contract.topic, method=method.name) == DROP:
            return _lose_the_reply()
        journal.write(f"receive {method.name}", ctxt.request_id, ctxt.addressed_host or "", kind=method.kind,
                      method=method.name, topic=contract.topic, server=ctxt.addressed_host,
                      instance_uuid=subject(arguments))
        try:
            return implementation(ctxt, **arguments)
        except method.raises:
            raise ExpectedException() from None
        finally:
            if faults.rules and faults.at("rpc.reply", topic=contract.topic, method=method.name) == DROP:
                _lose_the_reply()
    return answer


def endpoints(contract: type[Contract], implementation: object, journal: Journal, faults: Faults) -> list[object]:
    """What a dispatcher is given: one endpoint for today's version and one for each older major.

    :raises RoutingError: when the implementation does not fit the contract
    """
    check(contract, implementation)
    answers = {name: staticmethod(_answer(contract, method, getattr(implementation, name), journal, faults))
               for name, method in contract.methods.items()}
    return [type(contract.__name__, (), answers | {
        "target": oslo_messaging.Target(namespace=contract.namespace, version=version)})()
        for version in (contract.version, *contract.older_versions)]


class _Stamp:
    """A consumer's callback that says for which host the message came."""

    __slots__ = ("_host", "_listener")

    def __init__(self, listener: amqpdriver.RpcAMQPListener, host: str):
        self._listener, self._host = listener, host

    def __call__(self, message: Any) -> None:
        before = len(self._listener.incoming)
        self._listener(message)
        for incoming in self._listener.incoming[before:]:
            incoming.ctxt[HOST_KEY] = self._host


class SharedRPCServer(rpc_server.RPCServer):
    """An RPC server for the queues ``<topic>.<host>`` of many hosts."""

    def __init__(self, transport: Any, target: oslo_messaging.Target, dispatcher: RPCDispatcher,
                 hosts: Sequence[str]):
        super().__init__(transport, target, dispatcher)
        self._hosts = hosts

    def _create_listener(self) -> base.Listener:
        driver, target = self.transport._driver, self._target
        if isinstance(driver, SimDriver):
            return driver.listen_for_hosts(target, self._hosts)
        connection = driver._get_connection(rpc_common.PURPOSE_LISTEN)
        listener = amqpdriver.RpcAMQPListener(driver, connection)
        for host in self._hosts:
            connection.declare_topic_consumer(exchange_name=driver._get_exchange(target),
                                              topic=f"{target.topic}.{host}", callback=_Stamp(listener, host))
        return base.PollStyleListenerAdapter(listener, 1, None)


def make(contract: type[Contract], implementation: object, transport: Any, host: str, hosts: Sequence[str] | None,
         journal: Journal, faults: Faults) -> rpc_server.RPCServer:
    """An RPC server, not started: for one service, or for the agents of ``hosts``."""
    dispatcher = _Dispatcher(endpoints(contract, implementation, journal, faults), serializer.ObjectSerializer(),
                               None)
    # For nobody's ping but our own (Messaging.stop); the dispatcher warns of one that is handed in with the others.
    dispatcher.endpoints.append(PingEndpoint())
    target = oslo_messaging.Target(topic=contract.topic, server=host)
    rpc = (rpc_server.RPCServer(transport, target, dispatcher) if hosts is None
           else SharedRPCServer(transport, target, dispatcher, hosts))
    if rpc.executor_type == "threading":
        # The idle threads of futurist's pool look every second whether they should end: they cost time all along,
        # and make the end of each server wait for a second.
        rpc._executor_cls = ThreadPoolExecutor
    return rpc
