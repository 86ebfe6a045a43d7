"""What the agents do of a move, and when they start: the rows of spec 8 that no other story shows."""


import pytest
from cluster_fixture import ADMIN, MEDIUM, SMALL, TINY, on_every_choice
from sqlalchemy import update

from novasim import context, states
from novasim.compute import periodics, recovery, resize
from novasim.db import hosts, models
from novasim.rpc import server
from novasim.sim.clock import ManualClock

WAITING = "waiting for confirm or revert"


def away(cluster, uuid):
    """A host that is not the server's."""
    return next(host for host in ("cmp-0001", "cmp-0002", "cmp-0003") if host != cluster.row(uuid).host)


@pytest.mark.spec("8.2/4", "12.1/11", "8.1/nothing-changed")
@pytest.mark.parametrize(("attempts", "end"), [(3, WAITING), (1, "prep_resize failed")])
def test_the_source_as_destination(make_cluster, monkeypatch, attempts, end):
    """The scheduler errs: the agent refuses, and only then another host is tried, or none. The server is never in
    error."""
    cluster = make_cluster(**{"scheduler.max_attempts": attempts})
    uuid = cluster.boot()
    source, told = cluster.row(uuid).host, []

    def err(number, chosen):
        if number == 1:
            chosen |= {"host": source, "nodename": source}
        told.append(chosen["host"])

    on_every_choice(monkeypatch, err)
    states_seen = set()
    stop = cluster.ground.journal.subscribe(lambda hop: states_seen.add(cluster.row(uuid).vm_state))
    cluster.resize(uuid, until=end)
    stop()
    assert states_seen <= {"active", "resized"}
    assert told[0] == source
    assert f"Unable to migrate instance ({uuid}) to current host ({source})." in cluster.fault(uuid)
    if attempts == 1:
        assert (cluster.state(uuid), cluster.quota()["ram"]) == (("active", None), (512, 0))
        assert cluster.held(uuid) == [(source, 512, 1, 1, False)]
    else:
        assert cluster.row(uuid).host == told[1] != source


@pytest.mark.spec("8.2/3")
def test_a_server_without_a_source_host(make_cluster):
    cluster = make_cluster(clock=ManualClock())
    uuid = cluster.boot()
    host = cluster.row(uuid).host
    cluster.faults.add({"at": "rpc.send", "match": {"method": "migrate_server"}, "do": "drop"})
    mark = cluster.watch.mark()
    request = cluster.action(uuid, {"resize": {"flavorRef": SMALL}})
    cluster.watch.wait("send migrate_server", mark)
    with cluster.db.transaction() as tx:
        tx.execute(update(models.instances).values(host=None))
    ctxt = context.admin_context(request)
    ctxt.addressed_host = "cmp-0001"
    row = cluster.row(uuid)
    flavor = {"id": 2, "flavorid": SMALL, "name": "m1.small", "memory_mb": 2048, "vcpus": 1, "root_gb": 20}
    resize.prep_resize(cluster.agents, ctxt, {}, row, flavor, {}, {}, None)
    assert cluster.state(uuid) == ("active", None)
    assert cluster.fault(uuid) == "Migration error: Instance has no source host"
    assert cluster.quota()["ram"] == (512, 0)
    with cluster.db.transaction() as tx:
        tx.execute(update(models.instances).values(host=host))


@pytest.mark.spec("8.3/12", "8.6/cast", "8.2/7", "4.2/resize_instance", "4.2/finish_resize", "4.2/finish_revert_resize",
                  "4.2/confirm_resize", "4.2/revert_resize")
def test_who_is_sent_what(cluster):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    cluster.resize(uuid)
    dest = cluster.row(uuid).host
    cluster.revert(uuid)
    cluster.resize(uuid)
    second = cluster.row(uuid).host
    cluster.confirm(uuid)
    told = [(hop["method"], hop["kind"], hop["host"], hop["server"]) for hop in cluster.watch.hops
            if hop["what"].startswith("send ") and hop.get("server") and hop["method"] != "run_instance"]
    assert told == [
        ("prep_resize", "cast", "", dest), ("resize_instance", "cast", dest, source),
        ("finish_resize", "cast", source, dest), ("revert_resize", "cast", "", dest),
        ("finish_revert_resize", "cast", dest, source), ("prep_resize", "cast", "", second),
        ("resize_instance", "cast", second, source), ("finish_resize", "cast", source, second),
        ("confirm_resize", "cast", "", source)]


@pytest.mark.spec("8.1/not-implemented", "8.1/nothing-changed")
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_a_driver_that_cannot_do_it(cluster, monkeypatch, vm_state):
    def cannot(*_):
        raise NotImplementedError

    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    monkeypatch.setattr(cluster.agents.driver, "migrate_disk_and_power_off", cannot)
    cluster.resize(uuid, MEDIUM, until="compute_resize_instance failed")
    assert (cluster.state(uuid), cluster.move(uuid).status) == ((vm_state, None), "error")
    assert (len(cluster.held(uuid)), cluster.quota()["ram"]) == (1, (512, 0))


@pytest.mark.spec("8.5/1", "8.5/2", "12.2/42", "12.2/18")
@pytest.mark.parametrize("end", ["confirm", "revert", "delete"])
def test_a_confirm_that_comes_after_the_end(cluster, end):
    """Late and twice: for a move that is confirmed, one that was reverted, a server that is gone."""
    uuid = cluster.boot()
    cluster.resize(uuid)
    row, move = cluster.row(uuid), cluster.move(uuid)
    getattr(cluster, end)(uuid)
    cluster.settle()
    before = (cluster.all_guests(), cluster.quota(), cluster.held(uuid), cluster.move(uuid))
    ctxt = context.admin_context()
    ctxt.addressed_host = move.source_compute
    for _ in range(2):
        resize.confirm_resize(cluster.agents, ctxt, row, move)
    assert (cluster.all_guests(), cluster.quota(), cluster.held(uuid), cluster.move(uuid)) == before
    if end != "delete":
        assert cluster.fault(uuid) is None


@pytest.mark.spec("8.4/10", "8.9/finish_migration")
@pytest.mark.parametrize("flavor", [MEDIUM, TINY])
def test_the_guest_has_the_size_of_the_flavor(cluster, flavor):
    sizes = {MEDIUM: (2, 4096), TINY: (1, 512)}
    uuid = cluster.boot(MEDIUM if flavor == TINY else TINY)
    cluster.resize(uuid, flavor)
    guests = {guest.role: (guest.vcpus, guest.memory_mb) for guest in cluster.all_guests()}
    assert guests == {"guest": sizes[flavor], "backup": sizes[MEDIUM if flavor == TINY else TINY]}
    cluster.revert(uuid)
    [guest] = cluster.all_guests()
    assert (guest.vcpus, guest.memory_mb) == sizes[MEDIUM if flavor == TINY else TINY]


@pytest.mark.spec("8.7/instance-claim", "8.7/test")
def test_a_build_claims_and_says_where(cluster):
    cluster.faults.add({"at": "virt.spawn", "do": {"raise": "no disk"}, "times": 1})
    uuid = cluster.boot(SMALL)
    row = cluster.row(uuid)
    assert row.host == row.node == row.launched_on is not None
    assert cluster.held(uuid) == [(row.host, 2048, 1, 20, False)]
    assert len(cluster.all_guests()) == 1, "nothing is left where it failed"


@pytest.mark.spec("8.8/1", "8.8/2", "8.7/used", "8.9/get_available_resource")
def test_the_driver_s_totals_become_the_node_s(make_cluster):
    cluster = make_cluster(profile="small", reserved_host_memory_mb=300, reserved_host_disk_mb=2048)
    cluster.stop()
    cluster._overrides["profile"] = "large"
    cluster.start()
    report = cluster.agents.driver.get_available_resource("cmp-0001")
    node = cluster.db.read(hosts.nodes, "cmp-0001")[0]
    for name in ("vcpus", "memory_mb", "local_gb", "cpu_info", "supported_instances", "hypervisor_type",
                 "hypervisor_version", "hypervisor_hostname"):
        assert getattr(node, name) == getattr(report, name) not in (None, "", 0), name
    assert (node.vcpus_used, node.memory_mb_used, node.local_gb_used) == (0, 300, 2)
    assert (node.free_ram_mb, node.free_disk_gb) == (node.memory_mb - 300, node.local_gb - 2)


@pytest.mark.spec("8.11/incomplete_migrations", "8.11/pending_deletes", "12.3/56")
def test_what_a_failed_move_of_a_deleted_server_left(cluster):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    cluster.faults.add({"at": "virt.finish_migration", "do": {"raise": "x"}})
    cluster.resize(uuid, until="compute_finish_resize failed")
    cluster.faults.add({"at": "rpc.send", "match": {"method": "terminate_instance", "server": source}, "do": "drop"})
    cluster.delete(uuid)
    assert [(guest.host, guest.role) for guest in cluster.all_guests()] == [(source, "backup")]
    periodics.cleanup_leftovers(cluster.agents)
    assert cluster.all_guests() == []


@pytest.mark.spec("8.12/skipped")
def test_a_server_in_error_is_left_alone_at_start(cluster):
    uuid = cluster.boot()
    cluster.action(uuid, {"os-resetState": {"state": "error"}}, ADMIN)
    before, guests = cluster.row(uuid), cluster.guests(uuid)
    cluster.restart()
    assert (cluster.row(uuid), cluster.guests(uuid)) == (before, guests)


@pytest.mark.spec("8.12/resized", "8.12/others")
@pytest.mark.parametrize("configured", [True, False])
def test_guests_that_ran_when_their_host_went_down(make_cluster, configured):
    cluster = make_cluster(resume_guests_state_on_host_boot=configured)
    resized, active, stopped = cluster.boot(), cluster.boot(), cluster.stopped()
    cluster.resize(resized)
    at = {uuid: cluster.row(uuid).host for uuid in (resized, active, stopped)}
    for uuid, host in at.items():
        cluster.agents.driver.power_off(host, uuid)
    cluster.stop()
    cluster.start()
    recovery.resume_guests(cluster.agents, cluster.agents.hosts)
    power = states.RUNNING if configured else states.SHUTDOWN
    assert [cluster.guests(uuid)[at[uuid], "guest"] for uuid in at] == [power, power, states.SHUTDOWN]
    periodics.sync_power_states(cluster.agents)
    assert cluster.state(active)[0] == ("active" if configured else "stopped")
    assert (cluster.state(resized), cluster.state(stopped)) == (("resized", None), ("stopped", None))


@pytest.mark.spec("8.12/order")
def test_the_plan_is_made_before_the_first_message(make_cluster, monkeypatch):
    """What is found in the middle of a hop then belongs to nobody alive."""
    order, plan, listen = [], recovery.plan, server.SharedRPCServer.add_hosts

    def planned(agents, hosts):
        order.append("plan")
        return plan(agents, hosts)

    def listening(self, hosts):
        order.append(hosts)
        return listen(self, hosts)

    monkeypatch.setattr(recovery, "plan", planned)
    monkeypatch.setattr(server.SharedRPCServer, "add_hosts", listening)
    make_cluster()
    assert order == ["plan", ["cmp-0001", "cmp-0002", "cmp-0003"]]


@pytest.mark.spec("6.6/zone", "12.3/44")
def test_the_zone_of_a_server_is_that_of_its_host(make_cluster):
    cluster = make_cluster(hosts=2)
    uuid = cluster.boot()
    dest = away(cluster, uuid)
    answer = cluster.http("POST", "/os-aggregates", {"aggregate": {"name": "a", "availability_zone": "east"}}, ADMIN)
    add = {"add_host": {"host": dest}}
    aggregate = answer.json["aggregate"]["id"]
    assert cluster.http("POST", f"/os-aggregates/{aggregate}/action", add, ADMIN).status_int == 200

    def zone():
        return cluster.get(f"/servers/{uuid}")["server"]["OS-EXT-AZ:availability_zone"]

    assert zone() == "nova"
    cluster.migrate(uuid)
    assert zone() == "east"
    cluster.revert(uuid)
    assert zone() == "nova"
    cluster.migrate(uuid)
    cluster.confirm(uuid)
    assert zone() == "east"
