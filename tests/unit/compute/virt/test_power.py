"""The verbs that change a guest's power: what it is afterwards, also when run twice or when the hypervisor fails."""

import pytest

from novasim import exceptions

VERBS = {"power_on": 1, "power_off": 4, "reboot": 1, "pause": 3, "unpause": 1, "suspend": 7, "resume": 1, "rescue": 1,
         "unrescue": 1, "set_admin_password": 1}


@pytest.mark.spec("8.9/power")
@pytest.mark.parametrize("verb", VERBS)
def test_what_the_guest_is_afterwards(driver, flavor, verb):
    driver.spawn("a", "u", flavor)
    for _ in range(2):
        getattr(driver, verb)("a", "u")
        assert driver.power_state("a", "u") == VERBS[verb]


@pytest.mark.parametrize("verb", VERBS)
def test_a_failure_leaves_it_as_it_was(driver, flavor, faults, verb):
    driver.spawn("a", "u", flavor)
    driver.pause("a", "u")
    faults.add({"at": f"virt.{verb}", "do": {"raise": "no luck"}})
    with pytest.raises(exceptions.FaultInjected, match="no luck"):
        getattr(driver, verb)("a", "u")
    assert driver.power_state("a", "u") == 3


@pytest.mark.parametrize("verb", VERBS)
def test_no_guest(driver, verb):
    with pytest.raises(exceptions.GuestNotFound):
        getattr(driver, verb)("a", "u")
