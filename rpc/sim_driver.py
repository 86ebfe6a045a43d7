"""``sim://``: an oslo.messaging driver inside one process, driven by events.

A message goes to a consumer the moment it is sent, and waits in its queue while there is none, as in AMQP: queues
``topic`` (competing consumers are served in turn) and ``topic.server``. Nothing polls and nothing runs when idle.
Each URL is a bus of its own, so clusters in one process cannot answer each other's calls.

A bus knows which of its messages are still worked on, so whoever drives a cluster step by step can wait until all that
a step set off has ended (:meth:`Bus.wait_idle`).
"""

from __future__ import annotations

import collections
import functools
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import oslo_messaging
from oslo_messaging._drivers import base
from oslo_messaging._drivers import common as rpc_common

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
BACKLOG_MAX = 100_000
# Where the context says which host a message was addressed to.
HOST_KEY = "addressed_host"


class _Incoming(base.RpcIncomingMessage):
    """A message for a consumer; ``reply_to`` None is a cast, ``on_end`` is called when a server is done with it."""

    def __init__(self, raw: bytes, reply_to: queue.SimpleQueue[tuple[bytes, str | None]] | None,
                 on_end: Callable[[], None] | None = None):
        ctxt, message = _DECODE(raw)
        super().__init__(ctxt, message, msg_id="")
        # As the AMQP driver has it: without it, nobody is answered.
        self.orig_msg_id = None if reply_to is None else "sim"
        self._reply_to = reply_to
        self._on_end = on_end
        self.give_back: Callable[[], None] = lambda: None

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
        if self._reply_to is None or self.orig_msg_id is None:
            return
        problem = rpc_common.serialize_remote_exception(failure) if failure else None
        self._reply_to.put((_ENCODE(reply), problem))

    def requeue(self) -> None:
        """Back into the queue it came from, for whoever is next: what a listener for notifications may ask for. RPC
        messages are acknowledged before they run, as on RabbitMQ."""
        self.give_back()

    def heartbeat(self) -> None:
        """A caller in the same process needs no sign of life."""


class _Queue:
    """A named queue: its consumers in turn, or its backlog."""

    __slots__ = ("backlog", "consumers", "turn")

    def __init__(self) -> None:
        self.backlog: collections.deque[_Incoming] = collections.deque()
        self.consumers: tuple[SimListener, ...] = ()
        self.turn = 0


class Bus:
    """The exchange of one URL."""

    _buses: dict[str, Bus] = {}
    _buses_lock = threading.Lock()

    def __init__(self) -> None:
        self._queues: collections.defaultdict[str, _Queue] = collections.defaultdict(_Queue)
        self._fanouts: collections.defaultdict[str, tuple[SimListener, ...]] = collections.defaultdict(tuple)
        self._pools: collections.defaultdict[str, set[str]] = collections.defaultdict(set)
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

    def put(self, name: str, incoming: _Incoming, mandatory: bool = False) -> None:
        """Hand a message to a consumer of a queue, or keep it there.

        :param mandatory: somebody must have made the queue, by consuming it
        :raises MessageUndeliverable: when nobody has
        :raises MessageDeliveryFailure: when the queue is full
        """
        with self._lock:
            if mandatory and name not in self._queues:
                raise oslo_messaging.MessageUndeliverable(None, "", name, None)
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

    def attach(self, listener: SimListener, names: Iterable[str], fanout: str | None = None) -> None:
        """Serve queues, and hear what is sent to all who listen to a topic."""
        waiting: list[tuple[str, _Incoming]] = []
        with self._lock:
            if fanout is not None:
                self._fanouts[fanout] += (listener,)
            for name in names:
                wanted = self._queues[name]
                wanted.consumers += (listener,)
                waiting += [(name, incoming) for incoming in wanted.backlog]
                wanted.backlog.clear()
            self._worked_on += sum(incoming.is_rpc for _, incoming in waiting)
        for name, incoming in waiting:
            listener.deliver(name, incoming)

    def detach(self, listener: SimListener, names: Iterable[str], fanout: str | None = None) -> None:
        with self._lock:
            if fanout is not None:
                self._fanouts[fanout] = tuple(other for other in self._fanouts[fanout] if other is not listener)
            for name in names:
                wanted = self._queues[name]
                wanted.consumers = tuple(other for other in wanted.consumers if other is not listener)

    def bind(self, pool: str, topics: Iterable[str]) -> None:
        """Have a queue of its own for a pool of listeners, which gets all notifications of some topics too."""
        with self._lock:
            self._queues.setdefault(pool, _Queue())
            for topic in topics:
                self._pools[topic].add(pool)

    def bound_to(self, topic: str) -> list[str]:
        """The queues that a notification goes to."""
        with self._lock:
            return [topic, *sorted(self._pools[topic])]

    def declare(self, names: Iterable[str]) -> None:
        """See that queues are there, as whoever will consume them does."""
        with self._lock:
            for name in names:
                self._queues.setdefault(name, _Queue())

    def delete(self, names: Iterable[str]) -> None:
        """Queues that nobody consumes any more go, with what waits in them."""
        with self._lock:
            for name in names:
                self._queues.pop(name, None)

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

    def fan_out(self, topic: str, make: Callable[[], _Incoming]) -> None:
        """Hand a message to each of those who listen to a topic now."""
        with self._lock:
            listeners = self._fanouts[topic]
            self._worked_on += len(listeners)
        for listener in listeners:
            listener.deliver_copy(make())

    def clear(self) -> None:
        """Drop all that waits in queues without a consumer."""
        with self._lock:
            for one in self._queues.values():
                one.backlog.clear()

    def waiting(self) -> dict[str, int]:
        """How many messages wait for a consumer, by queue."""
        with self._lock:
            return {name: len(one.backlog) for name, one in self._queues.items() if one.backlog}


class SimListener(base.Listener):
    """Consumes some queues; knows which host each directed queue stands for, if any."""

    def __init__(self, bus: Bus, hosts_by_queue: dict[str, str | None], fanout: str | None = None):
        super().__init__(1, None)
        self._fanout = fanout
        self._bus = bus
        self._hosts = hosts_by_queue

    def start(self, on_incoming_callback: Any) -> None:
        super().start(on_incoming_callback)
        self._bus.attach(self, list(self._hosts), self._fanout)

    def stop(self) -> None:
        self._bus.detach(self, list(self._hosts), self._fanout)
        super().stop()

    def add(self, queues: Mapping[str, str | None]) -> None:
        """Consume these, too."""
        new = [name for name in queues if name not in self._hosts]
        self._hosts |= queues
        self._bus.attach(self, new)

    def drop(self, queues: Iterable[str], delete: bool) -> None:
        """Consume these no more; they go where ``delete`` says so."""
        self._bus.detach(self, list(queues))
        for name in queues:
            self._hosts.pop(name, None)
        if delete:
            self._bus.delete(queues)

    def deliver(self, name: str, incoming: _Incoming) -> None:
        callback = self.on_incoming_callback
        incoming.give_back = functools.partial(self._bus.put, name, incoming)
        if callback is None or name not in self._hosts:
            # Stopped between being chosen and being served: back into the queue, for whoever comes next.
            self._bus.put(name, incoming)
            if incoming.is_rpc:
                self._bus.end()
            return
        if self._hosts[name] is not None:
            incoming.ctxt[HOST_KEY] = self._hosts[name]
        self._hand_over(callback, incoming)

    def deliver_copy(self, incoming: _Incoming) -> None:
        """The same for a message to all: who has stopped has no queue for it any more."""
        callback = self.on_incoming_callback
        if callback is None:
            self._bus.end()
        else:
            self._hand_over(callback, incoming)

    def _hand_over(self, callback: Any, incoming: _Incoming) -> None:
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
        if target.fanout:
            raw = _ENCODE((ctxt, message))
            return self._bus.fan_out(target.topic, lambda: _Incoming(raw, None, self._bus.end))
        name = f"{target.topic}.{target.server}" if target.server else target.topic
        replies: queue.SimpleQueue[tuple[bytes, str | None]] | None = queue.SimpleQueue() if wait_for_reply else None
        mandatory = transport_options is not None and transport_options.at_least_once
        self._bus.put(name, _Incoming(_ENCODE((ctxt, message)), replies, self._bus.end), mandatory)
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
        raw = _ENCODE((ctxt, message))
        for name in self._bus.bound_to(target.topic):
            self._bus.put(name, _Incoming(raw, None))

    def listen(self, target: Any, batch_size: int, batch_timeout: float | None) -> base.Listener:
        names: dict[str, str | None] = {target.topic: None}
        if target.server:
            names[f"{target.topic}.{target.server}"] = target.server
        return SimListener(self._bus, names, target.topic)

    def listen_to_queues(self, queues: Mapping[str, str | None]) -> SimListener:
        """One listener for many queues, with the host that each stands for."""
        return SimListener(self._bus, dict(queues))

    def listen_for_notifications(self, targets_and_priorities: Any, pool: str | None, batch_size: int,
                                 batch_timeout: float | None) -> base.Listener:
        topics = [f"{target.topic}.{priority}" for target, priority in targets_and_priorities]
        if pool is None:
            return SimListener(self._bus, dict.fromkeys(topics))
        self._bus.bind(pool, topics)
        return SimListener(self._bus, {pool: None})

    def cleanup(self) -> None:
        """Several transports of a cluster share the bus; it ends with the cluster (Bus.forget)."""
