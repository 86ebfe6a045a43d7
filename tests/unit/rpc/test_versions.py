"""Old peers: what a cap sends, and that what they send is understood (spec 4.3)."""

import queue

import oslo_messaging
import pytest

from novasim.context import RequestContext
from novasim.objects import Instance, Migration
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.rpc.contract import Contract
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
    bus.serve(Compute, recorder(Compute, heard), "h", ["h"])
    bus.client(Compute, "api").confirm_resize(RequestContext(), "h", instance=SERVER, reservations=[], migration=MOVE)
    assert heard.get(timeout=10)[1] == {"instance": SERVER, "reservations": [], "migration": MOVE}
    assert [hop["version"] for hop in hops if hop["what"] == "send confirm_resize"] == [version]


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
