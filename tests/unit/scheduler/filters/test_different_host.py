import pytest

from novasim.scheduler.filters.different_host import DifferentHostFilter

LIVE = {"u1": "cmp-1", "u2": "cmp-2", "elsewhere": "gone"}


@pytest.mark.parametrize(("hint", "passes"), [
    (None, [True, True, True]),
    ([], [True, True, True]),
    ("u1", [False, True, True]),
    (["u1", "u2"], [False, False, True]),
    (["unknown"], [True, True, True]),
    (["elsewhere"], [True, True, True]),
])
def test_rule(make_conf, make_fleet, make_request, hint, passes):
    spec = make_request(scheduler_hints={"different_host": hint}, instance_hosts=LIVE)
    assert DifferentHostFilter(make_conf()).passes(make_fleet({}, {}, {}), spec).tolist() == passes


def test_reason_names_the_server(make_conf, make_fleet, make_request):
    spec = make_request(scheduler_hints={"different_host": ["u1", "u2"]}, instance_hosts=LIVE)
    text = DifferentHostFilter(make_conf()).reason(make_fleet({}, {}), spec, 1)
    assert text == "runs u2 of the hint different_host"
