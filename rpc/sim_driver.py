"""``sim://``: an oslo.messaging driver inside one process, driven by events.

A message goes to a consumer the moment it is sent, and waits in its queue while there is none, as in AMQP: queues
``topic`` (competing consumers are served in turn) and ``topic.server``. Nothing polls and nothing runs when idle.
Each URL is a bus of its own, so clusters in one process cannot answer each other's calls.

A bus knows which of its messages are still worked on, so whoever drives a cluster step by step can wait until all that
a step set off has ended (:meth:`Bus.wait_idle`).
"""

from __future__ import annotations

import collections
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import oslo_messaging
from oslo_messaging._drivers import base
from oslo_messaging._drivers import common as rpc_common

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
BACKLOG_MAX = 100_000


class _Incoming(base.RpcIncomingMessage):
    """A message for a consumer; ``reply_to`` None is a cast, ``on_end`` is called when a server is done with it."""

    def __init__(self, raw: bytes, reply_to: queue.SimpleQueue[tuple[bytes, str | None]] | None,
                 on_end: Callable[[], None] | None = None):
        ctxt, message = _DECODE(raw)
        super().__init__(ctxt, message, msg_id="")
        self._reply_to = reply_to
        self._on_end = on_end

    @property
    def is_rpc(self) -> bool:
        """Whether its server says when it is done; nobody says so of a notification."""
        return self._on_end is not None

    def reply(self, reply: Any = None, failure: Any = None) -> None:
        """The last thing that an RPC server does with a message, a cast too."""
        try:
            self._answer(reply, failure)
        finally:
            if self._on_end is not None:
                self._on_end()

    def _answer(self, reply: Any, failure: Any) -> None:
        if self._reply_to is None:
            return
        problem = rpc_common.serialize_remote_exception(failure) if failure else None
        self._reply_to.put((_ENCODE(reply), problem))

    def requeue(self) -> None:
        """Messages are acknowledged before they run, as on RabbitMQ; there is nothing to give back."""

    def heartbeat(self) -> None:
        """A caller in the same process needs no sign of life."""


class _Queue:
    """A named queue: its consumers in turn, or its backlog."""

    __slots__ = ("backlog", "consumers", "turn")

    def __init__(self) -> None:
        self.backlog: collections.deque[_Incoming] = collections.deque()
        self.consumers: tuple[_SimListener, ...] = ()
        self.turn = 0


class Bus:
    """The exchange of one URL."""

    _buses: dict[str, Bus] = {}
    _buses_lock = threading.Lock()

    def __init__(self) -> None:
        self._queues: collections.defaultdict[str, _Queue] = collections.defaultdict(_Queue)
        self._lock = threading.Lock()
        self._worked_on = 0
        self._idle = threading.Condition(self._lock)

    @classmethod
    def of(cls, url: str) -> Bus:
        with cls._buses_lock:
            return cls._buses.setdefault(url, cls())

    @classmethod
    def forget(cls, url: str) -> None:
        """Drop the bus of a cluster that has ended, with all that was still queued."""
        with cls._buses_lock:
            cls._buses.pop(url, None)

    def put(self, name: str, incoming: _Incoming) -> None:
        with self._lock:
            wanted = self._queues[name]
            if not wanted.consumers:
                if len(wanted.backlog) >= BACKLOG_MAX:
                    raise oslo_messaging.MessageDeliveryFailure(f"queue {name} holds {BACKLOG_MAX} messages")
                wanted.backlog.append(incoming)
                return
            wanted.turn = (wanted.turn + 1) % len(wanted.consumers)
            consumer = wanted.consumers[wanted.turn]
            self._worked_on += incoming.is_rpc
        consumer.deliver(name, incoming)

    def attach(self, listener: _SimListener, names: Sequence[str]) -> None:
        waiting: list[tuple[str, _Incoming]] = []
        with self._lock:
            for name in names:
                wanted = self._queues[name]
                wanted.consumers += (listener,)
                waiting += [(name, incoming) for incoming in wanted.backlog]
                wanted.backlog.clear()
            self._worked_on += sum(incoming.is_rpc for _, incoming in waiting)
        for name, incoming in waiting:
            listener.deliver(name, incoming)

    def detach(self, listener: _SimListener, names: Sequence[str]) -> None:
        with self._lock:
            for name in names:
                wanted = self._queues[name]
                wanted.consumers = tuple(other for other in wanted.consumers if other is not listener)

    def end(self) -> None:
        """A consumer is done with a message, or did not take it."""
        with self._lock:
            self._worked_on -= 1
            if not self._worked_on:
                self._idle.notify_all()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no consumer works on a message, at most so many seconds; True when that came.

        What a consumer sends while it works counts from then on, so nothing that follows from a message is missed.
        Messages in queues without a consumer do not count (:meth:`waiting`).
        """
        with self._lock:
            return self._idle.wait_for(lambda: not self._worked_on, timeout)

    def clear(self) -> None:
        """Drop all that waits in queues without a consumer."""
        with self._lock:
            for one in self._queues.values():
                one.backlog.clear()

    def waiting(self) -> dict[str, int]:
        """How many messages wait for a consumer, by queue."""
        with self._lock:
            return {name: len(one.backlog) for name, one in self._queues.items() if one.backlog}


class _SimListener(base.Listener):
    """Consumes some queues; knows which host each directed queue stands for."""

    def __init__(self, bus: Bus, hosts_by_queue: dict[str, str | None]):
        super().__init__(1, None)
        self._bus = bus
        self._hosts = hosts_by_queue

    def start(self, on_incoming_callback: Any) -> None:
        super().start(on_incoming_callback)
        self._bus.attach(self, list(self._hosts))

    def stop(self) -> None:
        self._bus.detach(self, list(self._hosts))
        super().stop()

    def deliver(self, name: str, incoming: _Incoming) -> None:
        callback = self.on_incoming_callback
        if callback is None:
            # Stopped between being chosen and being served: back into the queue, for whoever comes next.
            self._bus.put(name, incoming)
            if incoming.is_rpc:
                self._bus.end()
            return
        if self._hosts[name] is not None:
            incoming.ctxt["addressed_host"] = self._hosts[name]
        try:
            callback([incoming])
        except BaseException:
            if incoming.is_rpc:
                self._bus.end()
            raise

    def cleanup(self) -> None:
        """Nothing is held but the place in the queues, which stop gave back."""


class SimDriver(base.BaseDriver):
    """The driver behind ``sim://NAME``."""

    def __init__(self, conf: Any, url: Any, default_exchange: str | None = None,
                 allowed_remote_exmods: Sequence[str] | None = None):
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        self._bus = Bus.of(str(url))

    def require_features(self, requeue: bool = False) -> None:
        """RPC needs none."""

    def send(self, target: Any, ctxt: dict[str, Any], message: dict[str, Any], wait_for_reply: bool | None = None,
             timeout: float | None = None, call_monitor_timeout: float | None = None, retry: int | None = None,
             transport_options: Any = None) -> Any:
        name = f"{target.topic}.{target.server}" if target.server else target.topic
        replies: queue.SimpleQueue[tuple[bytes, str | None]] | None = queue.SimpleQueue() if wait_for_reply else None
        self._bus.put(name, _Incoming(_ENCODE((ctxt, message)), replies, self._bus.end))
        if replies is None:
            return None
        try:
            reply, problem = replies.get(timeout=timeout)
        except queue.Empty:
            raise oslo_messaging.MessagingTimeout(f"No reply on topic {target.topic}") from None
        if problem is not None:
            raise rpc_common.deserialize_remote_exception(problem, self._allowed_remote_exmods)
        return _DECODE(reply)

    def send_notification(self, target: Any, ctxt: dict[str, Any], message: dict[str, Any], version: float,
                          retry: int | None = None) -> None:
        self._bus.put(target.topic, _Incoming(_ENCODE((ctxt, message)), None))

    def listen(self, target: Any, batch_size: int, batch_timeout: float | None) -> base.Listener:
        names: dict[str, str | None] = {target.topic: None}
        if target.server:
            names[f"{target.topic}.{target.server}"] = target.server
        return _SimListener(self._bus, names)

    def listen_for_hosts(self, target: Any, hosts: Sequence[str]) -> base.Listener:
        """One listener for the directed queues of many hosts."""
        return _SimListener(self._bus, {f"{target.topic}.{host}": host for host in hosts})

    def listen_for_notifications(self, targets_and_priorities: Any, pool: str | None, batch_size: int,
                                 batch_timeout: float | None) -> base.Listener:
        return _SimListener(self._bus, {f"{target.topic}.{priority}": None
                                        for target, priority in targets_and_priorities})

    def cleanup(self) -> None:
        """Several transports of a cluster share the bus; it ends with the cluster (Bus.forget)."""
