"""The cap ``auto``: what the oldest agent that the database knows understands."""

import oslo_messaging
import pytest

from novasim.context import RequestContext
from novasim.launch import wiring
from novasim.objects import Instance
from novasim.rpc.compute import Compute
from novasim.rpc.sim_driver import Bus
from novasim.rpc.transport import Messaging
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.journal import Journal
from novasim.version import SERVICE_VERSION

URL = "sim://auto/"


@pytest.fixture
def agents_of():
    """A proxy for agents of which the oldest are of some generation, and the versions that it sends."""
    made = []
    Bus.of(URL).declare(["compute.cmp-1"])

    def make(generation):
        conf = wiring.build_config(overrides={"transport_url": URL, "upgrade_levels.compute": "auto"})
        journal, sent = Journal(None, "test", Clock()), []
        journal.subscribe(lambda hop: sent.append(hop["version"]))
        made.append(Messaging(conf, journal, Faults(), lambda: generation))
        return made[-1].client(Compute, "test"), sent

    yield make
    for messaging in made:
        messaging.stop(5)
    Bus.forget(URL)


@pytest.mark.spec("4.3/auto")
@pytest.mark.parametrize(("generation", "version"), [(0, "2.29"), (1, "3.0"), (SERVICE_VERSION, "3.0"), (None, "3.0")])
def test_the_oldest_is_understood(agents_of, generation, version):
    proxy, sent = agents_of(generation)
    proxy.start_instance(RequestContext(), "cmp-1", instance=Instance(uuid="u-1"))
    assert sent == [version]


def test_what_the_oldest_does_not_know_is_not_sent(agents_of):
    arguments = {"instance": Instance(uuid="u-1"), "orig_image_ref": None, "image_ref": None, "injected_files": None,
                 "new_pass": None, "orig_sys_metadata": None, "bdms": None}
    proxy, _ = agents_of(1)
    with pytest.raises(oslo_messaging.RPCVersionCapError):
        proxy.rebuild_instance(RequestContext(), "cmp-1", **arguments)
    proxy, sent = agents_of(SERVICE_VERSION)
    proxy.rebuild_instance(RequestContext(), "cmp-1", **arguments)
    assert sent[-1] == "3.23"


def test_there_is_a_name_for_each_past_generation():
    assert len(Compute.generations) == SERVICE_VERSION
