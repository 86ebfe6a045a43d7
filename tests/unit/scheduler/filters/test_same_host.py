import pytest

from novasim.scheduler.filters.same_host import SameHostFilter

LIVE = {"u1": "cmp-1", "u2": "cmp-2"}


@pytest.mark.parametrize(("hint", "passes"), [
    (None, [True, True, True]),
    ([], [True, True, True]),
    ("u1", [True, False, False]),
    (["u1", "u2"], [True, True, False]),
    (["unknown", "u2"], [False, True, False]),
    (["unknown"], [False, False, False]),
])
def test_rule(passing, make_conf, make_fleet, make_request, hint, passes):
    spec = make_request(scheduler_hints={"same_host": hint}, instance_hosts=LIVE)
    assert passing(SameHostFilter(make_conf()), make_fleet({}, {}, {}), spec) == passes


def test_reason(make_conf, make_fleet, make_request):
    text = SameHostFilter(make_conf()).reason(make_fleet({}), make_request(), 0)
    assert text == "runs none of the servers of the hint same_host"
