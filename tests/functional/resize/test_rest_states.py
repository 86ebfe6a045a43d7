"""What every record holds when a move rests: before, waiting, confirmed, reverted (spec 2.4, 8.8, 11.2)."""

import pytest
from cluster_fixture import LARGE, MEDIUM, SMALL, TINY

from novasim import states

SIZES = {TINY: (512, 1, 1), SMALL: (2048, 1, 20), MEDIUM: (4096, 2, 40), LARGE: (8192, 4, 80)}
NAMES = {TINY: "m1.tiny", SMALL: "m1.small", MEDIUM: "m1.medium", LARGE: "m1.large"}


def columns(row):
    return row.memory_mb, row.vcpus, row.root_gb


def used(flavor):
    memory_mb, vcpus, _ = SIZES[flavor]
    return {"cores": (vcpus, 0), "instances": (1, 0), "ram": (memory_mb, 0)}


def larger(old, new):
    return old if SIZES[old] > SIZES[new] else new


def check_before(cluster, uuid, flavor, host, vm_state="active"):
    row = cluster.row(uuid)
    assert (row.vm_state, row.task_state, row.host, row.node) == (vm_state, None, host, host)
    assert columns(row) == SIZES[flavor]
    assert cluster.snapshots(uuid) == {"": NAMES[flavor], "old_": None, "new_": None, "old_vm_state": None}
    assert cluster.held(uuid) == [(host, *SIZES[flavor], False)]
    assert cluster.quota() == used(flavor)
    power = states.RUNNING if vm_state == "active" else states.SHUTDOWN
    assert cluster.guests(uuid) == {(host, "guest"): power}
    assert row.power_state == power
    assert cluster.audit() == []


def check_waiting(cluster, uuid, old, new, source, vm_state="active"):
    row, move = cluster.row(uuid), cluster.move(uuid)
    assert (row.vm_state, row.task_state) == ("resized", None)
    assert (move.status, move.step, move.source_compute, move.dest_compute) == ("finished", None, source, row.host)
    assert move.migration_type == ("migration" if old == new else "resize")
    assert columns(row) == SIZES[new]
    assert cluster.snapshots(uuid) == {"": NAMES[new], "old_": NAMES[old], "new_": NAMES[new],
                                       "old_vm_state": vm_state}
    assert cluster.held(uuid) == sorted([(source, *SIZES[old], False), (row.host, *SIZES[new], True)])
    assert cluster.quota() == used(larger(old, new))
    power = states.RUNNING if vm_state == "active" else states.SHUTDOWN
    assert cluster.guests(uuid) == {(source, "backup"): states.SHUTDOWN, (row.host, "guest"): power}
    assert cluster.audit() == []
    return row.host


@pytest.mark.spec("S3", "2.4/before", "2.4/verify-resize", "2.4/confirmed", "2.6/finished", "2.6/confirmed", "8.4/1",
                  "8.4/2-3", "8.4/11-12", "8.4/14", "8.5/4", "8.5/6", "8.5/7-8", "8.5/9", "8.5/11",
                  "8.8/phase-before", "8.8/phase-finished", "8.8/phase-confirmed", "11.2/verify-resize",
                  "11.2/finished", "11.2/confirmed", "12.2/22")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY)])
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_confirmed_resize(cluster, old, new, vm_state):
    uuid = cluster.boot(old) if vm_state == "active" else cluster.stopped(old)
    source = cluster.row(uuid).host
    check_before(cluster, uuid, old, source, vm_state)
    cluster.resize(uuid, new)
    dest = check_waiting(cluster, uuid, old, new, source, vm_state)
    assert dest != source
    assert cluster.status(uuid) == "VERIFY_RESIZE"
    cluster.confirm(uuid)
    check_before(cluster, uuid, new, dest, vm_state)
    assert cluster.move(uuid).status == "confirmed"
    assert cluster.status(uuid) == {"active": "ACTIVE", "stopped": "SHUTOFF"}[vm_state]


@pytest.mark.spec("2.4/reverted", "2.6/reverted", "8.6/claim", "8.6/columns", "8.6/driver", "8.6/power", "8.6/quota",
                  "8.8/phase-reverted", "11.2/reverted")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY)])
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_reverted_resize(cluster, old, new, vm_state):
    uuid = cluster.boot(old) if vm_state == "active" else cluster.stopped(old)
    source = cluster.row(uuid).host
    cluster.resize(uuid, new)
    check_waiting(cluster, uuid, old, new, source, vm_state)
    cluster.revert(uuid)
    check_before(cluster, uuid, old, source, vm_state)
    assert cluster.move(uuid).status == "reverted"


@pytest.mark.spec("S1", "2.4/finish-cold-migrate", "11.2/cold-migrate")
@pytest.mark.parametrize("end", ["confirm", "revert"])
def test_cold_migration(cluster, end):
    uuid = cluster.boot(SMALL)
    source = cluster.row(uuid).host
    cluster.migrate(uuid)
    dest = check_waiting(cluster, uuid, SMALL, SMALL, source)
    getattr(cluster, end)(uuid)
    check_before(cluster, uuid, SMALL, dest if end == "confirm" else source)


@pytest.mark.spec("5.6/same-host-chosen", "8.3/same-host", "8.6/same-host", "8.8/phase-same-host", "6.4/ignore-hosts")
@pytest.mark.parametrize("end", ["confirm", "revert"])
def test_same_host(make_cluster, end):
    cluster = make_cluster(hosts=1, allow_resize_to_same_host=True)
    uuid = cluster.boot(TINY)
    cluster.resize(uuid, SMALL)
    host = check_waiting(cluster, uuid, TINY, SMALL, "cmp-0001")
    assert host == "cmp-0001"
    getattr(cluster, end)(uuid)
    check_before(cluster, uuid, SMALL if end == "confirm" else TINY, host)


@pytest.mark.spec("8.5/9")
def test_confirm_goes_by_what_the_guest_is_not_by_what_it_was(cluster):
    """An operator may have started it by hand (spec 2.5)."""
    uuid = cluster.stopped()
    cluster.resize(uuid)
    cluster.agents.driver.power_on(cluster.row(uuid).host, uuid)
    from novasim.compute import periodics
    periodics.sync_power_states(cluster.agents)
    cluster.confirm(uuid)
    assert cluster.state(uuid) == ("active", None)


@pytest.mark.spec("6.1/cold", "8.1/event")
def test_the_whole_record_of_a_resize(cluster):
    """Each hop is an event of the one action, in order, with its host (spec 3.10)."""
    uuid = cluster.boot()
    source, conductor = cluster.row(uuid).host, cluster.conf.host
    record = cluster.record(uuid, cluster.resize(uuid))
    dest = cluster.row(uuid).host
    assert (record["action"], record["message"]) == ("resize", None)
    assert [(event["event"], event["result"], event["host"]) for event in reversed(record["events"])] == [
        ("conductor_migrate_server", "Success", conductor), ("cold_migrate", "Success", conductor),
        ("compute_prep_resize", "Success", dest),
        ("compute_resize_instance", "Success", source), ("compute_finish_resize", "Success", dest)]
    record = cluster.record(uuid, cluster.revert(uuid))
    assert [(event["event"], event["result"], event["host"]) for event in reversed(record["events"])] == [
        ("compute_revert_resize", "Success", dest), ("compute_finish_revert_resize", "Success", source)]


@pytest.mark.spec("6.2/8", "8.2/7", "8.3/12")
def test_the_journal_tells_the_hops_in_order(cluster):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    request = cluster.resize(uuid)
    dest = cluster.row(uuid).host
    told = [(hop["service"], hop["host"], hop["what"]) for hop in cluster.watch.hops
            if hop["request_id"] == request and hop.get("kind") != "http"]
    wanted = [("api", "", "send migrate_server"), ("conductor", "", "receive migrate_server"),
              ("conductor", "", "send select_destinations"), ("scheduler", "", "receive select_destinations"),
              ("conductor", "", "send prep_resize"), ("compute", dest, "receive prep_resize"),
              ("compute", dest, "send resize_instance"), ("compute", source, "receive resize_instance"),
              ("compute", source, "send finish_resize"), ("compute", dest, "receive finish_resize"),
              ("compute", dest, "waiting for confirm or revert")]
    assert [hop for hop in told if hop in wanted] == wanted
