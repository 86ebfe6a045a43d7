"""Hypervisors without services around them."""

from random import Random

import pytest

from novasim.compute.virt.simulated import SimulatedDriver
from novasim.objects import Flavor
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.profiles import Profile
from novasim.sim.stages import StageBook


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def driver(tmp_path, faults):
    made = SimulatedDriver(tmp_path, Profile(vcpus=4, memory_mb=8192, local_gb=100),
                           StageBook([], Clock(), Random(1)), faults, Clock())
    yield made
    made.close()


@pytest.fixture
def flavor():
    return Flavor(flavorid="f", name="f", memory_mb=512, vcpus=1, root_gb=10)
