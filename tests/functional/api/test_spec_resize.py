"""The rows of spec 3.2-3.4 and 5 at the edge of v2.1: bodies, errors, the order of checks, what is saved and sent."""

import pytest

from novasim import config, exceptions, policy, states
from novasim.api import guards, resize
from novasim.db import flavors, hosts, migrations, quotas
from novasim.objects import Flavor

BOB, EVE = "bob:p1", "eve:p2"
MISSING = "00000000-0000-0000-0000-000000000000"


def used(cloud, project="p1", user=None):
    return cloud.db.read(quotas.usage, project, user)


def nothing_happened(cloud, server):
    return cloud.row(server).task_state is None and not cloud.conductor.sent and not cloud.compute.sent


@pytest.mark.parametrize(("content", "message"), [
    pytest.param({}, "'flavorRef' is a required property", marks=pytest.mark.spec("3.3/missing-flavor-ref", "S6")),
    pytest.param(None, "None is not of type 'object'", marks=pytest.mark.spec("3.3/missing-flavor-ref")),
    pytest.param("2", "'2' is not of type 'object'", marks=pytest.mark.spec("3.3/missing-flavor-ref")),
    pytest.param({"flavorRef": ""}, "'' is too short", marks=pytest.mark.spec("3.3/empty-flavor-ref", "S6")),
    pytest.param({"flavorRef": None}, "None is not of type", marks=pytest.mark.spec("3.3/flavor-ref-type")),
    pytest.param({"flavorRef": True}, "True is not of type", marks=pytest.mark.spec("3.3/flavor-ref-type")),
    pytest.param({"flavorRef": {"id": "2"}}, "is not of type", marks=pytest.mark.spec("3.3/flavor-ref-type")),
    pytest.param({"flavorRef": "http://nova/v2.1/flavors/2"}, "Flavor http://nova/v2.1/flavors/2 could not be found.",
                 marks=pytest.mark.spec("3.3/flavor-ref-href")),
    pytest.param({"flavorRef": "2", "OS-DCF:diskConfig": "auto"}, "is not one of ['AUTO', 'MANUAL']",
                 marks=pytest.mark.spec("3.3/disk-config")),
    pytest.param({"flavorRef": "2", "adminPass": "x"}, "Additional properties are not allowed ('adminPass' was",
                 marks=pytest.mark.spec("3.3/unknown-keys"))])
def test_bodies_that_are_no_resize(cloud, content, message):
    server = cloud.boot()
    answer = cloud.act(server, "resize", content, user=BOB)
    assert (answer.status, list(answer.body)) == (400, ["badRequest"])
    assert message in answer.message
    assert nothing_happened(cloud, server)


@pytest.mark.spec("3.3/flavor-ref-type", "S6", "S14")
@pytest.mark.parametrize("flavor", [2, "2"])
def test_an_integer_is_taken_as_its_text(cloud, flavor):
    answer = cloud.act(cloud.boot(), "resize", {"flavorRef": flavor}, user=BOB)
    assert (answer.status, answer.text) == (202, "")
    [(method, _, _, sent)] = cloud.conductor.sent
    assert (method, sent["flavor"].flavorid) == ("migrate_server", "2")
    assert (sent["live"], sent["rebuild"], sent["block_migration"], sent["disk_over_commit"]) == (
        False, False, None, None)


@pytest.mark.spec("3.3/disk-config", "S6", "5.5/save")
@pytest.mark.parametrize(("word", "saved"), [("AUTO", True), ("MANUAL", False), (None, "as before")])
def test_disk_config_is_saved_with_the_state(cloud, word, saved):
    server = cloud.boot()
    before = cloud.row(server).auto_disk_config
    content = {"flavorRef": "2"} | ({} if word is None else {"OS-DCF:diskConfig": word})
    assert cloud.act(server, "resize", content, user=BOB).status == 202
    row = cloud.row(server)
    assert (row.task_state, row.progress) == (states.RESIZE_PREP, 0)
    assert row.auto_disk_config is (before if word is None else saved)


@pytest.mark.spec("3.3/auto-disk-config", "5.2/auto-disk-config")
@pytest.mark.parametrize(("image", "word", "status"), [
    ("disabled", "AUTO", 400), ("Disabled", "AUTO", 400), ("disabled", "MANUAL", 202), ("disabled", None, 202),
    ("True", "AUTO", 202)])
def test_an_image_that_disables_auto_disk_config(cloud, image, word, status):
    server = cloud.boot()
    cloud.db.write(set_key, server, "image_auto_disk_config", image)
    answer = cloud.act(server, "resize", {"flavorRef": "2"} | ({} if word is None else {"OS-DCF:diskConfig": word}))
    assert answer.status == status
    if status == 400:
        assert answer.message == ("Requested image 155d900f-4e14-4e4c-a73d-069cbf4541e6 has automatic disk resize "
                                  "disabled.")
        assert nothing_happened(cloud, server)


def set_key(tx, uuid, key, value):
    tx.conn.exec_driver_sql("delete from instance_system_metadata where instance_uuid=? and key=?", (uuid, key))
    tx.conn.exec_driver_sql("insert into instance_system_metadata (instance_uuid, key, value, deleted) "
                            "values (?, ?, ?, 0)", (uuid, key, value))


@pytest.mark.spec("3.3/image-mismatch", "12.3/46")
@pytest.mark.parametrize(("key", "value", "message"), [
    ("image_min_ram", "1024", "Flavor's memory is too small for requested image."),
    ("image_min_disk", "10", "Flavor's disk is smaller than the minimum size specified in image metadata. "
                             "Flavor disk is 1 GB, minimum size is 10 GB.")])
def test_a_flavor_that_is_too_small_for_the_image(cloud, key, value, message):
    server = cloud.boot("3")
    cloud.db.write(set_key, server, key, value)
    answer = cloud.act(server, "resize", {"flavorRef": "1"}, user=BOB)
    assert (answer.status, answer.message) == (400, message)
    assert nothing_happened(cloud, server)
    assert cloud.act(server, "resize", {"flavorRef": "2"}, user=BOB).status == 202


@pytest.mark.spec("3.2/4", "3.3/instance-missing", "3.4/migrate-not-found")
@pytest.mark.parametrize(("action", "content"), [("resize", {"flavorRef": "2"}), ("migrate", None),
                                                 ("confirmResize", None), ("revertResize", None)])
def test_a_server_that_is_not_there(cloud, action, content):
    answer = cloud.act(MISSING, action, content)
    assert (answer.status, answer.body) == (
        404, {"itemNotFound": {"code": 404, "message": f"Instance {MISSING} could not be found."}})
    server = cloud.boot(host=None)
    assert cloud.act(server, action, content, user=EVE).status == 404
    assert cloud.call("DELETE", f"/servers/{server}").status == 204
    assert cloud.act(server, action, content).status == 404


@pytest.fixture
def ruled(cloud, tmp_path):
    """``ruled({rule: check})``: a cloud with rules of its own."""
    def make(rules):
        (tmp_path / "policy.yaml").write_text("".join(f'"os_compute_api:{rule}": "{check}"\n'
                                                      for rule, check in rules.items()))
        cloud.api.policy = policy.Policy(config.build([], args=["--config-dir", str(tmp_path)]))
        return cloud
    return make


@pytest.mark.spec("3.2/5", "3.3/policy", "5.1/policy", "5.9/guards", "S8")
@pytest.mark.parametrize(("action", "rule"), [("resize", "resize"), ("confirmResize", "confirm_resize"),
                                              ("revertResize", "revert_resize")])
def test_policy_comes_before_lock_and_state(ruled, action, rule):
    """For a server that is locked, in a wrong state and without a flavor of that name."""
    cloud = ruled({f"servers:{rule}": "rule:admin_api"})
    server = cloud.boot()
    cloud.set(server, locked=True, locked_by="owner", vm_state=states.PAUSED)
    content = {"flavorRef": "nowhere"} if action == "resize" else None
    answer = cloud.act(server, action, content, user=BOB)
    assert (answer.status, answer.message) == (
        403, f"Policy doesn't allow os_compute_api:servers:{rule} to be performed.")
    # After the server was found: another project's is none.
    assert cloud.act(server, action, content, user=EVE).status == 404
    # And after its body was read.
    assert cloud.call("POST", f"/servers/{server}/action", {action: content, "x": 1}, user=BOB).status == 400


@pytest.mark.spec("3.2/6")
def test_policy_of_2014_refuses_at_the_same_place(ruled):
    cloud = ruled({"servers:resize": "rule:admin_api"})
    server = cloud.boot()
    cloud.set(server, locked=True, locked_by="owner", vm_state=states.PAUSED)
    answer = cloud.call("POST", f"@/v2/p1/servers/{server}/action", {"resize": {"flavorRef": "nowhere"}}, user=BOB)
    assert (answer.status, list(answer.body)) == (403, ["forbidden"])


@pytest.mark.spec("3.3/other-invalid")
def test_whatever_else_is_invalid_is_told(cloud, monkeypatch):
    """An error of the family Invalid that no table names."""
    class Odd(exceptions.Invalid):
        template = "The flavor %(name)s is odd."

    def odd(*_):
        raise Odd(name="2")

    server = cloud.boot()
    monkeypatch.setattr(flavors, "with_host", odd)
    answer = cloud.act(server, "resize", {"flavorRef": "2"}, user=BOB)
    assert (answer.status, answer.body) == (400, {"badRequest": {"code": 400, "message": "The flavor 2 is odd."}})
    assert nothing_happened(cloud, server)


@pytest.mark.spec("3.4/migrate-locked", "3.4/migrate-bad-state", "3.4/migrate-source-down", "3.2/7", "3.2/9", "3.2/10",
                  "2.3/locked")
def test_the_order_of_checks_of_migrate(ruled):
    cloud = ruled({"os-migrate-server:migrate": ""})
    server = cloud.boot()
    cloud.db.write(hosts.update_service, cloud.db.read(hosts.services, "cmp-1")[0].id, forced_down=True)
    cloud.set(server, locked=True, locked_by="owner", vm_state=states.PAUSED)
    answer = cloud.act(server, "migrate", user=BOB)
    assert (answer.status, answer.message) == (409, f"Instance {server} is locked")
    answer = cloud.act(server, "migrate")
    assert (answer.status, answer.message) == (
        409, f"Cannot 'migrate' instance {server} while it is in vm_state paused")
    cloud.set(server, vm_state=states.ACTIVE)
    answer = cloud.act(server, "migrate", {"host": "nowhere"}, version="2.56")
    assert (answer.status, answer.message) == (409, "Service is unavailable at this time.")
    assert nothing_happened(cloud, server)


@pytest.mark.spec("3.3/bad-state", "2.3/resize", "2.3/migrate")
@pytest.mark.parametrize("action", ["resize", "migrate"])
@pytest.mark.parametrize("state", [{"task_state": states.RESIZE_PREP}, {"task_state": states.DELETING},
                                   {"vm_state": states.ERROR}, {"vm_state": states.RESIZED}])
def test_the_state_that_forbids_is_named(cloud, action, state):
    server = cloud.boot()
    cloud.set(server, **state)
    [(attr, value)] = state.items()
    answer = cloud.act(server, action, {"flavorRef": "2"} if action == "resize" else None)
    assert (answer.status, answer.body) == (409, {"conflictingRequest": {"code": 409, "message":
            f"Cannot '{action}' instance {server} while it is in {attr} {value}"}})


@pytest.mark.spec("3.3/conductor-silent", "3.4/migrate-other")
@pytest.mark.parametrize(("action", "content"), [("resize", {"flavorRef": "2"}), ("migrate", None)])
def test_a_bus_that_is_away_is_no_500(cloud, action, content):
    """The message is a cast: an answer that does not come is nobody's concern here, a bus that is away is a 503."""
    server = cloud.boot()
    cloud.conductor.broken = TimeoutError("no broker")
    answer = cloud.act(server, action, content)
    assert (answer.status, list(answer.body)) == (503, ["serviceUnavailable"])
    assert cloud.row(server).task_state is None
    assert used(cloud)["ram"] == (512, 0)


@pytest.mark.spec("3.3/over-quota", "3.3/one-unlimited", "5.4/headroom", "5.4/over-quota", "S7", "S9")
@pytest.mark.parametrize(("limits", "message"), [
    ({"cores": 1, "ram": -1}, "Quota exceeded for cores: Requested 1, but already used 1 of 1 cores"),
    ({"cores": -1, "ram": 600}, "Quota exceeded for ram: Requested 3584, but already used 512 of 600 ram"),
    ({"cores": 1, "ram": 600}, "Quota exceeded for cores, ram: Requested 1, 3584, but already used 1, 512 of 1, 600 "
                               "cores, ram")])
def test_over_quota_names_resources_and_numbers(cloud, limits, message):
    server = cloud.boot()
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": limits}).status == 200
    answer = cloud.act(server, "resize", {"flavorRef": "3"}, user=BOB)
    assert (answer.status, answer.body) == (403, {"forbidden": {"code": 403, "message": message}})
    assert nothing_happened(cloud, server)
    assert used(cloud) == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}


@pytest.mark.spec("5.4/deltas", "11.2/post-resize")
@pytest.mark.parametrize(("old", "new", "reserved"), [
    ("1", "3", {"cores": 1, "ram": 3584}), ("3", "1", {}), ("3", "wide", {"cores": 2}), ("wide", "3", {"ram": 3072})])
def test_only_what_increases_is_reserved(cloud, old, new, reserved):
    cloud.db.write(flavors.create, Flavor(flavorid="wide", name="wide", memory_mb=1024, vcpus=4, root_gb=40))
    server = cloud.boot(old)
    before = used(cloud)
    assert cloud.act(server, "resize", {"flavorRef": new}, user=BOB).status == 202
    assert used(cloud) == {name: (amount, reserved.get(name, 0)) for name, (amount, _) in before.items()}
    assert len(cloud.conductor.sent[0][3]["reservations"]) == len(reserved)


@pytest.mark.spec("3.4/migrate-quota", "11.2/cold-migrate", "5.3/current-flavor", "S1", "S13")
def test_a_migration_needs_no_quota(cloud):
    """The project has used all it may; what the flavor is now comes from the server, not from the table."""
    server = cloud.boot("2")
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"cores": 1, "ram": 2048, "instances": 1}}
                      ).status == 200
    cloud.db.write(lambda tx: tx.conn.exec_driver_sql("update instance_types set memory_mb=9 where flavorid='2'"))
    assert cloud.act(server, "migrate").status == 202
    [(_, _, _, sent)] = cloud.conductor.sent
    assert (sent["flavor"].flavorid, sent["reservations"]) == ("2", [])
    assert used(cloud) == {"cores": (1, 0), "instances": (1, 0), "ram": (2048, 0)}
    assert sent["instance"].flavor().memory_mb == 2048


@pytest.mark.spec("5.3/disabled-migrate", "5.3/checks")
def test_a_disabled_flavor_is_kept_but_not_taken(cloud):
    server = cloud.boot("2")
    cloud.db.write(lambda tx: tx.conn.exec_driver_sql("update instance_types set disabled=1 where flavorid='2'"))
    assert cloud.act(server, "resize", {"flavorRef": "2"}).message == "When resizing, instances must change flavor!"
    assert cloud.act(cloud.boot("1"), "resize", {"flavorRef": "2"}).message == "Flavor 2 could not be found."
    assert cloud.act(server, "migrate").status == 202


@pytest.mark.spec("5.3/by-id", "5.3/lookup")
def test_flavors_are_told_apart_by_id_not_by_size(cloud):
    """A twin is another flavor; so is one that was deleted and made again under the same public id."""
    cloud.db.write(flavors.create, Flavor(flavorid="twin", name="twin", memory_mb=512, vcpus=1, root_gb=1))
    server, other = cloud.boot("1"), cloud.boot("1")
    assert cloud.act(server, "resize", {"flavorRef": "twin"}, user=BOB).status == 202
    assert cloud.call("DELETE", "/flavors/1").status == 202
    assert cloud.call("POST", "/flavors", {"flavor": {"id": "1", "name": "again", "ram": 512, "vcpus": 1, "disk": 1}}
                      ).status == 200
    assert cloud.act(other, "resize", {"flavorRef": "1"}, user=BOB).status == 202


@pytest.mark.spec("5.6/target", "3.4/migrate-host")
@pytest.mark.parametrize("here", [False, True])
def test_a_named_host_is_checked_whatever_the_options(make_cloud, here):
    cloud = make_cloud(allow_resize_to_same_host=here, allow_migrate_to_same_host=here)
    server = cloud.boot()
    for host, message in (("nowhere", "Compute host nowhere could not be found."),
                          ("cmp-1", "Cannot migrate to the host where the server exists.")):
        answer = cloud.act(server, "migrate", {"host": host}, version="2.56")
        assert (answer.status, answer.message) == (400, message)
    assert cloud.act(server, "migrate", {"host": "cmp-2"}, version="2.56").status == 202
    hint = cloud.conductor.sent[0][3]["scheduler_hint"]["filter_properties"]
    assert hint["requested_destination"] == {"host": "cmp-2"}
    assert hint["ignore_hosts"] == ([] if here else ["cmp-1", "cmp-1"])


@pytest.mark.spec("S4", "S11")
def test_the_same_host_options_are_off_by_default(cloud):
    assert (cloud.conf.allow_resize_to_same_host, cloud.conf.allow_migrate_to_same_host) == (False, False)
    assert resize.ignored_hosts(cloud.api, cloud.row(cloud.boot()), "resize") == ["cmp-1"]


@pytest.mark.spec("3.4/confirm-success", "3.4/revert-success")
@pytest.mark.parametrize(("action", "status"), [("confirmResize", 204), ("revertResize", 202)])
def test_the_value_of_a_decision_is_ignored_but_not_its_neighbours(cloud, action, status):
    server = cloud.boot()
    cloud.resized(server)
    answer = cloud.call("POST", f"/servers/{server}/action", {action: None, "os-stop": None}, user=BOB)
    assert answer.status == 400
    answer = cloud.act(server, action, {"anything": [1]}, user=BOB)
    assert (answer.status, answer.text) == (status, "")


@pytest.mark.spec("3.4/revert-flavor-gone")
@pytest.mark.parametrize("flavor", ["1", "3"])
def test_revert_when_a_flavor_of_the_move_was_deleted(cloud, flavor):
    server = cloud.boot()
    migration = cloud.resized(server)
    assert cloud.call("DELETE", f"/flavors/{flavor}").status == 202
    answer = cloud.call("POST", f"@/v2/p1/servers/{server}/action", {"revertResize": None}, user=BOB)
    assert (answer.status, answer.message) == (400, "Flavor used by the instance could not be found.")
    assert cloud.db.read(migrations.get, migration.id).status == states.FINISHED
    assert cloud.act(server, "revertResize", user=BOB).status == 202


@pytest.mark.spec("3.4/revert-over-quota", "11.2/verify-resize", "12.3/55")
def test_revert_of_a_downsize_when_the_project_is_full(cloud):
    """The larger size is the server's until the confirm, so nobody else can have used it and revert needs nothing."""
    server = cloud.boot("3")
    cloud.resized(server, "1")
    assert used(cloud)["ram"] == (4096, 0)
    assert cloud.call("PUT", "/os-quota-sets/p1", {"quota_set": {"ram": 4096}}).status == 200
    taken = cloud.call("POST", "/servers", {"server": {"name": "b", "flavorRef": "1", "imageRef": cloud.image}},
                       user=BOB)
    assert taken.status == 403
    assert cloud.act(server, "revertResize", user=BOB).status == 202


@pytest.mark.spec("5.9/action", "5.9/reserve", "S9")
@pytest.mark.parametrize(("action", "old", "new"), [("confirmResize", "3", "1"), ("revertResize", "1", "3")])
def test_decisions_of_an_admin_are_on_the_owner_s_account(cloud, action, old, new):
    server = cloud.boot(old)
    cloud.resized(server, new)
    assert cloud.act(server, action).status in (202, 204)
    done = cloud.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert [one["action"] for one in done] == [action, "resize", "create"]
    [(_, _, _, sent)] = cloud.compute.sent
    rows = cloud.db.read(lambda tx: tx.conn.exec_driver_sql(
        "select project_id, user_id, resource, delta from reservations where deleted=0 order by resource").all())
    assert rows == [("p1", "bob", "cores", -1), ("p1", "bob", "ram", -3584)]
    assert len(sent["reservations"]) == 2
    assert used(cloud, "admin")["ram"] == (0, 0)


@pytest.mark.spec("5.9/revert-states", "5.9/confirm-states", "12.2/33")
@pytest.mark.parametrize(("action", "deltas"), [("confirmResize", "3"), ("revertResize", "1")])
def test_a_decision_that_loses_leaves_nothing(cloud, monkeypatch, action, deltas):
    """The server is deleted between the check and the swap."""
    server = cloud.boot(deltas)
    migration = cloud.resized(server, "1" if deltas == "3" else "3")
    before = used(cloud)
    check = guards.check

    def overtaken(request, instance, *args, **kwargs):
        check(request, instance, *args, **kwargs)
        cloud.set(server, task_state=states.DELETING)

    monkeypatch.setattr(guards, "check", overtaken)
    answer = cloud.act(server, action, user=BOB)
    assert (answer.status, answer.message) == (
        409, f"Cannot '{action}' instance {server} while it is in task_state deleting")
    assert cloud.db.read(migrations.get, migration.id).status == states.FINISHED
    assert (used(cloud), cloud.compute.sent) == (before, [])
    assert cloud.db.read(lambda tx: tx.conn.exec_driver_sql(
        "select count(*) from reservations where deleted=0").scalar()) == 0


@pytest.mark.spec("2.3/matrix-confirming", "3.4/confirm-no-migration", "3.4/revert-no-migration")
def test_what_is_legal_while_it_is_confirmed(cloud):
    server = cloud.boot()
    cloud.resized(server)
    assert cloud.act(server, "confirmResize", user=BOB).status == 204
    for action in ("confirmResize", "revertResize"):
        answer = cloud.act(server, action, user=BOB)
        assert (answer.status, answer.message) == (400, "Instance has not been resized.")
    for action, content in (("resize", {"flavorRef": "2"}), ("migrate", None), ("os-stop", None), ("os-start", None),
                            ("reboot", {"type": "HARD"})):
        assert cloud.act(server, action, content).status == 409, action
    assert cloud.call("DELETE", f"/servers/{server}", user=BOB).status == 204
