"""What a project pays at each moment of a resize (spec 11.2): increases early, decreases late, each exactly once."""

import pytest
from cluster_fixture import ADMIN, LARGE, MEDIUM, SMALL, TINY, USER

from novasim.conductor import recovery
from novasim.db import quotas
from novasim.sim.clock import ManualClock

WAITING = "waiting for confirm or revert"
# Flavor -> (cores, MB). NARROW has more cores and less memory than m1.medium: one resource up, one down.
SIZES = {TINY: (1, 512), SMALL: (1, 2048), MEDIUM: (2, 4096), LARGE: (4, 8192), "narrow": (4, 1024)}


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster(clock=ManualClock(), **{"conductor.recovery_after": 1})
    body = {"flavor": {"id": "narrow", "name": "narrow", "ram": 1024, "vcpus": 4, "disk": 40}}
    assert cluster.http("POST", "/flavors", body, ADMIN).status_int == 200
    return cluster


def paid(cluster):
    """((cores in use, reserved), (MB in use, reserved)) of the project."""
    usage = cluster.quota()
    return usage["cores"], usage["ram"]


def larger(old, new):
    return tuple((max(pair), 0) for pair in zip(SIZES[old], SIZES[new], strict=True))


def just(flavor):
    return tuple((amount, 0) for amount in SIZES[flavor])


def halt(cluster, method):
    """Hold a move where this message would be sent; returns what lets it go on."""
    return cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": "drop"})


@pytest.mark.spec("11.2/post-resize")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY), (MEDIUM, "narrow")])
def test_accepted(cluster, old, new):
    uuid = cluster.boot(old)
    halt(cluster, "prep_resize")
    cluster.act(uuid, {"resize": {"flavorRef": new}}, "send prep_resize")
    for (used, reserved), before, after in zip(paid(cluster), SIZES[old], SIZES[new], strict=True):
        assert (used, reserved) == (before, max(after - before, 0))
    cluster.faults.clear()
    cluster.delete(uuid)
    assert paid(cluster) == ((0, 0), (0, 0))


@pytest.mark.spec("11.2/finished", "11.2/verify-resize")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY), (MEDIUM, "narrow")])
def test_while_it_waits_the_larger_of_both_is_paid(cluster, old, new):
    uuid = cluster.boot(old)
    cluster.resize(uuid, new)
    assert paid(cluster) == larger(old, new)


@pytest.mark.spec("11.2/confirmed")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY), (MEDIUM, "narrow")])
def test_confirmed(cluster, old, new):
    uuid = cluster.boot(old)
    cluster.resize(uuid, new)
    cluster.confirm(uuid)
    assert paid(cluster) == just(new)


@pytest.mark.spec("11.2/post-confirm")
def test_a_confirm_refunds_when_the_source_is_done_not_before(cluster):
    uuid = cluster.boot(MEDIUM)
    cluster.resize(uuid, TINY)
    halt(cluster, "confirm_resize")
    cluster.act(uuid, {"confirmResize": None}, "send confirm_resize", status=204)
    assert paid(cluster) == just(MEDIUM)
    cluster.faults.clear()


@pytest.mark.spec("11.2/post-revert", "11.2/reverted")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY), (MEDIUM, "narrow")])
def test_reverted(cluster, old, new):
    uuid = cluster.boot(old)
    cluster.resize(uuid, new)
    halt(cluster, "finish_revert_resize")
    cluster.act(uuid, {"revertResize": None}, "send finish_revert_resize")
    assert paid(cluster) == larger(old, new)
    cluster.faults.clear()
    mark = cluster.watch.mark()
    cluster.clock.advance(2)
    recovery.recover(cluster.orchestrator)
    cluster.watch.wait("reverted", mark, instance_uuid=uuid)
    assert paid(cluster) == just(old)


@pytest.mark.spec("11.2/failed")
@pytest.mark.parametrize(("point", "end"), [
    ("migrate_disk_and_power_off", "compute_resize_instance failed"),
    ("finish_migration", "compute_finish_resize failed")])
def test_failed(cluster, point, end):
    uuid = cluster.boot(TINY)
    cluster.faults.add({"at": f"virt.{point}", "do": "raise"})
    cluster.resize(uuid, MEDIUM, until=end)
    assert paid(cluster) == just(TINY)


@pytest.mark.spec("11.2/failed")
def test_no_host_found(make_cluster):
    cluster = make_cluster(hosts=1, name="one")
    uuid = cluster.boot(TINY)
    cluster.resize(uuid, MEDIUM, until="restored")
    assert paid(cluster) == just(TINY)


@pytest.mark.spec("11.2/delete-while-resized")
@pytest.mark.parametrize(("old", "new"), [(TINY, MEDIUM), (MEDIUM, TINY), (MEDIUM, "narrow")])
def test_deleted_while_it_waits(cluster, old, new):
    uuid = cluster.boot(old)
    cluster.resize(uuid, new)
    cluster.delete(uuid)
    assert cluster.quota() == {"cores": (0, 0), "instances": (0, 0), "ram": (0, 0)}


@pytest.mark.spec("11.2/cold-migrate")
def test_a_migration_costs_nothing(cluster):
    uuid = cluster.boot(MEDIUM)
    cluster.http("PUT", "/os-quota-sets/demo", {"quota_set": {"cores": 2, "ram": 4096}}, ADMIN)
    cluster.migrate(uuid)
    assert paid(cluster) == just(MEDIUM)
    cluster.revert(uuid)
    assert paid(cluster) == just(MEDIUM)


@pytest.mark.spec("12.3/50")
def test_whoever_asks_the_owner_pays(cluster):
    """Reserved, used and refunded under the server's own project and user, whoever asks for which step."""
    uuid = cluster.boot(TINY)
    cluster.act(uuid, {"resize": {"flavorRef": MEDIUM}}, WAITING, ADMIN)
    cluster.act(uuid, {"confirmResize": None}, "confirmed", "bob:demo", 204)
    cluster.act(uuid, {"resize": {"flavorRef": TINY}}, WAITING, "bob:demo")
    cluster.act(uuid, {"confirmResize": None}, "confirmed", ADMIN, 204)
    assert paid(cluster) == just(TINY)
    assert cluster.db.read(quotas.usage, "demo", "alice")["cores"] == (1, 0)
    for project, user in (("demo", "bob"), ("admin", "admin")):
        assert cluster.db.read(quotas.usage, project, user)["cores"] == (0, 0)


def limit(cluster, status=200, user=None, **values):
    path = "/os-quota-sets/demo" + (f"?user_id={user}" if user else "")
    answer = cluster.http("PUT", path, {"quota_set": values}, ADMIN)
    assert answer.status_int == status, answer.text


def test_over_the_limit(cluster):
    uuid = cluster.boot(SMALL)
    limit(cluster, cores=3, ram=4096)
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": LARGE}})
    assert answer.status_int == 403
    assert answer.json["forbidden"]["message"] == (
        "Quota exceeded for cores, ram: Requested 3, 6144, but already used 1, 2048 of 3, 4096 cores, ram")
    assert cluster.state(uuid) == ("active", None)
    assert paid(cluster) == just(SMALL)


@pytest.mark.spec("12.3/51", "12.3/54")
@pytest.mark.parametrize("whose", ["project", "user"])
def test_unlimited_in_one_and_over_in_the_other(cluster, whose):
    uuid = cluster.boot(SMALL)
    limit(cluster, cores=-1, ram=-1)
    limit(cluster, user="alice" if whose == "user" else None, cores=-1, ram=4096)
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": LARGE}})
    assert answer.status_int == 403
    assert answer.json["forbidden"]["message"] == (
        "Quota exceeded for ram: Requested 6144, but already used 2048 of 4096 ram")
    cluster.resize(uuid, MEDIUM)


def test_a_users_own_limit_holds_beside_the_projects(cluster):
    mine, other = cluster.boot(SMALL), cluster.boot(SMALL, "bob:demo")
    limit(cluster, user="alice", cores=1)
    assert cluster.http("POST", f"/servers/{mine}/action", {"resize": {"flavorRef": MEDIUM}}).status_int == 403
    cluster.act(other, {"resize": {"flavorRef": MEDIUM}}, WAITING, "bob:demo")
    limit(cluster, 400, user="alice", cores=21)


def test_the_default_class_holds_for_projects_without_limits(cluster):
    """Configuration, class, project: the nearest to the project wins; the defaults that are shown follow."""
    uuid = cluster.boot(SMALL)
    wanted = {"quota_class_set": {"cores": 1, "metadata_items": 2}}
    assert cluster.http("PUT", "/os-quota-class-sets/default", wanted, USER).status_int == 403
    assert cluster.http("PUT", "/os-quota-class-sets/default", wanted, ADMIN).json["quota_class_set"]["cores"] == 1
    assert cluster.get("/os-quota-sets/demo/defaults")["quota_set"]["cores"] == 1
    assert cluster.get("/limits")["limits"]["absolute"]["maxTotalCores"] == 1
    assert cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": MEDIUM}}).status_int == 403
    three = {"metadata": {"a": "1", "b": "2", "c": "3"}}
    assert cluster.http("POST", f"/servers/{uuid}/metadata", three).status_int == 403
    limit(cluster, cores=2, metadata_items=3)
    assert cluster.http("POST", f"/servers/{uuid}/metadata", three).status_int == 200
    cluster.resize(uuid, MEDIUM)


@pytest.mark.parametrize(("name", "body", "text"), [
    ("default", {"quota_class_set": {"cores": -2}}, "cores"), ("default", {"quota_class_set": {"spam": 1}}, "spam"),
    ("default", {"quota_set": {}}, "quota_class_set"), ("x" * 256, {"quota_class_set": {"cores": 1}}, "255")])
def test_a_class_refuses(cluster, name, body, text):
    answer = cluster.http("PUT", f"/os-quota-class-sets/{name}", body, ADMIN)
    assert (answer.status_int, text in answer.text) == (400, True)


def test_limits_with_what_is_reserved(cluster):
    uuid = cluster.boot(SMALL)
    halt(cluster, "prep_resize")
    cluster.act(uuid, {"resize": {"flavorRef": MEDIUM}}, "send prep_resize")
    assert [cluster.get("/limits" + more)["limits"]["absolute"]["totalCoresUsed"] for more in ("", "?reserved=1")] == [
        1, 2]
    cluster.faults.clear()
    cluster.delete(uuid)


@pytest.mark.spec("12.3/55")
def test_a_revert_of_a_downsize_always_fits(cluster):
    """The old size is paid for until the confirm, so nobody can use it up meanwhile."""
    uuid = cluster.boot(LARGE)
    cluster.resize(uuid, SMALL)
    limit(cluster, cores=4)
    answer = cluster.http("POST", "/servers", {"server": {
        "name": "x", "flavorRef": SMALL, "networks": "none",
        "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6"}}, USER, "2.37")
    assert answer.status_int == 403
    cluster.revert(uuid)
    assert paid(cluster) == just(LARGE)
