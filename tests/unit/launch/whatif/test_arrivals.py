import math

import pytest

from novasim import exceptions
from novasim.launch.whatif import arrivals

HEADER = "flavor,arrival_s,end_s,vcpus,memory_mb,disk_gb"


def test_flavors_go_from_the_largest_and_servers_by_arrival():
    found = arrivals.read([HEADER, "a,5,9.5,1,1024,0", "b,0,,2,2048,10", "c,5,,4,2048,0", "a,1,1,1,1024,0"])
    assert [flavor.name for flavor in found.flavors] == ["c", "b", "a"]
    assert found.kinds.tolist() == [1, 2, 2, 0]
    assert found.begins.tolist() == [0, 1, 5, 5]
    assert found.ends.tolist() == [math.inf, 1, 9.5, math.inf]


def test_a_flavor_counts_by_how_long_its_servers_last(make_arrivals):
    found = make_arrivals((0, 30, "small"), (0, 10, "large"), (0, 50, "large"), (40, None, "small"))
    assert dict(zip((one.name for one in found.flavors), found.alive_shares().tolist(), strict=True)) == {
        "small": pytest.approx(30 / 80), "large": pytest.approx(50 / 80)}


def test_servers_that_come_all_at_once_count_by_number(make_arrivals):
    assert make_arrivals((0, None, "small"), (0, 0, "large")).alive_shares().tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("line", "said"), [
    ("a,x,,1,1,1", "line 2: arrival_s: 'x' is no number"), ("a,1,0,1,1,1", "line 2: end_s: 0 is before arrival_s 1"),
    ("a,0,,1.5,1,1", "line 2: vcpus: '1.5' is no whole number"), ("a,0,,0,1,1", "line 2: vcpus: 0 is not between 1"),
    ("a,0,,1,1,-1", "line 2: disk_gb: -1 is not between 0"), ("a,nan,,1,1,1", "line 2: arrival_s: nan"),
    ("a,0,inf,1,1,1", "line 2: end_s: inf"), (",0,,1,1,1", "line 2: flavor: it is empty"),
    ("a,0", "line 2: "), ("a,0,,1,1,1\na,0,,1,2,1", "line 3: flavor: a had another size before")])
def test_a_broken_line_is_named(line, said):
    with pytest.raises(exceptions.Invalid, match=said):
        arrivals.read([HEADER, *line.split("\n")])


@pytest.mark.parametrize(("lines", "said"), [
    ([], "no column arrival_s, end_s"), (["arrival_s,end_s,flavor,vcpus,memory_mb"], "no column disk_gb$"),
    ([HEADER], "it has no servers")])
def test_a_file_without_servers_or_columns(lines, said):
    with pytest.raises(exceptions.Invalid, match=said):
        arrivals.read(lines)
