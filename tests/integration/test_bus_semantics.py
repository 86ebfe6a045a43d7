"""What users of oslo.messaging can rely on, the same on both buses: each test runs on sim:// and on RabbitMQ.

A bus is several :class:`Messaging` on one URL, as several processes are.
"""

import collections
import queue
import threading
import uuid

import oslo_messaging
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from novasim import exceptions
from novasim.context import RequestContext
from novasim.launch import wiring
from novasim.rpc import options, rabbit_listener
from novasim.rpc.contract import Contract, call, cast
from novasim.rpc.sim_driver import Bus
from novasim.rpc.transport import Messaging
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.journal import Journal

WAIT_S = 20
TIMEOUT_S = 1
# Long enough that what should not come would have come.
QUIET_S = 0.3
CTXT = RequestContext(user_id="u", project_id="p")


class Echo(Contract):
    """For these tests."""

    topic = "echo"
    version = "1.0"

    @call("1.0", raises=(exceptions.NoValidHost,))
    def ask(self, word: str) -> str:
        """Say it back, or fail."""

    @cast("1.0")
    def tell(self, word: str) -> None:
        """Remember it."""

    @cast("1.0", directed=True)
    def whisper(self, word: str) -> None:
        """Remember it, for one server."""

    @call("1.0", directed=True)
    def question(self, word: str) -> str:
        """Say it back, as one server."""

    @cast("1.0", fanout=True)
    def shout(self, word: str) -> None:
        """Remember it, for all."""


class Front(Contract):
    """What is said to a process that speaks for many."""

    topic = "front"
    version = "1.0"

    @cast("1.0", directed=True)
    def note(self, word: str) -> None:
        """Remember it."""


class Foreign(Exception):
    """Of a module that nobody was told of."""


class Service:
    def __init__(self, name, heard):
        self.name, self.heard = name, heard
        self.free = threading.Event()
        self.free.set()

    def ask(self, ctxt, word):
        assert self.free.wait(WAIT_S)
        self.heard.put((self.name, word))
        if word == "no host":
            raise exceptions.NoValidHost(reason="full")
        if word == "broken":
            raise Foreign("x")
        return f"{self.name}: {word} for {ctxt.user_id}"

    question = ask

    def tell(self, ctxt, word):
        assert self.free.wait(WAIT_S)
        self.heard.put((self.name, word))

    whisper = shout = note = tell


class World:
    """A bus and those who are on it."""

    def __init__(self, url):
        self.url, self.heard, self._all = url, queue.Queue(), {}

    def join(self, **overrides):
        conf = wiring.build_config(overrides={
            "transport_url": self.url, "rpc_response_timeout": TIMEOUT_S, **overrides})
        faults = Faults()
        messaging = Messaging(conf, Journal(None, "test", Clock()), faults)
        messaging.faults = faults
        self._all[messaging] = faults
        return messaging

    def serve(self, name, **overrides):
        messaging, service = self.join(**overrides), Service(name, self.heard)
        messaging.serve(Echo, service, name)
        service.messaging, service.faults = messaging, messaging.faults
        return service

    def client(self):
        messaging = self.join()
        client = messaging.client(Echo, "test")
        client.faults = messaging.faults
        return client

    def leave(self, messaging):
        del self._all[messaging]
        messaging.stop(WAIT_S)

    def heard_next(self, count):
        return [self.heard.get(timeout=WAIT_S) for _ in range(count)]

    def is_quiet(self):
        try:
            return self.heard.get(timeout=QUIET_S) and False
        except queue.Empty:
            return True

    def end(self):
        for messaging, faults in list(self._all.items()):
            faults.clear()
            self.leave(messaging)


@pytest.fixture(params=["sim", "rabbit"])
def world(request, monkeypatch):
    monkeypatch.setattr(options, "UPGRADE_LEVELS", [*options.UPGRADE_LEVELS, cfg.StrOpt("echo")])
    url = (f"sim://{uuid.uuid4().hex}/" if request.param == "sim" else request.getfixturevalue("rabbitmq").bus())
    made = World(url)
    yield made
    made.end()
    Bus.forget(url)


def test_a_call_is_answered_by_one(world):
    world.serve("a"), world.serve("b")
    client = world.client()
    answers = collections.Counter(client.ask(CTXT, word=str(number))[0] for number in range(20))
    assert set(answers) == {"a", "b"}, "who is free takes the next"
    assert world.heard.qsize() == 20


def test_errors_come_back(world):
    world.serve("a")
    client = world.client()
    with pytest.raises(exceptions.NoValidHost) as caught:
        client.ask(CTXT, word="no host")
    assert caught.value.text == "No valid host was found. full"
    with pytest.raises(oslo_messaging.RemoteError, match="Foreign"):
        client.ask(CTXT, word="broken")
    assert client.ask(CTXT, word="well") == "a: well for u", "who failed goes on"


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.lists(st.sampled_from(["tell", "whisper a", "whisper b", "shout"]), min_size=1, max_size=40))
def test_each_message_comes_once_to_whom_it_is_for(world, kinds):
    if not hasattr(world, "shared"):
        world.serve("a"), world.serve("b")
        world.shared = world.client()
    expected = collections.Counter()
    for number, kind in enumerate(kinds):
        verb, _, host = kind.partition(" ")
        word = f"{kind} {number}"
        getattr(world.shared, verb)(CTXT, *[host] * bool(host), word=word)
        expected[word] = 2 if verb == "shout" else 1
    heard = world.heard_next(expected.total())
    assert collections.Counter(word for _, word in heard) == expected
    assert len(set(heard)) == len(heard), "each server hears what is for all once"
    assert all(word.startswith(f"whisper {name}") for name, word in heard if word.startswith("whisper"))


def test_messages_come_in_the_order_in_which_they_were_sent(world):
    world.serve("a", rpc_workers=1)
    client = world.client()
    for number in range(50):
        client.whisper(CTXT, "a", word=str(number))
    assert [word for _, word in world.heard_next(50)] == [str(number) for number in range(50)]


def test_messages_wait_for_whoever_was_there_before(world, monkeypatch):
    # Who comes takes what is there, and does not wait for what comes next.
    monkeypatch.setattr(rabbit_listener._Listener, "_patience", 10 * WAIT_S)
    first = world.serve("a")
    client = world.client()
    client.whisper(CTXT, "a", word="early")
    world.heard_next(1)
    world.leave(first.messaging)
    client.whisper(CTXT, "a", word="late")
    client.tell(CTXT, word="later")
    client.shout(CTXT, word="lost")
    assert world.is_quiet()
    world.serve("a")
    assert sorted(word for _, word in world.heard_next(2)) == ["late", "later"]
    assert world.is_quiet(), "what was for all was for those who were there"


def test_hosts_come_and_go_at_once(world, monkeypatch):
    # Who adds one does not wait until the thread that reads looks up by itself.
    monkeypatch.setattr(rabbit_listener._Listener, "_patience", 10 * WAIT_S)
    messaging, client = world.join(), world.client()
    agents = messaging.serve_hosts(Echo, Service("agents", world.heard), "many", (Front, Service("all", world.heard)))
    messaging.client(Front, "test").note(CTXT, "many", word="here")
    assert world.heard_next(1) == [("all", "here")]
    agents.add_hosts(["h1", "h2"])
    client.whisper(CTXT, "h1", word="early")
    assert world.heard_next(1) == [("agents", "early")]
    agents.drop_hosts(["h1"])
    client.whisper(CTXT, "h1", word="late")
    client.whisper(CTXT, "h2", word="meanwhile")
    assert world.heard_next(1) == [("agents", "meanwhile")]
    agents.add_hosts(["h1"])
    assert world.heard_next(1) == [("agents", "late")]
    agents.drop_hosts(["h2"], delete=True)
    with pytest.raises(exceptions.ComputeServiceUnavailable, match="h2"):
        client.whisper(CTXT, "h2", word="x")


def test_a_message_to_nobody_is_refused(world):
    client = world.client()
    with pytest.raises(exceptions.MessagingUnavailable):
        client.tell(CTXT, word="x")
    with pytest.raises(exceptions.MessagingUnavailable):
        client.ask(CTXT, word="x")
    world.serve("a")
    for send in (client.whisper, client.question):
        with pytest.raises(exceptions.ComputeServiceUnavailable, match="nobody"):
            send(CTXT, "nobody", word="x")
    client.shout(CTXT, word="heard")
    assert world.heard_next(1) == [("a", "heard")]
    assert world.is_quiet()


def test_who_takes_too_long_is_not_waited_for(world):
    service, client = world.serve("a"), world.client()
    service.free.clear()
    with pytest.raises(oslo_messaging.MessagingTimeout):
        client.ask(CTXT, word="slow")
    service.free.set()
    assert world.heard_next(1) == [("a", "slow")], "it was done all the same"
    assert client.ask(CTXT, word="next") == "a: next for u", "the late answer was not taken for this one"


@pytest.mark.parametrize(("rule", "heard"), [
    ({"at": "rpc.send", "do": "drop", "times": 1}, ["2", "3"]),
    ({"at": "rpc.send", "do": "duplicate", "times": 1}, ["1", "1", "2", "3"]),
    ({"at": "rpc.send", "do": "reorder", "times": 1}, ["2", "1", "3"]),
    ({"at": "rpc.send", "do": "reorder", "times": 2}, ["3", "1", "2"]),
    ({"at": "rpc.send", "do": "drop", "match": {"server": "a", "topic": "echo", "service": "test"}}, []),
    ({"at": "rpc.send", "do": "drop", "match": {"server": "b"}}, ["1", "2", "3"])])
def test_what_a_rule_does_to_what_is_sent(world, rule, heard):
    world.serve("a", rpc_workers=1)
    client = world.client()
    client.faults.add(rule)
    for word in ("1", "2", "3"):
        client.whisper(CTXT, "a", word=word)
    assert [word for _, word in world.heard_next(len(heard))] == heard
    assert world.is_quiet()


def test_what_a_rule_does_to_what_arrives(world):
    service, client = world.serve("a"), world.client()
    service.faults.add({"at": "rpc.receive", "match": {"method": "question"}, "do": ["drop", "ok"], "times": 2})
    with pytest.raises(oslo_messaging.MessagingTimeout):
        client.question(CTXT, "a", word="lost")
    assert world.is_quiet(), "nobody has heard of it"
    assert client.question(CTXT, "a", word="well") == "a: well for u"
    world.heard_next(1)
    service.faults.add({"at": "rpc.receive", "match": {"method": "whisper"}, "do": {"delay": QUIET_S}, "times": 1})
    client.whisper(CTXT, "a", word="late")
    client.whisper(CTXT, "a", word="soon")
    assert [word for _, word in world.heard_next(2)] == ["soon", "late"]


def test_an_answer_can_be_lost(world):
    service, client = world.serve("a"), world.client()
    service.faults.add({"at": "rpc.reply", "match": {"method": "ask"}, "do": "drop", "times": 1})
    with pytest.raises(oslo_messaging.MessagingTimeout):
        client.ask(CTXT, word="x")
    assert world.heard_next(1) == [("a", "x")], "it was done"
    assert client.ask(CTXT, word="y") == "a: y for u"


class Listener:
    """Hears notifications; the first time it hears a word that says so, it gives it back."""

    def __init__(self, heard, name, again):
        self.heard, self.name, self.again = heard, name, again

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.heard.put((self.name, payload["word"]))
        if payload["word"] in self.again:
            self.again.remove(payload["word"])
            return oslo_messaging.NotificationResult.REQUEUE
        return oslo_messaging.NotificationResult.HANDLED


def test_notifications_compete_in_a_pool_and_can_be_given_back(world):
    conf = world.join()._conf
    transport = oslo_messaging.get_notification_transport(conf)
    again = {"twice"}
    listeners = [oslo_messaging.get_notification_listener(
        transport, [oslo_messaging.Target(topic="news")], [Listener(world.heard, name, again)], executor="threading",
        pool=pool, allow_requeue=True) for name, pool in (("a", None), ("b", None), ("c", "own"), ("d", "own"))]
    for listener in listeners:
        listener.start()
    notifier = oslo_messaging.Notifier(transport, "test", driver="messaging", topics=["news"])
    for word in ("once", "twice"):
        notifier.info({}, "event", {"word": word})
    heard = world.heard_next(5)
    assert world.is_quiet()
    for listener in listeners:
        listener.stop()
        listener.wait()
    transport.cleanup()
    assert collections.Counter(word for _, word in heard) == {"once": 2, "twice": 3}
    names = [{name for name, word in heard if word == "once"} & pool for pool in ({"a", "b"}, {"c", "d"})]
    assert [len(found) for found in names] == [1, 1], "one of each pool"
