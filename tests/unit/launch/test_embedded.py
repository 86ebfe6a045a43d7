"""The embedded cluster starts whole or not at all, and leaves nothing behind."""

import socket
import threading
import time

import pytest

from novasim import exceptions
from novasim.launch import embedded
from novasim.rpc.sim_driver import Bus


def test_it_leaves_nothing_behind(tmp_path):
    before = set(threading.enumerate())
    with embedded.EmbeddedCluster(tmp_path) as cluster:
        assert cluster.conf.transport_url in Bus._buses
        began = time.monotonic()
    assert time.monotonic() - began < 1.5, "nothing is under way, so nothing is waited for"
    assert cluster.conf.transport_url not in Bus._buses
    left = [thread.name for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    assert left == []
    cluster.stop()


def test_what_had_started_is_stopped_when_the_rest_cannot(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cluster = embedded.EmbeddedCluster(tmp_path, overrides={"api.listen_port": taken.getsockname()[1]})
        with pytest.raises(exceptions.ConfigurationError, match="Choose another port"):
            cluster.start()
    assert cluster.conf.transport_url not in Bus._buses


@pytest.mark.parametrize(("overrides", "told"), [
    ({"profile": "tiny"}, "profiles: there is no 'tiny'; there are huge, large"),
    ({"simulator.stages": "/nowhere.yaml"}, "stages: .*nowhere")])
def test_what_is_wrong_is_named(tmp_path, overrides, told):
    with pytest.raises(exceptions.ConfigurationError, match=told):
        embedded.EmbeddedCluster(tmp_path, overrides=overrides).start()
