"""The caller's side of a contract: a proxy with one function a method.

The version is chosen here: the newest that the cap of ``[upgrade_levels]`` allows; for an older one objects are
flattened to plain dicts (spec 4.3).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import oslo_messaging

from novasim import exceptions
from novasim.context import RequestContext
from novasim.rpc import serializer
from novasim.rpc.contract import CALL, Contract, Method, subject
from novasim.sim.faults import DROP, DUPLICATE, OK, REORDER, Faults, flavor_of
from novasim.sim.journal import Journal

# Without this the broker throws away what nobody has a queue for, and says nothing.
_TO_SOMEBODY = oslo_messaging.TransportOptions(at_least_once=True)


class Client:
    """Functions ``proxy.method(ctxt, [host,] **arguments)``; casts return None at once.

    :raises RoutingError: when the arguments do not fit the contract
    :raises oslo_messaging.RPCVersionCapError: when the cap allows no version of the method
    :raises oslo_messaging.MessagingTimeout: when a call gets no answer
    :raises ComputeServiceUnavailable: when the host it is directed to has no queue: it never was there, or is removed
    :raises MessagingUnavailable: when none of those it is for has been there yet
    """

    def __init__(self, contract: type[Contract], transport: Any, cap: str | None, journal: Journal, faults: Faults):
        target = oslo_messaging.Target(topic=contract.topic, namespace=contract.namespace, version=contract.version)
        self._client = oslo_messaging.get_rpc_client(
            transport, target, version_cap=contract.aliases.get(cap or "", cap),
            serializer=serializer.ObjectSerializer())
        # It is asked with each message, and takes the version apart each time.
        self._allowed = functools.cache(self._client.can_send_version)
        self._contract = contract
        self._journal = journal
        self._faults = faults
        self._overtaken: dict[str | None, list[Callable[[], object]]] = {}
        for method in contract.methods.values():
            send = self._send_directed if method.directed else self._send_to_any
            setattr(self, method.name, functools.partial(send, method))

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...

    def can_send(self, name: str) -> bool:
        """Whether the cap allows any version of a method."""
        method = self._contract.methods[name]
        return any(map(self._allowed, (method.version, *method.older)))

    def wait_for(self, name: str, ctxt: RequestContext, **arguments: Any) -> Any:
        """Send what usually is cast to any server, and wait until it has been done.

        :param name: of the method
        :raises MessagingTimeout: when there is no answer in time; and what the method raises
        """
        return self._send(self._contract.methods[name]._replace(kind=CALL), ctxt, None, arguments)

    def _send_directed(self, method: Method, ctxt: RequestContext, host: str, **arguments: Any) -> Any:
        return self._send(method, ctxt, host, arguments)

    def _send_to_any(self, method: Method, ctxt: RequestContext, **arguments: Any) -> Any:
        return self._send(method, ctxt, None, arguments)

    def _send(self, method: Method, ctxt: RequestContext, host: str | None, arguments: dict[str, Any]) -> Any:
        arguments = method.bind(arguments)
        version = self._version(method, arguments)
        arguments = {name: value for name, value in arguments.items() if method.added.get(name, version) == version}
        if version in method.older:
            arguments = {name: serializer.to_primitive(value) for name, value in arguments.items()}
        fate = OK
        if self._faults.rules:
            fate = self._faults.at("rpc.send", topic=self._contract.topic, server=host, method=method.name,
                                   **self._sender(ctxt, arguments))
        self._note(method, ctxt, host, version, arguments)
        if fate == DROP:
            if method.kind == CALL:
                raise oslo_messaging.MessagingTimeout(f"No reply on topic {self._contract.topic}")
            return None
        whom = {"fanout": True} if method.fanout else {"transport_options": _TO_SOMEBODY, "server": host}
        prepared = self._client.prepare(version=version, **whom)
        send = prepared.call if method.kind == CALL else prepared.cast
        try:
            if fate == DUPLICATE:
                send(ctxt, method.name, **arguments)
            if fate == REORDER and method.kind != CALL:
                # The next message to the same place overtakes it.
                self._overtaken.setdefault(host, []).append(functools.partial(send, ctxt, method.name, **arguments))
                return None
            answer = send(ctxt, method.name, **arguments)
            for late in self._overtaken.pop(host, ()) if self._overtaken else ():
                late()
            return answer
        except oslo_messaging.MessageUndeliverable as error:
            if host is not None:
                raise exceptions.ComputeServiceUnavailable(host=host) from error
            reason = f"there is no {self._contract.topic} yet"
            raise exceptions.MessagingUnavailable(reason=reason) from error

    def _sender(self, ctxt: RequestContext, arguments: dict[str, Any]) -> dict[str, Any]:
        """What fault rules can know of who sends and of what it is about."""
        return {"service": self._journal.service, "host": ctxt.addressed_host, "request_id": ctxt.request_id,
                "instance": subject(arguments), "flavor": lambda: flavor_of(arguments)}

    def _version(self, method: Method, arguments: dict[str, Any]) -> str:
        wanted = [version for name, version in method.added.items() if arguments[name]]
        for version in (*wanted, method.version, *method.older):
            if self._allowed(version):
                return version
        return method.version

    def _note(self, method: Method, ctxt: RequestContext, host: str | None, version: str,
              arguments: dict[str, Any]) -> None:
        self._journal.write(f"send {method.name}", ctxt.request_id, ctxt.addressed_host or "", kind=method.kind,
                            method=method.name, version=version, topic=self._contract.topic, server=host,
                            instance_uuid=subject(arguments))
