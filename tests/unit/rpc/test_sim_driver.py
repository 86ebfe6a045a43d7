"""sim:// behaves as a broker does: competing consumers in turn, a backlog, timeouts, errors from afar."""

import queue
import threading
from typing import ClassVar

import oslo_messaging
import pytest

from novasim import exceptions
from novasim.context import RequestContext
from novasim.rpc import sim_driver
from novasim.rpc.contract import Contract, call, cast

WAIT_S = 10


class Echo(Contract):
    """For these tests."""

    topic = "echo"
    version = "1.2"

    @call("1.0", raises=(exceptions.NoValidHost,))
    def ask(self, word: str) -> str:
        """Say it back, or fail."""

    @cast("1.0")
    def tell(self, word: str) -> None:
        """Remember it."""

    @cast("1.1", directed=True)
    def whisper(self, word: str) -> None:
        """Remember it, for a host."""


class Foreign(Exception):
    """Of a module that nobody was told of."""


class Service:
    errors: ClassVar = {"no host": exceptions.NoValidHost(reason="full"), "broken": Foreign("x"),
                        "own": exceptions.ComputeHostNotFound(host="a")}

    def __init__(self, name, heard):
        self.name, self.heard = name, heard

    def ask(self, ctxt, word):
        if word in self.errors:
            raise self.errors[word]
        return f"{self.name}: {word} for {ctxt.user_id}"

    def tell(self, ctxt, word):
        self.heard.put((self.name, word))

    def whisper(self, ctxt, word):
        self.heard.put((ctxt.addressed_host, word))


@pytest.fixture
def heard():
    return queue.Queue()


@pytest.fixture
def ctxt():
    return RequestContext(user_id="u", project_id="p")


@pytest.fixture(autouse=True)
def caps(monkeypatch):
    """The proxy asks the configuration for the cap of its topic."""
    from oslo_config import cfg

    from novasim.rpc import options
    monkeypatch.setattr(options, "UPGRADE_LEVELS", [*options.UPGRADE_LEVELS, cfg.StrOpt("echo")])


def test_a_call_is_answered(bus, heard, ctxt):
    bus.serve(Echo, Service("a", heard), "one")
    assert bus.client(Echo, "test").ask(ctxt, word="hi") == "a: hi for u"


def test_competing_consumers_take_turns(bus, heard, ctxt):
    for name in "abc":
        bus.serve(Echo, Service(name, heard), name)
    for number in range(9):
        bus.client(Echo, "test").tell(ctxt, word=str(number))
    names = [heard.get(timeout=WAIT_S)[0] for _ in range(9)]
    assert {name: names.count(name) for name in "abc"} == {"a": 3, "b": 3, "c": 3}


def test_messages_wait_for_a_consumer(bus, heard, ctxt):
    bus.bus.declare(["echo", "echo.h2"])
    client = bus.client(Echo, "test")
    for word in "xyz":
        client.tell(ctxt, word=word)
    client.whisper(ctxt, "h2", word="w")
    assert bus.bus.waiting() == {"echo": 3, "echo.h2": 1}
    bus.serve(Echo, Service("a", heard), "one")
    assert sorted(heard.get(timeout=WAIT_S)[1] for _ in range(3)) == ["x", "y", "z"]
    bus.serve_hosts(Echo, Service("b", heard), "h1").add_hosts(["h1", "h2"])
    assert heard.get(timeout=WAIT_S) == ("h2", "w")
    assert bus.bus.waiting() == {}


def test_one_listener_for_many_hosts_knows_whom_a_message_is_for(bus, heard, ctxt):
    bus.serve_hosts(Echo, Service("a", heard), "h1").add_hosts(["h1", "h2", "h3"])
    for host in ("h2", "h3", "h1"):
        bus.client(Echo, "test").whisper(ctxt, host, word=host)
    assert sorted(heard.get(timeout=WAIT_S) for _ in range(3)) == [("h1", "h1"), ("h2", "h2"), ("h3", "h3")]


def test_a_full_queue(bus, ctxt, monkeypatch):
    monkeypatch.setattr(sim_driver, "BACKLOG_MAX", 2)
    bus.bus.declare(["echo"])
    client = bus.client(Echo, "test")
    client.tell(ctxt, word="1")
    client.tell(ctxt, word="2")
    with pytest.raises(oslo_messaging.MessageDeliveryFailure):
        client.tell(ctxt, word="3")


def test_nobody_answers(make_bus, ctxt):
    bus = make_bus({"rpc_response_timeout": 1})
    bus.bus.declare(["echo"])
    with pytest.raises(oslo_messaging.MessagingTimeout):
        bus.client(Echo, "test").ask(ctxt, word="hi")


def test_who_is_not_there_is_known_at_once(bus, heard, ctxt):
    client = bus.client(Echo, "test")
    with pytest.raises(exceptions.MessagingUnavailable, match="there is no echo yet"):
        client.tell(ctxt, word="x")
    with pytest.raises(exceptions.MessagingUnavailable):
        client.ask(ctxt, word="x")
    with pytest.raises(exceptions.ComputeServiceUnavailable, match="h1"):
        client.whisper(ctxt, "h1", word="x")
    assert bus.bus.waiting() == {}


def test_hosts_come_and_go(bus, heard, ctxt):
    client, agents = bus.client(Echo, "test"), bus.serve_hosts(Echo, Service("a", heard), "front")
    agents.add_hosts(["h1", "h2"])
    for host in ("h1", "h2"):
        client.whisper(ctxt, host, word=host)
    assert sorted(heard.get(timeout=WAIT_S) for _ in range(2)) == [("h1", "h1"), ("h2", "h2")]
    agents.drop_hosts(["h1"])
    client.whisper(ctxt, "h1", word="later")
    assert bus.bus.waiting() == {"echo.h1": 1}
    agents.add_hosts(["h1"])
    assert heard.get(timeout=WAIT_S) == ("h1", "later")
    agents.drop_hosts(["h2"], delete=True)
    with pytest.raises(exceptions.ComputeServiceUnavailable):
        client.whisper(ctxt, "h2", word="x")
    assert heard.empty()


@pytest.mark.parametrize(("word", "kind", "text"), [
    ("no host", exceptions.NoValidHost, "No valid host was found. full"),
    ("own", exceptions.ComputeHostNotFound, "Compute host a could not be found.")])
def test_our_errors_are_rebuilt_with_a_text_for_users(bus, heard, ctxt, word, kind, text):
    bus.serve(Echo, Service("a", heard), "one")
    with pytest.raises(kind) as error:
        bus.client(Echo, "test").ask(ctxt, word=word)
    assert error.value.text == text
    assert (error.value.code, error.value.definite) == (kind.code, kind.definite)


def test_other_errors_are_not(bus, heard, ctxt):
    bus.serve(Echo, Service("a", heard), "one")
    with pytest.raises(oslo_messaging.RemoteError):
        bus.client(Echo, "test").ask(ctxt, word="broken")


def test_clusters_do_not_hear_each_other(make_bus, heard, ctxt):
    first, second = make_bus(), make_bus()
    first.serve(Echo, Service("a", heard), "one")
    with pytest.raises(exceptions.MessagingUnavailable):
        second.client(Echo, "test").ask(ctxt, word="hi")


def test_after_a_stop_messages_wait_again(make_bus, heard, ctxt):
    bus = make_bus()
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Service):
        def tell(self, ctxt, word):
            begun.set()
            assert go_on.wait(WAIT_S)
            super().tell(ctxt, word)

    bus.serve(Echo, Slow("a", heard), "one")
    client = bus.client(Echo, "test")
    client.tell(ctxt, word="under way")
    assert begun.wait(WAIT_S)
    threading.Timer(0.05, go_on.set).start()
    bus.stop(WAIT_S)
    assert heard.get_nowait() == ("a", "under way"), "what runs is waited for"
    client.tell(ctxt, word="late")
    assert bus.bus.waiting() == {"echo": 1}


def test_a_stop_does_not_wait_for_ever(make_bus, heard, ctxt):
    bus = make_bus()
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Service):
        def tell(self, ctxt, word):
            begun.set()
            go_on.wait(WAIT_S)

    bus.serve(Echo, Slow("a", heard), "one")
    bus.client(Echo, "test").tell(ctxt, word="x")
    assert begun.wait(WAIT_S)
    bus.stop(0.05)
    go_on.set()


@pytest.mark.parametrize(("do", "times"), [("drop", 0), ("duplicate", 2), ("ok", 1)])
def test_faults_of_messages(bus, heard, ctxt, do, times):
    bus.serve(Echo, Service("a", heard), "one")
    client = bus.client(Echo, "test")
    bus.faults.add({"at": "rpc.send", "match": {"method": "tell"}, "do": do, "times": 1})
    client.tell(ctxt, word="x")
    client.tell(ctxt, word="last")
    words = [heard.get(timeout=WAIT_S)[1] for _ in range(times + 1)]
    assert sorted(words) == sorted(["x"] * times + ["last"])


def test_a_dropped_call_times_out(bus, heard, ctxt):
    bus.serve(Echo, Service("a", heard), "one")
    bus.faults.add({"at": "rpc.send", "do": "drop"})
    with pytest.raises(oslo_messaging.MessagingTimeout):
        bus.client(Echo, "test").ask(ctxt, word="hi")


class Relay(Service):
    """Tells itself as often as the word says, and waits to be let go each time."""

    def __init__(self, heard):
        super().__init__("relay", heard)
        self.go, self.proxy = threading.Semaphore(0), None

    def tell(self, ctxt, word):
        self.heard.put(word)
        self.go.acquire()
        if int(word) > 1:
            self.proxy.tell(ctxt, word=str(int(word) - 1))


def test_a_bus_is_idle_when_all_that_a_message_set_off_has_ended(bus, heard, ctxt):
    relay = Relay(heard)
    relay.proxy = bus.client(Echo, "test")
    bus.bus.declare(["echo"])
    assert bus.bus.wait_idle(0)
    relay.proxy.tell(ctxt, word="2")
    assert bus.bus.wait_idle(0), "nobody works on what lies in a queue"
    bus.serve(Echo, relay, "one")
    for word in ("2", "1"):
        assert heard.get(timeout=WAIT_S) == word
        assert not bus.bus.wait_idle(0)
        relay.go.release()
    assert bus.bus.wait_idle(WAIT_S)
    with pytest.raises(exceptions.NoValidHost):
        relay.proxy.ask(ctxt, word="no host")
    assert bus.bus.wait_idle(WAIT_S)


@pytest.mark.parametrize("arguments", [{}, {"word": "x", "more": 1}, {"wrod": "x"}])
def test_a_call_that_does_not_fit_fails_in_the_caller(bus, ctxt, arguments):
    with pytest.raises(exceptions.RoutingError, match="RPC tell"):
        bus.client(Echo, "test").tell(ctxt, **arguments)
    assert bus.bus.waiting() == {}


def test_an_endpoint_that_does_not_fit_fails_at_its_start(bus, heard):
    class Lacking:
        def ask(self, ctxt, word):
            pass

    class Different(Service):
        def whisper(self, ctxt, wort):
            pass

    with pytest.raises(exceptions.RoutingError, match="tell: Lacking lacks it"):
        bus.serve(Echo, Lacking(), "one")
    with pytest.raises(exceptions.RoutingError, match=r"whisper: Different takes \['wort'\]"):
        bus.serve(Echo, Different("a", heard), "one")


def test_a_transport_that_does_not_exist():
    from novasim.launch import wiring
    from novasim.rpc.transport import Messaging
    with pytest.raises(exceptions.ConfigurationError, match="transport_url"):
        Messaging(wiring.build_config(overrides={"transport_url": "pigeon://x/"}), None, None)
