"""The hypervisors' own truth: what each verb leaves, also when it runs twice or fails."""

import pytest

from novasim import exceptions, states
from novasim.compute.virt.driver import BACKUP, GUEST
from novasim.compute.virt.simulated import GIB, SimulatedDriver
from novasim.sim.profiles import Profile


def held(driver):
    return {(guest.host, guest.role): guest.power_state for guest in driver.list_guests()}


@pytest.mark.spec("8.9/get_info", "8.9/power")
def test_the_life_of_a_guest(driver, flavor):
    driver.spawn("a", "u", flavor)
    assert driver.list_guests() == [("a", "u", GUEST, states.RUNNING, 1, 512, GIB)]
    for verb, power in (("power_off", states.SHUTDOWN), ("power_on", states.RUNNING), ("reboot", states.RUNNING)):
        for _ in range(2):
            getattr(driver, verb)("a", "u")
            assert driver.power_state("a", "u") == power
    driver.destroy("a", "u")
    driver.destroy("a", "u")
    assert (driver.list_guests(), driver.power_state("a", "u")) == ([], states.NOSTATE)


@pytest.mark.spec("8.9/migrate_disk_and_power_off", "8.9/finish_migration", "8.9/confirm_migration",
                  "8.9/finish_revert_migration", "8.6/destroy")
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("dest", ["a", "b"])
def test_a_move_and_its_two_ends(driver, flavor, dest, twice):
    def run(verb, *args):
        results = [getattr(driver, verb)(*args) for _ in range(2 if twice else 1)]
        return results[-1]

    for end in ("confirm", "revert"):
        driver.spawn("a", end, flavor)
        info = run("migrate_disk_and_power_off", "a", end, dest, flavor)
        assert held_of(driver, end) == {("a", BACKUP): states.SHUTDOWN}
        run("finish_migration", dest, end, info, flavor, True)
        assert held_of(driver, end) == {("a", BACKUP): states.SHUTDOWN, (dest, GUEST): states.RUNNING}
    run("confirm_migration", "a", "confirm")
    assert held_of(driver, "confirm") == {(dest, GUEST): states.RUNNING}
    driver.destroy(dest, "revert", keep_backup=True)
    assert held_of(driver, "revert") == {("a", BACKUP): states.SHUTDOWN}
    run("finish_revert_migration", "a", "revert", False)
    assert held_of(driver, "revert") == {("a", GUEST): states.SHUTDOWN}


def held_of(driver, uuid):
    return {(guest.host, guest.role): guest.power_state for guest in driver.list_guests()
            if guest.instance_uuid == uuid}


@pytest.mark.parametrize("verb", ["power_on", "power_off", "reboot"])
def test_no_guest(driver, verb):
    with pytest.raises(exceptions.GuestNotFound, match="Hypervisor a has no guest u"):
        getattr(driver, verb)("a", "u")


def test_nothing_to_move_or_put_back(driver, flavor):
    with pytest.raises(exceptions.GuestNotFound):
        driver.migrate_disk_and_power_off("a", "u", "b", flavor)
    with pytest.raises(exceptions.GuestNotFound):
        driver.finish_revert_migration("a", "u", True)


@pytest.mark.spec("8.9/injectable")
def test_a_fault_leaves_what_was(driver, flavor, faults):
    driver.spawn("a", "u", flavor)
    for verb, args in (("power_off", ()), ("destroy", ()), ("migrate_disk_and_power_off", ("b", flavor))):
        faults.add({"at": f"virt.{verb}", "match": {"host": "a"}, "do": {"raise": "no"}})
        with pytest.raises(exceptions.FaultInjected):
            getattr(driver, verb)("a", "u", *args)
        assert held(driver) == {("a", GUEST): states.RUNNING}


def test_it_outlives_its_process(driver, flavor, faults, tmp_path):
    driver.spawn("a", "u", flavor)
    other = SimulatedDriver(tmp_path, driver._profile, driver._stages, faults, driver._network._clock)
    assert other.list_guests(["a"]) == driver.list_guests()
    assert other.list_guests(["b"]) == []
    other.close()


@pytest.mark.parametrize(("text", "told"), [("vcpus: many", "vcpus"), ("{vcpus: 1, memory_mb: 1}", "local_gb"),
                                            ("{vcpus: 1, memory_mb: 1, local_gb: 1, color: red}", "color"),
                                            ("{", "profile p")])
def test_a_bad_profile(text, told):
    with pytest.raises(exceptions.Invalid, match=told):
        Profile.parse("p", text)
