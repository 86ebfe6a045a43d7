"""What the API does for a resize, a migration, a confirm and a revert: rows, messages, refusals, races."""

from __future__ import annotations

import pytest

from novasim import states
from novasim.db import actions, flavors, hosts, instances, migrations, quotas

BOB = "bob:p1"


def used(cloud, project="p1"):
    return cloud.db.read(quotas.usage, project)


@pytest.mark.spec("S10", "S13", "S14", "5.4/deltas", "5.8/action", "5.8/message", "2.4/after-api")
def test_resize_takes_the_state_and_sends_one_message(cloud):
    server = cloud.boot()
    answer = cloud.act(server, "resize", {"flavorRef": "3"}, user=BOB)
    assert (answer.status, answer.body) == (202, None)
    [(method, context, args, sent)] = cloud.conductor.sent
    assert (method, args) == ("migrate_server", ())
    assert context.request_id == answer.headers["x-compute-request-id"] == answer.headers["x-openstack-request-id"]
    assert sent["instance"].task_state == states.RESIZE_PREP
    assert sent["instance"].task_request_id == context.request_id
    assert (sent["flavor"].flavorid, sent["flavor"].extra_specs) == ("3", {"hw:cpu_policy": "shared"})
    assert sent["scheduler_hint"] == {"filter_properties": {"ignore_hosts": ["cmp-1"]}}
    assert (sent["live"], sent["rebuild"]) == (False, False)
    assert len(sent["reservations"]) == 2
    row = cloud.row(server)
    assert (row.vm_state, row.task_state, row.task_request_id) == ("active", "resize_prep", context.request_id)
    assert used(cloud) == {"cores": (1, 1), "instances": (1, 0), "ram": (512, 3584)}
    assert cloud.get(f"/servers/{server}").body["server"]["status"] == "RESIZE"
    shown = cloud.get(f"/servers/{server}/os-instance-actions/{context.request_id}").body["instanceAction"]
    assert (shown["action"], shown["message"], shown["user_id"]) == ("resize", None, "bob")
    [hop] = cloud.hops
    assert (hop["what"], hop["task_state"], hop["kind"]) == ("resize accepted", "resize_prep", "http")


@pytest.mark.spec("S11", "5.6/ff", "5.6/ft", "5.6/tf", "5.6/tt", "12.1/10")
@pytest.mark.parametrize(("resize_here", "migrate_here", "resize_ignores", "migrate_ignores"), [
    (False, False, ["cmp-1"], ["cmp-1", "cmp-1"]), (False, True, ["cmp-1"], ["cmp-1"]),
    (True, False, [], ["cmp-1"]), (True, True, [], [])])
def test_ignored_hosts_follow_the_truth_table(make_cloud, resize_here, migrate_here, resize_ignores, migrate_ignores):
    cloud = make_cloud(allow_resize_to_same_host=resize_here, allow_migrate_to_same_host=migrate_here)
    for action, content, expected in (("resize", {"flavorRef": "2"}, resize_ignores),
                                      ("migrate", None, migrate_ignores)):
        assert cloud.act(cloud.boot(), action, content).status == 202
        sent = cloud.conductor.sent.pop()[3]
        assert sent["scheduler_hint"]["filter_properties"]["ignore_hosts"] == expected


@pytest.mark.spec("3.3/flavor-not-found", "3.3/same-flavor", "3.3/zero-disk", "5.3/checks", "5.3/private",
                  "5.3/zero-disk", "12.3/48", "S7")
@pytest.mark.parametrize(("flavor", "message"), [
    ("1", "When resizing, instances must change flavor!"),
    ("none", "Flavor none could not be found."),
    ("off", "Flavor off could not be found."),
    ("priv", "Flavor priv could not be found."),
    ("zero", "Server disk was unable to be resized because: Resize to zero disk flavor is not allowed."),
])
def test_flavors_that_cannot_be_had(cloud, flavor, message):
    server = cloud.boot()
    answer = cloud.act(server, "resize", {"flavorRef": flavor}, user=BOB)
    assert (answer.status, answer.message) == (400, message)
    assert cloud.row(server).task_state is None
    assert not cloud.conductor.sent


@pytest.mark.spec("3.3/flavor-not-found", "5.3/lookup")
def test_a_deleted_flavor_cannot_be_had_but_its_servers_can_migrate(cloud):
    server = cloud.boot()
    assert cloud.call("DELETE", "/flavors/1").status == 202
    assert cloud.act(cloud.boot("2"), "resize", {"flavorRef": "1"}, user=BOB).status == 400
    assert cloud.act(server, "migrate").status == 202
    assert cloud.conductor.sent[0][3]["flavor"].flavorid == "1"


@pytest.mark.spec("5.3/private")
def test_a_granted_private_flavor_can_be_had(cloud):
    cloud.db.write(flavors.grant, cloud.db.read(flavors.get, "priv"), "p1")
    assert cloud.act(cloud.boot(), "resize", {"flavorRef": "priv"}, user=BOB).status == 202


@pytest.mark.spec("3.3/image-mismatch")
def test_the_image_sets_a_least_memory(cloud):
    answer = cloud.call("POST", "/servers", {"server": {
        "name": "vm", "flavorRef": "2", "imageRef": "a2459075-d96c-40d5-893e-577ff92e721c"}}, user=BOB)
    server = answer.body["server"]["id"]
    cloud.db.write(cloud._built, server, "cmp-1")
    answer = cloud.act(server, "resize", {"flavorRef": "1"}, user=BOB)
    assert (answer.status, answer.message) == (400, "Flavor's memory is too small for requested image.")


@pytest.mark.spec("S8", "3.2/7", "3.2/9", "3.2/10", "3.2/11", "3.3/locked", "3.3/bad-state", "3.3/not-ready",
                  "5.1/lock", "5.1/state", "12.2/32", "S7")
def test_the_order_of_checks_is_lock_state_flavor_host(cloud):
    server = cloud.boot()
    forced = cloud.db.read(hosts.services, "cmp-1")[0]
    cloud.db.write(hosts.update_service, forced.id, forced_down=True)
    cloud.set(server, vm_state=states.PAUSED, locked=True, locked_by="owner")
    answer = cloud.act(server, "resize", {"flavorRef": "none"}, user=BOB)
    assert (answer.status, answer.message) == (409, f"Instance {server} is locked")
    cloud.set(server, locked=False, locked_by=None)
    answer = cloud.act(server, "resize", {"flavorRef": "none"}, user=BOB)
    assert answer.message == f"Cannot 'resize' instance {server} while it is in vm_state paused"
    cloud.set(server, vm_state=states.ACTIVE)
    assert cloud.act(server, "resize", {"flavorRef": "none"}, user=BOB).status == 400
    answer = cloud.act(server, "resize", {"flavorRef": "2"}, user=BOB)
    assert (answer.status, answer.message) == (409, "Service is unavailable at this time.")
    assert cloud.row(server).task_state is None


@pytest.mark.spec("2.3/never-launched", "3.3/not-ready", "5.1/state")
def test_a_server_that_never_was_active_or_has_no_host(cloud):
    server = cloud.boot(host=None)
    assert cloud.act(server, "resize", {"flavorRef": "2"}).message.endswith("while it is in vm_state building")
    cloud.set(server, vm_state=states.ACTIVE, task_state=None)
    answer = cloud.act(server, "resize", {"flavorRef": "2"})
    assert (answer.status, answer.message) == (409, f"Instance {server} is in an invalid state for 'resize'")
    cloud.set(server, launched_at=cloud.clock.now())
    answer = cloud.act(server, "resize", {"flavorRef": "2"})
    assert (answer.status, answer.message) == (409, f"Instance {server} is not ready")


@pytest.mark.spec("S9", "3.3/over-quota", "5.4/over-quota", "5.5/save")
def test_over_quota_is_403_and_leaves_nothing(cloud):
    server = cloud.boot()
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"cores": 1, "ram": 600}}).status == 200
    answer = cloud.act(server, "resize", {"flavorRef": "3"}, user=BOB)
    assert answer.status == 403
    assert answer.message == ("Quota exceeded for cores, ram: Requested 1, 3584, but already used 1, 512 of 1, 600 "
                              "cores, ram")
    assert cloud.row(server).task_state is None
    assert used(cloud)["cores"] == (1, 0)
    assert len(cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]) == 1


@pytest.mark.spec("S9", "12.3/50")
def test_an_admin_resizes_on_the_account_of_the_owner(cloud):
    server = cloud.boot()
    assert cloud.act(server, "resize", {"flavorRef": "3"}).status == 202
    assert used(cloud)["cores"] == (1, 1)
    assert used(cloud, "admin")["cores"] == (0, 0)


@pytest.mark.spec("3.3/race", "5.5/save", "12.2/33")
def test_the_loser_of_a_race_reads_what_the_winner_did(cloud, monkeypatch):
    server = cloud.boot()
    update = instances.update

    def lose(tx, uuid, expected=None, **values):
        update(tx, uuid, task_state=states.DELETING)
        return update(tx, uuid, expected, **values)

    monkeypatch.setattr(instances, "update", lose)
    answer = cloud.act(server, "resize", {"flavorRef": "2"})
    assert answer.status == 409
    assert answer.message.startswith(f"Cannot 'resize' instance {server} while it is in ")
    assert not cloud.conductor.sent


@pytest.mark.spec("3.3/race")
def test_of_two_resizes_one_is_refused(cloud):
    server = cloud.boot()
    assert [cloud.act(server, "resize", {"flavorRef": flavor}).status for flavor in ("2", "3")] == [202, 409]
    assert len(cloud.conductor.sent) == 1
    assert used(cloud)["ram"] == (512, 1536)


def test_a_server_that_moved_meanwhile_is_not_resized_on_old_knowledge(cloud, monkeypatch):
    server = cloud.boot()
    reserve = quotas.reserve
    monkeypatch.setattr(quotas, "reserve", lambda *args: pytest.fail("must not get here"))
    get = instances.get_beside

    def move(tx, *args):
        found = get(tx, *args)
        tx.conn.exec_driver_sql("update instances set host='cmp-3' where uuid=?", (server,))
        return found

    monkeypatch.setattr(instances, "get_beside", move)
    answer = cloud.act(server, "resize", {"flavorRef": "2"})
    assert (answer.status, answer.message) == (409, f"Cannot 'resize' instance {server} while it is in host cmp-3")
    monkeypatch.setattr(quotas, "reserve", reserve)
    assert cloud.row(server).task_state is None


@pytest.mark.spec("12.3/49")
def test_a_bus_that_takes_no_message_undoes_the_resize(cloud):
    server = cloud.boot()
    cloud.conductor.broken = ConnectionError("no broker")
    answer = cloud.act(server, "resize", {"flavorRef": "3"}, user=BOB)
    assert answer.status == 503
    assert answer.body["serviceUnavailable"]["message"] == ("The message bus cannot be reached: ConnectionError. "
                                                            "Try again later.")
    row = cloud.row(server)
    assert (row.vm_state, row.task_state) == ("active", None)
    assert used(cloud)["cores"] == (1, 0)
    assert cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][0]["message"] == "Error"
    assert cloud.db.read(actions.latest_faults, [server])[server]["message"] == "no broker"


def test_disk_config_of_a_resize(cloud):
    server = cloud.boot()
    assert cloud.act(server, "resize", {"flavorRef": "2", "OS-DCF:diskConfig": "MANUAL"}).status == 202
    assert cloud.row(server).auto_disk_config is False


@pytest.mark.spec("3.4/migrate-policy", "3.4/migrate-host", "3.4/migrate-success", "3.12/2.56", "5.6/target",
                  "12.3/47")
def test_migrate_is_for_admins_and_takes_a_host_from_2_56(cloud):
    server = cloud.boot()
    assert cloud.act(server, "migrate", user=BOB).status == 403
    for host, message in (("nowhere", "Compute host nowhere could not be found."),
                          ("cmp-1", "Cannot migrate to the host where the server exists.")):
        answer = cloud.act(server, "migrate", {"host": host}, version="2.56")
        assert (answer.status, answer.message) == (400, message)
    assert cloud.act(server, "migrate", {"host": "cmp-3"}, version="2.56").status == 202
    [(_, _, _, sent)] = cloud.conductor.sent
    assert sent["scheduler_hint"]["filter_properties"]["requested_destination"] == {"host": "cmp-3"}
    assert (sent["flavor"].flavorid, sent["reservations"]) == ("1", [])
    action = cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"][0]
    assert action["action"] == "migrate"


@pytest.mark.spec("3.4/migrate-success", "3.12/2.56")
def test_below_2_56_the_content_of_migrate_says_nothing(cloud):
    assert cloud.act(cloud.boot(), "migrate", {"host": "nowhere"}, version="2.55").status == 202
    assert cloud.act(cloud.boot(), "migrate", {"host": None}, version="2.56").status == 202
    assert "requested_destination" not in cloud.conductor.sent[-1][3]["scheduler_hint"]["filter_properties"]


@pytest.mark.spec("3.4/confirm-success", "3.4/confirm-no-migration", "3.4/revert-no-migration", "3.4/confirm-no-swap",
                  "5.9/lookup", "5.9/confirm-deltas", "5.9/confirm-states", "5.9/message", "2.4/confirm-requested",
                  "2.6/confirming")
def test_confirm_tells_the_source(cloud):
    server = cloud.boot("3")
    migration = cloud.resized(server, "2")
    answer = cloud.act(server, "confirmResize", user=BOB)
    assert (answer.status, answer.text) == (204, "")
    assert "Content-Type" not in answer.headers
    [(method, context, args, sent)] = cloud.compute.sent
    assert (method, args) == ("confirm_resize", ("cmp-1",))
    assert (sent["migration"].id, sent["migration"].status) == (migration.id, "confirming")
    assert context.request_id == sent["instance"].task_request_id
    assert len(sent["reservations"]) == 2
    row = cloud.row(server)
    assert (row.vm_state, row.task_state) == ("resized", None)
    assert used(cloud)["ram"] == (4096, 0)
    assert cloud.hops[-1]["migration_status"] == "confirming"
    # The state allows it, but the move does not wait any more.
    for action in ("confirmResize", "revertResize"):
        answer = cloud.act(server, action, user=BOB)
        assert (answer.status, answer.message) == (400, "Instance has not been resized.")
    assert len(cloud.compute.sent) == 1


@pytest.mark.spec("3.4/confirm-source-down")
def test_confirm_needs_a_living_source(cloud):
    server = cloud.boot()
    migration = cloud.resized(server)
    cloud.clock.advance(61)
    answer = cloud.act(server, "confirmResize")
    assert (answer.status, answer.message) == (409, "Service is unavailable at this time.")
    assert cloud.db.read(migrations.get, migration.id).status == states.FINISHED
    cloud.db.write(hosts.heartbeat, ["cmp-1"], "nova-compute")
    assert cloud.act(server, "confirmResize").status == 204


@pytest.mark.spec("12.3/49")
def test_an_unsent_confirm_waits_again(cloud):
    server = cloud.boot()
    migration = cloud.resized(server)
    cloud.compute.broken = TimeoutError()
    assert cloud.act(server, "confirmResize").status == 503
    assert cloud.db.read(migrations.get, migration.id).status == states.FINISHED
    cloud.compute.broken = None
    assert cloud.act(server, "confirmResize").status == 204


@pytest.mark.spec("3.4/revert-success", "5.9/revert-deltas", "5.9/revert-states", "5.9/message",
                  "2.4/revert-requested", "2.6/reverting")
def test_revert_tells_the_destination(cloud):
    server = cloud.boot()
    cloud.resized(server)
    assert used(cloud)["ram"] == (4096, 0)
    answer = cloud.act(server, "revertResize", user=BOB)
    assert (answer.status, answer.text) == (202, "")
    [(method, _, args, sent)] = cloud.compute.sent
    assert (method, args) == ("revert_resize", ("cmp-2",))
    assert sent["migration"].status == "reverting"
    assert sent["instance"].task_state == states.RESIZE_REVERTING
    assert len(sent["reservations"]) == 2
    assert cloud.get(f"/servers/{server}").body["server"]["status"] == "REVERT_RESIZE"
    for action in ("confirmResize", "revertResize"):
        answer = cloud.act(server, action, user=BOB)
        assert (answer.status, answer.message) == (
            409, f"Cannot '{action}' instance {server} while it is in task_state resize_reverting")


@pytest.mark.spec("3.4/confirm-locked-or-state", "3.4/revert-locked-or-state", "3.4/confirm-no-migration",
                  "5.9/guards")
def test_confirm_and_revert_need_a_resized_server(cloud):
    server = cloud.boot()
    for action in ("confirmResize", "revertResize"):
        answer = cloud.act(server, action)
        assert (answer.status, answer.message) == (
            409, f"Cannot '{action}' instance {server} while it is in vm_state active")
    cloud.set(server, vm_state=states.RESIZED)
    assert cloud.act(server, "confirmResize").message == "Instance has not been resized."


@pytest.mark.spec("3.4/confirm-locked-or-state", "3.4/revert-locked-or-state", "2.3/locked", "5.9/guards")
def test_a_locked_resized_server_is_settled_by_admins_only(cloud):
    server = cloud.boot()
    cloud.resized(server)
    assert cloud.act(server, "lock").status == 202
    for action in ("confirmResize", "revertResize"):
        assert cloud.act(server, action, user=BOB).message == f"Instance {server} is locked"
    assert cloud.act(server, "confirmResize").status == 204


def test_a_stopped_server_can_be_resized(cloud):
    server = cloud.boot()
    cloud.set(server, vm_state=states.STOPPED, power_state=states.SHUTDOWN)
    assert cloud.act(server, "resize", {"flavorRef": "2"}, user=BOB).status == 202
    assert cloud.conductor.sent[0][3]["instance"].vm_state == states.STOPPED


def test_in_verify_resize_the_new_flavor_and_host_are_shown(cloud):
    server = cloud.boot()
    cloud.resized(server)
    shown = cloud.get(f"/servers/{server}", version="2.47").body["server"]
    assert (shown["status"], shown["OS-EXT-SRV-ATTR:host"]) == ("VERIFY_RESIZE", "cmp-2")
    assert shown["flavor"] == {"vcpus": 2, "ram": 4096, "disk": 40, "ephemeral": 0, "swap": 0,
                               "original_name": "m1.medium", "extra_specs": {"hw:cpu_policy": "shared"}}
    for action, content in (("os-stop", None), ("os-start", None), ("reboot", {"type": "HARD"}),
                            ("resize", {"flavorRef": "2"}), ("migrate", None)):
        assert cloud.act(server, action, content).status == 409, action
    assert cloud.call("POST", f"/servers/{server}/metadata", {"metadata": {"a": "b"}}).status == 409
