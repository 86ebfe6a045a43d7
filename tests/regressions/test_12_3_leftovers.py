"""What a failed move leaves on disks: it is removed as soon as it cannot be the last copy any more, and not before
(spec 12.3 #56)."""

import pytest
from cluster_fixture import ADMIN, LARGE, MEDIUM

from novasim import states
from novasim.compute import periodics
from novasim.compute.virt.driver import BACKUP, GUEST

# verb of the hypervisors that fails -> (what is asked for, the hop that fails with it)
FAILING = {"migrate_disk_and_power_off": ("resize", "compute_resize_instance"),
           "finish_migration": ("resize", "compute_finish_resize"),
           "confirm_migration": ("confirm", "compute_confirm_resize"), "destroy": ("revert", "compute_revert_resize"),
           "finish_revert_migration": ("revert", "compute_finish_revert_resize")}
HARD = {"reboot": {"type": "HARD"}}


def fail(cluster, verb, vm_state="active"):
    """A server whose move failed in this verb; returns it with the source of the move."""
    word, event = FAILING[verb]
    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    source = cluster.row(uuid).host
    if word != "resize":
        cluster.resize(uuid, MEDIUM)
    cluster.faults.add({"at": f"virt.{verb}", "do": {"raise": "broken"}, "times": 1})
    mark = cluster.watch.mark()
    cluster.begin(uuid, word)
    cluster.watch.wait(f"{event} failed", mark, instance_uuid=uuid)
    if verb == "finish_revert_migration":
        cluster.watch.wait("guest put back", mark, instance_uuid=uuid)
    assert (cluster.state(uuid), cluster.move(uuid).status) == (("error", None), "error")
    return uuid, source


def clean(cluster, *hosts):
    """One look by the process that speaks for these hosts, or for all."""
    periodics.cleanup_leftovers(cluster.agents, hosts or None)


@pytest.mark.spec("12.3/56")
@pytest.mark.parametrize("verb", FAILING)
def test_after_each_failure_one_copy_is_left_and_it_is_a_good_one(cluster, verb):
    uuid, source = fail(cluster, verb)
    shown = cluster.move(uuid)
    for _ in range(2):
        clean(cluster)
    home = cluster.row(uuid).host
    only_copy = verb == "finish_migration"
    assert list(cluster.guests(uuid)) == [(source, BACKUP) if only_copy else (home, GUEST)]
    now = cluster.move(uuid)
    assert (now.status, now.updated_at) == (shown.status, shown.updated_at), "users see the same move as before"
    cluster.delete(uuid)
    clean(cluster)
    assert cluster.all_guests() == []


@pytest.mark.spec("12.3/56")
@pytest.mark.parametrize("verb", ["confirm_migration", "destroy"])
def test_two_hosts_of_two_processes(cluster, verb):
    """The source sees its copy and the destination its guest: neither can know alone, so one tells the other."""
    uuid, source = fail(cluster, verb)
    dest = cluster.row(uuid).host
    both = {(source, BACKUP): states.SHUTDOWN, (dest, GUEST): states.RUNNING}
    for host in (source, source, dest):
        clean(cluster, host)
        assert cluster.guests(uuid) == both
    clean(cluster, source)
    assert cluster.guests(uuid) == {(dest, GUEST): states.RUNNING}


@pytest.mark.spec("12.3/56")
def test_a_guest_that_was_never_seen_to_run_proves_nothing(cluster):
    """A stopped server in error may have half a disk. Once somebody has put it in order, the copy goes."""
    uuid, source = fail(cluster, "confirm_migration", "stopped")
    clean(cluster)
    assert (source, BACKUP) in cluster.guests(uuid)
    cluster.act(uuid, HARD, "compute_reboot_instance")
    clean(cluster)
    assert cluster.guests(uuid) == {(cluster.row(uuid).host, GUEST): states.RUNNING}


@pytest.mark.spec("12.3/56")
def test_the_last_copy_stays_until_the_server_has_a_disk_again(cluster):
    uuid, source = fail(cluster, "finish_migration")
    cluster.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
    clean(cluster)
    assert list(cluster.guests(uuid)) == [(source, BACKUP)], "that it says active is no proof"
    cluster.do(uuid, "rebuild")
    clean(cluster)
    assert list(cluster.guests(uuid)) == [(cluster.row(uuid).host, GUEST)]


@pytest.mark.spec("12.3/56")
def test_the_copy_of_a_later_failure_stays(cluster):
    """That an earlier failed move is done with says nothing of the next one."""
    uuid, _ = fail(cluster, "confirm_migration")
    clean(cluster)
    cluster.act(uuid, HARD, "compute_reboot_instance")
    home = cluster.row(uuid).host
    cluster.faults.add({"at": "virt.finish_migration", "do": {"raise": "broken"}, "times": 1})
    cluster.resize(uuid, LARGE, "compute_finish_resize failed")
    for _ in range(2):
        clean(cluster)
    assert cluster.guests(uuid) == {(home, BACKUP): states.SHUTDOWN}


@pytest.mark.spec("12.3/56")
@pytest.mark.parametrize("ends", ["confirm", "revert"])
def test_the_copy_of_a_move_that_waits_stays(cluster, ends):
    """Also of a server that has a failed move behind it."""
    uuid, _ = fail(cluster, "confirm_migration")
    cluster.act(uuid, HARD, "compute_reboot_instance")
    source = cluster.row(uuid).host
    cluster.resize(uuid, LARGE)
    for _ in range(2):
        clean(cluster)
    assert cluster.guests(uuid)[source, BACKUP] == states.SHUTDOWN
    cluster.do(uuid, ends)
    clean(cluster)
    assert list(cluster.guests(uuid)) == [(cluster.row(uuid).host, GUEST)]
