"""Compare-and-swap on servers, and the moves of the flavor snapshots."""

import threading

import pytest

from novasim import exceptions
from novasim.db import instances
from novasim.objects import CURRENT, NEW, OLD, OLD_VM_STATE, Flavor


def test_what_is_written_is_read(db, make_server):
    server = make_server(metadata={"a": "1"}, vm_state="active")
    read = db.read(instances.get, server.uuid)
    assert (read.metadata, read.system_metadata, read.vm_state) == ({"a": "1"}, server.system_metadata, "active")
    assert read.created_at == db.clock.now()


def test_another_project_finds_nothing(db, make_server):
    server = make_server()
    with pytest.raises(exceptions.InstanceNotFound):
        db.read(instances.get, server.uuid, "other")


@pytest.mark.parametrize(("expected", "wins"), [
    (None, True), ({"task_state": (None,)}, True), ({"task_state": ("a", None)}, True), ({"task_state": ("a",)}, False),
    ({"vm_state": ("active",), "task_state": (None,)}, True), ({"vm_state": ("stopped", "error")}, False),
    ({"vm_state": (None,)}, False)])
def test_a_change_under_a_condition(db, make_server, expected, wins):
    server = make_server(vm_state="active")
    if wins:
        db.write(instances.update, server.uuid, expected, task_state="x")
    else:
        with pytest.raises(exceptions.UnexpectedTaskStateError):
            db.write(instances.update, server.uuid, expected, task_state="x")
    assert db.read(instances.get, server.uuid).task_state == ("x" if wins else None)


def test_who_lost_to_a_delete_is_told_so(db, make_server):
    server = make_server(task_state="deleting")
    with pytest.raises(exceptions.UnexpectedDeletingTaskStateError):
        db.write(instances.update, server.uuid, {"task_state": (None,)}, task_state="x")
    db.write(instances.soft_delete, server.uuid)
    with pytest.raises(exceptions.InstanceNotFound):
        db.write(instances.update, server.uuid, {"task_state": (None,)}, task_state="x")


def test_statements_are_kept_by_shape_not_by_value(db, make_server):
    server = make_server()
    instances._update_statement.cache_clear()
    for number in range(5):
        with pytest.raises(exceptions.UnexpectedTaskStateError):
            db.write(instances.update, server.uuid, {"task_request_id": (f"req-{number}",)}, task_state="x")
    assert instances._update_statement.cache_info().currsize == 1


@pytest.mark.spec("12.2/33")
def test_of_many_exactly_one_wins(db, make_server):
    server, results, start = make_server(), [], threading.Event()

    def attempt(name):
        start.wait()
        try:
            db.write(instances.update, server.uuid, {"task_state": (None,)}, task_state=name)
            results.append(name)
        except exceptions.UnexpectedTaskStateError:
            results.append(None)

    threads = [threading.Thread(target=attempt, args=(f"t{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    winners = [name for name in results if name]
    assert len(results) == 12
    assert winners == [db.read(instances.get, server.uuid).task_state]


def test_deleted_twice(db, make_server):
    server = make_server(host="cmp-1", metadata={"a": "1"})
    assert db.write(instances.soft_delete, server.uuid) is True
    assert db.write(instances.soft_delete, server.uuid) is False
    gone = db.read(instances.get, server.uuid, None, True)
    assert (gone.vm_state, gone.host, gone.deleted, gone.metadata) == ("deleted", None, gone.id, {})


def test_metadata_is_merged_or_replaced(db, make_server):
    server = make_server(metadata={"a": "1", "b": "2"})
    db.write(instances.set_metadata, server.uuid, {"b": "3"}, False)
    assert db.read(instances.get, server.uuid).metadata == {"a": "1", "b": "3"}
    db.write(instances.set_metadata, server.uuid, {"c": "4"}, True)
    assert db.read(instances.get, server.uuid).metadata == {"c": "4"}


LARGE = Flavor(id=9, flavorid="l", name="large", memory_mb=8192, vcpus=4, root_gb=80, vcpu_weight=3)


def keys(db, server):
    return db.read(instances.get, server.uuid).system_metadata


def test_the_snapshots_of_a_move(db, make_server, flavor):
    """Spec 2.4: prep, finish; a try that is repeated leaves one stash."""
    server = make_server(system_metadata=flavor.to_sys(CURRENT) | {"image_min_ram": "1"})
    for _ in range(2):
        db.write(instances.stash_new_flavor, server.uuid, LARGE, "stopped")
    small, image = flavor.to_sys(CURRENT), {"image_min_ram": "1"}
    assert keys(db, server) == small | image | LARGE.to_sys(NEW) | {OLD_VM_STATE: "stopped"}
    db.write(instances.promote_new_flavor, server.uuid)
    assert keys(db, server) == (LARGE.to_sys(CURRENT) | flavor.to_sys(OLD) | LARGE.to_sys(NEW) | image
                                | {OLD_VM_STATE: "stopped"})


@pytest.mark.parametrize(("end", "rests"), [(instances.drop_stash, LARGE), (instances.restore_old_flavor, None)])
def test_the_end_of_a_move(db, make_server, flavor, end, rests):
    server = make_server(system_metadata=flavor.to_sys(CURRENT) | {"image_min_ram": "1"})
    db.write(instances.stash_new_flavor, server.uuid, LARGE, "active")
    db.write(instances.promote_new_flavor, server.uuid)
    for _ in range(2 if end is instances.drop_stash else 1):
        db.write(end, server.uuid)
    assert keys(db, server) == (rests or flavor).to_sys(CURRENT) | {"image_min_ram": "1"}


def test_a_snapshot_says_all_that_a_claim_needs(flavor):
    assert Flavor.from_sys(flavor.to_sys(OLD), OLD) == Flavor(
        id=flavor.id, flavorid="small", name="m1.small", memory_mb=2048, vcpus=2, root_gb=20, ephemeral_gb=5,
        swap=512, rxtx_factor=1.5)
    assert flavor.disk_gb == 25
