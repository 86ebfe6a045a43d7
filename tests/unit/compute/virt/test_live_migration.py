"""The copy of a running guest: rounds until the rest is small, by force, or never; on clocks that wait for nobody."""

import threading
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novasim import exceptions, states
from novasim.compute.virt.driver import Patience
from novasim.compute.virt.simulated import SimulatedDriver
from novasim.objects import Flavor
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.profiles import Profile
from novasim.sim.stages import StageBook

MIB = 1024 ** 2
# 100 MB a second.
NIC_MBPS = 800
FLAVOR = Flavor(flavorid="f", name="f", memory_mb=1000, vcpus=1, root_gb=1)
PATIENT = Patience(0.1, 0, False)


class Steps(Clock):
    """A clock whose waits end at once, having taken as long as asked."""

    def __init__(self):
        self.time = 0.0

    def monotonic(self):
        return self.time

    def wait(self, event, seconds):
        self.time += seconds
        return False


@pytest.fixture
def make_driver(tmp_path_factory):
    made = []

    def make(dirty, copy=True):
        clock = Steps()
        driver = SimulatedDriver(
            tmp_path_factory.mktemp("state"), Profile(vcpus=4, memory_mb=8192, local_gb=100, nic_mbps=NIC_MBPS),
            StageBook([], clock, Random(1), copy, dirty), Faults(), clock)
        made.append(driver)
        driver.spawn("a", "vm", FLAVOR)
        driver.pre_live_migration("b", "vm", FLAVOR)
        return driver, clock

    yield make
    for driver in made:
        driver.close()


def migrate(driver, patience=PATIENT, on_report=None, disks=False):
    """The reports of a copy from a to b."""
    reports = []

    def report(progress):
        reports.append(progress)
        if on_report is not None:
            on_report(len(reports))

    total = driver.check_can_live_migrate_source("a", "vm", disks)
    driver.live_migration("a", "vm", "b", total, patience, report)
    return reports


@pytest.mark.parametrize("disks", [False, True])
def test_an_idle_guest_is_copied_once(make_driver, disks):
    driver, clock = make_driver(dirty=0)
    last = migrate(driver, disks=disks)[-1]
    size = 1000 * MIB + (1024 * MIB // 10 if disks else 0)
    assert clock.time == pytest.approx(size / 100e6, rel=1e-3)
    assert (last.memory_processed, last.memory_remaining, last.disk_remaining) == (1000 * MIB, 0, 0)
    assert last.disk_total == last.disk_processed == size - 1000 * MIB


# Each example makes a driver of its own.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dirty=st.floats(0, 80), downtime=st.floats(0.01, 5))
def test_a_guest_slower_than_the_network_gets_there(make_driver, dirty, downtime):
    driver, clock = make_driver(dirty)
    reports = migrate(driver, Patience(downtime, 0, False))
    assert reports[-1].memory_remaining == 0
    # What was copied is the memory, and what was dirtied while it was.
    dirtied = reports[-1].memory_processed - 1000 * MIB
    assert 0 <= dirtied <= dirty * MIB * clock.time + MIB
    assert [one.memory_processed for one in reports] == sorted(one.memory_processed for one in reports)
    assert all(0 <= one.memory_remaining <= one.memory_total for one in reports)


def test_without_the_time_of_copies_it_is_there_at_once(make_driver):
    driver, clock = make_driver(dirty=1e9, copy=False)
    assert (migrate(driver)[-1].memory_remaining, clock.time) == (0, 0)


def test_the_guest_is_where_it_should_be(make_driver):
    driver, _ = make_driver(dirty=10)
    migrate(driver)
    assert (driver.power_state("a", "vm"), driver.power_state("b", "vm")) == (states.RUNNING, states.POWER_PAUSED)
    driver.post_live_migration("a", "vm")
    driver.post_live_migration_at_destination("b", "vm", states.RUNNING)
    assert (driver.power_state("a", "vm"), driver.power_state("b", "vm")) == (states.NOSTATE, states.RUNNING)


BUSY = 500


def test_a_busy_guest_is_completed_by_force(make_driver):
    driver, _ = make_driver(BUSY)
    reports = migrate(driver, on_report=lambda n: driver.live_migration_force_complete("a", "vm") if n == 5 else None)
    assert reports[4].memory_remaining == 1000 * MIB
    assert reports[-1].memory_remaining == 0


def test_what_was_dirtied_until_it_was_forced_is_copied_again(make_driver, monkeypatch):
    driver, clock = make_driver(BUSY)

    def wait(event, seconds):
        monkeypatch.undo()
        clock.time += seconds / 2
        driver.live_migration_force_complete("a", "vm")
        return True

    monkeypatch.setattr(clock, "wait", wait)
    last = migrate(driver)[-1]
    assert (last.memory_processed, last.memory_remaining) == (1000 * MIB + 50_000_000, 0)


def test_a_busy_guest_is_aborted(make_driver):
    driver, _ = make_driver(BUSY)
    with pytest.raises(exceptions.LiveMigrationAborted):
        migrate(driver, on_report=lambda n: driver.live_migration_abort("a", "vm") if n == 5 else None)
    assert driver.power_state("a", "vm") == states.RUNNING
    # Nothing of it stays behind.
    assert migrate(driver, Patience(0.1, 3, True))[-1].memory_remaining == 0


@pytest.mark.parametrize("in_order", [False, True])
def test_one_that_was_aborted_ends_when_the_next_has_begun(make_driver, in_order):
    """What is asked of the next one still reaches it, and neither fails for the other's sake."""
    driver, _ = make_driver(BUSY)
    go_on, ends = threading.Event(), []

    def first():
        with pytest.raises(exceptions.LiveMigrationAborted):
            migrate(driver, on_report=lambda n: n != 2 or (begun.set(), go_on.wait(20)))
        ends.append("first")

    begun, thread = threading.Event(), threading.Thread(target=first)
    thread.start()
    assert begun.wait(20)
    driver.live_migration_abort("a", "vm")

    def end_first():
        go_on.set()
        thread.join(20)

    def second(number):
        if number == 3 and in_order:
            end_first()
        if number == 5:
            driver.live_migration_force_complete("a", "vm")

    assert migrate(driver, on_report=second)[-1].memory_remaining == 0
    end_first()
    assert ends == ["first"]


@pytest.mark.parametrize("force", [False, True])
def test_patience(make_driver, force):
    driver, clock = make_driver(BUSY)
    if not force:
        with pytest.raises(exceptions.LiveMigrationAborted, match="not done after 30 seconds"):
            migrate(driver, Patience(0.1, 30, False))
    else:
        migrate(driver, Patience(0.1, 30, True))
    assert 30 <= clock.time <= 30 + (0 if not force else 12)


def test_a_paused_guest_dirties_nothing(make_driver):
    driver, _ = make_driver(BUSY)
    driver.pause("a", "vm")
    assert migrate(driver)[-1].memory_processed == 1000 * MIB


def test_only_what_runs_can_be_copied(make_driver):
    driver, _ = make_driver(0)
    driver.power_off("a", "vm")
    with pytest.raises(exceptions.HypervisorError, match="does not run"):
        driver.check_can_live_migrate_source("a", "vm", False)
    with pytest.raises(exceptions.GuestNotFound):
        driver.check_can_live_migrate_source("b", "other", False)
