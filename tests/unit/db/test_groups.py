"""Server groups: quota, membership, and who counts where."""

import pytest

from novasim import exceptions
from novasim.db import claims, endings, groups, hosts, migrations, quotas
from novasim.objects import ComputeNode, Flavor, InstanceGroup, Migration

LIMITS = {"server_groups": 2, "server_group_members": 3, "instances": -1, "cores": -1, "ram": -1}
SMALL = Flavor(flavorid="1", name="small", memory_mb=1, vcpus=1)


@pytest.fixture
def make(db):
    """A group with servers: ``make("anti-affinity", [uuid])``."""
    def call(policy="anti-affinity", members=(), limits=LIMITS, **values):
        group = db.write(groups.create, InstanceGroup(
            **({"uuid": "", "name": "g", "policy": policy, "project_id": "p", "user_id": "u"} | values)), limits)
        if members:
            db.write(groups.add_members, group, "u", members, limits)
        return group
    return call


@pytest.fixture
def place(db, make_server):
    """A server that holds room: ``place("cmp-1")``, and with a move also ``place("cmp-1", "cmp-2")``."""
    names = ["cmp-1", "cmp-2", "cmp-3"]
    db.write(hosts.register, names, hosts.COMPUTE, "compute")
    db.write(hosts.register_nodes, [
        ComputeNode(uuid="", host=name, hypervisor_hostname=name, vcpus=9, memory_mb=99, local_gb=99)
        for name in names], {})

    def call(host, dest=None):
        server = make_server(host=host, vm_state="active")

        def write(tx):
            claims.take(tx, host, host, server.uuid, SMALL, {})
            if dest is not None:
                move = migrations.create(tx, Migration(
                    uuid="", instance_uuid=server.uuid, status="migrating", source_compute=host, dest_compute=dest))
                claims.take(tx, dest, dest, server.uuid, SMALL, {}, move.id)
        db.write(write)
        return server.uuid
    return call


def test_a_project_has_so_many_groups(db, make):
    first = make()
    make(user_id="v")
    with pytest.raises(exceptions.OverQuota, match="Quota exceeded, too many server groups"):
        make()
    make(project_id="other")
    db.write(groups.delete, first.uuid, "p")
    make()
    assert (db.read(groups.count, "p"), db.read(groups.count, "p", "v")) == (2, 1)
    assert db.read(groups.usage, "p")["server_groups"] == (2, 0)


def test_a_user_has_so_many_groups(db, make):
    db.write(quotas.set_limits, "p", {"server_groups": 1}, "u")
    make()
    with pytest.raises(exceptions.OverQuota):
        make()
    make(user_id="v")


def test_a_group_has_so_many_servers_of_a_user(db, make, make_server):
    group = make(members=[make_server().uuid for _ in range(3)])
    with pytest.raises(exceptions.OverQuota, match="Quota exceeded, too many servers in group"):
        db.write(groups.add_members, group, "u", [make_server().uuid], LIMITS)
    db.write(groups.add_members, group, "v", [make_server(user_id="v").uuid for _ in range(3)], LIMITS)
    db.write(groups.add_members, group, "u", [make_server().uuid for _ in range(4)],
             LIMITS | {"server_group_members": -1})
    assert len(db.read(groups.get, group.uuid).members) == 10


def test_a_group_of_another_project_is_as_good_as_absent(db, make):
    group = make()
    for call in (groups.get, groups.lock, groups.delete):
        with pytest.raises(exceptions.InstanceGroupNotFound, match=group.uuid):
            db.write(call, group.uuid, "other")
    assert db.read(groups.get, group.uuid, "p").members == []


def test_pages_are_in_the_order_of_creation(db, make):
    made = [make(limits=LIMITS | {"server_groups": -1}).uuid for _ in range(5)]
    make(project_id="other")
    assert [group.uuid for group in db.read(groups.list_page, "p", 2, 1)] == made[1:3]
    assert len(db.read(groups.list_page, None, 100)) == 6


def test_a_deleted_server_leaves(db, make, make_server):
    stays, goes = make_server(), make_server()
    group = make(members=[stays.uuid, goes.uuid])
    assert db.read(groups.uuids_of, [goes.uuid]) == {goes.uuid: [group.uuid]}
    db.write(endings.erase, goes.uuid)
    assert db.read(groups.get, group.uuid).members == [stays.uuid]
    assert db.read(groups.of_instance, goes.uuid) is None


def test_servers_of_a_deleted_group_are_in_none(db, make, make_server):
    server = make_server()
    group = make(members=[server.uuid])
    db.write(groups.delete, group.uuid)
    assert db.read(groups.of_instance, server.uuid) is None
    assert db.read(groups.uuids_of, [server.uuid]) == {}
    assert db.read(groups.everything) == []


@pytest.mark.spec("12.1/6")
def test_a_server_counts_where_it_holds_room_but_not_for_itself(db, make, place):
    rests, moves, within = place("cmp-1"), place("cmp-1", "cmp-2"), place("cmp-3", "cmp-3")
    place("cmp-2")      # of no group
    group = make(members=[rests, moves, within])
    assert db.read(groups.servers_by_host, group.id, []) == {"cmp-1": 2, "cmp-2": 1, "cmp-3": 1}
    assert db.read(groups.servers_by_host, group.id, [moves]) == {"cmp-1": 1, "cmp-3": 1}
    assert db.read(groups.servers_by_host, group.id, [rests, moves, within]) == {}


@pytest.mark.parametrize(("policy", "most", "others", "allowed"), [
    ("anti-affinity", None, [], True),
    ("anti-affinity", None, ["cmp-1"], False),
    ("anti-affinity", None, ["cmp-2"], True),
    ("anti-affinity", 2, ["cmp-1"], True),
    ("anti-affinity", 2, ["cmp-1", "cmp-1"], False),
    ("affinity", None, [], True),
    ("affinity", None, ["cmp-1"], True),
    ("affinity", None, ["cmp-2"], False),
    ("soft-affinity", None, ["cmp-2"], True),
    ("soft-anti-affinity", None, ["cmp-1"], True),
])
@pytest.mark.spec("12.1/7")
def test_the_late_check(db, make, place, make_server, policy, most, others, allowed):
    """A server that stands on the host itself, or is of no group, is never in the way."""
    comes = make_server(host="cmp-1").uuid
    make(policy, [comes, *(place(host) for host in others)], max_server_per_host=most)
    place("cmp-1")
    db.write(groups.check_policy, place("cmp-1"), "cmp-1")
    if allowed:
        db.write(groups.check_policy, comes, "cmp-1")
    else:
        with pytest.raises(exceptions.GroupPolicyViolated, match=f"The {policy} policy of server group"):
            db.write(groups.check_policy, comes, "cmp-1")


@pytest.mark.spec("12.1/7")
def test_a_move_on_its_way_counts_at_both_ends(db, make, place, make_server):
    comes = make_server().uuid
    make("anti-affinity", [comes, place("cmp-1", "cmp-2")])
    for host in ("cmp-1", "cmp-2"):
        with pytest.raises(exceptions.GroupPolicyViolated):
            db.write(groups.check_policy, comes, host)
    db.write(groups.check_policy, comes, "cmp-3")
