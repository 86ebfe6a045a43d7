"""What the conductor asks and sends, and how each of its failures ends: spec 6, on a cluster whose messages are read on
their way."""

import copy

import msgspec
import pytest
from cluster_fixture import ADMIN, MEDIUM, SMALL, refuse

from novasim import exceptions
from novasim.compute import tracker
from novasim.conductor import resize
from novasim.db import hosts, images, migrations, quotas

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"


@pytest.fixture
def tap(monkeypatch):
    """``tap(client, method)``: the arguments of each of its messages, copied before they are sent."""
    def listen(client, method, answer=lambda number, result: result):
        real, heard = getattr(client, method), []

        def send(*args, **kwargs):
            heard.append((args[1:], copy.deepcopy(kwargs)))
            return answer(len(heard), real(*args, **kwargs))

        monkeypatch.setattr(client, method, send)
        return heard
    return listen


def refusing(times):
    """The scheduler's answers carry ceilings that the first claims cannot keep, and no alternates: as those of an older
    one, which is asked for each attempt."""
    def answer(number, chosen):
        chosen[0].pop("alternates", None)
        if number <= times:
            refuse(chosen[0])
        return chosen
    return answer


def check_as_before(cluster, uuid, request, vm_state="active"):
    """State, quota and stash are what they were; the action has failed."""
    assert cluster.state(uuid) == (vm_state, None)
    assert cluster.quota()["ram"] == (512, 0)
    assert cluster.snapshots(uuid) == {"": "m1.tiny", "old_": None, "new_": None, "old_vm_state": None}
    record = cluster.record(uuid, request)
    assert record["message"] == "Error"
    assert all((event["event"], event["result"]) in {
        ("conductor_migrate_server", "Error"), ("cold_migrate", "Error")} for event in record["events"])


@pytest.mark.spec("S17", "S18", "6.2/1", "6.2/5", "6.2/6", "6.2/7", "6.2/8", "6.3/image", "6.3/instance-properties",
                  "6.3/instance-type", "6.3/numbers", "6.4/ignore-hosts", "6.4/limits", "6.4/first-pass",
                  "4.2/plain-values")
def test_what_is_asked_and_what_is_sent(cluster, tap):
    specs = {"hw:cpu_policy": "shared"}
    assert cluster.http("POST", f"/flavors/{MEDIUM}/os-extra_specs", {"extra_specs": specs}, ADMIN).status_int == 200
    uuid = cluster.boot()
    before = cluster.row(uuid)
    asked = tap(cluster.orchestrator.scheduler, "select_destinations")
    sent = tap(cluster.orchestrator.compute, "prep_resize")
    cluster.resize(uuid, MEDIUM)
    [(_, question)] = asked
    spec, properties = question["request_spec"], question["filter_properties"]
    assert (spec["num_instances"], spec["instance_uuids"]) == (1, [uuid])
    told = spec["instance_properties"]
    assert (told["uuid"], told["task_state"], told["memory_mb"], told["vcpus"], told["root_gb"], told["host"]) == (
        uuid, "resize_prep", 512, 1, 1, before.host)
    assert told["system_metadata"]["instance_type_name"] == "m1.tiny"
    assert spec["instance_type"]["flavorid"] == MEDIUM
    assert spec["instance_type"]["memory_mb"] == 4096
    assert spec["instance_type"]["extra_specs"] == specs
    assert spec["image"]["id"] == IMAGE
    assert (properties["ignore_hosts"], properties["retry"]) == ([before.host], {"num_attempts": 1, "hosts": []})
    [((host,), message)] = sent
    row = cluster.row(uuid)
    assert (host, message["node"]) == (row.host, row.node)
    assert message["reservations"] is not None
    assert "extra_specs" not in message["request_spec"]["instance_type"]
    assert message["instance_type"]["extra_specs"] == specs
    assert "context" not in message["filter_properties"]
    assert message["filter_properties"]["retry"] == {"num_attempts": 1, "hosts": [[row.host, row.node]]}
    node = cluster.db.read(hosts.nodes, row.host)[0]
    assert message["filter_properties"]["limits"] == {
        "memory_mb": node.memory_mb * 1.5, "vcpu": node.vcpus * 16.0, "disk_gb": float(node.local_gb)}
    # Only instance and migration are objects; the rest is plain, so that any peer can read it.
    for name in ("image", "instance_type", "request_spec", "filter_properties", "reservations", "node"):
        assert msgspec.to_builtins(message[name]) == message[name], name
    assert isinstance(message["image"], dict)


@pytest.mark.spec("6.2/1", "6.3/image", "S17")
def test_the_image_is_read_and_when_it_is_gone_remembered(cluster, tap):
    asked = tap(cluster.orchestrator.scheduler, "select_destinations")
    uuid, other = cluster.boot(), cluster.boot()
    asked.clear()
    with cluster.db.transaction() as tx:
        tx.conn.exec_driver_sql("update images set min_ram=64, properties='{\"os_type\": \"linux\", \"n\": 1}'")
    cluster.resize(uuid, MEDIUM)
    image = asked.pop()[1]["request_spec"]["image"]
    assert (image["id"], image["min_ram"], image["properties"]["os_type"], image["properties"]["n"]) == (
        IMAGE, 64, "linux", "1")
    assert image["min_disk"] == 1, "at least the disk that the server has"
    remembered = {key.removeprefix("image_"): value for key, value in cluster.row(uuid).system_metadata.items()
                  if key.startswith("image_") and key not in ("image_min_ram", "image_min_disk")}
    assert image["properties"] == remembered | {"os_type": "linux", "n": "1"}
    with cluster.db.transaction() as tx:
        tx.conn.exec_driver_sql("update images set deleted=id")
    with pytest.raises(exceptions.ImageNotFound):
        cluster.db.read(images.get, IMAGE)
    cluster.resize(other, MEDIUM)
    image = asked.pop()[1]["request_spec"]["image"]
    assert (image["id"], image["properties"], image["min_disk"]) == (IMAGE, remembered, 1)


@pytest.mark.spec("6.2/2", "6.2/3", "6.2/8", "6.2/4-other", "S18", "12.1/13", "6.5/state")
@pytest.mark.parametrize("what", ["build_request_spec", "select_destinations", "prep_resize"])
@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_every_failure_gives_the_server_back(cluster, monkeypatch, what, vm_state):
    def broken(*_, **__):
        raise ConnectionError("no broker")

    uuid = cluster.boot() if vm_state == "active" else cluster.stopped()
    place = {"build_request_spec": resize, "select_destinations": cluster.orchestrator.scheduler,
             "prep_resize": cluster.orchestrator.compute}[what]
    monkeypatch.setattr(place, what, broken)
    # Asked for by an admin, and all the same settled for the server's own project and user.
    request = cluster.act(uuid, {"resize": {"flavorRef": MEDIUM}}, "restored", ADMIN)
    check_as_before(cluster, uuid, request, vm_state)
    assert cluster.fault(uuid) == "no broker"
    assert cluster.quota("admin") == dict.fromkeys(("cores", "instances", "ram"), (0, 0))
    assert cluster.db.read(quotas.usage, "demo", "alice")["ram"] == (512, 0)
    monkeypatch.undo()
    cluster.resize(uuid, MEDIUM)


@pytest.mark.spec("6.5/fault", "6.5/visible", "6.6/failure", "S17", "6.2/4")
@pytest.mark.parametrize("action", ["resize", "migrate"])
def test_a_long_reason_is_cut_and_can_be_read_in_the_actions(make_cluster, action):
    cluster = make_cluster(hosts=1)
    uuid = cluster.boot()
    reason = "no " * 200
    cluster.faults.add({"at": "rpc.receive", "match": {"method": "select_destinations"}, "do": {"raise": reason}})
    request = (cluster.resize(uuid, MEDIUM, "restored") if action == "resize" else cluster.migrate(uuid, "restored"))
    check_as_before(cluster, uuid, request)
    fault = cluster.fault(uuid)
    assert len(fault) <= 255
    assert cluster.status(uuid) == "ACTIVE"
    assert "fault" not in cluster.get(f"/servers/{uuid}")["server"], "a server in peace shows no fault"
    shown = cluster.get(f"/servers/{uuid}/os-instance-actions/{request}", version="2.51")["instanceAction"]
    assert (shown["action"], shown["message"]) == (action, "Error")
    assert [event["result"] for event in shown["events"]] == ["Error", "Error"]


@pytest.mark.spec("6.4/reschedule", "6.4/extra-specs", "6.4/first-pass", "12.1/3", "S18")
def test_a_second_attempt_is_the_same_question(cluster, tap):
    specs = {"capabilities:hypervisor_type": "novasim"}
    assert cluster.http("POST", f"/flavors/{SMALL}/os-extra_specs", {"extra_specs": specs}, ADMIN).status_int == 200
    uuid = cluster.boot()
    asked = tap(cluster.orchestrator.scheduler, "select_destinations", refusing(1))
    cluster.resize(uuid)
    [(_, first), (_, second)] = asked
    for part in ("image", "instance_type", "num_instances", "instance_uuids"):
        assert second["request_spec"][part] == first["request_spec"][part], part
    assert second["request_spec"]["instance_type"]["extra_specs"] == specs
    assert second["filter_properties"]["ignore_hosts"] == first["filter_properties"]["ignore_hosts"]
    retry = second["filter_properties"]["retry"]
    assert (retry["num_attempts"], len(retry["hosts"])) == (2, 1)
    assert retry["hosts"][0][0] != cluster.row(uuid).host
    assert "Free memory" in retry["exc"]


@pytest.mark.spec("6.4/handed-over", "8.2/8", "12.1/4")
def test_the_host_that_failed_leaves_the_state_alone(cluster, tap):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    tap(cluster.orchestrator.scheduler, "select_destinations", refusing(1))
    seen = []

    def look(hop):
        if hop["what"] == "prep_resize failed":
            moves = cluster.db.read(migrations.list_page, {"instance_uuid": uuid})
            seen.append((cluster.state(uuid), cluster.held(uuid), moves))

    stop = cluster.ground.journal.subscribe(look)
    cluster.resize(uuid)
    stop()
    assert seen == [(("active", "resize_prep"), [(source, 512, 1, 1, False)], [])], "nothing of the attempt is left"
    assert "Free memory" in cluster.fault(uuid)


@pytest.mark.spec("6.4/user-host", "6.4/enabled", "5.6/target")
def test_a_host_that_was_asked_for_is_not_replaced(cluster, tap):
    uuid = cluster.boot()
    source = cluster.row(uuid).host
    wanted = next(host for host in ("cmp-0001", "cmp-0002", "cmp-0003") if host != source)
    asked = tap(cluster.orchestrator.scheduler, "select_destinations", refusing(1))
    mark = cluster.watch.mark()
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"migrate": {"host": wanted}}, ADMIN, "2.56")
    assert answer.status_int == 202
    cluster.watch.wait("prep_resize failed", mark)
    assert len(asked) == 1
    assert "retry" not in asked[0][1]["filter_properties"]
    check_as_before_without_event(cluster, uuid, source)
    cluster.http("POST", f"/servers/{uuid}/action", {"migrate": {"host": wanted}}, ADMIN, "2.56")
    cluster.watch.wait("waiting for confirm or revert", mark)
    assert cluster.row(uuid).host == wanted


def check_as_before_without_event(cluster, uuid, host):
    assert (cluster.state(uuid), cluster.row(uuid).host) == (("active", None), host)
    assert cluster.held(uuid) == [(host, 512, 1, 1, False)]


@pytest.mark.spec("6.4/force-hosts", "6.6/forced")
def test_a_host_forced_at_creation_binds_the_build_only(cluster, tap):
    asked = tap(cluster.orchestrator.scheduler, "select_destinations")
    uuid = cluster.boot(token=ADMIN, availability_zone="nova:cmp-0002")
    assert cluster.row(uuid).host == "cmp-0002"
    properties = asked.pop()[1]["filter_properties"]
    assert (properties["force_hosts"], "retry" in properties) == (["cmp-0002"], False)
    mark = cluster.watch.mark()
    cluster.action(uuid, {"migrate": None}, ADMIN)
    cluster.watch.wait("waiting for confirm or revert", mark)
    properties = asked.pop()[1]["filter_properties"]
    assert not properties.get("force_hosts")
    assert properties["retry"]["num_attempts"] == 1
    assert cluster.row(uuid).host != "cmp-0002"


@pytest.mark.spec("6.4/limit", "6.4/enabled")
@pytest.mark.parametrize("attempts", [1, 2])
def test_so_many_attempts_and_no_more(make_cluster, tap, monkeypatch, attempts):
    cluster = make_cluster(hosts=4, **{"scheduler.max_attempts": attempts})
    uuid = cluster.boot()
    asked = tap(cluster.orchestrator.scheduler, "select_destinations", refusing(0))

    def broken(*_):
        raise exceptions.MigrationError(reason="a host that is broken")

    monkeypatch.setattr(tracker, "claim", broken)
    cluster.resize(uuid, until="prep_resize failed" if attempts == 1 else "restored")
    assert len(asked) == attempts
    assert cluster.state(uuid) == ("active", None)


@pytest.mark.spec("6.4/invalid")
@pytest.mark.parametrize("attempts", [0, -1])
def test_fewer_attempts_than_one(make_cluster, attempts):
    with pytest.raises(exceptions.ConfigurationError, match="max_attempts"):
        make_cluster(**{"scheduler.max_attempts": attempts})


@pytest.mark.spec("6.1/other", "S16")
@pytest.mark.parametrize("odd", [{"rebuild": True}, {"live": True}, {"flavor": None}, {"live": True, "rebuild": True,
                                                                                       "flavor": None}])
def test_a_combination_that_is_no_move(cluster, monkeypatch, odd):
    """Whoever waits is told, and the server is given back."""
    uuid, api = cluster.boot(), cluster.embedded.app.conductor
    caught = []

    def send(ctxt, **arguments):
        try:
            api.wait_for("migrate_server", ctxt, **arguments | odd)
        except NotImplementedError as error:
            caught.append(error)

    monkeypatch.setattr(api, "migrate_server", send)
    request = cluster.resize(uuid, MEDIUM, until="restored")
    check_as_before(cluster, uuid, request)
    assert cluster.fault(uuid) == "Only cold migration, resize and live migration are available"
    assert len(caught) == 1


@pytest.mark.spec("6.1/plain-dict", "6.1/cold", "4.3/receiver", "4.3/migrate_server", "4.3/prep_resize", "S15", "S16",
                  "S22")
def test_a_whole_move_in_the_form_of_havana(make_cluster):
    """Servers travel as plain dicts, and arrive as objects with their metadata and system metadata."""
    cluster = make_cluster(**{"upgrade_levels.conductor": "havana", "upgrade_levels.compute": "havana",
                              "upgrade_levels.scheduler": "icehouse"})
    # A build is younger than the cap of the conductor, so the server is from before it.
    cluster.stop()
    caps = {name: cluster._overrides.pop(f"upgrade_levels.{name}") for name in ("conductor", "compute", "scheduler")}
    cluster.start()
    uuid = cluster.boot(metadata={"who": "me"})
    cluster.stop()
    cluster._overrides |= {f"upgrade_levels.{name}": cap for name, cap in caps.items()}
    cluster.start()
    cluster.resize(uuid)
    cluster.revert(uuid)
    cluster.resize(uuid)
    cluster.confirm(uuid)
    assert cluster.state(uuid) == ("active", None)
    assert cluster.get(f"/servers/{uuid}")["server"]["metadata"] == {"who": "me"}
    sent = {hop["method"]: hop["version"] for hop in cluster.watch.hops if hop["what"].startswith("send ")}
    assert sent == {"migrate_server": "1.4", "select_destinations": "3.0", "prep_resize": "2.43",
                    "resize_instance": "2.45", "finish_resize": "2.46", "confirm_resize": "2.39",
                    "revert_resize": "2.39", "finish_revert_resize": "2.47"}
