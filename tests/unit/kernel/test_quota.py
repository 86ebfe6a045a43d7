"""Quota arithmetic (spec 11.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novasim import quota
from novasim.objects import Flavor


def flavor(vcpus, memory_mb):
    return Flavor(flavorid="f", name="f", vcpus=vcpus, memory_mb=memory_mb)


flavors = st.builds(flavor, st.integers(1, 64), st.integers(1, 100_000))


@pytest.mark.spec("11.2/verify-resize")
@given(flavors, flavors)
def test_a_move_pays_early_and_refunds_late(old, new):
    paid = quota.boot_deltas(old)

    def add(deltas):
        return {name: amount + deltas.get(name, 0) for name, amount in paid.items()}

    assert quota.held(new, old) == quota.boot_deltas(old)
    paid = add(quota.upsize_deltas(old, new))
    assert paid == quota.held(new, old, finished=True)
    reverted = add(quota.revert_deltas(old, new))
    assert reverted == quota.boot_deltas(old)
    assert add(quota.downsize_deltas(old, new)) == quota.boot_deltas(new)


@pytest.mark.parametrize(("deltas", "used", "over"), [
    ({"cores": 1, "ram": 1}, {}, []), ({"cores": 11, "ram": 11}, {}, ["cores"]),
    ({"cores": 1}, {"cores": 10}, ["cores"]),
    ({"cores": -5}, {"cores": 99}, []), ({"cores": 0}, {"cores": 99}, [])])
def test_exceeded(deltas, used, over):
    assert quota.exceeded(deltas, {"cores": 10, "ram": -1}, used) == over
