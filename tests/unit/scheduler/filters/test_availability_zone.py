import pytest

from novasim.scheduler.filters.availability_zone import AvailabilityZoneFilter

ZONES = {"cmp-1": "east", "cmp-2": "west", "cmp-3": "nova"}     # cmp-4 has none


@pytest.mark.parametrize(("asked", "default", "passes"), [
    (None, "nova", [True, True, True, True]),
    ("", "nova", [True, True, True, True]),
    ("east", "nova", [True, False, False, False]),
    ("nova", "nova", [False, False, True, True]),
    ("nova", "elsewhere", [False, False, True, False]),
    ("elsewhere", "elsewhere", [False, False, False, True]),
    ("nowhere", "nova", [False, False, False, False]),
    ("EAST", "nova", [False, False, False, False]),
])
def test_rule(passing, make_conf, make_fleet, make_request, asked, default, passes):
    one = AvailabilityZoneFilter(make_conf({"default_availability_zone": default}))
    hosts = make_fleet({}, {}, {}, {}, zones=ZONES)
    assert passing(one, hosts, make_request(availability_zone=asked)) == passes


@pytest.mark.parametrize(("row", "zone"), [(1, "west"), (3, "nova")])
def test_reason_names_both_zones(make_conf, make_fleet, make_request, row, zone):
    hosts = make_fleet({}, {}, {}, {}, zones=ZONES)
    text = AvailabilityZoneFilter(make_conf()).reason(hosts, make_request(availability_zone="east"), row)
    assert text == f"in zone {zone}, not east"
