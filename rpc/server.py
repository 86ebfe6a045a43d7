"""The answering side of a contract, and the listener that many agents share.

One RPC server consumes the queues of all hosts of a process over one connection (rpc/rabbit_listener.py); the host
that was addressed is stamped on the context. Envelope, acknowledgement, duplicate check, dispatch and replies are stock
oslo.messaging.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import oslo_messaging
from oslo_messaging._drivers import base
from oslo_messaging.rpc import server as rpc_server
from oslo_messaging.rpc.dispatcher import ExpectedException, PingEndpoint, RPCDispatcher

from novasim.rpc import rabbit_listener, serializer
from novasim.rpc.contract import Contract, Method, check, subject
from novasim.rpc.green_executor import GreenExecutor
from novasim.rpc.sim_driver import SimDriver, SimListener
from novasim.sim.faults import DROP, HOP, Faults, Hop
from novasim.sim.journal import Journal

S = TypeVar("S", bound=rpc_server.RPCServer)
_INCOMING: contextvars.ContextVar[base.RpcIncomingMessage] = contextvars.ContextVar("novasim_incoming")


def _objects_of(method: Method) -> dict[str, type[msgspec.Struct]]:
    """The arguments that are objects, so that a peer's plain dicts can be made objects again."""
    return {name: parameter.annotation for name, parameter in method.signature.parameters.items()
            if inspect.isclass(parameter.annotation) and issubclass(parameter.annotation, msgspec.Struct)}


class _Dispatcher(RPCDispatcher):
    """Remembers which message a thread works on, so that its reply can be lost; and which endpoint was found for a
    method, so that only the first message of a kind pays for the search and its watchdog."""

    def __init__(self, endpoints: list[object]):
        super().__init__(endpoints, serializer.ObjectSerializer(), None)
        self._found: dict[tuple[str, ...], object] = {}

    def dispatch(self, incoming: base.RpcIncomingMessage) -> Any:
        _INCOMING.set(incoming)
        endpoint = self._found.get(_kind(incoming.message))
        if endpoint is None or incoming.client_timeout:
            return super().dispatch(incoming)
        return super()._do_dispatch(endpoint, incoming.message["method"], incoming.ctxt,
                                    incoming.message.get("args", {}))

    def _do_dispatch(self, endpoint: object, method: str, ctxt: Any, args: dict[str, Any]) -> Any:
        self._found[_kind(_INCOMING.get().message)] = endpoint
        return super()._do_dispatch(endpoint, method, ctxt, args)


def _kind(message: dict[str, Any]) -> tuple[str, ...]:
    return message.get("namespace", ""), message.get("version", ""), message.get("method", "")


def _lose_the_reply() -> None:
    """Whoever waits for it waits in vain: without this id, drivers answer nobody."""
    _INCOMING.get().orig_msg_id = None


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


class _RPCServer(rpc_server.RPCServer):
    """An RPC server for a topic."""

    def _create_listener(self) -> base.Listener:
        driver = self.transport._driver
        if isinstance(driver, SimDriver):
            return super()._create_listener()
        return rabbit_listener.listen(driver, self._target)


class SharedRPCServer(rpc_server.RPCServer):
    """An RPC server for the queues ``<topic>.<host>`` of many hosts, which may change while it runs.

    :param front: one more, for whom no host is addressed
    """

    def __init__(self, transport: Any, target: oslo_messaging.Target, dispatcher: RPCDispatcher,
                 front: oslo_messaging.Target | None):
        super().__init__(transport, target, dispatcher)
        self._front = front
        self._queues: dict[str, str | None] = {f"{front.topic}.{front.server}": None} if front else {}
        self._shared: rabbit_listener.SharedListener | SimListener

    def _of(self, hosts: Sequence[str]) -> dict[str, str | None]:
        return {f"{self._target.topic}.{host}": host for host in hosts}

    def _create_listener(self) -> base.Listener:
        driver, target = self.transport._driver, self._target
        if isinstance(driver, SimDriver):
            self._shared = driver.listen_to_queues(self._queues)
            return self._shared
        self._shared = rabbit_listener.SharedListener(driver, driver._get_exchange(target), self._queues)
        return rabbit_listener.adapter(self._shared)

    def add_hosts(self, hosts: Sequence[str]) -> None:
        """Take the messages to these hosts, too; first come those that have waited for them."""
        self._wake()
        self._shared.add(self._of(hosts))

    def drop_hosts(self, hosts: Sequence[str], delete: bool = False) -> None:
        """Take no more messages to these hosts; they wait in their queues.

        :param delete: the queues go, too, with what is in them; who sends something hears that nobody is there
        """
        self._wake()
        self._shared.drop(self._of(hosts), delete)

    def _wake(self) -> None:
        if self._front is not None and isinstance(self._shared, rabbit_listener.SharedListener):
            rabbit_listener.wake(self.transport, self._front)


def _dispatcher(parts: Sequence[tuple[type[Contract], object]], journal: Journal, faults: Faults) -> RPCDispatcher:
    dispatcher = _Dispatcher(
        [endpoint for contract, implementation in parts
         for endpoint in endpoints(contract, implementation, journal.signed(contract.topic), faults)])
    # For nobody's ping but our own (Messaging.stop); the dispatcher warns of one that is handed in with the others.
    dispatcher.endpoints.append(PingEndpoint())
    return dispatcher


def _with_a_pool(rpc: S) -> S:
    # The idle threads of futurist's pool look every second whether they should end: they cost time all along, and make
    # the end of each server wait for a second.
    rpc._executor_cls = ThreadPoolExecutor if rpc.executor_type == "threading" else GreenExecutor
    return rpc


def make(contract: type[Contract], implementation: object, transport: Any, host: str, journal: Journal,
         faults: Faults) -> rpc_server.RPCServer:
    """An RPC server, not started, for one service."""
    return _with_a_pool(_RPCServer(
        transport, oslo_messaging.Target(topic=contract.topic, server=host),
        _dispatcher([(contract, implementation)], journal, faults)))


def make_shared(contract: type[Contract], implementation: object, transport: Any, name: str, journal: Journal,
                faults: Faults, front: tuple[type[Contract], object] | None) -> SharedRPCServer:
    """An RPC server, not started, for the agents of hosts that it is told of.

    :param front: another contract and what implements it, which is directed to ``name``
    """
    return _with_a_pool(SharedRPCServer(
        transport, oslo_messaging.Target(topic=contract.topic, server=name),
        _dispatcher([(contract, implementation), *([front] if front else [])], journal, faults),
        oslo_messaging.Target(topic=front[0].topic, server=name) if front else None))
