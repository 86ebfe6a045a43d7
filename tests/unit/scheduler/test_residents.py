"""Who is on which host: from the database by changes only, and what was given away at once."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, event

from novasim.db import hosts, images, instances
from novasim.objects import Flavor, Instance, Resident
from novasim.scheduler.hosts import HostStates

SMALL = Flavor(flavorid="1", name="small", memory_mb=1024, vcpus=1, root_gb=10)


@pytest.fixture
def db(db, add):
    add("a", "b")
    db.write(instances.create, [Instance(uuid="one", host="a", node="a", vm_state="active", instance_type_id=7)])
    return db


@pytest.fixture
def states(make_conf, db, clock):
    made = HostStates(make_conf(), db, clock, tracked=True)
    made.refresh()
    return made


def counted(states):
    with states.held() as columns:
        return columns.residents.num_instances.tolist(), columns.residents.num_io_ops.tolist()


def change(db, states, **values):
    db.write(lambda tx: instances.update(tx, "one", {}, **values))
    states.refresh()


def test_servers_are_counted_where_they_are(db, states):
    assert counted(states) == ([1, 0], [0, 0])
    change(db, states, task_state="resize_prep")
    assert counted(states) == ([1, 0], [1, 0])
    change(db, states, host="b", node="b", task_state=None)
    assert counted(states) == ([0, 1], [0, 0])
    change(db, states, host=None, node=None)
    assert counted(states) == ([0, 0], [0, 0])


def test_a_deleted_server_is_gone(db, states):
    db.write(lambda tx: instances.soft_delete(tx, "one"))
    states.refresh()
    assert counted(states) == ([0, 0], [0, 0])


def test_a_server_that_was_given_a_host_counts_at_once_and_once(db, states):
    db.write(lambda tx: instances.create(tx, [Instance(uuid="new", vm_state="building")]))
    with states.held() as columns:
        columns.consume(1, SMALL, Resident("new", "b", "b", vm_state="building"))
    assert counted(states) == ([1, 1], [0, 1])
    states.refresh()                                            # it is nowhere yet: still expected
    assert counted(states) == ([1, 1], [0, 1])
    db.write(lambda tx: instances.update(tx, "new", {}, host="b", node="b", vm_state="active"))
    states.refresh()
    assert counted(states) == ([1, 1], [0, 0])


def test_a_server_that_is_sent_elsewhere_is_expected_there_only(states):
    with states.held() as columns:
        columns.consume(0, SMALL, Resident("new"))
        columns.consume(1, SMALL, Resident("new"))
    assert counted(states) == ([1, 1], [0, 0])


def test_a_server_whose_build_failed_is_expected_no_more(db, states):
    db.write(lambda tx: instances.create(tx, [Instance(uuid="new", vm_state="building")]))
    with states.held() as columns:
        columns.consume(1, SMALL, Resident("new"))
    db.write(lambda tx: instances.update(tx, "new", {}, vm_state="error"))
    states.refresh()
    assert counted(states) == ([1, 0], [0, 0])


def test_undone(states):
    with states.held() as columns:
        columns.undo(columns.consume(1, SMALL, Resident("new")))
    assert counted(states) == ([1, 0], [0, 0])


@pytest.mark.parametrize(("seconds", "expected"), [(5, [1, 1]), (200, [1, 0])])
def test_a_reading_of_all_hosts_keeps_what_was_given_away_lately(db, states, clock, make_node, seconds, expected):
    with states.held() as columns:
        columns.consume(1, SMALL, Resident("new"))
    clock.advance(seconds)
    db.write(lambda tx: hosts.register(tx, ["c"], hosts.COMPUTE, "compute"))
    db.write(lambda tx: hosts.register_nodes(tx, [make_node("c", uuid="")], {}))    # a host more: all is read
    states.refresh()
    assert counted(states)[0] == [*expected, 0]


def test_by_flavor_and_image(db, states):
    db.write(lambda tx: images.create(tx, "img", "image", 1, properties={"os": "linux"}))
    change(db, states, image_ref="img")
    with states.held() as columns:
        assert columns.residents.of_type(7).tolist() == [1, 0]
        assert columns.residents.of_type(8).tolist() == [0, 0]
        assert columns.residents.by_image() == {"img": {0: 1}}
        assert columns.residents.image_properties == {"img": {"os": "linux"}}


@pytest.mark.parametrize(("tracked", "reads"), [(True, 1), (False, 0)])
def test_one_statement_for_all_hosts_and_only_where_somebody_asks(make_conf, db, clock, tracked, reads):
    states, sent = HostStates(make_conf(), db, clock, tracked=tracked), []
    states.refresh()

    def note(_conn, _cursor, statement, *_):
        sent.append(statement)
    event.listen(Engine, "before_cursor_execute", note)
    states.refresh()
    event.remove(Engine, "before_cursor_execute", note)
    assert sum("FROM instances" in statement for statement in sent) == reads


def test_a_node_that_changes_its_texts_is_written_over(make_fleet, make_node):
    fleet = make_fleet({}, {})
    later = fleet.now.item() + timedelta(seconds=1)
    fleet.write_nodes([make_node("cmp-2", hypervisor_type="xen", stats='{"failed_builds": 2}', updated_at=later)])
    assert (fleet.state(0).hypervisor_type, fleet.state(1).hypervisor_type) == ("novasim", "xen")
    assert fleet.failed_builds.tolist() == [0, 2]
    assert np.array_equal(fleet.hypervisor_type.where(lambda text: text == "xen"), [False, True])
