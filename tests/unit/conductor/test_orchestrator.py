"""What builds and moves have in common: attempts, selections, what is known of an image."""

import pytest
from sqlalchemy import insert

from novasim import exceptions
from novasim.conductor import orchestrator
from novasim.context import RequestContext
from novasim.db import flavors, groups, instances, models
from novasim.objects import CURRENT, Flavor, Instance, InstanceGroup
from novasim.sim.clock import ManualClock


@pytest.mark.spec("6.2/5", "6.4/first-pass", "6.4/limit", "6.4/limits")
def test_attempts_are_counted_up_to_the_last():
    properties = {}
    for number in (1, 2, 3):
        orchestrator.populate_retry(properties, 3, "u")
        orchestrator.note_selection(properties, {"host": f"h{number}", "nodename": "n", "limits": {"vcpu": 1.0}})
        assert properties["retry"]["num_attempts"] == number
    assert properties["retry"]["hosts"] == [["h1", "n"], ["h2", "n"], ["h3", "n"]]
    assert properties["limits"] == {"vcpu": 1.0}
    properties["retry"]["exc"] = "no memory"
    with pytest.raises(exceptions.MaxRetriesExceeded) as error:
        orchestrator.populate_retry(properties, 3, "u")
    assert error.value.text == ("Exceeded maximum number of retries. Exceeded max scheduling attempts 3 for instance "
                                "u. Last exception: no memory")


@pytest.mark.spec("6.4/enabled")
@pytest.mark.parametrize(("properties", "attempts"), [
    ({}, 1), ({"force_hosts": ["a"]}, 3), ({"force_nodes": ["a"]}, 3)])
def test_no_attempts_are_counted_where_there_is_one(properties, attempts):
    orchestrator.populate_retry(properties, attempts, "u")
    orchestrator.note_selection(properties, {"host": "h", "nodename": "n", "limits": None})
    assert "retry" not in properties
    assert properties["limits"] == {}


def test_what_a_server_remembers_of_its_image():
    server = Instance(uuid="u", image_ref="i", system_metadata={
        "image_min_ram": "64", "image_min_disk": "1", "image_os_type": "linux", "instance_type_id": "1"})
    assert orchestrator.image_from_system_metadata(server) == {
        "id": "i", "min_ram": 64, "min_disk": 1, "properties": {"os_type": "linux"}}
    assert orchestrator.image_from_system_metadata(Instance(uuid="u")) == {"properties": {}}


class Asked:
    """A scheduler that writes down what it is asked."""

    def select_destinations(self, _ctxt, request_spec, filter_properties, return_alternates):
        self.request_spec, self.filter_properties = request_spec, dict(filter_properties)
        return [{"host": "cmp-1", "nodename": "cmp-1", "limits": {}}]


@pytest.fixture
def made(make_database):
    """A conductor on a database of its own with a flavor, two servers, and what it asks its scheduler."""
    database = make_database(ManualClock())
    flavor = database.write(flavors.create, Flavor(flavorid="1", name="f", memory_mb=1, vcpus=1,
                                                   extra_specs={"disk": "ssd"}))
    servers = [Instance(uuid=f"0000000{number}", project_id="p", user_id="u",
                        system_metadata=flavor.to_sys(CURRENT)) for number in range(3)]
    database.write(instances.create, servers)
    asked = Asked()
    return orchestrator.Orchestrator(None, database, ManualClock(), None, asked, None), servers, asked


def ask(conductor, servers, properties):
    # A snapshot in system_metadata has no extra specs; the table has.
    spec = orchestrator.build_request_spec(servers, {}, servers[0].flavor())
    conductor.select_destinations(RequestContext(), spec, properties)
    return spec


def test_the_scheduler_is_told_the_extra_specs_of_now(made):
    conductor, servers, asked = made
    spec = ask(conductor, servers[:1], {})
    assert asked.request_spec["instance_type"]["extra_specs"] == {"disk": "ssd"}
    assert spec["instance_type"]["extra_specs"] == {}, "they are for the scheduler only"


@pytest.mark.spec("12.1/5", "12.1/6")
@pytest.mark.parametrize(("most", "rules"), [(None, {}), (3, {"max_server_per_host": 3})])
def test_the_scheduler_is_told_where_the_others_of_the_group_are(made, most, rules):
    conductor, servers, asked = made
    limits = {"server_groups": -1, "server_group_members": -1}

    def write(tx):
        group = groups.create(tx, InstanceGroup(uuid="", name="g", policy="anti-affinity", project_id="p",
                                                user_id="u", max_server_per_host=most), limits)
        groups.add_members(tx, group, "u", [server.uuid for server in servers], limits)
        for server, host in zip(servers, ("cmp-1", "cmp-1", "cmp-2"), strict=True):
            tx.execute(insert(models.claims), {"instance_uuid": server.uuid, "host": host, "node": host, "vcpus": 1,
                                               "memory_mb": 1, "disk_gb": 0})
    conductor.db.write(write)
    properties = {"group_hosts": {"old": 1}}
    ask(conductor, servers[:1], properties)
    assert asked.filter_properties == {
        "group_policies": ["anti-affinity"], "group_rules": rules, "group_hosts": {"cmp-1": 1, "cmp-2": 1}}
    ask(conductor, servers, properties)
    assert properties["group_hosts"] == {}, "all of them are being placed"


def test_a_server_of_no_group_has_nothing_left_of_one(made):
    conductor, servers, asked = made
    ask(conductor, servers[:1], {"group_policies": ["affinity"], "group_hosts": {"cmp-9": 1}, "group_rules": {}})
    assert asked.filter_properties == {"group_policies": []}
