"""The methods on the bus as spec 4.2 and 4.3 have them; old peers: what a cap sends, and that what they send is
understood."""

import queue

import oslo_messaging
import pytest

from novasim import exceptions
from novasim.context import RequestContext
from novasim.objects import Instance, Migration
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.rpc.contract import CALL, CAST, Contract
from novasim.rpc.scheduler import Scheduler
from novasim.rpc.serializer import ObjectSerializer

SERVER = Instance(uuid="u-1", vm_state="active", system_metadata={"a": "1"})
MOVE = Migration(uuid="m-1", instance_uuid="u-1", status="finished")
HINT = {"instance": SERVER, "scheduler_hint": {}, "live": False, "rebuild": False, "flavor": None,
        "block_migration": None, "disk_over_commit": None}


def recorder(contract: type[Contract], heard):
    """An implementation of a contract that only listens."""
    def listen(name, signature):
        def method(self, ctxt, **arguments):
            heard.put((name, arguments))
        import inspect
        given = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
                 inspect.Parameter("ctxt", inspect.Parameter.POSITIONAL_OR_KEYWORD), *signature.parameters.values()]
        method.__signature__ = inspect.Signature(given)
        return method
    return type("Recorder", (), {name: listen(name, method.signature) for name, method in contract.methods.items()})()


@pytest.mark.spec("S15", "4.3/migrate_server", "4.3/receiver", "4.3/aliases")
@pytest.mark.parametrize(("cap", "version"), [(None, "1.6"), ("1.6", "1.6"), ("icehouse", "1.6"), ("1.5", "1.4"),
                                              ("havana", "1.4"), ("1.4", "1.4")])
def test_migrate_server_under_a_cap(make_bus, cap, version):
    bus = make_bus({"upgrade_levels.conductor": cap} if cap else None)
    heard, hops = queue.Queue(), []
    bus.journal.subscribe(hops.append)
    bus.serve(Conductor, recorder(Conductor, heard), "one")
    bus.client(Conductor, "api").migrate_server(RequestContext(), **HINT)
    name, arguments = heard.get(timeout=10)
    assert (name, arguments["instance"]) == ("migrate_server", SERVER), "rebuilt from the plain dict too"
    assert arguments["reservations"] is None
    assert [hop["version"] for hop in hops if hop["what"] == "send migrate_server"] == [version]


@pytest.mark.parametrize(("cap", "version"), [(None, "3.0"), ("icehouse-compat", "3.0"), ("havana", "2.39")])
def test_confirm_resize_under_a_cap(make_bus, cap, version):
    bus = make_bus({"upgrade_levels.compute": cap} if cap else None)
    heard, hops = queue.Queue(), []
    bus.journal.subscribe(hops.append)
    bus.serve_hosts(Compute, recorder(Compute, heard), "h").add_hosts(["h"])
    bus.client(Compute, "api").confirm_resize(RequestContext(), "h", instance=SERVER, reservations=[], migration=MOVE)
    assert heard.get(timeout=10)[1] == {"instance": SERVER, "reservations": [], "migration": MOVE}
    assert [hop["version"] for hop in hops if hop["what"] == "send confirm_resize"] == [version]


@pytest.mark.spec("4.3/above-the-cap")
@pytest.mark.parametrize("cap", ["1.3", "grizzly"])
def test_a_cap_below_all_versions(make_bus, cap):
    bus = make_bus({"upgrade_levels.conductor": cap})
    with pytest.raises(oslo_messaging.RPCVersionCapError):
        bus.client(Conductor, "api").migrate_server(RequestContext(), **HINT)


def test_objects_have_names_on_the_wire_and_nothing_else_has():
    serializer = ObjectSerializer()
    wire = serializer.serialize_entity(None, [SERVER, {"a": 1}])
    assert wire[0]["nova_object.name"] == "Instance"
    assert wire[0]["nova_object.data"]["uuid"] == "u-1"
    assert wire[1] == {"a": 1}
    assert serializer.deserialize_entity(None, wire) == [SERVER, {"a": 1}]


VALUES = {"instance": SERVER, "instances": [SERVER], "migration": MOVE, "live": False, "rebuild": False,
          "disk_info": "x", "is_first_time": True, "legacy_bdm_in_spec": False, "reboot_type": "HARD",
          "reservations": ["r"], "image": {}, "request_spec": {"instance_uuids": ["u-1"]}, "filter_properties": {},
          "scheduler_hint": {}, "security_groups": ["default"], "instance_type": {"id": 1}}
HAVANA = {Conductor: "1.4", Compute: "2.47"}


@pytest.mark.spec("4.3/target-version", "4.2/plain-values")
@pytest.mark.parametrize(("contract", "name", "version", "older", "kind", "arguments"), [
    pytest.param(Conductor, "migrate_server", "1.6", "1.4", CAST,
                 "instance scheduler_hint live rebuild flavor block_migration disk_over_commit reservations",
                 marks=pytest.mark.spec("S15", "4.2/migrate_server", "4.3/migrate_server")),
    pytest.param(Conductor, "build_instances", "1.5", None, CAST,
                 "instances image filter_properties admin_password injected_files requested_networks "
                 "security_groups block_device_mapping legacy_bdm",
                 marks=pytest.mark.spec("4.2/build_instances")),
    pytest.param(Scheduler, "select_destinations", "3.0", None, CALL,
                 "request_spec filter_properties",
                 marks=pytest.mark.spec("S19", "4.2/select_destinations")),
    pytest.param(Compute, "prep_resize", "3.0", "2.43", CAST,
                 "image instance instance_type reservations request_spec filter_properties node",
                 marks=pytest.mark.spec("S22", "4.2/prep_resize", "4.3/prep_resize", "4.3/pair-prep_resize")),
    pytest.param(Compute, "resize_instance", "3.0", "2.45", CAST,
                 "instance image reservations migration instance_type",
                 marks=pytest.mark.spec("4.2/resize_instance", "4.3/pair-resize_instance")),
    pytest.param(Compute, "finish_resize", "3.0", "2.46", CAST,
                 "disk_info image instance reservations migration",
                 marks=pytest.mark.spec("4.2/finish_resize", "4.3/pair-finish_resize")),
    pytest.param(Compute, "confirm_resize", "3.0", "2.39", CAST,
                 "instance migration reservations",
                 marks=pytest.mark.spec("4.2/confirm_resize", "4.3/pair-confirm_revert_resize")),
    pytest.param(Compute, "revert_resize", "3.0", "2.39", CAST,
                 "instance migration reservations",
                 marks=pytest.mark.spec("4.2/revert_resize", "4.3/pair-confirm_revert_resize")),
    pytest.param(Compute, "finish_revert_resize", "3.0", "2.47", CAST,
                 "instance migration reservations",
                 marks=pytest.mark.spec("4.2/finish_revert_resize", "4.3/pair-finish_revert_resize")),
    pytest.param(Compute, "terminate_instance", "3.22", "2.35", CAST,
                 "instance bdms reservations",
                 marks=pytest.mark.spec("4.2/terminate_instance", "4.3/pair-terminate_instance")),
    pytest.param(Compute, "stop_instance", "3.0", "2.29", CAST,
                 "instance",
                 marks=pytest.mark.spec("4.2/stop_start_instance", "4.3/pair-stop_start_instance")),
    pytest.param(Compute, "start_instance", "3.0", "2.29", CAST,
                 "instance",
                 marks=pytest.mark.spec("4.2/stop_start_instance", "4.3/pair-stop_start_instance")),
    pytest.param(Compute, "reboot_instance", "3.0", "2.32", CAST,
                 "instance block_device_info reboot_type",
                 marks=pytest.mark.spec("4.2/reboot_instance", "4.3/pair-reboot_run_instance")),
    pytest.param(Compute, "run_instance", "3.0", "2.37", CAST,
                 "instance request_spec filter_properties requested_networks injected_files admin_password "
                 "is_first_time node legacy_bdm_in_spec",
                 marks=pytest.mark.spec("4.2/run_instance", "4.3/pair-reboot_run_instance"))])
def test_methods_as_they_are_sent(make_bus, contract, name, version, older, kind, arguments):
    method = contract.methods[name]
    assert sorted(method.signature.parameters.keys() - method.added) == sorted(arguments.split())
    agent = contract is Compute
    for cap, expected in ((None, version), (HAVANA.get(contract), older)):
        if expected is None:
            continue
        bus = make_bus({f"upgrade_levels.{contract.topic}": cap} if cap else None)
        heard, hops = queue.Queue(), []
        bus.journal.subscribe(hops.append)
        if agent:
            bus.serve_hosts(contract, recorder(contract, heard), "h").add_hosts(["h"])
        else:
            bus.serve(contract, recorder(contract, heard), "h")
        sent = {key: VALUES.get(key) for key in arguments.split()}
        getattr(bus.client(contract, "test"), name)(RequestContext(), *(["h"] if agent else []), **sent)
        # Objects and plain values arrive as they were sent, whichever version they came in.
        assert heard.get(timeout=10) == (name, sent)
        [hop] = [hop for hop in hops if hop["what"] == f"send {name}"]
        assert (hop["version"], hop["kind"], hop["topic"], hop.get("server")) == (
            expected, kind, contract.topic, "h" if agent else None)


HOSTS = [{"host": "cmp-2", "nodename": "cmp-2", "limits": {}}]
ADDED = [(Scheduler, "select_destinations", "return_alternates", True, "3.0", "3.1"),
         (Conductor, "migrate_server", "host_list", HOSTS, "1.6", "1.15"),
         (Conductor, "build_instances", "host_lists", [HOSTS], "1.5", "1.15"),
         (Conductor, "unshelve_instance", "host_list", HOSTS, "1.14", "1.15"),
         (Compute, "prep_resize", "host_list", HOSTS, "3.0", "3.25"),
         (Compute, "run_instance", "host_list", HOSTS, "3.0", "3.25"),
         (Compute, "unshelve_instance", "host_list", HOSTS, "3.0", "3.25")]


@pytest.mark.parametrize(("contract", "name", "added", "value", "before", "since"), ADDED)
def test_what_was_added_to_a_method_is_sent_to_who_knows_it(make_bus, contract, name, added, value, before, since):
    """In the version that it came with. Under a cap below, and where it says nothing, the message is the old one."""
    for cap, says, expected in ((None, value, since), (since, value, since), (None, None, before),
                                (before, value, before)):
        bus = make_bus({f"upgrade_levels.{contract.topic}": cap} if cap else None)
        heard, hops = queue.Queue(), []
        bus.journal.subscribe(hops.append)
        if contract is Compute:
            bus.serve_hosts(contract, recorder(contract, heard), "h").add_hosts(["h"])
        else:
            bus.serve(contract, recorder(contract, heard), "h")
        sent = {key: VALUES.get(key) for key in contract.methods[name].signature.parameters if key != added}
        getattr(bus.client(contract, "test"), name)(
            RequestContext(), *(["h"] if contract is Compute else []), **sent | {added: says})
        assert heard.get(timeout=10) == (name, sent | ({added: value} if expected == since else {}))
        assert [hop["version"] for hop in hops if hop["what"] == f"send {name}"] == [expected]


@pytest.mark.spec("4.3/can-send-version")
@pytest.mark.parametrize(("cap", "fits"), [
    (None, {"3.0": True, "3.22": True, "2.43": True}), ("3.0", {"3.0": True, "3.22": False, "2.43": False}),
    ("3.22", {"3.0": True, "3.22": True, "3.23": False}), ("2.47", {"2.43": True, "2.47": True, "3.0": False}),
    ("havana", {"2.47": True, "2.48": False, "3.0": False}), ("icehouse-compat", {"3.0": True, "3.1": False})])
def test_what_a_cap_lets_through(make_bus, cap, fits):
    client = make_bus({"upgrade_levels.compute": cap} if cap else None).client(Compute, "test")
    assert {version: client._client.can_send_version(version) for version in fits} == fits


@pytest.mark.spec("S16", "4.2/migrate_server")
def test_what_a_caller_of_migrate_server_is_told():
    told = Conductor.methods["migrate_server"].raises
    assert {error.__name__ for error in told} == {
        "NoValidHost", "ComputeServiceUnavailable", "InvalidHypervisorType", "UnableToMigrateToSelf",
        "DestinationHypervisorTooOld", "InvalidLocalStorage", "InvalidSharedStorage", "MigrationPreCheckError"}


@pytest.mark.spec("4.3/aliases")
@pytest.mark.parametrize(("contract", "names"), [
    (Compute, {"grizzly": "2.27", "havana": "2.47", "icehouse-compat": "3.0"}),
    (Scheduler, {"grizzly": "2.6", "havana": "2.9", "icehouse": "3.0"})])
def test_names_of_releases(contract, names):
    assert names.items() <= contract.aliases.items()


@pytest.mark.spec("4.3/server-accepts", "4.3/receiver")
@pytest.mark.parametrize(("version", "accepted"), [
    ("3.0", True), ("3.22", True), ("2.43", True), ("2.47", True), ("2.48", False), ("3.999", False), ("4.0", False),
    ("1.5", False)])
def test_what_an_agent_accepts(bus, version, accepted):
    """Messages of peers, newer and older ones, sent as they would send them."""
    heard = queue.Queue()
    bus.serve_hosts(Compute, recorder(Compute, heard), "h").add_hosts(["h"])
    peer = bus.client(Compute, "peer")._client.prepare(server="h", version=version)
    server_as_dict = {"uuid": "u-1", "vm_state": "active"}
    if accepted:
        peer.call(RequestContext(), "stop_instance", instance=server_as_dict)
        # A plain dict is made an object again, whatever version it came in.
        assert heard.get(timeout=10) == ("stop_instance", {"instance": Instance(**server_as_dict)})
    else:
        with pytest.raises(oslo_messaging.RemoteError, match=f"Endpoint does not support RPC version {version}"):
            peer.call(RequestContext(), "stop_instance", instance=server_as_dict)
        assert heard.empty()


@pytest.mark.spec("S19", "4.2/select_destinations")
def test_only_a_declared_error_comes_back_as_itself(make_bus):
    """NoValidHost is what the scheduler may say; its text is for users, without the far traceback."""
    bus = make_bus()

    class Full:
        def select_destinations(self, ctxt, request_spec, filter_properties, return_alternates=False):
            raise exceptions.NoValidHost(reason="full")

    bus.serve(Scheduler, Full(), "one")
    with pytest.raises(exceptions.NoValidHost) as caught:
        bus.client(Scheduler, "test").select_destinations(
            RequestContext(), request_spec={"instance_uuids": ["u"]}, filter_properties={})
    assert caught.value.text == "No valid host was found. full"
    assert Scheduler.methods["select_destinations"].raises == (exceptions.NoValidHost,)
