import pytest

from novasim.scheduler.filters.aggregate_multitenancy_isolation import AggregateMultiTenancyIsolation

# cmp-1 is for p and q, cmp-2 for r and (by a second aggregate) p, cmp-3 for nobody, cmp-4 for everybody.
AGGREGATES = [((1,), {"filter_tenant_id": "p, q"}), ((2,), {"filter_tenant_id": "r"}),
              ((2,), {"filter_tenant_id_2": "p"}), ((3,), {"filter_tenant_id": ""}), ((4,), {"disk": "ssd"})]


@pytest.mark.parametrize(("project", "passes"), [
    ("p", [True, True, False, True]), ("q", [True, False, False, True]), ("r", [False, True, False, True]),
    ("s", [False, False, False, True]), (None, [False, False, False, True])])
def test_rule(make_conf, make_fleet, make_request, project, passes):
    hosts = make_fleet({}, {}, {}, {}, aggregates=AGGREGATES)
    spec = make_request(project_id=project)
    assert AggregateMultiTenancyIsolation(make_conf()).passes(hosts, spec).tolist() == passes


def test_reason_names_the_project(make_conf, make_fleet, make_request):
    hosts = make_fleet({}, aggregates=AGGREGATES[:1])
    assert AggregateMultiTenancyIsolation(make_conf()).reason(hosts, make_request(project_id="s"), 0) == (
        "an aggregate keeps it for other projects than s")
