"""While a guest is copied: what is shown of it, how it is ended or forced, and who waits meanwhile."""

import pytest
from cluster_fixture import ADMIN, USER
from live_stories import CANCELLED, DONE, HOSTS, ask, busy_guests, check_at, elsewhere, live_migrate


def migration_path(cluster, uuid):
    return f"/servers/{uuid}/migrations/{cluster.move(uuid).id}"


def begin_copying(cluster, uuid, **options):
    mark = cluster.watch.mark()
    request = ask(cluster, uuid, **options).headers["x-openstack-request-id"]
    cluster.watch.wait("copying the guest", mark, instance_uuid=uuid)
    return request


@pytest.mark.spec("3.12/2.24")
def test_abort(make_cluster, tmp_path):
    cluster = make_cluster(checked=True, **busy_guests(tmp_path))
    uuid = cluster.boot()
    source, dest = elsewhere(cluster, uuid)
    request = begin_copying(cluster, uuid, host=dest)
    assert cluster.status(uuid) == "MIGRATING"
    path = migration_path(cluster, uuid)
    assert cluster.http("DELETE", path, None, ADMIN, "2.23").status_int == 404
    mark = cluster.watch.mark()
    answer = cluster.http("DELETE", path, None, ADMIN, "2.24")
    assert (answer.status_int, answer.body) == (202, b"")
    cluster.watch.wait("destination cleaned", mark)
    check_at(cluster, uuid, source)
    assert cluster.move(uuid).status == "cancelled"
    record = cluster.record(uuid, request)
    assert record["message"] == "Error"
    assert all(event["finish_time"] for event in record["events"])
    cancel = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert (cancel["action"], cancel["message"]) == ("live_migration_cancel", None)
    assert cluster.http("DELETE", path, None, ADMIN, "2.65").status_int == 409


@pytest.mark.spec("3.12/2.22")
def test_force_complete(make_cluster, tmp_path):
    cluster = make_cluster(checked=True, **busy_guests(tmp_path))
    uuid = cluster.boot()
    source, dest = elsewhere(cluster, uuid)
    begin_copying(cluster, uuid, host=dest)
    path = migration_path(cluster, uuid) + "/action"
    assert cluster.http("POST", path, {"force_complete": None}, ADMIN, "2.21").status_int == 404
    assert cluster.http("POST", path, {"force_complete": {}}, ADMIN, "2.22").status_int == 400
    assert cluster.http("POST", path, {"force_complete": None}, USER, "2.22").status_int == 403
    mark = cluster.watch.mark()
    answer = cluster.http("POST", path, {"force_complete": None}, ADMIN, "2.22")
    assert (answer.status_int, answer.body) == (202, b"")
    cluster.watch.wait(DONE, mark, instance_uuid=uuid)
    check_at(cluster, uuid, dest)
    assert cluster.move(uuid).memory_processed > cluster.move(uuid).memory_total
    record = cluster.record(uuid, answer.headers["x-openstack-request-id"])
    assert record["action"] == "live_migration_force_complete"


@pytest.mark.parametrize(("action", "status"), [("abort", "cancelled"), ("force_complete", "completed")])
def test_one_that_takes_too_long(make_cluster, tmp_path, action, status):
    # Two GiB are counted at least, so this is the tenth part of a second.
    cluster = make_cluster(checked=True, live_migration_timeout_action=action, live_migration_completion_timeout=1,
                           **busy_guests(tmp_path))
    uuid = cluster.boot()
    live_migrate(cluster, uuid, DONE if action == "force_complete" else "destination cleaned")
    assert cluster.move(uuid).status == status
    if action == "abort":
        assert "was aborted: not done after 2 seconds" in cluster.fault(uuid)


@pytest.mark.spec("3.12/2.65", "3.12/2.23")
def test_others_wait_for_their_turn(make_cluster, tmp_path):
    cluster = make_cluster(hosts=2, checked=True, **busy_guests(tmp_path))
    first = cluster.boot()
    source = cluster.row(first).host
    dest = next(host for host in HOSTS if host != source)
    second, third = (cluster.create(availability_zone=f"nova:{source}", token=ADMIN) for _ in range(2))
    cluster.watch.wait("built", times=3)
    begin_copying(cluster, first, host=dest)
    for uuid in (second, third):
        live_migrate(cluster, uuid, "live migration queued", host=dest)
    assert [cluster.move(uuid).status for uuid in (first, second, third)] == ["running", "queued", "queued"]
    path = migration_path(cluster, second)
    assert cluster.get(path, ADMIN, "2.23")["migration"]["status"] == "queued"
    answer = cluster.http("DELETE", path, None, ADMIN, "2.64")
    assert answer.status_int == 400
    assert answer.json["badRequest"]["message"] == (
        f"Migration {cluster.move(second).id} state of instance {second} is queued. Cannot abort live migration while "
        "the migration is in this state.")
    answer = cluster.http("POST", path + "/action", {"force_complete": None}, ADMIN, "2.65")
    assert "Cannot force_complete while the migration is in this state." in answer.json["badRequest"]["message"]
    mark = cluster.watch.mark()
    assert cluster.http("DELETE", path, None, ADMIN, "2.65").status_int == 202
    cluster.watch.wait(CANCELLED, mark, instance_uuid=second)
    assert cluster.state(second) == ("active", None)
    # The first one's end is the third one's beginning.
    mark = cluster.watch.mark()
    assert cluster.http("DELETE", migration_path(cluster, first), None, ADMIN, "2.65").status_int == 202
    cluster.watch.wait("copying the guest", mark, instance_uuid=third)
    cluster.http("POST", migration_path(cluster, third) + "/action", {"force_complete": None}, ADMIN, "2.65")
    cluster.watch.wait(DONE, mark, instance_uuid=third)
    cluster.watch.wait("destination cleaned", mark, instance_uuid=first)


@pytest.mark.spec("3.12/2.23", "3.12/2.59", "3.12/2.80")
def test_how_it_is_shown(make_cluster, tmp_path):
    cluster = make_cluster(**busy_guests(tmp_path))
    uuid = cluster.boot()
    source, dest = elsewhere(cluster, uuid)
    begin_copying(cluster, uuid, host=dest, version="2.30")
    move = cluster.move(uuid)
    assert cluster.http("GET", f"/servers/{uuid}/migrations", None, ADMIN, "2.22").status_int == 404
    [shown] = cluster.get(f"/servers/{uuid}/migrations", ADMIN, "2.23")["migrations"]
    assert set(shown) == {
        "created_at", "dest_compute", "dest_host", "dest_node", "id", "server_uuid", "source_compute", "source_node",
        "status", "memory_total_bytes", "memory_processed_bytes", "memory_remaining_bytes", "disk_total_bytes",
        "disk_processed_bytes", "disk_remaining_bytes", "updated_at"}
    assert (shown["status"], shown["source_compute"], shown["dest_compute"]) == ("running", source, dest)
    assert shown["memory_total_bytes"] == 512 * 1024 ** 2
    path = migration_path(cluster, uuid)
    assert set(cluster.get(path, ADMIN, "2.59")["migration"]) == {*shown, "uuid"}
    assert set(cluster.get(path, ADMIN, "2.80")["migration"]) == {*shown, "uuid", "user_id", "project_id"}
    [listed] = cluster.get("/os-migrations", ADMIN, "2.23")["migrations"]
    assert listed["migration_type"] == "live-migration"
    assert [link["rel"] for link in listed["links"]] == ["self", "bookmark"]
    assert listed["links"][0]["href"].endswith(f"/v2.1/servers/{uuid}/migrations/{move.id}")
    assert "links" not in cluster.get("/os-migrations", ADMIN, "2.1")["migrations"][0]
    mark = cluster.watch.mark()
    assert cluster.http("DELETE", path, None, ADMIN, "2.24").status_int == 202
    cluster.watch.wait("destination cleaned", mark)
    assert cluster.get(f"/servers/{uuid}/migrations", ADMIN, "2.23")["migrations"] == []
    assert "links" not in cluster.get("/os-migrations", ADMIN, "2.23")["migrations"][0]
    gone = cluster.http("GET", path, None, ADMIN, "2.23")
    assert gone.json["itemNotFound"]["message"] == f"Migration {move.id} for server {uuid} is not in progress."
    for number in ("77", "x", "99999999999"):
        unknown = cluster.http("GET", f"/servers/{uuid}/migrations/{number}", None, ADMIN, "2.23")
        assert unknown.json["itemNotFound"]["message"] == f"Migration {number} not found for instance {uuid}"
    cluster.migrate(uuid)
    cold = cluster.http("GET", migration_path(cluster, uuid), None, ADMIN, "2.23")
    assert "is not live-migration." in cold.json["itemNotFound"]["message"]


@pytest.mark.parametrize("word", ["delete", "reset"])
def test_ended_from_outside_while_it_copies(make_cluster, tmp_path, word):
    cluster = make_cluster(checked=True, **busy_guests(tmp_path))
    uuid = cluster.boot()
    source, dest = elsewhere(cluster, uuid)
    begin_copying(cluster, uuid, host=dest)
    mark = cluster.watch.mark()
    if word == "delete":
        cluster.delete(uuid)
        cluster.watch.wait("receive terminate_instance", mark, times=2)
        assert cluster.move(uuid).status == "cancelled"
    else:
        cluster.action(uuid, {"os-resetState": {"state": "active"}}, ADMIN)
        cluster.watch.wait("destination cleaned", mark)
        check_at(cluster, uuid, source)
        assert cluster.move(uuid).status == "error"
    cluster.stop()
    cluster.start()
    assert cluster.audit() == []


def test_a_guest_that_settles_down(make_cluster, tmp_path):
    """Copied in rounds: what was dirtied meanwhile again, until the rest is small."""
    book = tmp_path / "book.yaml"
    book.write_text("{copy_disks: true, dirty_mb_per_s: 2000}")
    cluster = make_cluster(**{"simulator.stages": str(book)}, profile="huge", live_migration_downtime=1)
    uuid = cluster.boot()
    live_migrate(cluster, uuid)
    move = cluster.move(uuid)
    assert move.status == "completed"
    assert move.memory_total < move.memory_processed
