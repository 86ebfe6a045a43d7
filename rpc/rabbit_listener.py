"""How services listen on RabbitMQ, made of the parts of oslo.messaging's own driver: reconnecting, acknowledging,
dispatching and the form of the queues are all its. Ours is that a listener waits for messages and does nothing else.

And the one connection that consumes the queues of many hosts, while hosts come and go: a connection, three queues and
a thread for each agent cost the broker 4.1 MB each; a queue alone costs it 30 KB. There queues are declared without
waiting for the answer to each, and some can be added or dropped while messages arrive.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import kombu
import oslo_messaging
from oslo_messaging._drivers import amqpdriver, base, impl_rabbit
from oslo_messaging._drivers import common as rpc_common

from novasim.rpc.sim_driver import HOST_KEY

PING = "oslo_rpc_server_ping"


class _Consumer(impl_rabbit.Consumer):
    """A consumer that asks for its queue without waiting for the answer: 10,000 of them wait for one."""

    def declare(self, conn: Any) -> None:
        if self.exchange_name not in conn._declared_exchanges:
            # The first on a channel takes the driver's own way, which hears what the broker has against it.
            super().declare(conn)
            conn._declared_exchanges.add(self.exchange_name)
            return
        self.queue = kombu.entity.Queue(
            name=self.queue_name, channel=conn.channel, exchange=self.exchange, durable=self.durable,
            auto_delete=self.queue_auto_delete, routing_key=self.routing_key, queue_arguments=self.queue_arguments)
        self.queue.queue_declare(nowait=True)
        self.queue.queue_bind(nowait=True)
        self._declared_on = conn.channel


class _Listener(amqpdriver.RpcAMQPListener):
    """Waits until something arrives. The driver looks a millisecond after each message, and ever less often, whether
    acknowledgements must be sent: those of RPC messages are sent by then."""

    _patience = amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MAX

    @property
    def _current_timeout(self) -> float:
        return self._patience

    @_current_timeout.setter
    def _current_timeout(self, seconds: float) -> None:
        if seconds != amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MIN:
            self._patience = seconds

    def __call__(self, message: Any) -> None:
        super().__call__(message)
        if self.incoming and self.incoming[-1].message.get("method") == PING:
            self.look_again_soon()

    def look_again_soon(self) -> None:
        """More work for the thread that reads may follow."""
        self._patience = amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MIN


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


class SharedListener(_Listener):
    """Takes the messages of some queues.

    :param queues: the host that each stands for, or None
    """

    def __init__(self, driver: Any, exchange: str, queues: Mapping[str, str | None]):
        super().__init__(driver, driver._get_connection(rpc_common.PURPOSE_LISTEN))
        self._exchange = exchange
        self._consumers: dict[str, _Consumer] = {}
        self._add(queues)

    def add(self, queues: Mapping[str, str | None]) -> None:
        """Consume these queues, too, from a listener that runs; those that are missing are made."""
        self._in_turn(lambda: self._add(queues))

    def drop(self, queues: Iterable[str], delete: bool) -> None:
        """Consume these queues no more. What arrives meanwhile goes back into them.

        :param delete: they go, too
        """
        self._in_turn(lambda: self._drop(queues, delete))

    def _in_turn(self, work: Callable[[], None]) -> None:
        """Run something in the thread that reads the connection: nobody else may use it."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
                done.set_result(None)
            except Exception as error:
                done.set_exception(error)
            self.look_again_soon()

        self._message_operations_handler.do(run)
        done.result()

    def _add(self, queues: Mapping[str, str | None]) -> None:
        conn = self.conn.connection
        for queue, host in queues.items():
            if queue not in self._consumers:
                self._consumers[queue] = consumer = _Consumer(
                    exchange_name=self._exchange, queue_name=queue, routing_key=queue, type="topic",
                    durable=conn.durable, exchange_auto_delete=conn.amqp_auto_delete,
                    queue_auto_delete=conn.amqp_auto_delete, nowait=True,
                    callback=self if host is None else _Stamp(self, host), rabbit_ha_queues=conn.rabbit_ha_queues,
                    enable_cancel_on_failover=conn.enable_cancel_on_failover,
                    rabbit_quorum_queue=conn.rabbit_quorum_queue,
                    rabbit_quorum_queue_config=conn.rabbit_quorum_queue_config)
                conn.declare_consumer(consumer)
        self._see_it_done(queues)

    def _drop(self, queues: Iterable[str], delete: bool) -> None:
        conn = self.conn.connection
        for consumer in [self._consumers.pop(queue) for queue in queues if queue in self._consumers]:
            tag = conn._consumers.pop(consumer)
            conn._active_tags.pop(consumer.queue_name)
            conn._new_tags.discard(tag)
            # A lost connection is made again without them.
            with contextlib.suppress(*conn.connection.recoverable_connection_errors,
                                     *conn.connection.recoverable_channel_errors):
                conn.channel.basic_cancel(str(tag), nowait=True)
                conn.channel.callbacks.pop(str(tag), None)
                if delete:
                    conn.channel.queue_delete(consumer.queue_name, nowait=True)
        if delete:
            self._see_it_done(self._consumers)

    def _see_it_done(self, queues: Iterable[str]) -> None:
        """The broker works in order: when it answers to one of these, all that it was told before is done."""
        queue = next(iter(queues), None)
        if queue is not None:
            conn = self.conn.connection
            conn.ensure(lambda: conn.channel.queue_declare(queue, passive=True))


def wake(transport: Any, target: oslo_messaging.Target, answer: bool = False) -> None:
    """Send a server of this process something. Its listener looks up from waiting for the next message every 5 s only;
    after this one it looks often for a while, and sees what it has to do.

    :param answer: and have it answered, so that whoever waits for replies looks up, too
    """
    client = oslo_messaging.get_rpc_client(transport, target, timeout=1, retry=0)
    with contextlib.suppress(oslo_messaging.MessagingException):
        (client.call if answer else client.cast)({}, PING)


def adapter(listener: _Listener) -> base.Listener:
    """The listener as an RPC server takes it: with a thread that reads."""
    return base.PollStyleListenerAdapter(listener, 1, None)


def listen(driver: Any, target: oslo_messaging.Target) -> base.Listener:
    """Take the messages to a topic, to a server of it and to all its servers, as the driver's own ``listen`` does."""
    conn, exchange = driver._get_connection(rpc_common.PURPOSE_LISTEN), driver._get_exchange(target)
    listener = _Listener(driver, conn)
    for topic in (target.topic, f"{target.topic}.{target.server}"):
        conn.declare_topic_consumer(exchange_name=exchange, topic=topic, callback=listener)
    conn.declare_fanout_consumer(target.topic, listener)
    for consumer in conn._consumers:
        # What came while it waited for the broker's word on the next queue would lie there until more comes.
        consumer.nowait = True
    return adapter(listener)
