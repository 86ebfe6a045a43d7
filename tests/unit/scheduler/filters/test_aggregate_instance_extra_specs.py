import pytest

from novasim.scheduler.filters.aggregate_instance_extra_specs import AggregateInstanceExtraSpecsFilter

# cmp-1: ssd in two aggregates with two speeds; cmp-2: a list; cmp-3: in none
AGGREGATES = [((1,), {"disk": "ssd", "speed": "10"}), ((1,), {"speed": "30"}), ((2,), {"disk": "hdd, tape"})]


@pytest.mark.parametrize(("specs", "passes"), [
    ({}, [True, True, True]),
    ({"disk": "ssd"}, [True, False, False]),
    ({"disk": "tape"}, [False, True, False]),
    ({"aggregate_instance_extra_specs:disk": "hdd"}, [False, True, False]),
    ({"hw:disk": "ssd"}, [True, True, True]),                       # another scope is not for aggregates
    ({"capabilities:disk": "ssd", "quota:a:b": "1"}, [True, True, True]),
    ({"unheard": "of"}, [False, False, False]),
    ({"speed": ">= 20"}, [True, False, False]),                     # any of its aggregates
    ({"speed": ">= 40"}, [False, False, False]),
    ({"disk": "<or> ssd <or> tape"}, [True, True, False]),
    ({"disk": "ssd", "aggregate_instance_extra_specs:disk": "tape"}, [False, False, False]),     # both ways
    ({"aggregate_instance_extra_specs:disk": "hdd", "disk": "tape"}, [False, True, False]),
    ({"disk": "ssd", "speed": "10"}, [True, False, False]),
    ({"disk": "hdd", "speed": "10"}, [False, False, False]),        # each of them
])
def test_rule(make_conf, make_fleet, make_request, specs, passes):
    hosts = make_fleet({}, {}, {}, aggregates=AGGREGATES)
    spec = make_request(extra_specs=specs)
    assert AggregateInstanceExtraSpecsFilter(make_conf()).passes(hosts, spec).tolist() == passes


def test_reason_names_what_is_missing(make_conf, make_fleet, make_request):
    hosts = make_fleet({}, {}, aggregates=AGGREGATES[:1])
    spec = make_request(extra_specs={"disk": "ssd", "speed": ">= 20"})
    one = AggregateInstanceExtraSpecsFilter(make_conf())
    assert [one.reason(hosts, spec, row) for row in range(2)] == [
        "none of its aggregates has speed >= 20", "none of its aggregates has disk ssd"]
