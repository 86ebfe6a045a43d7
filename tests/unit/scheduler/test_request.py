import pytest

from novasim import exceptions
from novasim.scheduler.request import Request, parse

FLAVOR = {"flavorid": "2", "name": "m1.small", "memory_mb": 2048, "vcpus": 1, "root_gb": 20}


def test_reads_both_dictionaries():
    request = parse(
        {"instance_type": FLAVOR, "instance_uuids": ["u1"], "num_instances": 1,
         "instance_properties": {"project_id": "p", "availability_zone": "east", "memory_mb": 512}},
        {"ignore_hosts": ["a"], "force_hosts": ["b"], "retry": {"num_attempts": 2, "hosts": [["c", "n"]]},
         "scheduler_hints": {"same_host": "u2"}})
    assert isinstance(request, Request)
    assert request.flavor.memory_mb == 2048
    assert (request.project_id, request.availability_zone) == ("p", "east")
    assert request.tried_hosts == {("c", "n")}
    assert (request.ignore_hosts, request.force_hosts) == ({"a"}, {"b"})
    assert request.hinted("same_host") == ["u2"]
    assert request.hinted("different_host") == []


@pytest.mark.parametrize(("spec", "properties", "named"), [
    ({}, {}, "instance_type is missing"),
    ({"instance_type": {"flavorid": "1", "name": "x", "vcpus": 1}}, {}, "memory_mb"),
    ({"instance_type": dict(FLAVOR, vcpus="many")}, {}, "vcpus"),
    ({"instance_type": FLAVOR}, {"retry": {"hosts": ["only-a-name"]}}, "filter_properties"),
])
def test_what_is_wrong_is_named(spec, properties, named):
    with pytest.raises(exceptions.Invalid, match=named):
        parse(spec, properties)


def test_where_a_move_comes_from_and_is_to_go():
    request = parse({"instance_type": FLAVOR, "instance_uuids": ["u1"], "instance_properties": {"host": "a"}},
                    {"requested_destination": {"host": "b", "node": "n"}})
    assert (request.own_host, request.requested_host, request.requested_node) == ("a", "b", "n")


@pytest.mark.parametrize(("given", "got"), [("a", "a"), (["a"], "a"), (["a", "b"], ["a", "b"]), ([], []), (None, None)])
def test_a_hint_as_filters_ask_for_it(make_request, given, got):
    assert make_request(scheduler_hints={"x": given}).get_scheduler_hint("x", "else") == got
    assert make_request().get_scheduler_hint("x", "else") == "else"


def test_where_hinted_servers_live(make_request):
    request = make_request(scheduler_hints={"same_host": ["u1", "u2", "u3"]},
                           instance_hosts={"u1": "a", "u2": "a", "other": "b"})
    assert request.hinted_hosts("same_host") == {"a"}
